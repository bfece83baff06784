// Loading as one bar: what is being done, how far it is, and the seconds, which go on while one kernel compiles.

import type { Progress } from './progress.ts'

/** A step of loading. */
export interface LoadStep {
  readonly stage: string
  readonly done: number
  /** 0 where it is not known. */
  readonly total: number
}

/** Hundredths of the bar at which a stage begins and ends; compiling is most of a first run. */
const parts: Readonly<Record<string, readonly [begin: number, end: number]>> = {
  download: [0, 10],
  reading: [0, 10],
  weights: [10, 20],
  benchmark: [20, 60],
  kernels: [20, 100],
}

const tickMs = 200

export class LoadDisplay {
  readonly #progress: Progress
  readonly #began = performance.now()
  readonly #ticks = setInterval(() => this.#show(), tickMs)
  #step: LoadStep = { stage: 'opening', done: 0, total: 0 }

  /** @param progress with a total of 100 */
  constructor(progress: Progress) {
    this.#progress = progress
    this.#ticks.unref()
  }

  readonly update = (step: LoadStep): void => {
    this.#step = step
    this.#show()
  }

  /** @param complete whether everything was loaded */
  stop(complete: boolean): void {
    clearInterval(this.#ticks)
    if (complete) this.#progress.update(100, this.#seconds())
    this.#progress.stop()
  }

  #show(): void {
    const { stage, done, total } = this.#step
    const [begin, end] = parts[stage] ?? [0, 0]
    const part = total > 0 ? Math.min(1, done / total) : 0
    const count = stage === 'kernels' || stage === 'weights' ? ` ${done}/${total}` : ''
    this.#progress.update(Math.floor(begin + (end - begin) * part), `${stage}${count}, ${this.#seconds()}`)
  }

  #seconds(): string {
    return `${((performance.now() - this.#began) / 1000).toFixed(1)} s`
  }
}
