// The loop over epochs and iterations, in mmcv's words: a workflow of training and validation epochs, and hooks that are told
// what happens. The state of training is a position (epoch, iteration) and the trainer's tensors, nothing else.
// Source: mmcv/runner/epoch_based_runner.py.

import type { ParameterGroup, StateDict, WorkflowConfig } from 'siamrpn'
import { type LossScaling, type LrSchedule, TrainingError } from 'siamrpn/train'
import { DivergedError, NonFiniteLossError } from './errors.ts'
import { LogBuffer } from './log-buffer.ts'

/** What an evaluation measured, by name. */
export type Scores = Readonly<Record<string, number>>

/** What every batch has. */
export interface NamedBatch {
  /** Names of its samples, for messages. */
  readonly ids: readonly string[]
}

export interface StepOutcome {
  /** `loss` is the sum of the others. */
  readonly losses: Readonly<Record<string, number>>
  /** Before clipping; undefined where a step only gathers gradients. */
  readonly gradNorm: number | undefined
  /** Of training in half precision. */
  readonly scaling?: LossScaling | undefined
}

/** Updates in a row without finite gradients that end a run in half precision. */
export const mostSkipped = 30
/** A dynamic scale that falls below ends it, too. Source: DynamicLossScaler of fairseq, whose min_loss_scale it is. */
export const leastScale = 1e-4

/** A model in training, as hooks see it. */
export interface TrainedModel {
  readonly optimizer: { readonly groups: readonly ParameterGroup[] }
  readonly batchSize: number
  /** Whether the next step begins a new update: only then is the state complete. */
  readonly betweenUpdates: boolean
  modelState(): Promise<StateDict>
  optimizerState(): Promise<StateDict>
}

/** What is trained. `Trainer` is one. */
export interface Trainee<Batch> extends TrainedModel {
  /** @param onKernel told after each kernel that is compiled for the epoch */
  startEpoch(epoch: number, onKernel?: (done: number, total: number) => void): Promise<void>
  /** Has handed its work to the device when it returns its promise: the next batch may be prepared then. */
  step(batch: Batch, lr: readonly number[]): Promise<StepOutcome>
  /** Losses of a batch without training on it, batch norms with their running statistics. */
  losses?(batch: Batch): Promise<StepOutcome['losses']>
}

/** Batches by position; asked for in order. */
export interface BatchSource<Batch> {
  readonly iterationsPerEpoch: number
  batch(epoch: number, iteration: number): Promise<Batch>
}

export interface Position {
  /** From 0. */
  readonly epoch: number
  /** The epoch's next iteration, from 0. */
  readonly iteration: number
}

/** A run under way, as hooks see it. */
export interface Run {
  readonly trainer: TrainedModel
  readonly log: LogBuffer
  readonly mode: 'train' | 'val'
  readonly maxEpochs: number
  readonly iterationsPerEpoch: number
  /** Iterations of the whole run. */
  readonly maxIterations: number
  /** Iteration at which this run began. */
  readonly startIteration: number
  /** The epoch under way, from 0; in `afterEpoch` the one that ended. */
  readonly epoch: number
  /** Iterations of the epoch that are done. */
  readonly innerIteration: number
  /** Training iterations that are done, all epochs together. */
  readonly iteration: number
  /** Where training goes on after what is done. */
  readonly position: Position
  /** Learning rate of each of the optimizer's groups. */
  readonly rates: readonly number[]
  /** The scale of the loss in the last iteration; undefined in single precision. */
  readonly scaling: LossScaling | undefined
  readonly interrupted: boolean
  /** Whether no further iteration will be trained. */
  readonly finished: boolean
  /** Path of the last checkpoint, undefined if there is none yet. */
  lastCheckpoint: string | undefined
}

/** Told of what happens, in the order of the list. */
export interface Hook {
  beforeRun?(run: Run): Promise<void> | void
  beforeEpoch?(run: Run): Promise<void> | void
  /** Kernels of the epoch's programs that are compiled, before `beforeEpoch`. */
  onKernel?(done: number, total: number): void
  afterIteration?(run: Run): Promise<void> | void
  afterEpoch?(run: Run): Promise<void> | void
  afterEvaluation?(run: Run, scores: Scores): Promise<void> | void
  /** Also when the run was interrupted or reached its last iteration, but not after an error. */
  afterRun?(run: Run): Promise<void> | void
}

