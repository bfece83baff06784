// Writes summary.json: the outcome of an evaluation, for scripts. Numbers are complete; the terminal's table rounds
// them.

import type { Benchmark } from '../benchmarks/types.ts'
import type { Scores } from '../metrics/scores.ts'
import type { JsonRecord } from './result-store.ts'
import type { EvaluationOutcome } from './run-evaluation.ts'

export interface SummaryInput {
  readonly tracker: string
  readonly benchmark: Benchmark
  readonly scores: Scores
  readonly outcome: EvaluationOutcome
  /** Circumstances: model, data set, adapter. */
  readonly about: JsonRecord
}

/** As plain JSON. */
export function summarise({ tracker, benchmark, scores, outcome, about }: SummaryInput): JsonRecord {
  const { title, type, protocol, sequences } = benchmark
  const { frames, seconds, videosBefore, failures, results } = outcome
  return {
    format: 'siamrpn-summary',
    tracker,
    benchmark: { type, title, protocol, sequences: sequences.length },
    /** Whether every sequence has a result. */
    complete: results.size === sequences.length,
    onlyEvalVisible: scores.onlyEvalVisible,
    overall: scores.overall.values,
    attributes: Object.fromEntries(scores.attributes.map(({ name, values }) => [name, values])),
    sequences: scores.sequences.map(({ name, frames: length, values }) => ({ name, frames: length, ...values })),
    leftOut: scores.leftOut,
    failures,
    /** Of a resumed evaluation the last run alone: frames of `videosBefore` videos are not in it. */
    run: { frames, seconds, framesPerSecond: framesPerSecond(outcome), videosBefore },
    ...about,
  }
}

/** Of this run, decoding included; undefined where nothing was tracked. */
export function framesPerSecond({ frames, seconds }: EvaluationOutcome): number | undefined {
  return frames > 0 && seconds > 0 ? frames / seconds : undefined
}
