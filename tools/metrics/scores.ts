// The scores of a tracker's results: one shape for all three protocols, so that tables and plots need no case for each.
// The measures and the axes of the curves say what they are; rows (all sequences, one sequence, one attribute) hold
// their values.

import type { Protocol } from '../benchmarks/types.ts'

/**
 * - `ope`: success, precision, normPrecision (percent), meanOverlap (0..1)
 * - `got10k`: ao, sr50, sr75 (0..1)
 * - `vot`: eao, accuracy (0..1), robustness (failures per 100 frames), failures (count)
 */
export type MeasureName =
  | 'success'
  | 'precision'
  | 'normPrecision'
  | 'meanOverlap'
  | 'ao'
  | 'sr50'
  | 'sr75'
  | 'eao'
  | 'accuracy'
  | 'robustness'
  | 'failures'

export interface Measure {
  readonly name: MeasureName
  /** For the head of a column, such as `Success (AUC)`. */
  readonly title: string
  /** `percent` 0..100, `ratio` 0..1, `count`, or `per 100 frames`. */
  readonly unit: 'percent' | 'ratio' | 'count' | 'per 100 frames'
  readonly better: 'higher' | 'lower'
  /** Digits after the point that are worth showing. */
  readonly digits: number
  /** One sentence: how it is computed. */
  readonly meaning: string
}

/** `success`, `precision` and `normPrecision`: shares of frames, 0..1; `expectedOverlap`: overlap, 0..1. */
export type CurveName = 'success' | 'precision' | 'normPrecision' | 'expectedOverlap'

export interface Axis {
  readonly name: CurveName
  /** Title of the plot, such as `Success plot`. */
  readonly title: string
  /** What the thresholds are, with the unit. */
  readonly x: string
  readonly y: string
  /** Ascending. The values of a curve belong to these, one by one. */
  readonly thresholds: readonly number[]
  /** The measure that a legend shows beside the tracker's name. */
  readonly measure: MeasureName
}

export interface ScoreRow {
  /** Name of the sequence or attribute; `all` for the row of everything. */
  readonly name: string
  /** How many sequences it is made of. */
  readonly sequences: number
  /** Frames in the denominators. */
  readonly frames: number
  /** What could not be computed (accuracy where every frame is skipped, EAO of one sequence) is absent. */
  readonly values: Readonly<Partial<Record<MeasureName, number>>>
  /** As long as the axis' thresholds. */
  readonly curves: Readonly<Partial<Record<CurveName, readonly number[]>>>
}

export interface SequenceRow extends ScoreRow {
  readonly attributes: readonly string[]
}

export interface LeftOut {
  readonly name: string
  /** Such as `no result`, or that the data set keeps its truth to itself. */
  readonly reason: string
}

export interface Scores {
  readonly protocol: Protocol
  /** Frames that do not show the object count as failures (OPE). */
  readonly onlyEvalVisible: boolean
  /** In the order in which tables show them; the first is the one that trackers are ranked by. */
  readonly measures: readonly Measure[]
  readonly axes: readonly Axis[]
  readonly overall: ScoreRow
  /** In the benchmark's order. */
  readonly sequences: readonly SequenceRow[]
  /** By name; empty where the data set has none. VOT's are made of the frames that carry the tag. */
  readonly attributes: readonly ScoreRow[]
  /** Sequences that are in no number above. */
  readonly leftOut: readonly LeftOut[]
}

export interface ScoreOptions {
  /** MMTracking's `only_eval_visible` (OPE): false. */
  readonly onlyEvalVisible?: boolean
  /** Frames after a start that accuracy leaves out (VOT): 10. */
  readonly burnin?: number
  /** Lengths that EAO is the mean over (VOT), both included: [100, 356], those of VOT2018. */
  readonly interval?: readonly [from: number, to: number]
}
