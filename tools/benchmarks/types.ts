// The types of evaluation data: videos with their truth, whatever layout they come in, and what a tracker answered.
// Readers tell what is wrong with a download instead of throwing, so that one reader serves evaluation, which stops at
// the first error, and `siamrpn dataset check`, which lists them all.

import type { Box } from '../frames/types.ts'

/** The layouts that are read, by the names of `--dataset`. */
export const benchmarkNames = ['lasot', 'otb100', 'uav123', 'trackingnet', 'got10k', 'vot2018', 'folder'] as const

export type BenchmarkName = (typeof benchmarkNames)[number]

/**
 * How a tracker is run and judged: `ope` once from the first frame to the last (success and precision); `got10k` the same,
 * judged by average overlap and success rates; `vot` restarted five frames after a failure (accuracy, robustness, EAO).
 */
export type Protocol = 'ope' | 'got10k' | 'vot'

export interface Sequence {
  /** The benchmark's own name, which result files carry. */
  readonly name: string
  /** Image files in order, one per frame. */
  readonly images: readonly string[]
  /**
   * As the data set gives them, pixels from 0: NaN and boxes without area stay. One per frame; only the first where the data set
   * keeps its truth to itself (test splits of TrackingNet and GOT-10k).
   */
  readonly boxes: readonly Box[]
  /** Whether the object is to be seen, one per box. */
  readonly visible: readonly boolean[]
  /** Corners of polygons: x1, y1 ... x4, y4, one per box; `boxes` holds what encloses them. */
  readonly corners?: readonly (readonly number[])[]
  /** The data set's abbreviations of what makes the sequence hard, such as IV, SV, OCC. */
  readonly attributes: readonly string[]
  /** The same, frame by frame (VOT). */
  readonly frameTags?: Readonly<Record<string, readonly boolean[]>>
  /** GOT-10k: 0 (hidden) to 8 (all of it seen), one per frame. */
  readonly cover?: readonly number[]
  /** Size of its frames in pixels, where the data set says so. */
  readonly size?: { readonly width: number; readonly height: number }
}

export interface Benchmark {
  readonly type: BenchmarkName
  /** Such as `LaSOT (testing set)`. */
  readonly title: string
  readonly protocol: Protocol
  readonly sequences: readonly Sequence[]
}

/** Something that is wrong with a data set or a result file. */
export interface Finding {
  /** `error`: the sequence cannot be used; `warning`: it can, as the official toolkit would. */
  readonly severity: 'error' | 'warning'
  /** File, or `file:line`. */
  readonly place: string
  /** What was found and what was expected. */
  readonly message: string
}

/** Told of each finding. One that throws ends the reading. */
export type Tell = (finding: Finding) => void

/** VOT's marks in a trajectory. */
export const trackMarks = { skipped: 0, init: 1, failure: 2 } as const

/** A frame's answer: a box, or a mark of `trackMarks` (VOT only). */
export type TrackedRegion = Box | 0 | 1 | 2

/** What a tracker made of a sequence. */
export interface SequenceResult {
  readonly name: string
  /** One per frame; in OPE and GOT-10k the first is the given box. */
  readonly regions: readonly TrackedRegion[]
  /** 0..1, one per frame. */
  readonly scores?: readonly number[]
  /** Spent on each frame. */
  readonly seconds?: readonly number[]
}
