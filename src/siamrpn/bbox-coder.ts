// Box deltas (dx, dy, dw, dh) relative to a reference box: shift in units of its size, log of the size ratio. Every operation
// is rounded to float32 in the order of the original, so that targets and decoded boxes carry the same bits.
// Source: mmdet/core/bbox/coder/delta_xywh_bbox_coder.py; Girshick et al., "Rich feature hierarchies" (2014), eq. 1-4, 6-9.

import { ShapeError } from '../gpu/errors.ts'
import type { BBoxCoderConfig } from './config.ts'

const { fround } = Math

/** A decoded box may be at most this much narrower or wider than its reference. */
const WH_RATIO_CLIP = 16 / 1000
/** Largest |dw|, |dh| that decoding uses: |ln(16 / 1000)|. */
export const MAX_LOG_RATIO = Math.abs(Math.log(WH_RATIO_CLIP))

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
    for (let at = 0; at < boxes.length; at += 4) {
      const box = centreAndSize(boxes, at)
      const target = centreAndSize(groundTruth, groundTruth.length === 4 ? 0 : at)
      deltas[at] = this.#normalise(0, fround(target.x - box.x) / box.width)
      deltas[at + 1] = this.#normalise(1, fround(target.y - box.y) / box.height)
      deltas[at + 2] = this.#normalise(2, Math.log(fround(target.width / box.width)))
      deltas[at + 3] = this.#normalise(3, Math.log(fround(target.height / box.height)))
    }
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
      const box = centreAndSize(boxes, at)
      const x = fround(box.x + fround(box.width * this.#restore(0, deltas[at])))
      const y = fround(box.y + fround(box.height * this.#restore(1, deltas[at + 1])))
      const halfWidth = fround(box.width * exponential(this.#restore(2, deltas[at + 2]))) * 0.5
      const halfHeight = fround(box.height * exponential(this.#restore(3, deltas[at + 3]))) * 0.5
      decoded[at] = x - halfWidth
      decoded[at + 1] = y - halfHeight
      decoded[at + 2] = x + halfWidth
      decoded[at + 3] = y + halfHeight
    }
    return decoded
  }

  #normalise(coordinate: number, delta: number): number {
    return fround(fround(delta) - (this.#means[coordinate] ?? 0)) / (this.#stds[coordinate] ?? 1)
  }

  #restore(coordinate: number, delta = 0): number {
    return fround(fround(delta * (this.#stds[coordinate] ?? 1)) + (this.#means[coordinate] ?? 0))
  }
}

function exponential(logRatio: number): number {
  return fround(Math.exp(fround(Math.min(MAX_LOG_RATIO, Math.max(-MAX_LOG_RATIO, logRatio)))))
}

function centreAndSize(boxes: Float32Array, at: number) {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = boxes.subarray(at, at + 4)
  return {
    x: fround(fround(x1 + x2) * 0.5),
    y: fround(fround(y1 + y2) * 0.5),
    width: fround(x2 - x1),
    height: fround(y2 - y1),
  }
}

function checkRows(name: string, boxes: Float32Array): void {
  if (boxes.length % 4 !== 0) throw new ShapeError(`${name} has ${boxes.length} values, expected a multiple of 4`)
}
