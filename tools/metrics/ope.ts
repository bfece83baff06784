// One-pass evaluation (OTB, LaSOT, TrackingNet): success, precision and normalised precision, number for number as
// MMTracking 0.14's `eval_sot_ope` computes them (overlaps in float32, all frames in the denominator). Each frame is sorted
// into the bin of the first threshold that it fails or meets; a curve is a running sum over bins.

import type { Box, Corners } from 'siamrpn'
import { mean } from './mean.ts'

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

/** Boxes of a video, x1, y1, x2, y2 one after the other. */
export interface PackedVideo {
  readonly results: Float64Array
  readonly truth: Float64Array
  /** 0: the frame counts as a failure of everything. */
  readonly judged: Uint8Array
}

export const overlapThresholds: readonly number[] = Array.from({ length: 21 }, (_, index) => index * 0.05)
export const pixelThresholds: readonly number[] = Array.from({ length: 51 }, (_, index) => index)
export const relativeThresholds: readonly number[] = pixelThresholds.map((value) => value / 100)
/** 20 pixels and 0.2 box sizes. */
const reported = 20
const unionFloor = Math.fround(1e-6)
const sizeFloor = 1e-16

/**
 * Success, precision and normalised precision over videos (each counts the same), as MMTracking's `eval_sot_ope`.
 * Its convention for frames whose ground truth is no box (NaN or without area): a failure of success, but a hit of precision
 * where the centre is not inside the positive quadrant. Mark such frames invisible to count them as failures of all three.
 */
export function evaluateOpe(videos: readonly OpeVideo[]): OpeScores {
  const perVideo = videos.map((video) => opeCurves(pack(video)))
  return { ...opeMeasures(perVideo), perVideo }
}

/** The three numbers, percent, of videos' curves. */
export function opeMeasures(curves: readonly OpeCurves[]): Omit<OpeScores, 'perVideo'> {
  return {
    success: 100 * mean(curves.map(({ success }) => mean(success))),
    precision: 100 * mean(curves.map(({ precision }) => precision[reported] ?? 0)),
    normPrecision: 100 * mean(curves.map(({ normPrecision }) => normPrecision[reported] ?? 0)),
  }
}

/** Mean overlap over all frames, 0..1; frames without ground truth count as zero. */
export function meanOverlap(results: readonly Box[], groundTruth: readonly (Box | undefined)[]): number {
  return mean(
    results.map((box, index) => {
      const truth = groundTruth[index]
      if (!truth) return 0
      return Math.max(0, truthOverlap(Float64Array.from(toCorners(truth)), Float64Array.from(toCorners(box)), 0))
    }),
  )
}

/** Intersection over union, 0..1, each operation rounded to float32 as numpy does it there. */
export function overlap(a: Corners, b: Corners): number {
  return overlapAt(Float64Array.from(a), Float64Array.from(b), 0)
}

export function toCorners({ x, y, width, height }: Box): Corners {
  return [x, y, x + width, y + height]
}

/** Overlaps of one video, one per frame: -1 where the truth is no box, NaN in frames that are not judged. */
export function opeOverlaps({ results, truth, judged }: PackedVideo): Float64Array {
  const overlaps = new Float64Array(judged.length).fill(Number.NaN)
  for (let frame = 0; frame < overlaps.length; frame++) {
    if (judged[frame] !== 0) overlaps[frame] = truthOverlap(truth, results, frame * 4)
  }
  return overlaps
}

/** The curves of one video. @param found its `opeOverlaps`, if they are there already */
export function opeCurves(video: PackedVideo, found: Float64Array = opeOverlaps(video)): OpeCurves {
  const { results, truth, judged } = video
  const frames = judged.length
  const overlaps = new Float64Array(overlapThresholds.length + 1)
  const pixels = new Float64Array(pixelThresholds.length + 1)
  const relative = new Float64Array(relativeThresholds.length + 1)
  for (let frame = 0, at = 0; frame < frames; frame++, at += 4) {
    if (judged[frame] === 0) continue
    bump(overlaps, exceeded(value(found, frame)))
    bump(pixels, firstMet(distance(truth, results, at, false), pixelThresholds, 1))
    bump(relative, firstMet(distance(truth, results, at, true), relativeThresholds, 100))
  }
  return {
    success: sharesAbove(overlaps, frames),
    precision: sharesUpTo(pixels, frames),
    normPrecision: sharesUpTo(relative, frames),
  }
}

