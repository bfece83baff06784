// Assigns anchors: each is positive, negative or ignored, by its largest overlap with a ground-truth box. Overlaps and
// thresholds are float32, as in the original, because overlaps that equal a threshold do occur.
// Source: mmdet/core/bbox/assigners/max_iou_assigner.py.

import { bboxOverlaps } from './boxes.ts'
import type { AssignerConfig } from './config.ts'

const { fround } = Math

/** The label of an anchor that is neither positive nor negative. */
const ignoredLabel = -1

/** Result of an assignment. */
export interface Assignment {
  /** `[n]`: 1 + index of the ground-truth box for a positive anchor, 0 for a negative one, -1 for an ignored one. */
  readonly gtIndices: Int32Array
  /** `[n]`: largest overlap of each anchor with any ground-truth box, 0..1; -1 for one that lies in a box to be ignored. */
  readonly maxOverlaps: Float32Array
}

/** An assigner of any kind. */
export interface Assigner {
  /**
   * @param anchors `[n, 4]` x1, y1, x2, y2
   * @param gtBoxes `[k, 4]`, as `anchors`
   */
  assign(anchors: Float32Array, gtBoxes: Float32Array): Assignment
}

/** The assigner that the config entry `model.train_cfg.rpn.assigner` names. */
export function createAssigner(config: AssignerConfig): Assigner {
  return config.type === 'RelativeIoUAssigner' ? new RelativeIoUAssigner(config) : new MaxIoUAssigner(config)
}

type MaxIoUConfig = Extract<AssignerConfig, { type: 'MaxIoUAssigner' }>
type RelativeIoUConfig = Extract<AssignerConfig, { type: 'RelativeIoUAssigner' }>

/** Assigner of type `MaxIoUAssigner`. */
export class MaxIoUAssigner implements Assigner {
  readonly #config: MaxIoUConfig
  readonly #negative: readonly [low: number, high: number]

  constructor(config: MaxIoUConfig) {
    this.#config = config
    const { neg_iou_thr } = config
    this.#negative =
      typeof neg_iou_thr === 'number' ? [0, fround(neg_iou_thr)] : [fround(neg_iou_thr[0]), fround(neg_iou_thr[1])]
  }

