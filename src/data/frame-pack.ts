// Pieces of frames, packed into one buffer for upload: of each frame only the rows and columns that its output image needs.
// And the mean colour of a frame, which is the padding of its crop.

import type { ImageTables } from '../kernels/augment.ts'
import type { RgbFrame } from './types.ts'

const PIXEL_BYTES = 3
const WORD_BYTES = 4

/** Bytes of the piece of a frame that these columns and rows need, in whole words. */
export function pieceBytes({ columns, rows }: ImageTables): number {
  return Math.ceil((columns.extent * rows.extent * PIXEL_BYTES) / WORD_BYTES) * WORD_BYTES
}

/** Copies the piece that these columns and rows need to byte `offset`, its rows without gaps. */
export function copyPiece(into: Uint8Array, offset: number, frame: RgbFrame, { columns, rows }: ImageTables): void {
  const { data, width } = frame
  const rowBytes = columns.extent * PIXEL_BYTES
  const frameRow = width * PIXEL_BYTES
  const first = rows.start * frameRow + columns.start * PIXEL_BYTES
  if (rowBytes === frameRow) {
    into.set(data.subarray(first, first + rows.extent * frameRow), offset)
    return
  }
  for (let row = 0; row < rows.extent; row++) {
    const start = first + row * frameRow
    into.set(data.subarray(start, start + rowBytes), offset + row * rowBytes)
  }
}

/** Whether an output image reaches outside of its frame. */
export function needsPadding({ columns, rows }: ImageTables): boolean {
  return columns.outside.some((weight) => weight > 0) || rows.outside
}

/** The mean of R, G, B over the whole frame. */
export function meanColour({ data }: RgbFrame): readonly [number, number, number] {
  let [red, green, blue] = [0, 0, 0]
  for (let i = 0; i + 2 < data.length; i += PIXEL_BYTES) {
    red += data[i] ?? 0
    green += data[i + 1] ?? 0
    blue += data[i + 2] ?? 0
  }
  const pixels = data.length / PIXEL_BYTES
  return [red / pixels, green / pixels, blue / pixels]
}
