// A record of the log, which loggers show: means over the last iterations, learning rates, the time that is left.

import type { Hook, Run, Scores } from './runner.ts'

/** One entry of a log. */
export interface LogRecord {
  readonly mode: 'train' | 'val'
  /** From 1. */
  readonly epoch: number
  /** Iterations of the epoch that are done. */
  readonly iteration: number
  readonly iterationsPerEpoch: number
  /** Training iterations that are done, all epochs together. */
  readonly step: number
  /** By name: `lr`, and `lr_<key>` for the optimizer's further groups; empty where nothing was trained. */
  readonly rates: Readonly<Record<string, number>>
  /** In half precision: the scale of the last iteration's loss, and how many updates were left out so far. */
  readonly scaling?: { readonly loss_scale: number; readonly skipped_updates: number } | undefined
  /** Seconds until the end of training. */
  readonly eta: number | undefined
  /** Means, with `time` and `data_time` in seconds; or measures. */
  readonly values: Readonly<Record<string, number>>
}

/** A hook that is handed an entry every `interval` iterations, at the end of an epoch, and after evaluations. */
export abstract class Logger implements Hook {
  readonly #interval: number
  #seconds = 0
  #logged = 0

  /** @param interval iterations */
  constructor(interval: number) {
    this.#interval = interval
  }

  beforeEpoch(): void {
    this.#logged = 0
  }

  async afterIteration(run: Run): Promise<void> {
    this.#seconds += run.log.means(1).time ?? 0
    if (run.innerIteration % this.#interval === 0 || run.finished) await this.#log(run, this.#interval)
  }

  async afterEpoch(run: Run): Promise<void> {
    await this.#log(run, run.mode === 'train' ? this.#interval : Number.POSITIVE_INFINITY)
  }

  async afterEvaluation(run: Run, scores: Scores): Promise<void> {
    await this.record({ ...this.#place(run), mode: 'val', rates: {}, eta: undefined, values: scores })
  }

  protected abstract record(record: LogRecord): Promise<void> | void

  /** Shows what has come since the last entry of the epoch, at most `most` iterations. */
  async #log(run: Run, most: number): Promise<void> {
    if (run.log.empty || (run.mode === 'train' && this.#logged === run.innerIteration)) return
    const values = run.log.means(Math.min(most, run.mode === 'train' ? run.innerIteration - this.#logged : most))
    this.#logged = run.innerIteration
    const training = run.mode === 'train'
    const done = run.iteration - run.startIteration
    const eta = training ? (this.#seconds / done) * (run.maxIterations - run.iteration) : undefined
    const scaling = training ? scalingOf(run) : undefined
    await this.record({ ...this.#place(run), rates: training ? namedRates(run) : {}, scaling, eta, values })
  }

  #place(run: Run): Pick<LogRecord, 'mode' | 'epoch' | 'iteration' | 'iterationsPerEpoch' | 'step'> {
    const { mode, innerIteration: iteration, iterationsPerEpoch, iteration: step } = run
    return { mode, epoch: run.epoch + 1, iteration, iterationsPerEpoch, step }
  }
}

function scalingOf({ scaling }: Run): LogRecord['scaling'] {
  return scaling && { loss_scale: scaling.scale, skipped_updates: scaling.skippedUpdates }
}

function namedRates({ rates, trainer }: Run): Record<string, number> {
  return Object.fromEntries(
    trainer.optimizer.groups.map(({ key }, i) => [key === null ? 'lr' : `lr_${key}`, rates[i] ?? Number.NaN]),
  )
}
