// Single images of the training pipeline, made by its kernels from a golden case's frame.

import { copyPiece, pieceBytes } from '../../data/frame-pack.ts'
import { frameTaps, type TrainImage } from '../../data/train-transforms.ts'
import type { RgbFrame } from '../../data/types.ts'
import type { Device } from '../../gpu/device.ts'
import { runOnce } from '../../gpu/program.ts'
import {
  encodeImage,
  encodeTaps,
  IMAGE_RECORD,
  motionBlur,
  TAP_RECORD,
  warpFrames,
  words,
} from '../../kernels/augment.ts'
import { withTensors } from './maps.ts'

/** Channels B, G, R, rows from the top. */
export interface ColourImage {
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
): Promise<ColourImage> {
  const { height, width } = image
  const axes = frameTaps(frame, image)
  const rowStride = axes[0].extent * 3
  const bytes = new Uint8Array(pieceBytes(axes))
  copyPiece(bytes, 0, frame, axes)
  const [imageWords, tapWords] = [words(IMAGE_RECORD), words((width + height) * TAP_RECORD)]
  encodeImage(imageWords, 0, { offset: 0, rowStride, active: true, padding, colour: image.colour, blur: image.blur })
  encodeTaps(tapWords, 0, axes, rowStride)
  return await withTensors(device, async (lend) => {
    const images = lend(device.tensor(imageWords.u32, [1, IMAGE_RECORD], 'images'))
    const frames = lend(device.tensor(new Uint32Array(bytes.buffer), [bytes.length / 4], 'frames'))
    const taps = lend(device.tensor(tapWords.u32, [1, width + height, TAP_RECORD], 'taps'))
    const program = await runOnce(device, (r) =>
      motionBlur(r, { input: warpFrames(r, { frames, images, taps, height, width }), images }),
    )
    const pixels = await device.readF32(program.result)
    program.destroy()
    return { data: pixels.filter((_, i) => i % 4 !== 3), height, width }
  })
}
