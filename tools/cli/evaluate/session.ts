// An evaluation of the command line: data, model, what an earlier run left; then tracking, and what came of it.

import { join } from 'node:path'
import type { Precision } from 'siamrpn'
import type { SequenceResult } from '../../benchmarks/types.ts'
import { ResultStore } from '../../evaluation/result-store.ts'
import { type EvaluationOutcome, runEvaluation } from '../../evaluation/run-evaluation.ts'
import type { CommandContext } from '../context.ts'
import { interruptedCode, orInterrupted } from '../interrupt.ts'
import { LoadDisplay } from '../load-display.ts'
import type { ComparedFolder } from '../options.ts'
import { startProgress } from '../progress.ts'
import { fact, note, print, type Terminal } from '../terminal.ts'
import { type ComparedTracker, conclude } from './conclusion.ts'
import { type DataOptions, type EvaluationData, openEvaluationData, readsTestData } from './data.ts'
import { describeRun, openResults } from './folder.ts'
import type { LoadedTrackers } from './load-trackers.ts'
import { type EvaluationModel, evaluationModel, type ModelOptions } from './model.ts'
import { EvaluationProgress } from './progress.ts'

export interface EvaluateOptions extends ModelOptions, DataOptions {
  readonly out?: string
  readonly resume?: true
  readonly precision: Precision
  readonly parallel?: number
  readonly compare?: readonly ComparedFolder[]
  readonly report: boolean
}

/** @returns the exit code */
export async function evaluate(
  context: CommandContext,
  options: EvaluateOptions,
  signal: AbortSignal,
): Promise<number> {
  const { terminal } = context
  const model = await evaluationModel(options, readsTestData(options))
  const data = await openEvaluationData(options, model.config, (line) => note(terminal, line))
  const compared = await openCompared(terminal, options, data)
  const out = options.out ?? join('work_dirs', 'evaluation', model.trackerName, data.name)
  const store = await ResultStore.open(out, describeRun(model, data, options), { resume: options.resume ?? false })
  const done = await store.load(data.benchmark.sequences)
  printPlan(terminal, model, data, done)
  const tracked = await track(context, { model, data, store, done, options }, signal)
  const { outcome } = tracked
  const howFar = `${outcome.results.size} of ${counted(data.benchmark.sequences.length, 'video')} done`
  if (outcome.interrupted) return interrupted(terminal, out, howFar)
  try {
    await conclude(terminal, { model, data, compared, ...tracked, out, report: options.report, signal })
  } catch (error) {
    if (signal.aborted) return interrupted(terminal, out, howFar)
    throw error
  }
  return outcome.failures.length > 0 ? 1 : 0
}

function interrupted(terminal: Terminal, out: string, howFar: string): number {
  note(terminal, `interrupted with ${howFar}; the same command with --out ${out} --resume goes on`)
  return interruptedCode
}

async function openCompared(
  terminal: Terminal,
  { compare = [] }: EvaluateOptions,
  { benchmark }: EvaluationData,
): Promise<ComparedTracker[]> {
  const trackers: ComparedTracker[] = []
  for (const { name, folder } of compare) {
    trackers.push({ name, results: await openResults(folder, benchmark, (line) => note(terminal, line)) })
  }
  return trackers
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
  print(terminal, fact('data', `${title}: ${counted(sequences.length, 'video')}${before}, ${counted(frames, 'frame')}`))
  print(terminal, fact('model', model.title))
  for (const line of model.notes) note(terminal, `note: ${line}`)
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
  const display = new LoadDisplay(startProgress(terminal, 'loading', 100))
  let complete = false
  try {
    const { parallel: count, precision } = options
    const request = { config, checkpoint, count, precision, atMost, onProgress: display.update }
    const loaded = await orInterrupted(loadTrackers(request), signal)
    complete = true
    return loaded
  } finally {
    display.stop(complete)
  }
}

function counted(value: number, name: string): string {
  return `${value} ${name}${value === 1 ? '' : 's'}`
}
