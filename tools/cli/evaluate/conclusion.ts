// Concludes an evaluation: scores beside those of other trackers, tables, summary.json, result files, the report.

import { basename, join } from 'node:path'
import { writeSubmission } from '../../benchmarks/results/write-submission.ts'
import type { SequenceResult } from '../../benchmarks/types.ts'
import type { EvaluationOutcome } from '../../evaluation/run-evaluation.ts'
import { framesPerSecond, summarise } from '../../evaluation/summary.ts'
import { writeWhole } from '../../frames/atomic.ts'
import { score } from '../../metrics/score.ts'
import type { Scores } from '../../metrics/scores.ts'
import type { ReportData } from '../../report/data.ts'
import { counted, formatRate } from '../../report/numbers.ts'
import { fact, note, print, type Terminal } from '../terminal.ts'
import type { EvaluationData } from './data.ts'
import type { EvaluationModel } from './model.ts'
import { trackerTable, worstTable } from './table.ts'

/** Another tracker's results. */
export interface ComparedTracker {
  readonly name: string
  readonly results: ReadonlyMap<string, SequenceResult>
}

export interface Conclusion {
  readonly model: EvaluationModel
  readonly data: EvaluationData
  readonly compared: readonly ComparedTracker[]
  readonly outcome: EvaluationOutcome
  /** Absent where nothing was left to track. */
  readonly adapter?: string
  readonly out: string
  readonly report: boolean
  readonly signal: AbortSignal
}

/** Scores, prints, and writes everything that an evaluation leaves beside the results. @throws OutputError; the signal's reason */
export async function conclude(terminal: Terminal, conclusion: Conclusion): Promise<void> {
  const { model, data, compared, outcome, out } = conclusion
  const { benchmark } = data
  const ours = { name: model.trackerName, results: outcome.results, scores: scoresOf(data, outcome.results) }
  const others = compared.map(({ name, results }) => ({ name, results, scores: scoresOf(data, results) }))
  printSpeed(terminal, outcome)
  for (const lines of [trackerTable([ours, ...others]), worstTable(ours.scores)]) {
    if (lines.length > 0) print(terminal, `\n${lines.join('\n')}`)
  }
  print(terminal)
  noteGaps(terminal, outcome, ours.scores)
  const date = new Date().toISOString()
  const { checkpoint, sha256, configName } = model
  const { adapter } = conclusion
  const about = {
    date,
    checkpoint: String(checkpoint),
    sha256,
    config: configName,
    parameters: model.parameters,
    adapter,
  }
  const summary = summarise({ tracker: ours.name, benchmark, scores: ours.scores, outcome, about })
  const written = [join(out, 'summary.json')]
  await writeWhole(join(out, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`)
  written.push(...(await submit(conclusion)))
  if (conclusion.report) {
    const report = {
      benchmark,
      ours,
      others,
      run: reportRun(conclusion, date),
      ...(data.read && { read: data.read }),
    } satisfies ReportData
    const { writeReport } = await import('../../report/write-report.ts')
    written.push((await writeReport(out, report, { signal: conclusion.signal })).page)
  }
  print(terminal, fact('wrote', written.join(', ')))
}

/** Result files as the benchmark wants them. VOT's toolkit looks for them below the tracker's name. */
async function submit({ out, data: { benchmark }, model, outcome }: Conclusion): Promise<string[]> {
  const all = join(out, 'submission')
  const folder = benchmark.type === 'vot2018' ? join(all, model.trackerName) : all
  const written = await writeSubmission(folder, benchmark, outcome.results)
  return [`${all}/`, ...written.filter((file) => file.endsWith('.zip'))]
}

function scoresOf({ benchmark, onlyVisible, interval }: EvaluationData, results: ReadonlyMap<string, SequenceResult>) {
  return score(benchmark, results, { onlyEvalVisible: onlyVisible, ...(interval && { interval }) })
}

function printSpeed(terminal: Terminal, outcome: EvaluationOutcome): void {
  const rate = framesPerSecond(outcome)
  if (rate === undefined) return
  const { frames, seconds, videosBefore } = outcome
  const before = videosBefore > 0 ? `, without the ${counted(videosBefore, 'video')} of an earlier run` : ''
  const speed = `${formatRate(rate)} frames per second`
  print(terminal, fact('tracked', `${frames} frames in ${seconds.toFixed(1)} s: ${speed}${before}`))
}

/** What is missing from the scores, and why. */
function noteGaps(terminal: Terminal, { failures, results }: EvaluationOutcome, { leftOut, sequences }: Scores): void {
  for (const { name, message } of failures) note(terminal, `error: ${name}: ${message}`)
  if (failures.length > 0) {
    const all = results.size + failures.length
    note(terminal, `${failures.length} of ${all} videos could not be tracked; --resume tries them again`)
  }
  const other = leftOut.filter(({ name }) => results.has(name))
  const [first] = other
  if (first && sequences.length === 0) note(terminal, `no scores: ${first.reason}`)
  else for (const { name, reason } of other) note(terminal, `not in the scores: ${name}: ${reason}`)
}

function reportRun({ model, outcome, adapter, data }: Conclusion, date: string): ReportData['run'] {
  const { configName, checkpoint, sha256, parameters } = model
  const rate = framesPerSecond(outcome)
  return {
    ...(configName === undefined ? {} : { config: configName }),
    checkpoint: { name: basename(String(checkpoint)), sha256 },
    parameters,
    ...(adapter === undefined ? {} : { adapter }),
    ...(rate === undefined ? {} : { framesPerSecond: rate, videosBefore: outcome.videosBefore }),
    date,
    facts: { Protocol: protocols[data.benchmark.protocol] },
  }
}

const protocols = {
  ope: 'one pass, from the first frame to the last',
  got10k: 'one pass, from the first frame to the last',
  vot: 'supervised: begun anew five frames after a failure',
} as const