  /**
   * Assigns each anchor to a ground-truth box, to the background, or to neither. On equal overlaps the first box wins; with
   * `match_low_quality` each box then takes its best anchors (all of them with `gt_max_assign_all`), the last box winning.
   * @param anchors `[n, 4]` x1, y1, x2, y2.
   * @param gtBoxes `[k, 4]`, as `anchors`.
   * @param ignoreBoxes `[m, 4]`: anchors that lie in them (or that cover them, without `ignore_wrt_candidates`) are ignored;
   *   read only with `ignore_iof_thr` above 0.
   * @throws ShapeError if a length is not a multiple of 4.
   */
  assign(anchors: Float32Array, gtBoxes: Float32Array, ignoreBoxes: Float32Array = new Float32Array(0)): Assignment {
    const count = anchors.length / 4
    const boxes = gtBoxes.length / 4
    const overlaps = bboxOverlaps(gtBoxes, anchors)
    if (boxes === 0) return { gtIndices: new Int32Array(count), maxOverlaps: new Float32Array(count) }
    this.#ignore(overlaps, anchors, ignoreBoxes)
    const gtIndices = new Int32Array(count).fill(ignoredLabel)
    const maxOverlaps = overlaps.slice(0, count)
    const nearest = new Int32Array(count)
    for (let box = 1; box < boxes; box++) {
      for (let i = 0; i < count; i++) {
        const overlap = overlaps[box * count + i] ?? 0
        if (overlap <= (maxOverlaps[i] ?? 0)) continue
        maxOverlaps[i] = overlap
        nearest[i] = box
      }
    }
    const [low, high] = this.#negative
    const positive = fround(this.#config.pos_iou_thr)
    for (let i = 0; i < count; i++) {
      const overlap = maxOverlaps[i] ?? 0
      if (overlap >= positive) gtIndices[i] = 1 + (nearest[i] ?? 0)
      else if (overlap >= low && overlap < high) gtIndices[i] = 0
    }
    if (this.#config.match_low_quality) this.#matchBest(overlaps, boxes, gtIndices)
    return { gtIndices, maxOverlaps }
  }

  /** Gives an overlap of -1 to the anchors that lie in a box to be ignored. */
  #ignore(overlaps: Float32Array, anchors: Float32Array, ignoreBoxes: Float32Array): void {
    const { ignore_iof_thr, ignore_wrt_candidates } = this.#config
    if (ignore_iof_thr <= 0 || ignoreBoxes.length === 0) return
    const threshold = fround(ignore_iof_thr)
    const count = anchors.length / 4
    const ignored = ignoreBoxes.length / 4
    const shares = ignore_wrt_candidates
      ? bboxOverlaps(anchors, ignoreBoxes, { mode: 'iof' })
      : bboxOverlaps(ignoreBoxes, anchors, { mode: 'iof' })
    for (let i = 0; i < count; i++) {
      let share = 0
      for (let j = 0; j < ignored; j++) {
        share = Math.max(share, shares[ignore_wrt_candidates ? i * ignored + j : j * count + i] ?? 0)
      }
      if (share <= threshold) continue
      for (let at = i; at < overlaps.length; at += count) overlaps[at] = -1
    }
  }

  #matchBest(overlaps: Float32Array, boxes: number, gtIndices: Int32Array): void {
    const count = gtIndices.length
    const least = fround(this.#config.min_pos_iou)
    for (let box = 0; box < boxes; box++) {
      const row = overlaps.subarray(box * count, (box + 1) * count)
      let best = 0
      for (let i = 1; i < count; i++) if ((row[i] ?? 0) > (row[best] ?? 0)) best = i
      const largest = row[best] ?? 0
      if (!(largest >= least)) continue
      gtIndices[best] = box + 1
      if (!this.#config.gt_max_assign_all) continue
      for (let i = best; i < count; i++) if (row[i] === largest) gtIndices[i] = box + 1
    }
  }
}

/**
 * Assigner of type `RelativeIoUAssigner`: fixed thresholds, lowered to a share of the best overlap where even the best anchor is
 * poor, so that every object has positives and none of its better anchors counts as background.
 */
export class RelativeIoUAssigner implements Assigner {
  readonly #config: RelativeIoUConfig

  constructor(config: RelativeIoUConfig) {
    this.#config = config
  }

  /** Assigns each anchor to its nearest box, to the background, or to neither. @throws ShapeError as `MaxIoUAssigner` */
  assign(anchors: Float32Array, gtBoxes: Float32Array): Assignment {
    const count = anchors.length / 4
    const boxes = gtBoxes.length / 4
    const overlaps = bboxOverlaps(gtBoxes, anchors)
    const gtIndices = new Int32Array(count)
    const maxOverlaps = new Float32Array(count)
    if (boxes === 0) return { gtIndices, maxOverlaps }
    const { pos_iou_thr, pos_best_ratio, neg_iou_thr, neg_best_ratio } = this.#config
    const thresholds = Array.from({ length: boxes }, (_, box) => {
      const best = overlaps.subarray(box * count, (box + 1) * count).reduce((most, value) => Math.max(most, value), 0)
      return {
        positive: Math.min(pos_iou_thr, pos_best_ratio * best),
        negative: Math.min(neg_iou_thr, neg_best_ratio * best),
      }
    })
    for (let i = 0; i < count; i++) {
      let nearest = 0
      for (let box = 1; box < boxes; box++) {
        if ((overlaps[box * count + i] ?? 0) > (overlaps[nearest * count + i] ?? 0)) nearest = box
      }
      const overlap = overlaps[nearest * count + i] ?? 0
      const { positive = 1, negative = 0 } = thresholds[nearest] ?? {}
      maxOverlaps[i] = overlap
      if (overlap > positive) gtIndices[i] = 1 + nearest
      else if (overlap >= negative) gtIndices[i] = ignoredLabel
    }
    return { gtIndices, maxOverlaps }
  }
}
