// Summarises a finished run: speed, and how well the boxes fit the ground truth.

import type { GroundTruth } from '../../frames/ground-truth.ts'
import type { Tracked } from '../../frames/types.ts'
import { evaluateOpe, meanOverlap, toCorners } from '../../metrics/ope.ts'
import { formatRate } from '../../report/numbers.ts'
import { fact } from '../terminal.ts'
import type { TrackingResult } from './tracking.ts'

/** How well one target's boxes fit. */
export interface Fit {
  /** Area under the success curve, percent. */
  readonly success: number
  /** Within 20 pixels, percent. */
  readonly precision: number
  /** Within 0.2 box sizes, percent. */
  readonly normPrecision: number
  /** 0..1. */
  readonly meanOverlap: number
  /** Frames judged: those that the ground truth has a line for. */
  readonly frames: number
}

/** Frames per second of a run. */
export function rateOf(result: TrackingResult): number {
  return result.seconds > 0 ? result.frames.length / result.seconds : 0
}

/** The line about speed. */
export function speedLine(result: TrackingResult): string {
  const { frames, seconds, trackerSeconds } = result
  const alone = trackerSeconds > 0 ? formatRate(frames.length / trackerSeconds) : '-'
  const rate = `${formatRate(rateOf(result))} frames per second (the tracker alone ${alone})`
  return fact('tracked', `${frames.length} frames in ${seconds.toFixed(1)} s: ${rate}`)
}

/**
 * Judges one target against its ground truth, of which line `start` belongs to the first tracked frame. Frames that the
 * ground truth states as absent (NaN or empty box) count as failures, as in LaSOT's evaluation of visible frames.
 */
export function judge(frames: readonly (readonly Tracked[])[], target: number, truth: GroundTruth, start: number): Fit {
  const boxes = truth.slice(start, start + frames.length)
  const results = boxes.map((_, index) => frames[index]?.[target]?.box ?? { x: 0, y: 0, width: 0, height: 0 })
  const scores = evaluateOpe([
    {
      results: results.map(toCorners),
      groundTruth: boxes.map((box) => (box ? toCorners(box) : [0, 0, 0, 0])),
      visible: boxes.map((box) => box !== undefined && box.width > 0 && box.height > 0),
    },
  ])
  return { ...scores, meanOverlap: meanOverlap(results, boxes), frames: boxes.length }
}

/** The line about fit. */
export function fitLine(name: string, fit: Fit, frames: number): string {
  const measures = [
    `success ${fit.success.toFixed(1)}`,
    `precision ${fit.precision.toFixed(1)} (20 px)`,
    `normalised precision ${fit.normPrecision.toFixed(1)}`,
    `mean overlap ${fit.meanOverlap.toFixed(3)}`,
  ]
  const part = fit.frames < frames ? `; the ground truth covers ${fit.frames} of ${frames} frames` : ''
  return fact(name, `${measures.join(', ')}${part}`)
}
