// Results on their way: each rank works at its own pace, and twice a second all ranks get what any of them has finished since. So
// rank 0 has written nearly all that was done when something fails, and a rank that was interrupted ends the others soon. A rank
// says how long it has come to an end with nothing: one whose device hangs still answers, and is named by the others.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Collective } from './collective.ts'
import { DistributedError, PeerError } from './errors.ts'

/** Milliseconds between two rounds. */
const pace = 500

export interface HandoverOptions {
  /** What is handed over, for messages. */
  readonly what: string
  /** Told on all ranks of each result, their own included, one after the other; those of a rank come in its order. */
  readonly onResult: (bytes: Uint8Array, rank: number) => Promise<void> | void
}

/** What precedes the results of a rank in a round. */
interface Head {
  /** Nothing will follow. */
  readonly ended: boolean
  /** Milliseconds since this rank has come to an end with anything; 0 if it has ended. */
  readonly idle: number
  /** Asks all to end. */
  readonly stops: boolean
  readonly lengths: readonly number[]
}

export class Handover {
  readonly #collective: Collective
  readonly #options: HandoverOptions
  readonly #stop = new AbortController()
  readonly #end = new AbortController()
  readonly #done: Promise<void>
  /** What names a rank that hangs, be it this one. */
  #hang: Error | undefined
  #lastProgress = performance.now()
  #finished: Uint8Array[] = []
  #stops = false
  #stopped = false

  /** Begins; every rank must call `end`. */
  constructor(collective: Collective, options: HandoverOptions) {
    this.#collective = collective
    this.#options = options
    this.#done = this.#rounds()
    this.#done.catch(() => this.#stop.abort()) // `end` throws it.
  }

  /** Raised when the work is to end before it is done: a rank has asked for it, or results could not be handed over. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Takes a result of this rank. */
  give(bytes: Uint8Array): void {
    this.progress()
    this.#finished.push(bytes)
  }

  /** To be called whenever this rank comes to an end with something, such as a frame: it does not hang. */
  progress(): void {
    this.#lastProgress = performance.now()
  }

  /**
   * What this rank does for its results.
   * @throws what it throws; DistributedError that names the ranks that hang, PeerError where another rank says so
   */
  async watched<T>(work: Promise<T>): Promise<T> {
    const orHang = async (error: unknown) => {
      if (error === this.#hang) throw error
      return await work
    }
    return await Promise.race([work, this.#done.then(async () => await work, orHang)])
  }

  /**
   * Waits until all ranks have ended and all results are told.
   * @param stops asks the other ranks to end early
   * @returns whether any rank has asked for that, the same on all
   * @throws what `onResult` threw on this rank; DistributedError
   */
  async end(stops: boolean): Promise<boolean> {
    this.#stops = stops
    this.#end.abort()
    await this.#done
    return this.#stopped
  }

  async #rounds(): Promise<void> {
    const { what, onResult } = this.#options
    for (;;) {
      const finished = this.#finished
      this.#finished = []
      const lengths = finished.map(({ length }) => length)
      const ended = this.#end.signal.aborted
      const idle = ended ? 0 : performance.now() - this.#lastProgress
      const head = { ended, idle, stops: this.#stops, lengths }
      const all = (await this.#collective.allGather(what, packed(head, finished))).map(unpacked)
      for (const [rank, { results }] of all.entries()) for (const bytes of results) await onResult(bytes, rank)
      this.#checkIdle(all.map(({ head }) => head.idle))
      if (all.some(({ head }) => head.stops)) {
        this.#stopped = true
        this.#stop.abort()
      }
      if (all.every(({ head }) => head.ended)) return
      if (head.ended) await sleep(pace)
      else await sleep(pace, undefined, { signal: this.#end.signal }).catch(() => undefined)
    }
  }

  /** @throws DistributedError on the first rank that does not hang, or on rank 0; PeerError on the others */
  #checkIdle(idle: readonly number[]): void {
    const { patience = Number.POSITIVE_INFINITY, rank } = this.#collective
    const hanging = [...idle.keys()].filter((each) => (idle[each] ?? 0) > patience)
    if (hanging.length === 0) return
    const sound = [...idle.keys()].filter((each) => !hanging.includes(each))
    const names = hanging.map((each) => this.#collective.name(each)).join(', ')
    const seconds = Math.round(Math.min(...hanging.map((each) => idle[each] ?? 0)) / 1000)
    const found = `${names} came to an end with nothing for ${seconds} s (${this.#options.what}): its device hangs, or it needs longer (--timeout)`
    this.#hang = rank === (sound[0] ?? 0) ? new DistributedError(found) : new PeerError(found)
    throw this.#hang
  }
}

/** A part of some work for each rank: what costs most is given first, always to the rank with the least; parts keep the order. */
export function divide<T>(items: readonly T[], ranks: number, cost: (item: T) => number): T[][] {
  const parts = Array.from({ length: ranks }, () => ({ total: 0, indices: [] as number[] }))
  const byCost = items.map((item, index) => ({ index, cost: cost(item) })).sort((a, b) => b.cost - a.cost)
  for (const { index, cost } of byCost) {
    const [first, ...others] = parts
    if (!first) throw new RangeError(`divide: ${ranks} ranks, expected 1 or more`)
    const least = others.reduce((a, b) => (b.total < a.total ? b : a), first)
    least.total += cost
    least.indices.push(index)
  }
  return parts.map(({ indices }) => indices.sort((a, b) => a - b).map((index) => items[index] as T))
}

const headLengthBytes = 4

function packed(head: Head, results: readonly Uint8Array[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head))
  const bytes = new Uint8Array(results.reduce((sum, { length }) => sum + length, headLengthBytes + text.length))
  new DataView(bytes.buffer).setUint32(0, text.length)
  let start = headLengthBytes
  for (const part of [text, ...results]) {
    bytes.set(part, start)
    start += part.length
  }
  return bytes
}

function unpacked(bytes: Uint8Array): { readonly head: Head; readonly results: readonly Uint8Array[] } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  let start = headLengthBytes + length
  const head: Head = JSON.parse(new TextDecoder().decode(bytes.subarray(headLengthBytes, start)))
  const results = head.lengths.map((each) => {
    start += each
    return bytes.slice(start - each, start)
  })
  return { head, results }
}
