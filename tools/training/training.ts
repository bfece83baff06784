// A whole training run put together from a configuration: data, model, hooks, checkpoints; and everything given back at the end.

import { type Config, ConfigError, type DataConfig, isBenchmark, TargetBuilder, type TrainDatasetConfig } from 'siamrpn'
import type { StateDict } from 'siamrpn/formats'
import type { Device } from 'siamrpn/gpu'
import { LrSchedule, type PhasePlan, type TrainBatch, Trainer, TrainPipeline, WindowUpload } from 'siamrpn/train'
import { isHostPipeline, windowSizes } from '../augment/pair-cropper.ts'
import { fileChoiceStore, wantsBenchmark } from '../choice-store.ts'
import { buildTrainDataset } from '../datasets/build-dataset.ts'
import { DecodePool } from '../datasets/decode-pool.ts'
import type { PairDataset } from '../datasets/pair.ts'
import { PairLoader, type SkippedImage } from '../datasets/pair-loader.ts'
import { equalOnAll } from '../distributed/agreement.ts'
import type { Collective } from '../distributed/collective.ts'
import { hashOf } from '../distributed/share.ts'
import { TrainBatches } from './batches.ts'
import { CheckpointHook, type RunFacts } from './checkpoint-hook.ts'
import { DistributedTrainee } from './distributed-trainee.ts'
import { type Evaluate, EvaluationHook, evaluatesAfter } from './evaluation-hook.ts'
import { type Hook, Runner } from './runner.ts'
import { startPosition } from './start-position.ts'
import type { TrainingCheckpoint } from './training-checkpoint.ts'
import type { WorkDir } from './work-dir.ts'

/** What is trained on: annotations are read, pixels are not. */
export interface TrainingData {
  readonly train: PairDataset
  /** With `val` in the workflow. */
  readonly validation: PairDataset | undefined
  /** What makes images of the pairs' frames. */
  readonly steps: NonNullable<Config['train_pipeline']>
}

/**
 * Opens the data sets of a configuration.
 * @param tell told what each of them holds, a line each
 * @throws DatasetMissingError with the layout that is expected; DatasetError, AnnotationError, ConfigError
 */
export async function openTrainingData(config: Config, tell: (line: string) => void): Promise<TrainingData> {
  const data = required('data', config.data)
  const steps = pixelSteps(config, data)
  const train = await buildTrainDataset(required('data.train', data.train), tell)
  const validates = config.workflow.some(([mode]) => mode === 'val')
  return { steps, train, validation: validates ? await buildTrainDataset(validationData(data), tell) : undefined }
}

export interface TrainingOptions {
  readonly device: Device
  readonly config: Config
  readonly data: TrainingData
  readonly seed: number
  /** Absent on the ranks that write nothing. */
  readonly workDir?: WorkDir | undefined
  /** The processes that train together; absent: this one alone. */
  readonly collective?: Collective | undefined
  /** Weights to start from. */
  readonly model: StateDict
  /** Checkpoint to go on from, its model in `model` too, and its path. */
  readonly resumed?: { readonly checkpoint: TrainingCheckpoint; readonly path: string } | undefined
  readonly maxIterations?: number | undefined
  /** Logs and displays. */
  readonly hooks: readonly Hook[]
  /** Absent: nothing is measured. */
  readonly evaluate?: Evaluate | undefined
  /** Raised: the step under way is finished and a checkpoint written. */
  readonly signal: AbortSignal
  /** Told what there is to know before the first step. */
  readonly say: (line: string) => void
}

export interface TrainingResult {
  /** Training iterations that are done, all epochs together. */
  readonly iteration: number
  /** Path of the last checkpoint. */
  readonly lastCheckpoint: string | undefined
  readonly interrupted: boolean
}

/**
 * Trains as the configuration says, to the end or until the signal is raised.
 * @throws TrainingError and its subclasses; DatasetError, OutOfMemoryError and whatever else data and device throw
 */
