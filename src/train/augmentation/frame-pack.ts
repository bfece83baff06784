// Pieces of frames, packed into one buffer for upload: of each frame only the rows and columns that its output image needs.
// And the mean color of a frame, which is the padding of its crop.

import type { ImageTables } from '../../kernels/augment.ts'
import type { RgbFrame } from '../../siamrpn/frame.ts'

const pixelBytes = 3
const wordBytes = 4

/**
 * Bytes of the piece of a frame that these columns and rows need, in whole words; a row and three words more, because the
 * kernel reads neighbours even where they have no weight.
 */
export function pieceBytes({ columns, rows }: ImageTables): number {
  const bytes = columns.extent * (rows.extent + 1) * pixelBytes
  return (Math.ceil(bytes / wordBytes) + 3) * wordBytes
}

/** Copies the piece that these columns and rows need to byte `offset`, its rows without gaps. */
export function copyPiece(into: Uint8Array, offset: number, frame: RgbFrame, { columns, rows }: ImageTables): void {
  const { data, width } = frame
  const rowBytes = columns.extent * pixelBytes
  const frameRow = width * pixelBytes
  const first = rows.start * frameRow + columns.start * pixelBytes
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

/** The mean of R, G, B over the whole frame: exact sums, one division. */
export function meanColor({ data }: RgbFrame): readonly [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0]
  const whole = data.byteOffset % wordBytes === 0 ? Math.floor(data.length / groupBytes) : 0
  addGroups(sums, new Uint32Array(data.buffer, whole > 0 ? data.byteOffset : 0, whole * groupWords))
  for (let i = whole * groupBytes; i < data.length; i++)
    sums[i % pixelBytes] = (sums[i % pixelBytes] ?? 0) + (data[i] ?? 0)
  const pixels = data.length / pixelBytes
  return [sums[0] / pixels, sums[1] / pixels, sums[2] / pixels]
}

/** Four pixels fill three words. */
const groupWords = 3
const groupBytes = groupWords * wordBytes
/** Two bytes of a word, sixteen bits apart. */
const evenBytes = 0x00ff00ff
/** So many groups at most add up without a carry from the lower sixteen bits. */
const groupsPerBlock = 128

/**
 * Adds the colors of groups of four pixels, two bytes at a time. A group is (R0 G0 B0 R1) (G1 B1 R2 G2) (B2 R3 G3 B3), the
 * lowest byte first, as every machine that runs WebGPU has it.
 */
function addGroups(sums: [number, number, number], words: Uint32Array): void {
  for (let start = 0; start < words.length; start += groupsPerBlock * groupWords) {
    const end = Math.min(start + groupsPerBlock * groupWords, words.length)
    let redBlue = 0
    let greenRed = 0
    let blueGreen = 0
    for (let i = start; i < end; i += groupWords) {
      const first = words[i] ?? 0
      const second = words[i + 1] ?? 0
      const third = words[i + 2] ?? 0
      // In 32 bits, or the engine falls back to floating point.
      redBlue = (redBlue + (first & evenBytes) + ((third >>> 8) & evenBytes)) | 0
      greenRed = (greenRed + ((first >>> 8) & evenBytes) + (second & evenBytes)) | 0
      blueGreen = (blueGreen + ((second >>> 8) & evenBytes) + (third & evenBytes)) | 0
    }
    sums[0] += (redBlue & 0xffff) + (greenRed >>> 16)
    sums[1] += (greenRed & 0xffff) + (blueGreen >>> 16)
    sums[2] += (blueGreen & 0xffff) + (redBlue >>> 16)
  }
}