/** Overlap of the boxes at `at`, -1 where the truth there is no box. */
function truthOverlap(truth: Float64Array, results: Float64Array, at: number): number {
  const isBox = value(truth, at + 2) > value(truth, at) && value(truth, at + 3) > value(truth, at + 1)
  return isBox ? overlapAt(truth, results, at) : -1
}

function pack({ results, groundTruth, visible }: OpeVideo): PackedVideo {
  const packed = {
    results: new Float64Array(results.length * 4),
    truth: new Float64Array(results.length * 4),
    judged: new Uint8Array(results.length),
  }
  for (const [frame, result] of results.entries()) {
    const truth = groundTruth[frame]
    packed.results.set(result, frame * 4)
    if (truth) packed.truth.set(truth, frame * 4)
    packed.judged[frame] = truth && visible?.[frame] !== false ? 1 : 0
  }
  return packed
}

function overlapAt(a: Float64Array, b: Float64Array, at: number): number {
  const f = Math.fround
  const ax1 = f(value(a, at))
  const ay1 = f(value(a, at + 1))
  const ax2 = f(value(a, at + 2))
  const ay2 = f(value(a, at + 3))
  const bx1 = f(value(b, at))
  const by1 = f(value(b, at + 1))
  const bx2 = f(value(b, at + 2))
  const by2 = f(value(b, at + 3))
  const areaA = f(f(ax2 - ax1) * f(ay2 - ay1))
  const areaB = f(f(bx2 - bx1) * f(by2 - by1))
  const width = Math.max(0, f(Math.min(ax2, bx2) - Math.max(ax1, bx1)))
  const height = Math.max(0, f(Math.min(ay2, by2) - Math.max(ay1, by1)))
  const shared = f(width * height)
  return f(shared / Math.max(f(f(areaA + areaB) - shared), unionFloor))
}

/** Distance of the centres, in pixels or true box sizes; -1 where the true centre is not inside the positive quadrant. */
function distance(truth: Float64Array, result: Float64Array, at: number, inSizes: boolean): number {
  const x1 = value(truth, at)
  const y1 = value(truth, at + 1)
  const x2 = value(truth, at + 2)
  const y2 = value(truth, at + 3)
  const unitX = inSizes ? x2 - x1 + sizeFloor : 1
  const unitY = inSizes ? y2 - y1 + sizeFloor : 1
  const x = (0.5 * (x2 + x1)) / unitX
  const y = (0.5 * (y2 + y1)) / unitY
  if (!(x > 0 && y > 0)) return -1
  const dx = x - (0.5 * (value(result, at + 2) + value(result, at))) / unitX
  const dy = y - (0.5 * (value(result, at + 3) + value(result, at + 1))) / unitY
  return Math.sqrt(dx * dx + dy * dy)
}

/** How many of the overlap thresholds are exceeded. NaN exceeds none. */
function exceeded(found: number): number {
  if (!(found > 0)) return 0
  let count = Math.min(overlapThresholds.length, Math.floor(found * 20))
  while (count < overlapThresholds.length && found > (overlapThresholds[count] ?? 0)) count++
  while (count > 0 && !(found > (overlapThresholds[count - 1] ?? 0))) count--
  return count
}

/** The first threshold that `found` does not exceed, as an index; their number if it exceeds all or is NaN. */
function firstMet(found: number, thresholds: readonly number[], perUnit: number): number {
  const count = thresholds.length
  if (!(found <= (thresholds[count - 1] ?? 0))) return count
  let index = Math.max(0, Math.ceil(found * perUnit))
  while (index > 0 && found <= (thresholds[index - 1] ?? 0)) index--
  while (index < count && !(found <= (thresholds[index] ?? 0))) index++
  return index
}

function bump(bins: Float64Array, bin: number): void {
  bins[bin] = value(bins, bin) + 1
}

/** The share of frames above each threshold, from bins by how many thresholds are exceeded. */
function sharesAbove(bins: Float64Array, frames: number): number[] {
  const shares = new Array<number>(bins.length - 1)
  let above = 0
  for (let index = bins.length - 2; index >= 0; index--) {
    above += value(bins, index + 1)
    shares[index] = above / frames
  }
  return shares
}

/** The share of frames that meet each threshold, from bins by the first threshold that is met. */
function sharesUpTo(bins: Float64Array, frames: number): number[] {
  let met = 0
  return Array.from(bins.subarray(0, -1), (count) => {
    met += count
    return met / frames
  })
}

/** An element that is there. */
function value(array: Float64Array, index: number): number {
  return array[index] ?? Number.NaN
}