export interface RunnerOptions<Batch extends NamedBatch> {
  readonly trainer: Trainee<Batch>
  readonly source: BatchSource<Batch>
  /** For epochs of `val` in the workflow. */
  readonly validation?: BatchSource<Batch> | undefined
  readonly schedule: LrSchedule
  readonly hooks: readonly Hook[]
  readonly workflow: WorkflowConfig
  readonly maxEpochs: number
  /** Ends the run early. Default: none. */
  readonly maxIterations?: number | undefined
  readonly start?: Position
  /** Raised: the step under way is finished, then the run ends. */
  readonly signal?: AbortSignal
  /** Path of the last checkpoint, for messages. */
  readonly lastCheckpoint?: string | undefined
}

/** Seconds of an iteration. */
export interface IterationTimes {
  /** Waiting for the batch. */
  readonly data: number
  /** In all. */
  readonly total: number
}

export class Runner<Batch extends NamedBatch> implements Run {
  readonly trainer: Trainee<Batch>
  readonly log = new LogBuffer()
  readonly maxEpochs: number
  readonly iterationsPerEpoch: number
  readonly maxIterations: number
  readonly startIteration: number
  mode: 'train' | 'val' = 'train'
  epoch: number
  innerIteration: number
  rates: readonly number[] = []
  scaling: LossScaling | undefined
  lastCheckpoint: string | undefined
  readonly #options: RunnerOptions<Batch>

  constructor(options: RunnerOptions<Batch>) {
    const { source, trainer, maxEpochs, start = { epoch: 0, iteration: 0 } } = options
    this.#options = options
    this.trainer = trainer
    this.maxEpochs = maxEpochs
    this.iterationsPerEpoch = source.iterationsPerEpoch
    this.maxIterations = Math.min(
      maxEpochs * source.iterationsPerEpoch,
      options.maxIterations ?? Number.POSITIVE_INFINITY,
    )
    this.epoch = start.epoch
    this.innerIteration = start.iteration
    this.startIteration = this.iteration
    this.lastCheckpoint = options.lastCheckpoint
  }

  get iteration(): number {
    return this.epoch * this.iterationsPerEpoch + this.innerIteration
  }

  get position(): Position {
    const { epoch, innerIteration: iteration, iterationsPerEpoch } = this
    return iteration < iterationsPerEpoch ? { epoch, iteration } : { epoch: epoch + 1, iteration: 0 }
  }

  get interrupted(): boolean {
    return this.#options.signal?.aborted ?? false
  }

  get finished(): boolean {
    return this.interrupted || this.iteration >= this.maxIterations
  }

  /**
   * Trains to the end, or until the signal is raised.
   * @throws NonFiniteLossError, DivergedError, and whatever trainer, source and hooks throw
   */
  async run(): Promise<void> {
    const { workflow, hooks, start } = this.#options
    const first = start?.epoch ?? 0
    for (const hook of hooks) await hook.beforeRun?.(this)
    for (const { mode, epoch } of flow(workflow, this.maxEpochs)) {
      if (epoch < first || (mode === 'val' && this.iteration === this.startIteration)) continue
      if (mode === 'train' ? this.#stops : this.interrupted || this.innerIteration < this.iterationsPerEpoch) break
      this.mode = mode
      if (mode === 'train') await this.#trainEpoch(epoch)
      else await this.#validationEpoch()
    }
    for (const hook of hooks) await hook.afterRun?.(this)
  }

  /** An update that has been begun is finished before. */
  get #stops(): boolean {
    return this.finished && this.#options.trainer.betweenUpdates
  }

