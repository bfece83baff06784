// Times work that has been given to a device: wall time and, because wall time on a shared machine says as much about the
// neighbours as about the work, this process's CPU time (on a software adapter that is the work itself).

import type { Device } from '../src/gpu/device.ts'
import { Pacer } from '../src/gpu/pacer.ts'

/** One measurement, in milliseconds. */
export interface Sample {
  readonly ms: number
  readonly cpuMs: number
}

/** Times what `work` does, until its promise resolves. */
export async function timed(work: () => Promise<unknown>): Promise<Sample> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { ms, cpuMs: (user + system) / 1000 }
}

/** The value in the middle, or the mean of the two there; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2
}

/** Measures submissions of one piece of work, sleeping through most of each instead of spinning (see src/gpu/pacer.ts). */
export class Stopwatch {
  readonly #device: Device
  readonly #pacer: Pacer

  constructor(device: Device) {
    this.#device = device
    this.#pacer = new Pacer(device)
  }

  /** From `submit` until the device has done everything. */
  async sample(submit: () => void): Promise<Sample> {
    const done = () => this.#device.guard(this.#device.gpu.queue.onSubmittedWorkDone())
    const sample = await timed(() => this.#pacer.through(submit, done))
    this.#device.check()
    return sample
  }

  /** The shortest of several. */
  async best(submit: () => void, count: number): Promise<number> {
    let best = Number.POSITIVE_INFINITY
    for (let k = 0; k < count; k++) best = Math.min(best, (await this.sample(submit)).ms)
    return best
  }
}