export async function train(options: TrainingOptions): Promise<TrainingResult> {
  const { device, config, say, resumed } = options
  const { workers_per_gpu, samples_per_gpu: batchSize, samples_per_epoch } = required('data', config.data)
  const maxEpochs = required('total_epochs', config.total_epochs)
  const closing: (() => Promise<void> | void)[] = []
  try {
    const { steps } = options.data
    const onHost = isHostPipeline(steps)
    const cacheBytes = 1e6 * required('data', config.data).image_cache_mb
    const pool = new DecodePool(workers_per_gpu, onHost ? { steps, cacheBytes } : undefined)
    closing.push(() => pool.close())
    const norm = config.model.img_norm_cfg
    const pipeline = onHost
      ? await WindowUpload.create(device, windowSizes(steps), batchSize, norm)
      : await TrainPipeline.create(device, steps, batchSize, norm)
    closing.push(() => pipeline.release())
    const batches = (dataset: PairDataset, samplesPerEpoch?: number | undefined) => {
      const onFirstSkip = ({ reason }: SkippedImage) => {
        say(`warning: ${reason}; another sample takes its place, further such images are only counted`)
      }
      const { seed, collective: part } = options
      const loader = new PairLoader({ dataset, pool, batchSize, seed, samplesPerEpoch, part, onFirstSkip })
      closing.push(() => {
        const { images, skipped } = loader.report
        if (skipped > 0) say(`${skipped} of ${images} images could not be read`)
        loader.close()
      })
      return new TrainBatches({ loader, pipeline, targets: new TargetBuilder(config.model) })
    }
    const source = batches(options.data.train, samples_per_epoch ?? options.data.train.samplesPerEpoch)
    const validation = options.data.validation && batches(options.data.validation)
    const { iterationsPerEpoch } = source
    const ranks = options.collective?.ranks ?? 1
    const start =
      resumed && startPosition(resumed.checkpoint.facts, { iterationsPerEpoch, batchSize, ranks }, resumed.path)

    const { template, search } = pipeline
    const cumulativeIters = cumulativeOf(config)
    const images = { template, search }
    const { model: state, collective: exchange } = options
    const trainer = new Trainer({ device, config, state, images, cumulativeIters, exchange })
    closing.push(() => trainer.release())
    if (resumed) trainer.load(resumed.checkpoint.model, resumed.checkpoint.optimizer)
    if (wantsBenchmark(config, device.adapter)) {
      const choices = await trainer.benchmark({ store: fileChoiceStore() })
      say(`${choices.length} convolutions take the kernel that was measured to be the fastest`)
    }
    for (const phase of await trainer.plan()) say(describePhase(phase, device.memory.bytes))
    const { hooks, pending } = makeHooks(options)
    const shared = exchange && new DistributedTrainee(trainer, exchange, options.signal)
    const runner = new Runner<TrainBatch>({
      trainer: shared ?? trainer,
      source,
      validation,
      schedule: new LrSchedule(config.lr_config),
      hooks,
      workflow: config.workflow,
      maxEpochs,
      maxIterations: options.maxIterations,
      ...(start && { start }),
      signal: shared?.signal ?? options.signal,
      lastCheckpoint: resumed?.path,
    })
    say(`${source.iterationsPerEpoch} iterations an epoch, ${runner.maxIterations - runner.iteration} to go${pending}`)
    await runner.run()
    const { iteration, lastCheckpoint, interrupted } = runner
    return { iteration, lastCheckpoint, interrupted }
  } finally {
    for (const close of closing.toReversed()) await close()
  }
}

