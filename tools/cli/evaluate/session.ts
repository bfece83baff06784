// An evaluation of the command line: data, model, what an earlier run left; then tracking, and what came of it.

import { join } from 'node:path'
import type { Precision } from 'siamrpn'
import type { SequenceResult } from '../../benchmarks/types.ts'
import { agree, onAllRanks } from '../../distributed/agreement.ts'
import { divide } from '../../distributed/handover.ts'
import type { MpiCollective } from '../../distributed/mpi-collective.ts'
import { shareJson } from '../../distributed/share.ts'
import { ResultStore } from '../../evaluation/result-store.ts'
import { type EvaluationOutcome, runEvaluation } from '../../evaluation/run-evaluation.ts'
import { runSharedEvaluation } from '../../evaluation/shared-evaluation.ts'
import type { CommandContext } from '../context.ts'
import { interruptedCode, isAbort, orInterrupted } from '../interrupt.ts'
import { byRank0 } from '../launcher.ts'
import { LoadDisplay } from '../load-display.ts'
import { openRankDevice } from '../open-device.ts'
import type { ComparedFolder } from '../options.ts'
import { startProgress } from '../progress.ts'
import { fact, note, print, type Terminal } from '../terminal.ts'
import { type ComparedTracker, conclude } from './conclusion.ts'
import { type DataOptions, type EvaluationData, openEvaluationData, readsTestData } from './data.ts'
import { describeRun, describeWork, openResults } from './folder.ts'
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
  readonly deviceIndex?: number
}

/**
 * @param collective the ranks that evaluate together; only rank 0 reads and writes the output folder, and says anything
 * @returns the exit code, the same on all ranks
 */
export async function evaluate(
  context: CommandContext,
  options: EvaluateOptions,
  signal: AbortSignal,
  collective?: MpiCollective,
): Promise<number> {
  const { terminal } = context
  const onAll = onAllRanks(collective)
  const model = await onAll('the model', async () => await evaluationModel(options, readsTestData(options)))
  const data = await onAll('the data', async () => {
    return await openEvaluationData(options, model.config, (line) => note(terminal, line))
  })
  const { precision } = options
  if (collective) await agree(collective, { ...describeWork(model, data), options: { precision } })
  const out = options.out ?? join('work_dirs', 'evaluation', model.trackerName, data.name)
  const folder = await onAll('the output folder', async () => {
    if (collective && collective.rank > 0) return undefined
    const compared = await openCompared(terminal, options, data)
    const store = await ResultStore.open(out, describeRun(model, data, options), { resume: options.resume ?? false })
    return { compared, store, done: await store.load(data.benchmark.sequences) }
  })
  const { compared = [], store, done = new Map<string, SequenceResult>() } = folder ?? {}
  printPlan(terminal, model, data, done)
  const howFarWith = (videos: number) => `${videos} of ${counted(data.benchmark.sequences.length, 'video')} done`
  let tracked: Tracked
  try {
    tracked = await track(context, { model, data, store, done, options, collective }, signal)
  } catch (error) {
    if (isAbort(error)) return interrupted(terminal, out, howFarWith(done.size)) // while the trackers were loaded
    throw error
  }
  const { outcome } = tracked
  const howFar = howFarWith(outcome.results.size)
  if (outcome.interrupted) return interrupted(terminal, out, howFar)
  return await byRank0(collective, async () => {
    try {
      await conclude(terminal, { model, data, compared, ...tracked, out, report: options.report, signal })
    } catch (error) {
      if (signal.aborted) return interrupted(terminal, out, howFar)
      throw error
    }
    return outcome.failures.length > 0 ? 1 : 0
  })
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
  /** Absent on the ranks that write nothing, as the results of an earlier run are. */
  readonly store: ResultStore | undefined
  readonly done: ReadonlyMap<string, SequenceResult>
  readonly options: EvaluateOptions
  readonly collective: MpiCollective | undefined
}

interface Tracked {
  readonly outcome: EvaluationOutcome
  /** Absent where nothing was left to track. */
  readonly adapter?: string
}

async function track(context: CommandContext, work: Work, signal: AbortSignal): Promise<Tracked> {
  const { terminal } = context
  const { data, store, done, collective } = work
  const { benchmark, read } = data
  const names = new Set(collective ? await shareJson(collective, 'what is done', [...done.keys()]) : done.keys())
  const waiting = benchmark.sequences.filter(({ name }) => !names.has(name))
  const save = async (result: SequenceResult) => await store?.save(result)
  const run = { benchmark, done, ...(read && { read }), save, signal }
  if (waiting.length === 0) return { outcome: await runEvaluation({ ...run, trackers: [] }) }
  const { rank, ranks } = collective ?? { rank: 0, ranks: 1 }
  const part = divide(waiting, ranks, ({ images }) => images.length)[rank] ?? []
  const loading = async () => (part.length > 0 ? await load(context, work, part.length, signal) : undefined)
  const loaded = await onAllRanks(collective)('the trackers', loading)
  const { adapter, trackers = [] } = loaded ?? {}
  const at = trackers.length > 1 ? `, ${trackers.length} videos at once` : ''
  print(terminal, fact('adapter', `${adapter}${at}${ranks > 1 ? `, ${ranks} ranks` : ''}`))
  const progress = new EvaluationProgress(terminal, waiting)
  const own = { ...run, trackers, onFrame: progress.frame }
  try {
    const outcome = collective
      ? await runSharedEvaluation(collective, { ...own, part, onOther: progress.video })
      : await runEvaluation(own)
    return { outcome, ...(adapter !== undefined && { adapter }) }
  } finally {
    progress.stop()
    await loaded?.close()
  }
}

async function load(
  { terminal, loadTrackers }: CommandContext,
  { model: { config, checkpoint }, options, collective }: Work,
  atMost: number,
  signal: AbortSignal,
): Promise<LoadedTrackers> {
  const display = new LoadDisplay(startProgress(terminal, 'loading', 100))
  let complete = false
  try {
    const { parallel: count, precision, deviceIndex } = options
    const chosen = collective !== undefined || deviceIndex !== undefined
    const open = chosen ? async () => await openRankDevice(collective, deviceIndex) : undefined
    const request = { config, checkpoint, count, precision, atMost, onProgress: display.update, open }
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
