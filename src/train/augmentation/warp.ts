// Computes cv2.warpAffine as host arithmetic: an axis-aligned matrix becomes, per axis, the source of each output pixel
// in steps of 1/32 pixel; two warps in a row become the tables that warp_frames.wgsl reads.
// Source: crop_image of MMTracking (transforms.py); warpAffine and remap of OpenCV 4 (imgwarp.cpp), bilinear, constant
// border.

import { type ColumnTable, type RowTable, weightSteps } from '../../kernels/augment.ts'
import type { Xyxy } from './pair.ts'

/** One axis of a warp: output `i` lies between source pixels `first[i]` and `first[i] + 1`. */
export interface WarpAxis {
  readonly first: Int32Array
  /** Weight of the right neighbour in 1/32: 0 to 31. */
  readonly fraction: Uint8Array
}

/** OpenCV rounds positions to 1/1024 pixel, then to 1/32. */
const coordinateSteps = 1024
const stepsPerWeight = coordinateSteps / weightSteps

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
  const start = roundHalfEven(originX * coordinateSteps)
  return [
    warpAxis(size, (x) => start + roundHalfEven(stepX * x * coordinateSteps)),
    warpAxis(size, (y) => roundHalfEven((stepY * y + originY) * coordinateSteps)),
  ]
}

/** @param rounded the position of an output pixel in steps of 1/1024 pixel */
function warpAxis(size: number, rounded: (i: number) => number): WarpAxis {
  const first = new Int32Array(size)
  const fraction = new Uint8Array(size)
  for (let i = 0; i < size; i++) {
    const position = Math.floor((rounded(i) + stepsPerWeight / 2) / stepsPerWeight)
    first[i] = Math.floor(position / weightSteps)
    fraction[i] = position - weightSteps * Math.floor(position / weightSteps)
  }
  return { first, fraction }
}

/** The axis that leaves `size` pixels where they are. */
export function identityAxis(size: number): WarpAxis {
  return { first: Int32Array.from({ length: size }, (_, i) => i), fraction: new Uint8Array(size) }
}

/**
 * The columns of two warps, one after the other: `inner` reads the frame, of `extent` pixels, `outer` reads what `inner` made.
 * What `outer` reads outside of that is zero.
 */
export function composeColumns(inner: WarpAxis, outer: WarpAxis, extent: number): ColumnTable {
  const size = outer.first.length
  const pairs = new Int32Array(2 * size)
  const weights = new Float32Array(4 * size)
  const outside = new Float32Array(size)
  const used = new Range()
  let narrow = true
  for (let i = 0; i < size; i++) {
    const crop = pairInside(outer, i, inner.first.length)
    const first = pairInside(inner, crop.left, extent)
    const second = pairInside(inner, crop.left + 1, extent)
    // A pair without weight goes where the other one is.
    const left = crop.low * (first.low + first.high) > 0 ? first.left : second.left
    const right = crop.high * (second.low + second.high) > 0 ? second.left : left
    pairs.set([left, right], 2 * i)
    const taps = [crop.low * first.low, crop.low * first.high, crop.high * second.low, crop.high * second.high]
    for (const [tap, weight] of taps.entries()) {
      weights[4 * i + tap] = weight / weightSteps ** 2
      if (weight > 0) used.add(tap < 2 ? left : right, 1 + (tap & 1))
    }
    const missing = crop.low * (weightSteps - first.low - first.high)
    outside[i] = (missing + crop.high * (weightSteps - second.low - second.high)) / weightSteps ** 2
    narrow &&= Math.abs(right - left) <= 2
  }
  return { ...used.bounds(), pairs, weights, outside, narrow }
}

/** The rows of two warps: what each output row takes of the rows between the warps, and those of the frame's rows. */
export function composeRows(inner: WarpAxis, outer: WarpAxis, extent: number): RowTable {
  const between = inner.first.length
  const output = rowTaps(outer.first.length)
  const crop = rowTaps(Math.max(2, between))
  const used = new Range()
  let outside = false
  for (let y = 0; y < output.first.length; y++) {
    const { left, low, high } = pairInside(outer, y, between)
    // An output row needs two rows between, and none above those of the output row before it.
    const row = low + high > 0 ? Math.min(left, crop.first.length - 2) : (output.first[y - 1] ?? 0)
    output.first[y] = row
    output.low[y] = row === left ? low : 0
    output.high[y] = row === left ? high : low
    for (const [k, weight] of [low, high].entries()) {
      const p = left + k
      if (weight === 0) continue
      const pair = pairInside(inner, p, extent)
      crop.first[p] = pair.left
      crop.low[p] = pair.low
      crop.high[p] = pair.high
      outside ||= pair.low + pair.high < weightSteps
      if (pair.low + pair.high > 0) used.add(pair.left, pair.high > 0 ? 2 : 1)
    }
  }
  return { ...used.bounds(), output, crop, outside }
}

function rowTaps(count: number): RowTable['crop'] {
  return { first: new Int32Array(count), low: new Uint8Array(count), high: new Uint8Array(count) }
}

/** Two neighbours such that the left one lies in the image, and weights, in 1/32, only for what does. */
interface InsidePair {
  readonly left: number
  readonly low: number
  readonly high: number
}

const nothing: InsidePair = { left: 0, low: 0, high: 0 }

function pairInside(axis: WarpAxis, index: number, extent: number): InsidePair {
  const left = axis.first[index]
  if (left === undefined || left < -1 || left >= extent) return nothing
  const high = axis.fraction[index] ?? 0
  const low = weightSteps - high
  if (left === -1) return { left: 0, low: high, high: 0 }
  return { left, low, high: left + 1 < extent ? high : 0 }
}

/** The smallest range of pixels that holds all that were added. */
class Range {
  #start = Number.POSITIVE_INFINITY
  #end = Number.NEGATIVE_INFINITY

  add(start: number, count: number): void {
    this.#start = Math.min(this.#start, start)
    this.#end = Math.max(this.#end, start + count)
  }

  /** One pixel if nothing was added, because an upload cannot be empty. */
  bounds(): { readonly start: number; readonly extent: number } {
    const empty = this.#end <= this.#start
    return empty ? { start: 0, extent: 1 } : { start: this.#start, extent: this.#end - this.#start }
  }
}

/** C's rint. */
function roundHalfEven(value: number): number {
  const low = Math.floor(value)
  const rest = value - low
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1
  return low % 2 === 0 ? low : low + 1
}
