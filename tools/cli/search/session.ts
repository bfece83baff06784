// A parameter search of the command line: sets, data and model; then tracking under all sets, and which one did best.

import { join } from 'node:path'
import { type Config, parseConfig, type TrackRule } from 'siamrpn'
import type { Device } from 'siamrpn/gpu'
import { heldOutSeeds } from '../../clips/clips.ts'
import { agree, onAllRanks } from '../../distributed/agreement.ts'
import type { MpiCollective } from '../../distributed/mpi-collective.ts'
import { UsageError } from '../../errors.ts'
import { writeWhole } from '../../frames/atomic.ts'
import { judgeMeasures, type SearchMeasure } from '../../search/judge.ts'
import { differentRules, randomRules, ruleGrid, ruleOptions } from '../../search/rules.ts'
import { bestScore, type SearchOutcome, type SearchRun, searchParameters } from '../../search/search.ts'
import { serveSearch, trackingTogether } from '../../search/shared-search.ts'
import { TrackCache } from '../../search/track-cache.ts'
import type { CommandContext } from '../context.ts'
import { type DataOptions, type EvaluationData, openEvaluationData, readsTestData } from '../evaluate/data.ts'
import { describeWork } from '../evaluate/folder.ts'
import { type EvaluationModel, evaluationModel, type ModelOptions } from '../evaluate/model.ts'
import { interruptedCode, isAbort, orInterrupted } from '../interrupt.ts'
import { byRank0 } from '../launcher.ts'
import { LoadDisplay } from '../load-display.ts'
import { openRankDevice } from '../open-device.ts'
import { startProgress } from '../progress.ts'
import { fact, note, print, type Terminal } from '../terminal.ts'
import { describeAdapter } from '../track/load-tracker.ts'
import { SearchProgress } from './progress.ts'
import { leftOutLine, ruleTable, savingLine } from './table.ts'

export interface SearchOptions extends ModelOptions, DataOptions {
  readonly penaltyK?: readonly number[]
  readonly windowInfluence?: readonly number[]
  readonly lr?: readonly number[]
  readonly random?: number
  readonly searchSeed: number
  readonly halving?: true
  readonly metric?: string
  readonly out?: string
  /** Undefined: true. */
  readonly resume?: boolean
  readonly seed?: number
  readonly clips?: number
  readonly frames?: number
  readonly top: number
  readonly deviceIndex?: number
}

/** Sets side by side at most; each needs 75 kB of device memory. More go through a video in blocks. */
const mostSideBySide = 1024

interface Plan {
  readonly model: EvaluationModel
  readonly data: EvaluationData
  /** The configuration's own first. */
  readonly rules: readonly TrackRule[]
  readonly measure: SearchMeasure
  readonly out: string
}

/**
 * @param collective the ranks that search together; only rank 0 reads and writes the output folder, and says anything
 * @returns the exit code, the same on all ranks
 */
export async function search(
  { terminal }: CommandContext,
  options: SearchOptions,
  signal: AbortSignal,
  collective?: MpiCollective,
): Promise<number> {
  const plan = await onAllRanks(collective)('the plan', async () => await makePlan(terminal, options))
  const { model, data, rules, measure } = plan
  if (collective) await agree(collective, { ...describeWork(model, data), sets: rules, measure: measure.name })
  printPlan(terminal, plan)
  let outcome: SearchOutcome | undefined
  try {
    outcome = await run(terminal, plan, options, signal, collective)
  } catch (error) {
    if (!signal.aborted && !isAbort(error)) throw error
    note(terminal, `interrupted: the same command goes on with the videos that are not in ${plan.out} yet`)
    return interruptedCode
  }
  return await byRank0(collective, async () => {
    if (!outcome) return 0
    await conclude(terminal, plan, outcome, options)
    return outcome.failures.length > 0 ? 1 : 0
  })
}

async function makePlan(terminal: Terminal, options: SearchOptions): Promise<Plan> {
  const model = await evaluationModel(options, readsTestData(options))
  const own = model.config.model.test_cfg.rpn
  const { penaltyK, lr, windowInfluence, random, searchSeed } = options
  if (!penaltyK && !lr && !windowInfluence) {
    throw new UsageError('nothing to search: give a range with --penalty-k, --lr or --window-influence')
  }
  const grid = ruleGrid({
    penalty_k: penaltyK ?? [own.penalty_k],
    lr: lr ?? [own.lr],
    window_influence: windowInfluence ?? [own.window_influence],
  })
  const chosen = random === undefined ? grid : randomRules(grid, random, searchSeed)
  const data = await openEvaluationData(options, withClips(model.config, options), (line) => note(terminal, line))
  return {
    model,
    data,
    rules: differentRules([own, ...chosen]),
    measure: chooseMeasure(data, model.config, options.metric),
    out: options.out ?? join('work_dirs', 'search', model.trackerName, data.name),
  }
}

/** The configuration with the generated clips that the options ask for. */
function withClips(config: Config, { dataset, seed, clips, frames }: SearchOptions): Config {
  if (seed === undefined && clips === undefined && frames === undefined) return config
  if (dataset !== 'synthetic') throw new UsageError('--seed, --clips and --frames are of --dataset synthetic')
  const { data, ...rest } = config
  const before = data?.test?.type === 'SyntheticClips' ? data.test : undefined
  const test = {
    type: 'SyntheticClips' as const,
    seed: seed ?? before?.seed ?? heldOutSeeds,
    clips: clips ?? before?.clips ?? 20,
    frames_per_clip: frames ?? before?.frames_per_clip ?? 100,
  }
  return parseConfig({ ...rest, data: { ...(data ?? { train: test }), test } }, 'with --dataset synthetic')
}

