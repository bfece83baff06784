// Slow, obvious float64 version of the crop: builds the padded rectangle as an image, then resizes it.
// And get_cropped_img of MMTracking (siamrpn.py) as far as it decides on the rectangle.

import type { CropRectangle } from '../../src/kernels/crop-resize.ts'
import type { HostTensor } from '../helpers/tensors.ts'
import { at, bilinearResize, build } from './spatial.ts'

/** One target: `frame` `[1, H, W, 3]`, the result `[1, size, size, 4]` in the frame's channel order, fourth channel zero. */
export function cropResize(
  frame: HostTensor,
  rectangle: CropRectangle,
  padding: ArrayLike<number>,
  size: number,
): HostTensor {
  const crop = build([1, rectangle.height, rectangle.width, 4], (n, y, x, c) => {
    if (c === 3) return 0
    return at(frame, n, rectangle.y + y, rectangle.x + x, c) ?? padding[c]!
  })
  return bilinearResize(crop, size)
}

/**
 * The rectangle that MMTracking cuts from a frame: `int()` truncates toward zero and the end is inclusive, but the padding
 * stops one pixel short of it, where the slice is clipped.
 */
export function croppedRectangle(
  centre: readonly [number, number],
  cropSize: number,
  frame: { readonly width: number; readonly height: number },
): CropRectangle {
  const cut = (middle: number, extent: number) => {
    const start = Math.trunc(middle - cropSize / 2)
    const last = Math.trunc(middle + cropSize / 2)
    return { start, size: Math.min(last + 1, Math.max(last, extent)) - start }
  }
  const across = cut(centre[0], frame.width)
  const down = cut(centre[1], frame.height)
  return { x: across.start, y: down.start, width: across.size, height: down.size }
}
