// Boxes on the host: conversions and overlaps. Every operation is rounded to float32 in the order of the original, so
// that a decision taken on a box (a rounding, a threshold) is the one that MMTracking takes.
// Source: mmtrack/core/bbox/transforms.py, mmtrack/models/sot/siamrpn.py, mmdet/core/bbox/iou_calculators/iou2d_calculator.py.

import { ShapeError } from '../gpu/errors.ts'
import { show } from '../gpu/message.ts'
import type { CenterBox } from '../kernels/decode-best.ts'
import { BoxError } from './errors.ts'

const { fround } = Math

export type { CenterBox }

/** A box by its top-left corner, in frame pixels. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** x1, y1, x2, y2 in frame pixels. */
export type Corners = readonly [x1: number, y1: number, x2: number, y2: number]

/** Farthest from the frame's corner that a box may reach, in pixels: what float32 holds exactly, with its surroundings. */
const maxCoordinate = 1e6

/**
 * Checks a box that is to be tracked in a frame. It may reach beyond the frame, but not lie outside of it.
 * @throws BoxError that shows the box and the frame's size
 */
export function checkBox(box: Box, frameWidth: number, frameHeight: number): void {
  const { x, y, width, height } = box
  checkNumbers({ x, y, width, height })
  const shown = `box x ${x}, y ${y}, width ${width}, height ${height}`
  if (!(width > 0 && height > 0)) throw new BoxError(`${shown} has no area, expected a positive width and height`)
  if (x >= frameWidth || y >= frameHeight || x + width <= 0 || y + height <= 0) {
    throw new BoxError(`${shown} is outside of the frame, expected it to touch ${frameWidth}x${frameHeight} pixels`)
  }
}

