// Single images of the training pipeline, made by its kernels from a golden case's frame.

import type { Device } from '../../../src/gpu/device.ts'
import { runOnce } from '../../../src/gpu/program.ts'
import {
  encodeImage,
  encodeTables,
  imageRecordSize,
  motionBlur,
  tableWords,
  warpFrames,
  words,
} from '../../../src/kernels/augment.ts'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { copyPiece, pieceBytes } from '../../../src/train/augmentation/frame-pack.ts'
import { frameTables, type TrainImage } from '../../../src/train/augmentation/train-transforms.ts'
import { withTensors } from './maps.ts'

/** Channels B, G, R, rows from the top. */
export interface ColorImage {
  readonly data: Float32Array
  readonly height: number
  readonly width: number
}

/** A frame of bytes in the order B, G, R. */
export function frameOf(bgr: ArrayLike<number>, height: number, width: number): RgbFrame {
  const data = Uint8Array.from(bgr, (_, i) => bgr[i - (i % 3) + 2 - (i % 3)] ?? 0)
  return { data, width, height, channels: 3 }
}

/** @param padding R, G, B */
export async function makeImage(
  device: Device,
  frame: RgbFrame,
  image: TrainImage,
  padding: ArrayLike<number>,
): Promise<ColorImage> {
  const { height, width } = image
  const tables = frameTables(frame, image)
  const { narrow, extent } = tables.columns
  const cropRows = tables.rows.crop.first.length
  const tableSize = tableWords(width, height, cropRows)
  const bytes = new Uint8Array(pieceBytes(tables))
  copyPiece(bytes, 0, frame, tables)
  const [imageRecord, table] = [words(imageRecordSize), words(tableSize)]
  const { color, blur } = image
  encodeImage(imageRecord, 0, { offset: 0, rowStride: extent * 3, active: true, narrow, padding, color, blur })
  encodeTables(table, 0, tables)
  return await withTensors(device, async (lend) => {
    const images = lend(device.tensor(imageRecord.u32, [1, imageRecordSize], 'images'))
    const frames = lend(device.tensor(new Uint32Array(bytes.buffer), [bytes.length / 4], 'frames'))
    const lentTables = lend(device.tensor(table.u32, [1, tableSize], 'tables'))
    const program = await runOnce(device, (r) =>
      motionBlur(r, { input: warpFrames(r, { frames, images, tables: lentTables, height, width, cropRows }), images }),
    )
    const pixels = await device.readF32(program.result)
    program.destroy()
    return { data: pixels.filter((_, i) => i % 4 !== 3), height, width }
  })
}
