// One-pass evaluation (OTB, LaSOT, TrackingNet): success, precision and normalised precision, number for number as
// MMTracking 0.14's `eval_sot_ope` computes them (overlaps in float32, all frames in the denominator).

import type { Box } from './types.ts'

/** Left, top, right, bottom in pixels. */
export type Corners = readonly [x1: number, y1: number, x2: number, y2: number]

export interface OpeVideo {
  /** One box per frame, the first frame's given box included. */
  readonly results: readonly Corners[]
  readonly groundTruth: readonly Corners[]
  /** Frames to judge; the others count as failures of every measure, because all frames stay in the denominator. */
  readonly visible?: readonly boolean[]
}

/** Shares of the frames, 0..1, per threshold. */
export interface OpeCurves {
  /** Overlap above 0, 0.05 ... 1 (21 values). */
  readonly success: readonly number[]
  /** Centre distance at most 0, 1 ... 50 pixels. */
  readonly precision: readonly number[]
  /** Centre distance, in box widths and heights, at most 0, 0.01 ... 0.5. */
  readonly normPrecision: readonly number[]
}

export interface OpeScores {
  /** Area under the success curve, percent. */
  readonly success: number
  /** Precision at 20 pixels, percent. */
  readonly precision: number
  /** Normalised precision at 0.2, percent. */
  readonly normPrecision: number
  readonly perVideo: readonly OpeCurves[]
}

const overlapThresholds = Array.from({ length: 21 }, (_, index) => index * 0.05)
const pixelThresholds = Array.from({ length: 51 }, (_, index) => index)
const relativeThresholds = pixelThresholds.map((value) => value / 100)
const reported = 20
const unionFloor = Math.fround(1e-6)
const sizeFloor = 1e-16

/**
 * Success, precision and normalised precision over videos (each counts the same), as MMTracking's `eval_sot_ope`.
 * Its convention for frames whose ground truth is no box (all zero): a failure of success, but a hit of precision.
 * Mark such frames invisible to count them as failures of all three.
 */
export function evaluateOpe(videos: readonly OpeVideo[]): OpeScores {
  const perVideo = videos.map(curves)
  const at = (pick: (curve: OpeCurves) => number | undefined) => 100 * mean(perVideo.map((curve) => pick(curve) ?? 0))
  return {
    success: 100 * mean(perVideo.flatMap((curve) => curve.success)),
    precision: at((curve) => curve.precision[reported]),
    normPrecision: at((curve) => curve.normPrecision[reported]),
    perVideo,
  }
}

/** Mean overlap over all frames, 0..1; frames without ground truth count as zero. */
export function meanOverlap(results: readonly Box[], groundTruth: readonly (Box | undefined)[]): number {
  return mean(
    results.map((box, index) => {
      const truth = groundTruth[index]
      return truth ? Math.max(0, truthOverlap(toCorners(truth), toCorners(box))) : 0
    }),
  )
}

/** Intersection over union, 0..1, each operation rounded to float32 as numpy does it there. */
export function overlap(a: Corners, b: Corners): number {
  const f = Math.fround
  const [ax1, ay1, ax2, ay2] = [f(a[0]), f(a[1]), f(a[2]), f(a[3])]
  const [bx1, by1, bx2, by2] = [f(b[0]), f(b[1]), f(b[2]), f(b[3])]
  const areaA = f(f(ax2 - ax1) * f(ay2 - ay1))
  const areaB = f(f(bx2 - bx1) * f(by2 - by1))
  const width = Math.max(0, f(Math.min(ax2, bx2) - Math.max(ax1, bx1)))
  const height = Math.max(0, f(Math.min(ay2, by2) - Math.max(ay1, by1)))
  const shared = f(width * height)
  return f(shared / Math.max(f(f(areaA + areaB) - shared), unionFloor))
}

export function toCorners({ x, y, width, height }: Box): Corners {
  return [x, y, x + width, y + height]
}

function curves({ results, groundTruth, visible }: OpeVideo): OpeCurves {
  const frames = results.flatMap((result, index) => {
    const truth = groundTruth[index]
    return truth && visible?.[index] !== false ? [{ result, truth }] : []
  })
  const overlaps = frames.map(({ result, truth }) => truthOverlap(truth, result))
  const distances = frames.map(({ result, truth }) => distance(truth, result, [1, 1]))
  const relative = frames.map(({ result, truth }) =>
    distance(truth, result, [truth[2] - truth[0] + sizeFloor, truth[3] - truth[1] + sizeFloor]),
  )
  const share = (values: readonly number[], holds: (value: number) => boolean) =>
    values.filter(holds).length / results.length
  return {
    success: overlapThresholds.map((threshold) => share(overlaps, (value) => value > threshold)),
    precision: pixelThresholds.map((threshold) => share(distances, (value) => value <= threshold)),
    normPrecision: relativeThresholds.map((threshold) => share(relative, (value) => value <= threshold)),
  }
}

/** Overlap, or -1 where the ground truth is no box. */
function truthOverlap(truth: Corners, result: Corners): number {
  return truth[2] > truth[0] && truth[3] > truth[1] ? overlap(truth, result) : -1
}

/** Distance of the centres in units of `size`, or -1 where the true centre is not inside the positive quadrant. */
function distance(truth: Corners, result: Corners, [unitX, unitY]: readonly [number, number]): number {
  const x = (0.5 * (truth[2] + truth[0])) / unitX
  const y = (0.5 * (truth[3] + truth[1])) / unitY
  if (!(x > 0 && y > 0)) return -1
  const dx = x - (0.5 * (result[2] + result[0])) / unitX
  const dy = y - (0.5 * (result[3] + result[1])) / unitY
  return Math.sqrt(dx * dx + dy * dy)
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
