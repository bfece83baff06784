// The messages between DecodePool and its threads. Errors lose their class on the way, so the classes that matter (a
// file that cannot be decoded is skipped, anything else ends training) travel by name.

import type { RgbFrame } from 'siamrpn'
import type { Xyxy } from 'siamrpn/train'
import type { TrainSteps } from '../augment/steps.ts'
import { SourceNotFoundError, UnreadableImageError } from '../frames/errors.ts'
import type { OddImage } from '../frames/odd-images.ts'
import type { PairRequest, PixelSource } from './pair.ts'

/** A frame's pixels, or the two finished windows of a pair, whose random numbers come from `key`. */
export type DecodeTask =
  | { readonly kind: 'frame'; readonly source: PixelSource }
  | { readonly kind: 'pair'; readonly request: PairRequest; readonly key: readonly (string | number)[] }

export interface DecodeOrder {
  readonly id: number
  readonly task: DecodeTask
}

/** The images made: one of a frame; template and search window of a pair. */
export interface Decoded {
  readonly images: readonly RgbFrame[]
  /** The objects in the windows of a pair. */
  readonly boxes?: readonly [Xyxy, Xyxy]
}

export type DecodeAnswer = {
  readonly id: number
  /** Images that were damaged and read all the same, since the last answer. */
  readonly odd: readonly OddImage[]
} & ({ readonly decoded: Decoded } | { readonly error: PackedError })

/** How the windows of pairs are made; a thread is told when it starts. */
export interface WindowOptions {
  readonly steps: TrainSteps
  /** Decoded images that a thread keeps at most. */
  readonly cacheBytes: number
}

export interface PackedError {
  readonly kind: 'unreadable' | 'missing' | 'other'
  readonly message: string
  /** The file that is unreadable or missing. */
  readonly path: string
  readonly stack: string | undefined
}

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { kind: 'other', message: String(error), path: '', stack: undefined }
  const { message, stack } = error
  if (error instanceof UnreadableImageError) return { kind: 'unreadable', message, path: error.path, stack }
  if (error instanceof SourceNotFoundError) return { kind: 'missing', message, path: error.path, stack }
  return { kind: 'other', message, path: '', stack }
}

/** The error as its class, with its message unchanged. */
export function unpackError({ kind, message, path, stack }: PackedError): Error {
  const cause = new Error(message)
  if (stack !== undefined) cause.stack = stack
  if (kind === 'other') return cause
  const error =
    kind === 'missing' ? new SourceNotFoundError(path, { cause }) : new UnreadableImageError(path, '', { cause })
  error.message = message
  return error
}
