// The data that a report of an evaluation is made from. All of it is plain data, so that the page can be made again at
// any time from the files of a results folder, without tracking.

import type { Benchmark, SequenceResult } from '../benchmarks/types.ts'
import type { ReadFrame } from '../evaluation/sequence-video.ts'
import type { Scores } from '../metrics/scores.ts'
import type { TrainingLog } from './training-log.ts'

/** A tracker with what it made of the benchmark. */
export interface ReportTracker {
  /** Shown in legends and tables, such as `SiamRPN++ r50` or `DiMP`. */
  readonly name: string
  /** By the names of the sequences. */
  readonly results: ReadonlyMap<string, SequenceResult>
  readonly scores: Scores
}

/** The circumstances of an evaluation; JSON as it stands. What is unknown is absent. */
export interface ReportRun {
  /** The configuration's name. */
  readonly config?: string
  /** File name, and SHA-256 of the file in hexadecimal. */
  readonly checkpoint?: { readonly name: string; readonly sha256?: string }
  /** Numbers that training adjusts. */
  readonly parameters?: number
  /** The GPU, in its driver's words. */
  readonly adapter?: string
  /** Speed on the frames that the last run tracked, decoding included. */
  readonly framesPerSecond?: number
  /** Videos that an earlier run had tracked already, so that their frames are not in `framesPerSecond`. */
  readonly videosBefore?: number
  /** ISO 8601. */
  readonly date?: string
  /** More to say, name to value. */
  readonly facts?: Readonly<Record<string, string>>
}

export interface ReportData {
  readonly benchmark: Benchmark
  readonly ours: ReportTracker
  /** Trackers to compare with, in any order: plots and tables sort them by score. */
  readonly others: readonly ReportTracker[]
  readonly run: ReportRun
  /** Frames of the benchmark; absent: from its image files. */
  readonly read?: ReadFrame
  /** Log of the training that made the model. */
  readonly training?: TrainingLog
}
