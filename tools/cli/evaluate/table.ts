// The numbers of an evaluation as a table for the terminal: one row per tracker, and the sequences with the lowest score.

import type { Measure, MeasureName, ScoreRow, Scores } from '../../metrics/scores.ts'
import { alignedTable } from '../terminal.ts'

export interface ScoredTracker {
  readonly name: string
  readonly scores: Scores
}

const worstShown = 5

/** All trackers, the best one first. */
export function trackerTable(trackers: readonly ScoredTracker[]): string[] {
  const measures = trackers[0]?.scores.measures ?? []
  const ranked = [...trackers].sort((a, b) => rank(a.scores.overall, b.scores.overall, measures[0]))
  return alignedTable(
    ['tracker', ...measures.map(({ title }) => title)],
    ranked.map(({ name, scores }) => [name, ...cells(scores.overall, measures)]),
  )
}

/** The sequences in which the tracker did worst. */
export function worstTable({ measures, sequences }: Scores): string[] {
  const scored = sequences.filter(({ values }) => worstBy(measures).some(({ name }) => values[name] !== undefined))
  const by = worstBy(measures).find(({ name }) => scored.some(({ values }) => values[name] !== undefined))
  const worst = [...scored].sort((a, b) => rank(b, a, by)).slice(0, worstShown)
  if (worst.length < 2) return []
  const shown = measures.filter(({ name }) => worst.some(({ values }) => values[name] !== undefined))
  return alignedTable(
    ['worst', 'frames', ...shown.map(({ title }) => title)],
    worst.map((row) => [row.name, String(row.frames), ...cells(row, shown)]),
  )
}

/** Failures say more of one sequence than the expected overlap, which it does not have. */
function worstBy(measures: readonly Measure[]): readonly Measure[] {
  const failures = measures.filter(({ name }) => name === 'failures')
  return [...failures, ...measures]
}

/** Negative where `a` is better. */
function rank(a: ScoreRow, b: ScoreRow, measure: Measure | undefined): number {
  if (!measure) return 0
  const [x, y] = [a, b].map(({ values }) => values[measure.name])
  if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined)
  return measure.better === 'higher' ? y - x : x - y
}

function cells(
  { values }: { readonly values: Readonly<Partial<Record<MeasureName, number>>> },
  measures: readonly Measure[],
) {
  return measures.map(({ name, digits }) => values[name]?.toFixed(digits) ?? '-')
}
