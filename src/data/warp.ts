// What cv2.warpAffine does, as host arithmetic: an axis-aligned matrix becomes, per axis, the source column of each output
// column in steps of 1/32 pixel; two warps in a row become one table of frame columns and weights (see warp_frames.wgsl).
// Source: crop_image of MMTracking (transforms.py); warpAffine and remap of OpenCV 4 (imgwarp.cpp), bilinear, constant border.

import type { AxisTaps } from '../kernels/augment.ts'
import type { Xyxy } from './pair.ts'

/** One axis of a warp: output `i` lies between source pixels `first[i]` and `first[i] + 1`. */
export interface WarpAxis {
  readonly first: Int32Array
  /** Weight of the right neighbour: a multiple of 1/32 in [0, 1). */
  readonly fraction: Float32Array
}

/** OpenCV rounds positions to 1/1024 pixel, then to 1/32. */
const COORDINATE_BITS = 10
const FRACTION_BITS = 5
const FRACTION_STEPS = 2 ** FRACTION_BITS
const COORDINATE_STEPS = 2 ** COORDINATE_BITS
const EXTRA_BITS = COORDINATE_BITS - FRACTION_BITS

/**
 * The axes (x, y) of the warp that `crop_image` makes of a region: the region, resized to `size` x `size`.
 * @param region in pixels, fractions and parts outside of the image allowed
 */
export function cropAxes(region: Xyxy, size: number): readonly [WarpAxis, WarpAxis] {
  const [left, top, right, bottom] = region
  const across = size / (right - left)
  const down = size / (bottom - top)
  // The matrix is float32, its inverse float64, in OpenCV's order of operations.
  const [a, b, c, d] = [across, down, -across * left, -down * top].map(Math.fround) as [number, number, number, number]
  const inverse = 1 / (a * b)
  const [stepX, stepY] = [b * inverse, a * inverse]
  const [originX, originY] = [-stepX * c, -stepY * d]
  // Along x OpenCV rounds origin and step separately, along y their sum.
  const start = roundHalfEven(originX * COORDINATE_STEPS)
  return [
    warpAxis(size, (x) => start + roundHalfEven(stepX * x * COORDINATE_STEPS)),
    warpAxis(size, (y) => roundHalfEven((stepY * y + originY) * COORDINATE_STEPS)),
  ]
}

/** @param rounded the position of an output pixel in steps of 1/1024 pixel */
function warpAxis(size: number, rounded: (i: number) => number): WarpAxis {
  const first = new Int32Array(size)
  const fraction = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    const position = Math.floor((rounded(i) + 2 ** (EXTRA_BITS - 1)) / 2 ** EXTRA_BITS)
    first[i] = Math.floor(position / FRACTION_STEPS)
    fraction[i] = (position - FRACTION_STEPS * Math.floor(position / FRACTION_STEPS)) / FRACTION_STEPS
  }
  return { first, fraction }
}

/** The axis that leaves `size` pixels where they are. */
export function identityAxis(size: number): WarpAxis {
  return { first: Int32Array.from({ length: size }, (_, i) => i), fraction: new Float32Array(size) }
}

/**
 * The taps of two warps, one after the other: `inner` reads the frame, of `extent` pixels, `outer` reads what `inner` made.
 * What `outer` reads outside of that is zero.
 */
export function composeAxes(inner: WarpAxis, outer: WarpAxis, extent: number): AxisTaps {
  const size = outer.first.length
  const first = new Int32Array(size)
  const second = new Int32Array(size)
  const weights = new Float32Array(4 * size)
  const outside = new Float32Array(size)
  let [start, end] = [extent, 0]
  for (let i = 0; i < size; i++) {
    for (let neighbour = 0; neighbour < 2; neighbour++) {
      const between = (outer.first[i] ?? 0) + neighbour
      const fraction = outer.fraction[i] ?? 0
      const weight = neighbour === 0 ? 1 - fraction : fraction
      if (weight === 0 || between < 0 || between >= inner.first.length) continue
      const left = inner.first[between] ?? 0
      const right = (inner.fraction[between] ?? 0) * weight
      const pair = pairInside(left, [weight - right, right], extent)
      const at = 4 * i + 2 * neighbour
      weights.set(pair.weights, at)
      outside[i] = (outside[i] ?? 0) + weight - pair.weights[0] - pair.weights[1]
      if (pair.weights[0] + pair.weights[1] === 0) continue
      const list = neighbour === 0 ? first : second
      list[i] = pair.left
      start = Math.min(start, pair.left)
      end = Math.max(end, pair.left + (pair.weights[1] > 0 ? 2 : 1))
    }
  }
  if (start >= end) [start, end] = [0, 1]
  for (const list of [first, second]) for (let i = 0; i < size; i++) list[i] = Math.max(start, list[i] ?? 0)
  return { start, extent: end - start, first, second, weights, outside }
}

/** A pair of neighbours such that the left one lies in the frame, and weights only for what does. */
function pairInside(
  left: number,
  [low, high]: readonly [number, number],
  extent: number,
): { readonly left: number; readonly weights: readonly [number, number] } {
  if (left >= 0 && left + 1 < extent) return { left, weights: [low, high] }
  if (left === -1) return { left: 0, weights: [high, 0] }
  if (left === extent - 1) return { left, weights: [low, 0] }
  return { left: 0, weights: [0, 0] }
}

/** C's rint. */
function roundHalfEven(value: number): number {
  const low = Math.floor(value)
  const rest = value - low
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1
  return low % 2 === 0 ? low : low + 1
}
