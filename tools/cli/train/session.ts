// A training run of the command line: folder, weights, logs, displays, device; then `train`, and what came of it.

import { join } from 'node:path'
import { type Config, ignoredEntries, type LogConfig, stateDictShapes, type TestDatasetConfig } from 'siamrpn'
import { matchStateDict, type StateDict } from 'siamrpn/formats'
import type { Device } from 'siamrpn/gpu'
import { checkHalfPrecision, hasLossScale, TrainingError } from 'siamrpn/train'
import { throwErrors } from '../../benchmarks/open-benchmark.ts'
import { agree, libraryVersion, onAllRanks } from '../../distributed/agreement.ts'
import type { MpiCollective } from '../../distributed/mpi-collective.ts'
import { shareState } from '../../distributed/share.ts'
import {
  type EvaluationClips,
  type EvaluationRun,
  evaluateModel,
  openEvaluationClips,
} from '../../evaluation/evaluate.ts'
import { writeWhole } from '../../frames/atomic.ts'
import { isRecord } from '../../is-record.ts'
import { type InitialModel, initialModel } from '../../training/initial-model.ts'
import type { Hook, Scores } from '../../training/runner.ts'
import { TensorboardLogger } from '../../training/tensorboard.ts'
import { fileStamp, stamped, TextLogger } from '../../training/text-logger.ts'
import { openTrainingData, type TrainingResult, train } from '../../training/training.ts'
import { readTrainingCheckpoint, type SavedTraining } from '../../training/training-checkpoint.ts'
import { WorkDir } from '../../training/work-dir.ts'
import { collectFindings, findingLines } from '../dataset/finding-lines.ts'
import { isAbort } from '../interrupt.ts'
import { openRankDevice } from '../open-device.ts'
import { silent, startProgress } from '../progress.ts'
import { note, print, type Terminal } from '../terminal.ts'
import { describeAdapter } from '../track/load-tracker.ts'
import { describeData, shareStart } from './distributed.ts'
import { EpochProgress } from './epoch-progress.ts'

export interface TrainOptions {
  readonly config: string
  readonly data?: string
  readonly val?: string
  readonly workDir?: string
  /** True: the last checkpoint of the work folder. */
  readonly resume?: true | string
  readonly loadFrom?: string
  readonly keepStatistics?: true
  readonly seed?: number
  readonly maxIters?: number
  readonly maxEpochs?: number
  readonly set?: readonly string[]
  readonly evaluate: boolean
  readonly progress: boolean
  readonly deviceIndex?: number
}

const defaultLog: LogConfig = { interval: 50, hooks: [{ type: 'TextLoggerHook', interval: null }] }

type SessionOptions = Pick<
  TrainOptions,
  'config' | 'data' | 'resume' | 'maxIters' | 'maxEpochs' | 'seed' | 'evaluate' | 'progress' | 'deviceIndex'
>

/**
 * Trains, and prints what there is to know before and after.
 * @param collective the ranks that train together; only rank 0 reads and writes the work folder, and says anything
 */
