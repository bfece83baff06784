// An evaluation of the command line: data, model, what an earlier run left; then tracking, and what came of it.

import { basename, join } from 'node:path'
import { writeWhole } from '../data/atomic.ts'
import type { SequenceResult } from '../data/benchmarks/types.ts'
import { score } from '../data/metrics/score.ts'
import { ResultStore, type RunDescription } from '../train/evaluation/result-store.ts'
import { type EvaluationOutcome, runEvaluation } from '../train/evaluation/run-evaluation.ts'
import { framesPerSecond, summarise } from '../train/evaluation/summary.ts'
import type { CommandContext } from './context.ts'
import type { EvaluateOptions } from './evaluate.ts'
import { type EvaluationData, openEvaluationData } from './evaluation-data.ts'
import { type EvaluationModel, evaluationModel } from './evaluation-model.ts'
import { EvaluationProgress } from './evaluation-progress.ts'
import { trackerTable, worstTable } from './evaluation-table.ts'
import { interruptedCode, orInterrupted } from './interrupt.ts'
import type { LoadedTrackers } from './load-trackers.ts'
import { startProgress } from './progress.ts'
import { writeReport } from './report/write-report.ts'
import { fact, note, print, type Terminal } from './terminal.ts'

/** @returns the exit code */
export async function evaluate(
  context: CommandContext,
  options: EvaluateOptions,
  signal: AbortSignal,
): Promise<number> {
  const { terminal } = context
  const model = await evaluationModel(options)
  const data = await openEvaluationData(options, model.config, (line) => note(terminal, line))
  const out = options.out ?? join('work_dirs', 'evaluation', model.trackerName, data.name)
  const store = await ResultStore.open(out, describe(model, data), { resume: options.resume ?? false })
  const done = await store.load(data.benchmark.sequences)
  printPlan(terminal, model, data, done)
  const { outcome, adapter } = await track(context, { model, data, store, done, options }, signal)
  if (outcome.interrupted) {
    const { length } = data.benchmark.sequences
    note(terminal, `interrupted: ${outcome.results.size} of ${length} videos are in ${out}; --resume goes on with it`)
    return interruptedCode
  }
  await conclude(terminal, { model, data, out, outcome, adapter, options }, signal)
  return outcome.failures.length > 0 ? 1 : 0
}

/** Whatever decides about the results is in the fingerprint. */
function describe(model: EvaluationModel, data: EvaluationData): RunDescription {
  const { sha256, config, trackerName, checkpoint } = model
  return {
    fingerprint: { sha256, model: config.model, ...data.fingerprint },
    about: { tracker: trackerName, checkpoint: String(checkpoint), benchmark: data.benchmark.title },
  }
}

function printPlan(
  terminal: Terminal,
  model: EvaluationModel,
  { benchmark }: EvaluationData,
  done: ReadonlyMap<string, SequenceResult>,
): void {
  const { title, sequences } = benchmark
  const frames = sequences.reduce((sum, { images }) => sum + images.length, 0)
  const before = done.size > 0 ? `, ${done.size} of them done before` : ''
  print(terminal, fact('data', `${title}: ${count(sequences.length, 'video')}${before}, ${count(frames, 'frame')}`))
  print(terminal, fact('model', model.title))
}

interface Work {
  readonly model: EvaluationModel
  readonly data: EvaluationData
  readonly store: ResultStore
  readonly done: ReadonlyMap<string, SequenceResult>
  readonly options: EvaluateOptions
}

interface Tracked {
  readonly outcome: EvaluationOutcome
  /** Absent where nothing was left to track. */
  readonly adapter?: string
}

async function track(context: CommandContext, work: Work, signal: AbortSignal): Promise<Tracked> {
  const { terminal } = context
  const { data, store, done } = work
  const { benchmark, read } = data
  const waiting = benchmark.sequences.filter(({ name }) => !done.has(name))
  const run = { benchmark, done, ...(read && { read }), save: (result: SequenceResult) => store.save(result), signal }
  if (waiting.length === 0) return { outcome: await runEvaluation({ ...run, trackers: [] }) }
  const loaded = await load(context, work, waiting.length, signal)
  const { adapter, trackers } = loaded
  print(terminal, fact('adapter', `${adapter}${trackers.length > 1 ? `, ${trackers.length} videos at once` : ''}`))
  const progress = new EvaluationProgress(terminal, waiting)
  try {
    return { outcome: await runEvaluation({ ...run, trackers, onFrame: progress.frame }), adapter }
  } finally {
    progress.stop()
    await loaded.close()
  }
}

async function load(
  { terminal, loadTrackers }: CommandContext,
  { model: { config, checkpoint }, options }: Work,
  atMost: number,
  signal: AbortSignal,
): Promise<LoadedTrackers> {
  const progress = startProgress(terminal, 'loading', 100)
  const loading = loadTrackers({
    config,
    checkpoint,
    count: options.parallel,
    atMost,
    onProgress: ({ stage, done, total }) => progress.update(total > 0 ? Math.floor((100 * done) / total) : 0, stage),
  })
  try {
    const loaded = await orInterrupted(loading, signal)
    progress.update(100)
    return loaded
  } finally {
    progress.stop()
  }
}

interface Conclusion extends Tracked, Pick<Work, 'model' | 'data' | 'options'> {
  readonly out: string
}

/** Scores, prints and writes what came of it. */
async function conclude(terminal: Terminal, conclusion: Conclusion, signal: AbortSignal): Promise<void> {
  const { model, data, out, outcome, adapter, options } = conclusion
  const { benchmark, onlyVisible } = data
  const { trackerName: tracker, config, sha256, checkpoint } = model
  const scores = score(benchmark, outcome.results, { onlyEvalVisible: onlyVisible })
  const about = { date: new Date().toISOString(), checkpoint: String(checkpoint), sha256, adapter: adapter ?? null }
  const summary = summarise({ tracker, benchmark, scores, outcome, about })
  await writeWhole(join(out, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`)
  const rate = framesPerSecond(outcome)
  const rateFact = rate === undefined ? [] : [fact('speed', `${rate.toFixed(1)} frames/s`)]
  const tables = [trackerTable([{ name: tracker, scores }]), worstTable(scores)].filter(({ length }) => length > 0)
  for (const line of [...rateFact, ...tables.flatMap((lines) => ['', ...lines]), '']) print(terminal, line)
  for (const { name, message } of outcome.failures) note(terminal, `error: ${name}: ${message}`)
  if (outcome.failures.length > 0) {
    const { size } = outcome.results
    note(terminal, `scores are of ${size} of ${count(benchmark.sequences.length, 'video')}; --resume tries the others`)
  }
  const written = [join(out, 'summary.json')]
  if (options.report) {
    const { page } = await writeReport(
      out,
      {
        benchmark,
        ours: { name: tracker, results: outcome.results, scores },
        others: [],
        run: {
          ...(options.config === undefined ? {} : { config: options.config }),
          checkpoint: { name: basename(String(checkpoint)), sha256 },
          ...(adapter === undefined ? {} : { adapter }),
          ...(rate === undefined ? {} : { framesPerSecond: rate }),
          date: about.date,
          facts: { test_mode: config.model.test_cfg.test_mode ?? benchmark.protocol },
        },
      },
      { signal },
    )
    written.push(page)
  }
  print(terminal, fact('wrote', written.join(', ')))
}

function count(value: number, name: string): string {
  return `${value} ${name}${value === 1 ? '' : 's'}`
}