/** Displays first, so that a line is out before the work it announces; evaluations behind the checkpoint. */
function makeHooks(options: TrainingOptions): { hooks: readonly Hook[]; pending: string } {
  const { config, seed, workDir, evaluate, resumed, collective } = options
  const { best = null, scores = null, pendingEvaluation = false } = resumed?.checkpoint.facts ?? {}
  const evaluation = config.evaluation
  const measures = evaluate !== undefined && evaluation !== undefined
  const facts: RunFacts = { seed, best, scores, pendingEvaluation: measures && pendingEvaluation }
  const willEvaluate = ({ epoch }: { readonly epoch: number }) => measures && evaluatesAfter(evaluation, epoch)
  const verify =
    collective && (async (...states: StateDict[]) => await equalOnAll(collective, 'the weights', hashOf(...states)))
  const ranks = collective?.ranks ?? 1
  const checkpoints = new CheckpointHook({ workDir, config, facts, willEvaluate, ranks, verify })
  const hooks: Hook[] = [skipNotes(options.say), ...options.hooks, checkpoints]
  if (measures) {
    const listeners = options.hooks
    hooks.push(new EvaluationHook({ evaluate, config: evaluation, checkpoints, facts, workDir, listeners }))
  }
  return { hooks, pending: facts.pendingEvaluation ? ', an evaluation first' : '' }
}

/** Tells of updates that were left out for gradients that are not finite. */
function skipNotes(say: (line: string) => void): Hook {
  return {
    afterIteration({ epoch, innerIteration, iterationsPerEpoch, scaling }) {
      if (!scaling?.skipped) return
      const { scale, nextScale } = scaling
      const next =
        nextScale === scale ? `the loss scale stays ${scale}` : `the loss scale falls from ${scale} to ${nextScale}`
      say(`Epoch [${epoch + 1}][${innerIteration}/${iterationsPerEpoch}]\tgradients are not finite: no update; ${next}`)
    },
  }
}

/** The steps that make pixels: one pipeline for all data sets. @throws ConfigError if they differ or there is none */
export function pixelSteps(config: Config, { train }: DataConfig): NonNullable<Config['train_pipeline']> {
  const entries = train === undefined || Array.isArray(train) ? (train ?? []) : [train]
  const pipelines = entries.flatMap((entry, i) =>
    pipelinesOf(entry, Array.isArray(train) ? `data.train.${i}` : 'data.train'),
  )
  const [first] = pipelines
  const steps = first?.steps ?? config.train_pipeline
  if (steps === undefined) {
    throw new ConfigError([{ path: 'train_pipeline', found: undefined, expected: 'a list of steps' }])
  }
  const pixels = (list: typeof steps) => JSON.stringify(list.filter(({ type }) => type !== 'PairSampling'))
  const other = pipelines.find((pipeline) => pixels(pipeline.steps) !== pixels(steps))
  if (other === undefined) return steps
  const expected = `the steps of ${first?.path}: one batch holds samples of all data sets`
  throw new ConfigError([{ path: other.path, found: other.steps.map(({ type }) => type), expected }])
}

interface Pipeline {
  readonly path: string
  readonly steps: NonNullable<Config['train_pipeline']>
}

function pipelinesOf(entry: TrainDatasetConfig, path: string): Pipeline[] {
  if (entry.type === 'RepeatDataset') return pipelinesOf(entry.dataset, `${path}.dataset`)
  if (entry.type === 'RandomSampleConcatDataset') {
    return entry.dataset_cfgs.flatMap((inner, i) => pipelinesOf(inner, `${path}.dataset_cfgs.${i}`))
  }
  return entry.pipeline ? [{ path: `${path}.pipeline`, steps: entry.pipeline }] : []
}

function validationData({ val }: DataConfig): TrainDatasetConfig {
  if (val !== null && !isBenchmark(val)) return val
  const expected = 'a training data set, because the workflow has `val`: its losses are measured'
  throw new ConfigError([{ path: 'data.val', found: val?.type ?? null, expected }])
}

function cumulativeOf({ optimizer_config }: Config): number {
  return optimizer_config && 'cumulative_iters' in optimizer_config ? optimizer_config.cumulative_iters : 1
}

function describePhase({ name, arenaBytes, stateBytes, flops }: PhasePlan, resident: number): string {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`
  const total = gigabytes(resident + arenaBytes + stateBytes)
  return `phase ${name}: ${total} on the device (${gigabytes(arenaBytes)} for a step), ${(flops / 1e9).toFixed(1)} GFLOP a step`
}

function required<T>(name: string, value: T | undefined): T {
  if (value !== undefined) return value
  throw new ConfigError([{ path: name, found: undefined, expected: 'an entry; training needs one' }])
}
