// What DecodePool and its threads say to each other. Errors lose their class on the way, so the classes that matter (a file
// that cannot be decoded is skipped, anything else ends training) travel by name.

import type { RgbFrame } from '../../src/siamrpn/frame.ts'
import type { PixelSource } from '../../src/train/augmentation/pair.ts'
import { SourceNotFoundError, UnreadableImageError } from '../frames/errors.ts'

export interface DecodeOrder {
  readonly id: number
  readonly source: PixelSource
}

export type DecodeAnswer =
  | { readonly id: number; readonly frame: RgbFrame }
  | { readonly id: number; readonly error: PackedError }

export interface PackedError {
  readonly kind: 'unreadable' | 'missing' | 'other'
  readonly message: string
  readonly stack: string | undefined
}

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { kind: 'other', message: String(error), stack: undefined }
  const { message, stack } = error
  const missing = error instanceof SourceNotFoundError ? 'missing' : 'other'
  return { kind: error instanceof UnreadableImageError ? 'unreadable' : missing, message, stack }
}

/** The error as its class, with its message unchanged. */
export function unpackError({ kind, message, stack }: PackedError, source: PixelSource): Error {
  const file = source.kind === 'file' ? source.path : ''
  const cause = new Error(message)
  if (stack !== undefined) cause.stack = stack
  if (kind === 'other') return cause
  const error =
    kind === 'missing' ? new SourceNotFoundError(file, { cause }) : new UnreadableImageError(file, '', { cause })
  error.message = message
  return error
}
