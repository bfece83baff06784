// Exact-area rasteriser for polygons: each edge adds the area to its right to the pixels that it crosses, and a running sum
// along the rows gives every pixel's covered share. Source of the method: Levien, font-rs (accumulation buffer).

import type { Contour } from './outline.ts'

/** A window of pixels with a share 0..1 each. */
export interface Mask {
  /** Position of the window's top-left pixel. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly data: Float32Array
}

export interface Bounds {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** The smallest upright box around contours. */
export function boundsOf(contours: readonly Contour[]): Bounds {
  let left = Number.POSITIVE_INFINITY
  let top = Number.POSITIVE_INFINITY
  let right = Number.NEGATIVE_INFINITY
  let bottom = Number.NEGATIVE_INFINITY
  for (const contour of contours) {
    for (let index = 0; index < contour.length; index += 2) {
      const x = contour[index] ?? 0
      const y = contour[index + 1] ?? 0
      if (x < left) left = x
      if (x > right) right = x
      if (y < top) top = y
      if (y > bottom) bottom = y
    }
  }
  return { left, top, right, bottom }
}

/** Covered shares inside `window`. */
export function rasterise(contours: readonly Contour[], window: Bounds): Mask {
  const x = Math.floor(window.left)
  const y = Math.floor(window.top)
  const width = Math.max(0, Math.ceil(window.right) - x)
  const height = Math.max(0, Math.ceil(window.bottom) - y)
  const stride = width + 2
  const area = new Float32Array(stride * height)
  for (const contour of contours) {
    for (let index = 0; index < contour.length; index += 2) {
      const next = index + 2 < contour.length ? index + 2 : 0
      const from = { x: (contour[index] ?? 0) - x, y: (contour[index + 1] ?? 0) - y }
      addEdge(area, { width, height }, from, { x: (contour[next] ?? 0) - x, y: (contour[next + 1] ?? 0) - y })
    }
  }
  let out = 0
  for (let row = 0; row < height; row++) {
    let sum = 0
    for (let column = 0, at = row * stride; column < width; column++, at++) {
      sum += area[at] ?? 0
      const share = sum < 0 ? -sum : sum
      area[out++] = share > 1 ? 1 : share < 1e-4 ? 0 : share
    }
  }
  return { x, y, width, height, data: area }
}

interface Point {
  readonly x: number
  readonly y: number
}

function addEdge(area: Float32Array, size: { width: number; height: number }, from: Point, to: Point): void {
  if (from.y === to.y) return
  const sign = from.y < to.y ? 1 : -1
  const upper = sign > 0 ? from : to
  const lower = sign > 0 ? to : from
  const slope = (lower.x - upper.x) / (lower.y - upper.y)
  const first = Math.max(0, Math.floor(upper.y))
  const end = Math.min(size.height, Math.ceil(lower.y))
  for (let row = first; row < end; row++) {
    const top = Math.max(row, upper.y)
    const bottom = Math.min(row + 1, lower.y)
    const enter = Math.max(0, Math.min(size.width, upper.x + (top - upper.y) * slope))
    const leave = Math.max(0, Math.min(size.width, upper.x + (bottom - upper.y) * slope))
    addSpan(area, row * (size.width + 2), enter < leave ? [enter, leave] : [leave, enter], (bottom - top) * sign)
  }
}

/** Adds the edge's part within one row, which rises by `rise` between the two x. */
function addSpan(area: Float32Array, start: number, [left, right]: readonly [number, number], rise: number): void {
  const first = Math.floor(left)
  const last = Math.ceil(right)
  const at = start + first
  if (last <= first + 1) {
    const middle = (left + right) / 2 - first
    area[at] = (area[at] ?? 0) + rise * (1 - middle)
    area[at + 1] = (area[at + 1] ?? 0) + rise * middle
    return
  }
  const slope = 1 / (right - left)
  const gap = 1 - (left - first)
  const head = 0.5 * slope * gap * gap
  const rest = right - last + 1
  const tail = 0.5 * slope * rest * rest
  area[at] = (area[at] ?? 0) + rise * head
  if (last === first + 2) {
    area[at + 1] = (area[at + 1] ?? 0) + rise * (1 - head - tail)
  } else {
    const second = slope * (gap + 0.5)
    area[at + 1] = (area[at + 1] ?? 0) + rise * (second - head)
    for (let k = 2; k < last - first - 1; k++) area[at + k] = (area[at + k] ?? 0) + rise * slope
    const before = second + (last - first - 3) * slope
    area[start + last - 1] = (area[start + last - 1] ?? 0) + rise * (1 - before - tail)
  }
  area[start + last] = (area[start + last] ?? 0) + rise * tail
}
