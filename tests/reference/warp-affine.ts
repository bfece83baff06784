// Slow, obvious float64 versions of what OpenCV does to a training image, one step at a time: warpAffine of an axis-aligned
// matrix at 1/32 pixel with a constant border, and filter2D with a mirrored border.
// Source: tests/golden/H.json, `warpaffine_model`.

import type { HostTensor } from '../helpers/tensors.ts'
import { at, build } from './spatial.ts'

/** crop_image of MMTracking: the region of `image` `[1, H, W, C]`, resized to `[1, size, size, C]`. */
export function cropImage(
  image: HostTensor,
  region: readonly [number, number, number, number],
  size: number,
  padding: ArrayLike<number>,
): HostTensor {
  const a = size / (region[2] - region[0])
  const b = size / (region[3] - region[1])
  const [m00, m11, m02, m12] = [a, b, -a * region[0], -b * region[1]].map(Math.fround) as [
    number,
    number,
    number,
    number,
  ]
  const determinant = 1 / (m00 * m11)
  const [inverseX, inverseY] = [m11 * determinant, m00 * determinant]
  const [originX, originY] = [-inverseX * m02, -inverseY * m12]
  return build([1, size, size, image.shape[3]!], (n, y, x, c) => {
    const X = (rint(originX * 1024) + 16 + rint(inverseX * x * 1024)) >> 5
    const Y = (rint((inverseY * y + originY) * 1024) + 16) >> 5
    const [left, top, fx, fy] = [X >> 5, Y >> 5, (X & 31) / 32, (Y & 31) / 32]
    const tap = (dy: number, dx: number) => at(image, n, top + dy, left + dx, c) ?? padding[c]!
    const upper = tap(0, 0) * (1 - fx) + tap(0, 1) * fx
    const lower = tap(1, 0) * (1 - fx) + tap(1, 1) * fx
    return upper * (1 - fy) + lower * fy
  })
}

/** filter2D with the kernel of SeqBlurAug: a column and a row of `size` weights each. */
export function crossBlur(image: HostTensor, size: number, vertical: number, horizontal: number): HostTensor {
  const [batch = 1, height = 1, width = 1, channels = 1] = image.shape
  const half = (size - 1) / 2
  return build([batch, height, width, channels], (n, y, x, c) => {
    let sum = 0
    for (let k = -half; k <= half; k++) {
      sum += vertical * at(image, n, mirrored(y + k, height), x, c)!
      sum += horizontal * at(image, n, y, mirrored(x + k, width), c)!
    }
    return sum
  })
}

/** BORDER_REFLECT_101: dcb|abcd|cba. */
function mirrored(position: number, extent: number): number {
  let inside = position
  while (extent > 1 && (inside < 0 || inside >= extent)) inside = inside < 0 ? -inside : 2 * extent - 2 - inside
  return extent > 1 ? inside : 0
}

function rint(value: number): number {
  const rounded = Math.round(value)
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
