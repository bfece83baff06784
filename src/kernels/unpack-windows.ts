// Images that the host has made, as bytes, to what the network takes.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectShape, imageShape, kernel, linearGrid } from './launch.ts'
import { type Normalisation, normalisationParams } from './normalisation.ts'

const workgroup = 64
const pixelBytes = 3

/** Words that the bytes of so many pixels take: three for every four pixels begun. */
export function windowWords(pixels: number): number {
  return 3 * Math.ceil(pixels / 4)
}

export interface UnpackWindowsArgs {
  /** u32 `[windowWords(N * H * W)]`: R, G, B per pixel, rows and images without padding. */
  readonly bytes: GpuTensor
  /** `[N, H, W, 4]`: B, G, R in 0..255, or normalised, and a zero. */
  readonly output: GpuTensor
  /** Default: values stay from 0 to 255. */
  readonly normalise?: Normalisation | undefined
  readonly label?: string
}

/** Returns `output`. @throws ShapeError if tensors do not fit each other or the adapter's binding limit */
export function unpackWindows(
  r: Recorder,
  { bytes, output, normalise, label = 'unpackWindows' }: UnpackWindowsArgs,
): GpuTensor {
  const { batch, height, width } = imageShape('unpackWindows', output)
  expectShape('unpackWindows', output, [batch, height, width, 4])
  const pixels = batch * height * width
  if (bytes.dtype !== 'u32' || bytes.size !== windowWords(pixels)) {
    throw new ShapeError(
      `unpackWindows: tensor \`${bytes.label}\` is ${bytes.dtype} [${bytes.shape}], expected u32 [${windowWords(pixels)}]`,
    )
  }
  if (output.bytes > r.adapter.maxBindingBytes) {
    throw new ShapeError(
      `unpackWindows: ${output.bytes} bytes of images, above the adapter's binding limit of ${r.adapter.maxBindingBytes}; ` +
        'make batches smaller',
    )
  }
  const count = Math.ceil(pixels / 4)
  r.dispatch({
    kernel: kernel('unpack_windows', { WORKGROUP: workgroup, TO_RGB: normalise?.toRgb ?? false }),
    label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: { bytes, output, params: { count, pixels, ...normalisationParams(normalise) } },
    flops: 3 * pixels * pixelBytes,
    bytes: output.bytes + bytes.bytes,
  })
  return output
}
