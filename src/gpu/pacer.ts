// Waits for a program without taking the processor from it. While one of Dawn's promises is pending in Node, its event loop
// spins; on a software adapter that spin competes with the rasteriser's own threads. So sleep through most of the time that
// runs usually take, and only then ask; and while the answer is pending, stop the loop for a moment in each of its turns. On
// a GPU the wait is short, and browsers' event loops do not spin: nothing is slept there.

import { isNode } from './environment.ts'

/** Below this many milliseconds a timer costs more than the spin. */
const shortestSleep = 8

/** Part of the expected time that is slept. */
const part = 0.8

/** How many runs the estimate is made from, and how many it needs: the median of three ignores any one of them. */
const rememberedRuns = 5
const neededRuns = 3

/** A result that is there within this many milliseconds of being asked for was ready before. */
const atOnce = 2

/** Milliseconds that a turn of the event loop is stopped for: at least, at most, and as a part of the time waited so far. */
const shortestNap = 0.25
const longestNap = 4
const napPart = 0.02

/** Ends a turn of Node's event loop; browsers have none. */
const nextTurn: ((then: () => void) => void) | undefined = isNode() ? globalThis.setImmediate : undefined

/** What the pacer has to know of a device. */
export interface PacedDevice {
  readonly adapter: { readonly kind: 'gpu' | 'cpu' }
  /** Whether the host's thread may be stopped; see `DeviceOptions`. */
  readonly stopsThread: boolean
}

/** Learns how long one kind of run takes, and waits for its results accordingly. */
export class Pacer {
  readonly #sleeps: boolean
  readonly #naps: boolean
  #recent: number[] = []
  #fresh = true

  constructor(device: PacedDevice) {
    this.#sleeps = spins(device)
    this.#naps = device.stopsThread
  }

  /**
   * Runs `work` (submit), sleeps, then awaits `result` (the read-back), and remembers how long it took; the first run is
   * not remembered, because the driver may have compiled in it.
   */
  async through<T>(work: () => void, result: () => Promise<T>): Promise<T> {
    const start = performance.now()
    work()
    const sleep = part * this.#expected()
    if (sleep > shortestSleep) await new Promise((resolve) => setTimeout(resolve, sleep))
    const asked = performance.now()
    const value = await (this.#sleeps && this.#naps ? withNaps(result(), start) : result())
    this.#remember(performance.now() - start, sleep > shortestSleep && performance.now() - asked < atOnce)
    return value
  }

  /** Milliseconds that the next run will probably take; 0 while too few are known. */
  #expected(): number {
    if (!this.#sleeps || this.#recent.length < neededRuns) return 0
    const sorted = [...this.#recent].sort((a, b) => a - b)
    return sorted[(sorted.length - 1) >> 1] ?? 0
  }

  /** @param overslept the result was there before it was asked for: the run took less than was measured, who knows how much */
  #remember(milliseconds: number, overslept: boolean): void {
    const took = overslept ? milliseconds / 2 : milliseconds
    if (!this.#fresh) this.#recent = [...this.#recent, took].slice(-rememberedRuns)
    this.#fresh = false
  }
}

/** `pending`, its event loop kept from spinning where it would compete with a software adapter. */
export async function rested<T>(device: PacedDevice, pending: Promise<T>): Promise<T> {
  return await (spins(device) && device.stopsThread ? withNaps(pending, performance.now()) : pending)
}

function spins({ adapter }: PacedDevice): boolean {
  return adapter.kind === 'cpu' && nextTurn !== undefined
}

/** Until `pending` is settled, stops the thread in each turn of the event loop. @param start when the wait began */
async function withNaps<T>(pending: Promise<T>, start: number): Promise<T> {
  const never = new Int32Array(new SharedArrayBuffer(4))
  let settled = false
  const settle = () => {
    settled = true
  }
  pending.then(settle, settle)
  while (!settled) {
    const nap = napPart * (performance.now() - start)
    Atomics.wait(never, 0, 0, Math.min(longestNap, Math.max(shortestNap, nap)))
    await new Promise<void>((resolve) => (nextTurn ?? queueMicrotask)(resolve))
  }
  return await pending
}