export async function runTraining(
  terminal: Terminal,
  given: Config,
  options: SessionOptions,
  signal: AbortSignal,
  collective?: MpiCollective,
): Promise<TrainingResult> {
  const writes = collective === undefined || collective.rank === 0
  const onAll = onAllRanks(collective)
  const workDir = await onAll('the work folder', async () =>
    writes ? await WorkDir.open(given.work_dir ?? join('work_dirs', options.config.replace(/\W+/g, '_'))) : undefined,
  )
  const log = new RunLog(terminal, workDir, options.progress && terminal.stderr.isTTY === true)
  let device: Device | undefined
  try {
    const found = await onAll(
      'the checkpoint',
      async () => workDir && (await findCheckpoint(given, options, workDir, log)),
    )
    const lines: string[] = []
    const { data, clips } = await onAll('the data', async () => await openData(given, options, log.say, lines))
    if (collective) {
      const { maxIters = null, evaluate } = options
      const facts = { configuration: given, options: { maxIters, evaluate }, data: describeData(data, lines) }
      await agree(collective, { version: libraryVersion(), ...facts })
    }
    device = await onAll('the adapters', async () => await openRankDevice(collective, options.deviceIndex))
    const { adapter } = device
    await onAll('the adapters', async () => checkHalfPrecision(adapter, given))
    log.say(`adapter: ${describeAdapter(adapter)}`)
    const ignored = ignoredEntries(given).map(({ path, reason }) => `${path} (${reason})`)
    if (ignored.length > 0) log.say(`ignored entries of the configuration: ${ignored.join('; ')}`)
    const own = await onAll('the weights', async () => {
      if (!writes) return undefined
      const seed = chooseSeed(given, found)
      const from = { seed, synthetic: options.data === 'synthetic', say: log.say }
      const { state, anchors } = found ? resumedModel(given, found, log) : await startingWeights(terminal, given, from)
      return { seed, model: state, anchors, resumed: found }
    })
    const start = collective ? await shareStart(collective, own) : own
    if (!start) throw new TrainingError('there is nothing to start from')
    const { seed, model, resumed } = start
    const config = withAnchors(given, start.anchors)
    if (workDir) await writeWhole(join(workDir.path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
    if (collective) log.say(`${collective.ranks} ranks, each with batches of ${config.data?.samples_per_gpu}`)
    log.writeJson(JSON.stringify({ env_info: describeAdapter(device.adapter), seed, config }))
    const run = { device, config, clips, signal, collective }
    const result = await train({
      device,
      config,
      data,
      seed,
      workDir,
      collective,
      model,
      resumed,
      maxIterations: options.maxIters,
      hooks: [...(writes ? log.hooks(config, device) : []), ...(log.progress ? [log.progress] : [])],
      evaluate: clips && (async (state) => await measure(terminal, state, { ...run, clips }, options.progress)),
      signal,
      say: log.say,
    })
    const { iteration, lastCheckpoint = 'no checkpoint', interrupted } = result
    log.say(`${interrupted ? 'interrupted' : 'finished'} after ${iteration} iterations: ${lastCheckpoint}`)
    return result
  } finally {
    log.progress?.close()
    await workDir?.close()
    await device?.close()
  }
}

/** Annotations of the training data, and the clips to measure on. @param lines gets what there is to say of them */
async function openData(given: Config, { evaluate }: SessionOptions, say: (line: string) => void, lines: string[]) {
  const tell = (line: string) => {
    lines.push(line)
    say(line)
  }
  const data = await openTrainingData(given, tell)
  const evaluating = evaluate && given.evaluation !== undefined && given.data?.val != null
  return { data, clips: evaluating && given.data?.val ? await openClips(given.data.val, tell) : undefined }
}

/** Scores of a model: of rank 0's, whose running statistics are those of the checkpoints. */
async function measure(
  terminal: Terminal,
  own: StateDict,
  run: EvaluationRun,
  shows: boolean,
): Promise<Scores | undefined> {
  const { collective, clips, signal } = run
  const state = collective ? await shareState(collective, 'the weights to measure', own) : own
  const progress = shows ? startProgress(terminal, 'measuring', clips.benchmark.sequences.length) : silent
  try {
    return await evaluateModel(state, { ...run, onClip: progress.update })
  } catch (error) {
    if (!signal?.aborted && !isAbort(error)) throw error
    return undefined
  } finally {
    progress.stop()
  }
}

/** What is odd about the videos goes to the log, a few lines of each kind. */
async function openClips(val: TestDatasetConfig, say: (line: string) => void): Promise<EvaluationClips> {
  const warnings = collectFindings()
  const clips = await openEvaluationClips(val, (finding) => {
    throwErrors(finding)
    warnings.tell(finding)
  })
  findingLines(warnings).forEach(say)
  return clips
}

/** Where lines go: the terminal, the log file, and JSON lines beside it. */
class RunLog {
  readonly progress: EpochProgress | undefined
  readonly #terminal: Terminal
  readonly #workDir: WorkDir | undefined
  readonly #file: string

  constructor(terminal: Terminal, workDir: WorkDir | undefined, withProgress: boolean) {
    this.#terminal = terminal
    this.#workDir = workDir
    this.#file = `${fileStamp()}.log`
    this.progress = withProgress ? new EpochProgress(terminal) : undefined
  }

  /** A line of text, with the time. */
  readonly say = (text: string): void => {
    const line = stamped(text)
    if (this.progress) this.progress.aside(() => print(this.#terminal, line))
    else print(this.#terminal, line)
    this.#workDir?.append(this.#file, line)
  }

  readonly writeJson = (line: string): void => this.#workDir?.append(`${this.#file}.json`, line)

  hooks({ log_config = defaultLog }: Config, device: Device): Hook[] {
    return log_config.hooks.map((hook) => {
      const interval = hook.interval ?? log_config.interval
      if (hook.type === 'TensorboardLoggerHook') {
        return new TensorboardLogger(hook.log_dir ?? join(this.#workDir?.path ?? '.', 'tf_logs'), interval)
      }
      const memory = () => device.memory.peakBytes
      return new TextLogger({ interval, write: this.say, writeJson: this.writeJson, memory })
    })
  }
}

type Resumed = { readonly checkpoint: SavedTraining; readonly path: string }

/** The checkpoint to go on from; undefined where training starts anew. */
async function findCheckpoint(
  config: Config,
  { resume }: SessionOptions,
  workDir: WorkDir,
  log: RunLog,
): Promise<Resumed | undefined> {
  const last = await workDir.lastCheckpoint()
  const path = typeof resume === 'string' ? resume : resume ? last : (config.resume_from ?? undefined)
  if (path !== undefined) {
    const checkpoint = await readTrainingCheckpoint(path)
    const { epoch, iteration } = checkpoint.facts
    log.say(`resuming from ${path}: epoch ${epoch + 1}, ${iteration} iterations done in it`)
    return { checkpoint, path }
  }
  if (resume) log.say(`no checkpoint in ${workDir.path} to resume from: starting anew`)
  else if (last !== undefined) log.say(`note: ${last} is of an earlier run; --resume would go on from it`)
  return undefined
}

/** The resumed weights, and a note where training goes on otherwise than it began. */
function resumedModel({ model, ...config }: Config, { checkpoint, path }: Resumed, log: RunLog): InitialModel {
  const state = matchStateDict(stateDictShapes(model), checkpoint.model, { name: path })
  const before = checkpoint.config
  const wasHalf = hasLossScale(checkpoint.optimizer) || (isRecord(before) && isRecord(before.fp16))
  const isHalf = config.fp16 !== null
  const precision = (half: boolean) => (half ? 'half precision (fp16)' : 'single precision')
  if (wasHalf !== isHalf) {
    log.say(`note: ${path} was trained in ${precision(wasHalf)}, training goes on in ${precision(isHalf)}`)
  }
  const decisive: readonly Exclude<keyof Config, 'model'>[] = [
    ...(['data', 'train_pipeline', 'optimizer', 'optimizer_config', 'lr_config'] as const),
    ...(wasHalf && isHalf ? (['fp16'] as const) : []),
  ]
  const changed = decisive.filter(
    (key) => isRecord(before) && JSON.stringify(before[key]) !== JSON.stringify(config[key]),
  )
  if (changed.length > 0) log.say(`note: ${changed.join(', ')} of the configuration changed since ${path} was written`)
  return { state, anchors: checkpoint.anchors }
}

/** Weights of pysot are trained on with pysot's anchors. */
function withAnchors(config: Config, variant: InitialModel['anchors']): Config {
  if (variant === undefined) return config
  const { model } = config
  const anchor_generator = { ...model.head.anchor_generator, variant }
  return { ...config, model: { ...model, head: { ...model.head, anchor_generator } } }
}

function chooseSeed(config: Config, resumed: Resumed | undefined): number {
  if (!resumed) return config.seed ?? 0
  const { seed } = resumed.checkpoint.facts
  if (config.seed === null || config.seed === seed) return seed
  throw new TrainingError(`${resumed.path} was trained with seed ${seed}, found seed ${config.seed}; leave --seed out`)
}

async function startingWeights(
  terminal: Terminal,
  config: Config,
  { seed, synthetic, say }: { seed: number; synthetic: boolean; say: (line: string) => void },
) {
  const progress = startProgress(terminal, 'weights', 100)
  const onProgress = (done: number, total: number) => progress.update(total > 0 ? Math.floor((100 * done) / total) : 0)
  try {
    return await initialModel(config, { seed, loadFrom: config.load_from, mayLackBackbone: synthetic, say, onProgress })
  } catch (error) {
    note(terminal, '')
    throw error
  } finally {
    progress.stop()
  }
}
