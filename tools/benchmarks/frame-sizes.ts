// Sizes of a data set's frames, read from the headers of the image files alone, many files at a time.

import sharp from 'sharp'
import { decodeBmp } from '../frames/bmp.ts'
import { checkImage, readImageBytes, unreadable } from '../frames/image.ts'
import { maxPixels } from '../frames/max-pixels.ts'
import type { Sequence } from './types.ts'

export interface FrameSize {
  /** Pixels, after the turn that the file's EXIF asks for. */
  readonly width: number
  readonly height: number
}

/** Files that are read at a time; the work is waiting for the disk. */
export const filesAtOnce = 16

/** How many images of each sequence are opened: the first, as MMTracking's converters do, or every one. */
export type SizesOf = 'first' | 'every'

export interface FrameSizesOptions {
  readonly of?: SizesOf
  /** Takes over the sizes that the data set itself states, without opening a file. */
  readonly trustStated?: boolean
  readonly signal?: AbortSignal
  /** Told after each file. */
  readonly onFile?: (done: number, total: number) => void
  /** Takes the error of a file that cannot be read; its size stays unknown. Without it the error is thrown. */
  readonly onError?: (file: string, error: unknown) => void
}

/**
 * The size of every sequence's frames: one entry for all of them (`first`) or one per frame (`every`); undefined where the
 * file cannot be read.
 *
 * @throws SourceNotFoundError, UnreadableImageError unless `onError` is given; the signal's reason
 */
export async function readFrameSizes(
  sequences: readonly Sequence[],
  options: FrameSizesOptions = {},
): Promise<(FrameSize | undefined)[][]> {
  const { of = 'first', trustStated = false, signal, onFile, onError } = options
  const chosen = ({ images }: Sequence) => (of === 'every' ? images : images.slice(0, 1))
  const total = sequences.reduce((sum, sequence) => sum + chosen(sequence).length, 0)
  let done = 0
  const ofFile = async (file: string, { size }: Sequence): Promise<FrameSize | undefined> => {
    signal?.throwIfAborted()
    const found = (trustStated ? size : undefined) ?? (await read(file, onError))
    onFile?.(++done, total)
    return found
  }
  return await mapConcurrently(
    sequences,
    (sequence) => mapConcurrently(chosen(sequence), (file) => ofFile(file, sequence)),
    of === 'every' ? 1 : filesAtOnce,
  )
}

/** The sequences with the size of their first image, which VOT's overlaps are bounded by; as they are where it cannot be read. */
export async function withFrameSizes(sequences: readonly Sequence[]): Promise<Sequence[]> {
  const sizes = await readFrameSizes(sequences, { onError: () => undefined })
  return sequences.map((sequence, index) => {
    const [size] = sizes[index] ?? []
    return size ? { ...sequence, size } : sequence
  })
}

async function read(file: string, onError: FrameSizesOptions['onError']): Promise<FrameSize | undefined> {
  try {
    return await readFrameSize(file)
  } catch (error) {
    if (onError === undefined) throw error
    onError(file, error)
    return undefined
  }
}

/** An image file's size. @throws SourceNotFoundError, UnreadableImageError */
export async function readFrameSize(file: string): Promise<FrameSize> {
  const bytes = await readImageBytes(file)
  try {
    if (bytes[0] === 0x42 && bytes[1] === 0x4d) {
      const { width, height } = decodeBmp(bytes, maxPixels())
      return { width, height }
    }
    checkImage(file, bytes)
    return (await sharp(bytes).metadata()).autoOrient
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** `map` over a list with a bounded number of calls under way; results in the list's order. The first error ends the work. */
export async function mapConcurrently<T, U>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<U>,
  atOnce = filesAtOnce,
): Promise<U[]> {
  const results: U[] = []
  const queue = items.entries()
  let failed = false
  const hand = async () => {
    for (const [index, item] of queue) {
      if (failed) return
      try {
        results[index] = await work(item, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, hand))
  return results
}