  async #trainEpoch(epoch: number): Promise<void> {
    const { trainer, source, schedule, hooks, start } = this.#options
    if (epoch !== this.epoch) this.innerIteration = 0
    this.epoch = epoch
    const from = epoch === start?.epoch ? start.iteration : 0
    this.innerIteration = from
    this.rates = schedule.rates(trainer.optimizer.groups, this)
    this.log.clear()
    await trainer.startEpoch(epoch, (done, total) => {
      for (const hook of hooks) hook.onKernel?.(done, total)
    })
    for (const hook of hooks) await hook.beforeEpoch?.(this)
    let begin = performance.now()
    let next = source.batch(epoch, from)
    while (this.innerIteration < this.iterationsPerEpoch && !this.#stops) {
      const batch = await next
      const waited = performance.now() - begin
      this.rates = schedule.rates(trainer.optimizer.groups, this)
      const stepping = trainer.step(batch, this.rates)
      const following = this.innerIteration + 1
      if (following < this.iterationsPerEpoch) {
        next = source.batch(epoch, following)
        next.catch(() => undefined) // The next turn of the loop reports it.
      }
      const outcome = await stepping
      this.innerIteration++
      this.scaling = outcome.scaling
      this.#check(outcome, batch)
      const now = performance.now()
      this.#note(outcome, { data: waited / 1000, total: (now - begin) / 1000 })
      for (const hook of hooks) await hook.afterIteration?.(this)
      begin = now
    }
    if (this.innerIteration === this.iterationsPerEpoch) for (const hook of hooks) await hook.afterEpoch?.(this)
  }

  /** Losses on the validation data, logged as their mean over all batches. */
  async #validationEpoch(): Promise<void> {
    const { trainer, validation, hooks } = this.#options
    if (!validation || !trainer.losses) {
      throw new TrainingError('the workflow has `val`, but there is no validation data (data.val)')
    }
    this.log.clear()
    for (const hook of hooks) await hook.beforeEpoch?.(this)
    for (let iteration = 0; iteration < validation.iterationsPerEpoch && !this.interrupted; iteration++) {
      const begin = performance.now()
      const batch = await validation.batch(0, iteration)
      const data = (performance.now() - begin) / 1000
      const losses = await trainer.losses(batch)
      this.#note({ losses, gradNorm: undefined }, { data, total: (performance.now() - begin) / 1000 })
    }
    for (const hook of hooks) await hook.afterEpoch?.(this)
  }

  #note({ losses, gradNorm }: StepOutcome, { data, total }: IterationTimes): void {
    this.log.add({ time: total, data_time: data, ...losses, grad_norm: gradNorm })
  }

  #check({ losses, gradNorm, scaling }: StepOutcome, { ids }: NamedBatch): void {
    // What is not finite has been left out, or will be with the update that it is gathered for.
    if (scaling?.skipped) this.#checkScale(scaling)
    if (scaling && (scaling.skipped || gradNorm === undefined)) return
    const values = Object.entries({ ...losses, ...(gradNorm === undefined ? {} : { grad_norm: gradNorm }) })
    const wrong = values.filter(([, value]) => !Number.isFinite(value))
    if (wrong.length === 0) return
    const found = wrong.map(([name, value]) => `${name} is ${value}`).join(', ')
    throw new NonFiniteLossError(`${this.#place}: ${found}; ${this.#lastGood}. The batch:\n  ${ids.join('\n  ')}`)
  }

  #checkScale({ scale, nextScale, skippedInARow }: LossScaling): void {
    const low = nextScale < scale && nextScale < leastScale
    if (!low && skippedInARow < mostSkipped) return
    const found = low
      ? `the loss scale has fallen to ${nextScale}, expected ${leastScale} or more`
      : `${skippedInARow} updates in a row had gradients that are not finite, the last one with a loss scale of ${scale}`
    throw new DivergedError(
      `training has diverged: ${this.#place}: ${found} (fp16.loss_scale); ${this.#lastGood}. A lower learning rate or gradient ` +
        'clipping (optimizer_config.grad_clip) may help',
    )
  }

  get #place(): string {
    const { epoch, innerIteration, iterationsPerEpoch, iteration } = this
    return `epoch ${epoch + 1}, iteration ${innerIteration} of ${iterationsPerEpoch} (${iteration} in all)`
  }

  get #lastGood(): string {
    return this.lastCheckpoint ? `the last good checkpoint is ${this.lastCheckpoint}` : 'there is no checkpoint yet'
  }
}

interface Turn {
  readonly mode: 'train' | 'val'
  /** The epoch to train, or the one to be trained next. */
  readonly epoch: number
}

/** The workflow, over and over until all epochs are trained. */
function* flow(workflow: WorkflowConfig, maxEpochs: number): Generator<Turn> {
  let epoch = 0
  if (!workflow.some(([mode]) => mode === 'train')) throw new TrainingError('the workflow has no `train`')
  while (epoch < maxEpochs) {
    for (const [mode, count] of workflow) {
      for (let i = 0; i < count; i++) {
        if (mode === 'val') yield { mode, epoch }
        else if (epoch < maxEpochs) yield { mode, epoch: epoch++ }
      }
    }
  }
}
