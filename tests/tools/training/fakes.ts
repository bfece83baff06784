// A model of a few numbers that trains on batches of numbers: every bit of it depends on every step before.

import { fromFloat32, type StateDict, toFloat32 } from '../../../src/formats/state-dict.ts'
import { type Config, parseConfig } from '../../../src/siamrpn/config.ts'
import { micro } from '../../../src/siamrpn/configs/micro.ts'
import { Random } from '../../../src/siamrpn/random.ts'
import { LossScaler } from '../../../src/train/loss-scaler.ts'
import type { BatchSource, Hook, NamedBatch, Run, StepOutcome, Trainee } from '../../../tools/training/runner.ts'

export interface FakeBatch extends NamedBatch {
  readonly values: readonly number[]
}

export function fakeSource(
  iterationsPerEpoch: number,
  seed = 1,
): BatchSource<FakeBatch> & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    iterationsPerEpoch,
    asked,
    async batch(epoch, iteration) {
      asked.push(`${epoch}.${iteration}`)
      const random = new Random('fake', seed, epoch, iteration)
      return { ids: [`sample ${epoch}.${iteration}`], values: [random.next(), random.next()] }
    },
  }
}

export interface FakeTraineeOptions {
  readonly size?: number
  readonly cumulative?: number
  /** Iteration (from 1) whose loss is this. */
  readonly badStep?: { readonly step: number; readonly loss: number }
  readonly delayMs?: number
  /** Trains in half precision: of these steps (from 1) the gradients are not finite, nor the losses. */
  readonly skipped?: readonly number[]
  /** Of half precision; default 8. */
  readonly loss_scale?: NonNullable<Config['fp16']>['loss_scale']
}

export class FakeTrainee implements Trainee<FakeBatch> {
  readonly optimizer = {
    groups: [
      { key: null, lr: 0.1, weightDecay: 0 },
      { key: 'backbone', lr: 0.01, weightDecay: 0 },
    ],
  }
  readonly batchSize = 2
  readonly epochs: number[] = []
  readonly rates: (readonly number[])[] = []
  weights: Float32Array
  momentum: Float32Array
  #gathered: number[] = []
  #steps = 0
  readonly #scaler: LossScaler | undefined
  readonly #options: FakeTraineeOptions

  constructor(options: FakeTraineeOptions = {}) {
    this.#options = options
    this.#scaler = options.skipped && new LossScaler({ loss_scale: options.loss_scale ?? 8 })
    this.weights = Float32Array.from({ length: options.size ?? 5 }, (_, i) => Math.sin(i + 1))
    this.momentum = new Float32Array(this.weights.length)
  }

  get betweenUpdates(): boolean {
    return this.#gathered.length === 0
  }

  async startEpoch(epoch: number): Promise<void> {
    this.epochs.push(epoch)
  }

  async step({ values }: FakeBatch, lr: readonly number[]): Promise<StepOutcome> {
    const { cumulative = 1, badStep, delayMs, skipped } = this.#options
    this.rates.push(lr)
    if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs))
    this.#steps++
    if (badStep?.step === this.#steps) return { losses: { loss: badStep.loss }, gradNorm: 1 }
    if (skipped?.includes(this.#steps)) {
      const bad = Number.NaN
      return { losses: { part: bad, loss: bad }, gradNorm: bad, scaling: this.#scaler?.update(false) }
    }
    this.#gathered.push((values[0] ?? 0) - (values[1] ?? 0))
    const loss = this.weights.reduce((sum, weight) => sum + weight ** 2, 0)
    if (this.#gathered.length < cumulative) {
      return { losses: { part: loss / 2, loss }, gradNorm: undefined, scaling: this.#scaler?.gathering }
    }
    const push = this.#gathered.reduce((sum, value) => sum + value, 0) / cumulative
    this.#gathered = []
    for (let i = 0; i < this.weights.length; i++) {
      this.momentum[i] = 0.9 * this.momentum[i]! + this.weights[i]! * push
      this.weights[i]! -= (lr[0] ?? 0) * this.momentum[i]!
    }
    return { losses: { part: loss / 2, loss }, gradNorm: Math.abs(push), scaling: this.#scaler?.update(true) }
  }

  async losses({ values }: FakeBatch): Promise<StepOutcome['losses']> {
    return { loss: values[0] ?? 0 }
  }

  async modelState(): Promise<StateDict> {
    return new Map([['neck.weight', fromFloat32(this.weights.slice(), [this.weights.length])]])
  }

  async optimizerState(): Promise<StateDict> {
    return new Map([['neck.weight.momentum_buffer', fromFloat32(this.momentum.slice(), [this.momentum.length])]])
  }

  load(model: StateDict, optimizer: StateDict): void {
    this.weights = toFloat32(model.get('neck.weight')!).slice()
    this.momentum = toFloat32(optimizer.get('neck.weight.momentum_buffer')!).slice()
  }
}

/** micro with these entries. */
export function fakeConfig(entries: Partial<Config> = {}): Config {
  return parseConfig({ ...parseConfig(micro), ...entries })
}

/** Notes what it is told. */
export class NotingHook implements Hook {
  readonly notes: string[] = []
  beforeRun = () => this.#note('run')
  beforeEpoch = (run: Run) => this.#note(`${run.mode} ${run.epoch}`)
  afterIteration = (run: Run) => this.#note(`${run.epoch}.${run.innerIteration}=${run.iteration}`)
  afterEpoch = (run: Run) => this.#note(`end ${run.mode} ${run.epoch}`)
  afterRun = () => this.#note('over')

  #note(text: string): void {
    this.notes.push(text)
  }
}
