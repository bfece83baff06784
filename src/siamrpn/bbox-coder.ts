// Box deltas (dx, dy, dw, dh) relative to a reference box: shift in units of its size, log of the size ratio. Every operation
// is rounded to float32 in the order of the original, so that targets and decoded boxes carry the same bits.
// Source: mmdet/core/bbox/coder/delta_xywh_bbox_coder.py; Girshick et al., "Rich feature hierarchies" (2014), eq. 1-4, 6-9.

import { ShapeError } from '../gpu/errors.ts'
import type { BBoxCoderConfig } from './config.ts'

const { fround } = Math

/** A decoded box may be at most this much narrower or wider than its reference. */
const whRatioClip = 16 / 1000
/** Largest |dw|, |dh| that decoding uses: |ln(16 / 1000)|. */
const maxLogRatio = Math.abs(Math.log(whRatioClip))

/** Box coder of the config entry `model.head.bbox_coder`. */
export class DeltaXYWHBBoxCoder {
  readonly #means: readonly number[]
  readonly #stds: readonly number[]

  constructor(config: BBoxCoderConfig) {
    this.#means = config.target_means.map(fround)
    this.#stds = config.target_stds.map(fround)
  }

  /**
   * Deltas that turn `boxes` into `groundTruth`.
   * @param boxes `[n, 4]` xyxy, pixels, with positive size.
   * @param groundTruth `[n, 4]` xyxy, or `[4]` for one box against all.
   * @returns `[n, 4]`: dx, dy, dw, dh.
   * @throws ShapeError if the lengths do not fit.
   */
  encode(boxes: Float32Array, groundTruth: Float32Array): Float32Array {
    checkRows('boxes', boxes)
    if (groundTruth.length !== boxes.length && groundTruth.length !== 4) {
      throw new ShapeError(`groundTruth has ${groundTruth.length} values, expected ${boxes.length} or 4`)
    }
    const deltas = new Float32Array(boxes.length)
    this.#encodeAxis(0, boxes, groundTruth, deltas)
    this.#encodeAxis(1, boxes, groundTruth, deltas)
    return deltas
  }

  /**
   * Boxes that `deltas` describe; |dw| and |dh| are cut to |ln(16/1000)|.
   * @param boxes `[n, 4]` xyxy, pixels.
   * @param deltas `[n, 4]`.
   * @returns `[n, 4]` xyxy, not clipped to any image.
   * @throws ShapeError if the lengths do not fit.
   */
  decode(boxes: Float32Array, deltas: Float32Array): Float32Array {
    checkRows('boxes', boxes)
    if (deltas.length !== boxes.length) {
      throw new ShapeError(`deltas has ${deltas.length} values, expected ${boxes.length} as boxes has`)
    }
    const decoded = new Float32Array(boxes.length)
    for (let at = 0; at < boxes.length; at += 4) {
      for (let axis = 0; axis < 2; axis++) {
        const size = sizeAlong(axis, boxes, at)
        const shift = fround(size * this.#restore(axis, deltas[at + axis]))
        const centre = fround(centreAlong(axis, boxes, at) + shift)
        const half = fround(size * exponential(this.#restore(axis + 2, deltas[at + 2 + axis]))) * 0.5
        decoded[at + axis] = centre - half
        decoded[at + 2 + axis] = centre + half
      }
    }
    return decoded
  }

  /** Shift and log ratio along x (0) or y (1). */
  #encodeAxis(axis: 0 | 1, boxes: Float32Array, groundTruth: Float32Array, deltas: Float32Array): void {
    const [shiftMean = 0, ratioMean = 0] = [this.#means[axis], this.#means[axis + 2]]
    const [shiftStd = 1, ratioStd = 1] = [this.#stds[axis], this.#stds[axis + 2]]
    const step = groundTruth.length === 4 ? 0 : 4
    for (let at = 0, to = 0; at < boxes.length; at += 4, to += step) {
      const size = sizeAlong(axis, boxes, at)
      const shift = fround(fround(centreAlong(axis, groundTruth, to) - centreAlong(axis, boxes, at)) / size)
      const ratio = fround(Math.log(fround(sizeAlong(axis, groundTruth, to) / size)))
      deltas[at + axis] = fround(shift - shiftMean) / shiftStd
      deltas[at + 2 + axis] = fround(ratio - ratioMean) / ratioStd
    }
  }

  #restore(coordinate: number, delta = 0): number {
    return fround(fround(delta * (this.#stds[coordinate] ?? 1)) + (this.#means[coordinate] ?? 0))
  }
}

function exponential(logRatio: number): number {
  return fround(Math.exp(fround(Math.min(maxLogRatio, Math.max(-maxLogRatio, logRatio)))))
}

/** Centre of the box at `at` along x (0) or y (1). */
function centreAlong(axis: number, boxes: Float32Array, at: number): number {
  return fround(fround((boxes[at + axis] ?? 0) + (boxes[at + 2 + axis] ?? 0)) * 0.5)
}

/** Width (0) or height (1) of the box at `at`. */
function sizeAlong(axis: number, boxes: Float32Array, at: number): number {
  return fround((boxes[at + 2 + axis] ?? 0) - (boxes[at + axis] ?? 0))
}

function checkRows(name: string, boxes: Float32Array): void {
  if (boxes.length % 4 !== 0) throw new ShapeError(`${name} has ${boxes.length} values, expected a multiple of 4`)
}