/** By its name, in this writing or with underscores. */
function chooseMeasure(
  { benchmark }: EvaluationData,
  { evaluation }: Config,
  asked: string | undefined,
): SearchMeasure {
  const measures = judgeMeasures(benchmark.protocol)
  const find = (name: string | null | undefined) => measures.find((one) => name && plain(one.name) === plain(name))
  const chosen = asked === undefined ? (find(evaluation?.save_best) ?? measures[0]) : find(asked)
  if (chosen) return chosen
  throw new UsageError(
    `--metric ${asked} is none of ${benchmark.title}, expected one of ${measures.map(({ name }) => name).join(', ')}`,
  )
}

function plain(name: string): string {
  return name.replace(/_/g, '').toLowerCase()
}

function printPlan(terminal: Terminal, { model, data, rules, measure }: Plan): void {
  const { title, sequences } = data.benchmark
  const frames = sequences.reduce((sum, { images }) => sum + images.length, 0)
  print(terminal, fact('data', `${title}: ${count(sequences.length, 'video')}, ${count(frames, 'frame')}`))
  print(terminal, fact('model', model.title))
  for (const line of model.notes) note(terminal, `note: ${line}`)
  print(terminal, fact('sets', `${rules.length}, the configuration's own among them, by ${measure.title}`))
}

/** @returns undefined on ranks other than 0 */
async function run(
  terminal: Terminal,
  { model, data, rules, measure, out }: Plan,
  options: SearchOptions,
  signal: AbortSignal,
  collective: MpiCollective | undefined,
): Promise<SearchOutcome | undefined> {
  const { benchmark, read, onlyVisible, fingerprint } = data
  const capacity = Math.min(rules.length, mostSideBySide)
  const open = async () => await openRankDevice(collective, options.deviceIndex)
  const loading = async () => await load(terminal, { model, capacity, open, signal })
  const loaded = await onAllRanks(collective)('the tracker', loading)
  const progress = new SearchProgress(terminal, loaded.sweep)
  const shared = { benchmark, rules, sweep: loaded.sweep, signal, ...(read && { read }) }
  try {
    if (collective && collective.rank > 0) {
      await serveSearch(shared, collective)
      return undefined
    }
    const whole: SearchRun = {
      ...shared,
      cache: new TrackCache(out, tracksFollowFrom(model, fingerprint), { reads: options.resume ?? true }),
      judge: { onlyVisible },
      onProgress: progress.update,
      ...(options.halving && { halving: measure }),
    }
    return await searchParameters(whole, collective && trackingTogether(whole, collective))
  } finally {
    progress.stop()
    await loaded.close()
  }
}

/** Everything but the parameters themselves. */
function tracksFollowFrom({ sha256, config }: EvaluationModel, data: EvaluationData['fingerprint']) {
  const { test_cfg, ...network } = config.model
  const { rpn: _, ...sizes } = test_cfg
  return { sha256, model: { ...network, test_cfg: sizes }, data }
}

interface Load {
  readonly model: EvaluationModel
  readonly capacity: number
  readonly open: () => Promise<Device>
  readonly signal: AbortSignal
}

async function load(terminal: Terminal, { model, capacity, open, signal }: Load) {
  const { openSweep, SiamRPN } = await import('siamrpn')
  const display = new LoadDisplay(startProgress(terminal, 'loading', 100))
  const { checkpoint, config } = model
  const device = await open()
  try {
    const onProgress = display.update
    const tracker = await orInterrupted(SiamRPN.load({ checkpoint, config, device, onProgress }), signal)
    const sweep = await openSweep(tracker, capacity)
    display.stop(true)
    print(terminal, fact('adapter', describeAdapter(device.adapter)))
    return {
      sweep,
      async close() {
        await tracker.close()
        await device.close()
      },
    }
  } catch (error) {
    display.stop(false)
    await device.close()
    throw error
  }
}

async function conclude(terminal: Terminal, plan: Plan, outcome: SearchOutcome, { top }: SearchOptions): Promise<void> {
  const { measure, model, data, out } = plan
  const { scores, measures, failures, saving } = outcome
  const [own] = scores
  const best = bestScore(scores, measure)
  if (!own || !best)
    throw new UsageError(`${measure.title} cannot be computed on these videos; choose another --metric`)
  for (const line of ['', ...ruleTable(outcome, measure, top), '']) print(terminal, line)
  const left = leftOutLine(outcome)
  if (left) print(terminal, fact('left out', left))
  for (const { name, message } of failures) note(terminal, `error: ${name}: ${message}`)
  print(terminal, fact('network', savingLine(saving)))
  const [found, before] = [best, own].map(({ values }) => values[measure.name]?.toFixed(measure.digits) ?? '-')
  const verdict = best === own ? "the configuration's own parameters are the best" : `${found} instead of ${before}`
  print(terminal, fact('best', `${measure.title}: ${verdict}`))
  print(terminal, fact('', ruleOptions(best.rule)))
  const file = join(out, 'search.json')
  const report = {
    format: 'siamrpn-search',
    date: new Date().toISOString(),
    checkpoint: String(model.checkpoint),
    sha256: model.sha256,
    data: { title: data.benchmark.title, sequences: data.benchmark.sequences.length, ...data.fingerprint },
    measure: measure.name,
    measures,
    best: { ...best, options: ruleOptions(best.rule) },
    configuration: own,
    sets: scores,
    failures,
    saving,
  }
  await writeWhole(file, `${JSON.stringify(report, null, 2)}\n`)
  print(terminal, fact('wrote', file))
}

function count(value: number, name: string): string {
  return `${value} ${name}${value === 1 ? '' : 's'}`
}