/** Programs without types pass texts of a form too, which `+` would string together. */
function checkNumbers(box: Readonly<Record<string, unknown>>): void {
  const shown = `box ${Object.entries(box)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? value : show(value)}`)
    .join(', ')}`
  for (const [name, value] of Object.entries(box)) {
    if (typeof value !== 'number') {
      const kind = value === undefined ? 'missing' : `a ${typeof value}`
      throw new BoxError(`${shown}: ${name} is ${kind}, expected a number of pixels`)
    }
    if (!Number.isFinite(fround(value))) {
      throw new BoxError(`${shown} is not finite, expected four finite numbers of pixels`)
    }
    if (Math.abs(value) > maxCoordinate) {
      throw new BoxError(`${shown}: ${name} is ${value}, expected at most ${maxCoordinate} pixels`)
    }
  }
}

/** A box to start from: by its corner, or by its centre. */
export type InitBox = Box | CenterBox

/** The centre box of one to start from. @throws BoxError as `checkBox` */
export function toCenter(
  box: InitBox,
  { width, height }: { readonly width: number; readonly height: number },
): CenterBox {
  if (typeof box !== 'object' || box === null) {
    throw new BoxError(`The box is ${show(box)}, expected x, y, width, height`)
  }
  if (!('cx' in box)) {
    checkBox(box, width, height)
    return boxToCenter(box)
  }
  checkNumbers({ cx: box.cx, cy: box.cy, width: box.width, height: box.height })
  checkBox(centerToBox(box), width, height)
  return { cx: box.cx, cy: box.cy, width: box.width, height: box.height }
}

export function boxToCenter({ x, y, width, height }: Box): CenterBox {
  return { cx: fround(x + width / 2), cy: fround(y + height / 2), width: fround(width), height: fround(height) }
}

export function centerToBox({ cx, cy, width, height }: CenterBox): Box {
  return { x: fround(cx - width / 2), y: fround(cy - height / 2), width, height }
}

/** The part of a box that lies in a frame. A box that lies in it as a whole stays as it is. */
export function visiblePart(box: CenterBox, frame: { readonly width: number; readonly height: number }): Box {
  const { x, y, width, height } = centerToBox(box)
  const horizontal = clipSpan(x, width, frame.width)
  const vertical = clipSpan(y, height, frame.height)
  return { x: horizontal.start, y: vertical.start, width: horizontal.length, height: vertical.length }
}

function clipSpan(start: number, length: number, extent: number) {
  if (start >= 0 && start + length <= extent) return { start, length }
  const begin = Math.min(extent, Math.max(0, start))
  return { start: begin, length: Math.max(0, Math.min(extent, start + length) - begin) }
}

/** MMTracking's `bbox_xyxy_to_cxcywh`. */
export function cornersToCenter(corners: Corners): CenterBox {
  const [x1, y1, x2, y2] = float32(corners)
  return { cx: fround(x1 + x2) / 2, cy: fround(y1 + y2) / 2, width: fround(x2 - x1), height: fround(y2 - y1) }
}

/** MMTracking's `bbox_cxcywh_to_xyxy`. */
export function centerToCorners({ cx, cy, width, height }: CenterBox): Corners {
  return float32([cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2])
}

/**
 * The upright box that stands for a quadrilateral x1, y1, ..., x4, y4: same centre of mass of the corners, the shape of the
 * enclosing rectangle, the area of the quadrilateral's first two sides (MMTracking's `quad2bbox`, used by VOT).
 * @throws ShapeError unless there are 8 numbers
 */
export function quadToCenter(quad: readonly number[]): CenterBox {
  if (quad.length !== 8) throw new ShapeError(`the quadrilateral has ${quad.length} numbers, expected 8`)
  const xs = Float32Array.from(quad.filter((_, i) => i % 2 === 0))
  const ys = Float32Array.from(quad.filter((_, i) => i % 2 === 1))
  const boundWidth = fround(Math.max(...xs) - Math.min(...xs))
  const boundHeight = fround(Math.max(...ys) - Math.min(...ys))
  const area = fround(side(xs, ys, 0) * side(xs, ys, 1))
  const scale = fround(Math.sqrt(fround(area / fround(boundWidth * boundHeight))))
  return { cx: mean(xs), cy: mean(ys), width: fround(scale * boundWidth), height: fround(scale * boundHeight) }
}

function side(xs: Float32Array, ys: Float32Array, from: number): number {
  const dx = fround((xs[from + 1] ?? 0) - (xs[from] ?? 0))
  const dy = fround((ys[from + 1] ?? 0) - (ys[from] ?? 0))
  return fround(Math.sqrt(fround(fround(dx * dx) + fround(dy * dy))))
}

function mean(values: Float32Array): number {
  return fround(values.reduce((sum, value) => fround(sum + value), 0) / values.length)
}

export interface OverlapOptions {
  /** Intersection over union, over the area of the first box, or generalised (Rezatofighi et al., 2019). Default `iou`. */
  readonly mode?: 'iou' | 'iof' | 'giou'
  /** Row i against row i only. Default: every row of `a` against every row of `b`. */
  readonly aligned?: boolean
  /** Smallest denominator. Default 1e-6. */
  readonly eps?: number
}

/**
 * Overlaps of boxes, mmdet's `bbox_overlaps`; no +1 in width and height.
 * @param a `[n, 4]` x1, y1, x2, y2.
 * @param b `[m, 4]`.
 * @returns `[n * m]`, row by row of `a`; `[n]` if aligned. In [0, 1], `giou` in (-1, 1].
 * @throws ShapeError if the lengths do not fit.
 */
export function bboxOverlaps(a: Float32Array, b: Float32Array, options: OverlapOptions = {}): Float32Array {
  const { mode = 'iou', aligned = false, eps = 1e-6 } = options
  if (a.length % 4 !== 0 || b.length % 4 !== 0 || (aligned && a.length !== b.length)) {
    const expected = aligned ? 'the same multiple of 4' : 'multiples of 4'
    throw new ShapeError(`boxes have ${a.length} and ${b.length} values, expected ${expected}`)
  }
  const areasA = areasOf(a)
  const areasB = areasOf(b)
  const smallest = fround(eps)
  const overlaps = new Float32Array(aligned ? areasA.length : areasA.length * areasB.length)
  let at = 0
  for (let i = 0; i < areasA.length; i++) {
    const end = aligned ? i + 1 : areasB.length
    for (let j = aligned ? i : 0; j < end; j++, at++) {
      const common = commonArea(a, 4 * i, b, 4 * j)
      const sum = fround((areasA[i] ?? 0) + (areasB[j] ?? 0))
      const union = Math.max(smallest, mode === 'iof' ? (areasA[i] ?? 0) : fround(sum - common))
      const overlap = fround(common / union)
      overlaps[at] = mode === 'giou' ? overlap - gap(union, Math.max(smallest, hullArea(a, 4 * i, b, 4 * j))) : overlap
    }
  }
  return overlaps
}

/** Share of the enclosing box that neither box covers. */
function gap(union: number, hull: number): number {
  return fround(fround(hull - union) / hull)
}

function areasOf(boxes: Float32Array): Float32Array {
  const areas = new Float32Array(boxes.length / 4)
  for (let i = 0, at = 0; i < areas.length; i++, at += 4) {
    const width = fround((boxes[at + 2] ?? 0) - (boxes[at] ?? 0))
    areas[i] = width * fround((boxes[at + 3] ?? 0) - (boxes[at + 1] ?? 0))
  }
  return areas
}

function commonArea(a: Float32Array, i: number, b: Float32Array, j: number): number {
  const x = Math.max(a[i] ?? 0, b[j] ?? 0)
  const y = Math.max(a[i + 1] ?? 0, b[j + 1] ?? 0)
  return area(x, y, Math.min(a[i + 2] ?? 0, b[j + 2] ?? 0), Math.min(a[i + 3] ?? 0, b[j + 3] ?? 0))
}

function hullArea(a: Float32Array, i: number, b: Float32Array, j: number): number {
  const x = Math.min(a[i] ?? 0, b[j] ?? 0)
  const y = Math.min(a[i + 1] ?? 0, b[j + 1] ?? 0)
  return area(x, y, Math.max(a[i + 2] ?? 0, b[j + 2] ?? 0), Math.max(a[i + 3] ?? 0, b[j + 3] ?? 0))
}

/** Area of a rectangle, 0 where its corners are in the wrong order. */
function area(x1: number, y1: number, x2: number, y2: number): number {
  return fround(Math.max(0, fround(x2 - x1)) * Math.max(0, fround(y2 - y1)))
}

function float32([a, b, c, d]: Corners): Corners {
  return [fround(a), fround(b), fround(c), fround(d)]
}
