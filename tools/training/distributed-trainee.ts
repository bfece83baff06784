// Training in several processes as the loop sees it: losses are means over the ranks, and all ranks end after the same iteration,
// whichever of them was told to.
// Source: _parse_losses of mmdet (models/detectors/base.py), which averages what it logs.

import type { TrainBatch, Trainer } from 'siamrpn/train'
import { allGatherJson, type Collective } from '../distributed/collective.ts'
import { PeerError } from '../distributed/errors.ts'
import type { StepOutcome, Trainee } from './runner.ts'

export class DistributedTrainee implements Trainee<TrainBatch> {
  readonly #trainer: Trainer
  readonly #collective: Collective
  readonly #asked: AbortSignal
  readonly #stop = new AbortController()

  /** @param asked raised on one rank, all of them end after the iteration under way */
  constructor(trainer: Trainer, collective: Collective, asked: AbortSignal) {
    this.#trainer = trainer
    this.#collective = collective
    this.#asked = asked
  }

  /** Raised on all ranks after the same iteration. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  get optimizer() {
    return this.#trainer.optimizer
  }

  get batchSize(): number {
    return this.#trainer.batchSize
  }

  get betweenUpdates(): boolean {
    return this.#trainer.betweenUpdates
  }

  async modelState() {
    return await this.#trainer.modelState()
  }

  async optimizerState() {
    return await this.#trainer.optimizerState()
  }

  async startEpoch(epoch: number, onKernel?: (done: number, total: number) => void): Promise<void> {
    await this.#trainer.startEpoch(epoch, onKernel)
  }

  /** @throws PeerError where only another rank's loss is not finite */
  async step(batch: TrainBatch, lr: readonly number[]): Promise<StepOutcome> {
    const { losses, gradNorm, scaling } = await this.#trainer.step(batch, lr)
    // What is not finite in half precision is left out of the update, on all ranks.
    const mayBeAny = scaling !== undefined && (scaling.skipped || gradNorm === undefined)
    return { losses: await this.#mean(losses, mayBeAny), gradNorm, scaling }
  }

  /** @throws PeerError likewise */
  async losses(batch: TrainBatch): Promise<StepOutcome['losses']> {
    return await this.#mean(await this.#trainer.losses(batch))
  }

  async #mean(own: StepOutcome['losses'], mayBeAny = false): Promise<StepOutcome['losses']> {
    const names = Object.keys(own)
    const told = { values: names.map((name) => text(own[name])), stops: this.#asked.aborted }
    const all = await allGatherJson(this.#collective, 'the losses of an iteration', told)
    if (all.some(({ stops }) => stops)) this.#stop.abort()
    const values = all.map((each) => each.values.map(Number))
    const finite = (list: readonly (number | undefined)[]) => list.every(Number.isFinite)
    if (!mayBeAny && !values.every(finite) && finite(Object.values(own)))
      throw new PeerError('a loss of another rank is not finite')
    const mean = (i: number) => values.reduce((sum, each) => sum + (each[i] ?? 0), 0) / values.length
    return Object.fromEntries(names.map((name, i) => [name, mean(i)]))
  }
}

/** JSON has no NaN. */
function text(value: number | undefined): string {
  return String(value)
}
