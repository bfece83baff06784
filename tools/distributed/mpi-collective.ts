// Collective work over MPI. Gradients are added up by two exchanges whose order is ours: every rank gets one block of all the
// others (alltoall), adds them up in the order of ranks, and gives the sum to all (allgather). That moves as many bytes as the
// best all-reduce, and the result is the same bits on all ranks and in every run, which MPI does not promise of its own.
// Operations are non-blocking, and moved on by asking for them from the event loop, so that the device and the decoders of
// images go on meanwhile. A rank that does not come is named by the others.

import { hostname } from 'node:os'
import { allGatherJson, type Collective } from './collective.ts'
import { DistributedError, PeerError } from './errors.ts'
import type { Handle, MpiLibrary, Request } from './mpi-library.ts'

/** Turns of the event loop that ask at once; after them a waiting rank asks every millisecond, and leaves the processor alone. */
const eagerTurns = 20
/** After so long, in milliseconds, a waiting rank tells the others that it waits. */
const tellAfter = 1000
/** For what has been told just before to arrive. */
const graceMs = 1000
/** Between two messages that a rank is at work, as a part of the others' patience. */
const busyPart = 0.1
/** In a message: at work, in the place of the number of an operation. */
const busyOperation = -1

interface Waiting {
  readonly request: Request
  /** The memory that MPI reads and writes: it must not be collected. */
  readonly memory: readonly (Float32Array | Uint8Array)[]
  readonly what: string
  readonly operation: number
  since: number
  told: boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface MpiCollectiveOptions {
  /** Milliseconds after which a rank that all wait for is taken to hang. */
  readonly patience: number
}

export class MpiCollective implements Collective {
  readonly rank: number
  readonly ranks: number
  readonly patience: number
  readonly #mpi: MpiLibrary
  /** For blocks, for sums, for all else, and for messages among those that wait: each in an order of its own. */
  readonly #lanes: { readonly blocks: Handle; readonly sums: Handle; readonly others: Handle; readonly talk: Handle }
  readonly #buffers = new WeakMap<Float32Array, { readonly padded: Float32Array; readonly blocks: Float32Array }>()
  readonly #waiting = new Set<Waiting>()
  /** What was given up: MPI may write to its memory all the same. */
  readonly #givenUp: Waiting[] = []
  /** The operation that each rank has last told to wait in. */
  readonly #heard: number[]
  readonly #message = new Int32Array(new ArrayBuffer(8))
  #listening: Request
  #hosts: readonly string[] = []
  #operations = 0
  #turn: Promise<void> = Promise.resolve()
  #others: Promise<unknown> = Promise.resolve()
  #polling = false
  #lastBusy = 0

  private constructor(mpi: MpiLibrary, { patience }: MpiCollectiveOptions) {
    this.#mpi = mpi
    this.patience = patience
    this.rank = mpi.rank
    this.ranks = mpi.size
    const [blocks, sums, others, talk] = [mpi.duplicate(), mpi.duplicate(), mpi.duplicate(), mpi.duplicate()]
    this.#lanes = { blocks, sums, others, talk }
    this.#heard = Array.from({ length: this.ranks }, () => 0)
    this.#listening = this.#listen()
  }

  /** Joins the other ranks. @throws MpiError */
  static async open(mpi: MpiLibrary, options: MpiCollectiveOptions): Promise<MpiCollective> {
    const collective = new MpiCollective(mpi, options)
    collective.#hosts = await allGatherJson(collective, 'the names of machines', hostname())
    return collective
  }

  name(rank: number): string {
    return `rank ${rank} (${this.#hosts[rank] ?? 'unknown host'})`
  }

  /** The ranks of this rank's machine, in their order. */
  get neighbors(): readonly number[] {
    const here = this.#hosts[this.rank]
    return this.#hosts.flatMap((host, rank) => (host === here ? [rank] : []))
  }

  async sum(values: Float32Array): Promise<void> {
    const what = 'the exchange of gradients'
    const { padded, blocks } = this.#buffersOf(values)
    const count = blocks.length / this.ranks
    if (padded !== values) padded.set(values)
    const exchanging = this.#mpi.exchangeBlocks(padded, blocks, count, this.#lanes.blocks)
    const exchanged = this.#wait(what, exchanging, padded, blocks)
    const turn = this.#turn
    let end = () => {}
    this.#turn = new Promise((resolve) => {
      end = resolve
    })
    await exchanged
    const sum = blocks.subarray(0, count)
    for (let rank = 1; rank < this.ranks; rank++) add(sum, blocks.subarray(rank * count, (rank + 1) * count))
    await turn // Collective operations begin in the same order on all ranks.
    const gathered = this.#wait(what, this.#mpi.gather(sum, padded, count, this.#lanes.sums), sum, padded)
    end()
    await gathered
    if (padded !== values) values.set(padded.subarray(0, values.length))
  }

  async broadcast(what: string, bytes = new Uint8Array(0)): Promise<Uint8Array> {
    return await this.#inTurn(async () => await this.#broadcastAll(what, bytes))
  }

  async allGather(what: string, bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    return await this.#inTurn(async () => await this.#gatherAll(what, bytes))
  }

  busy(): void {
    const now = performance.now()
    if (now - this.#lastBusy < busyPart * this.patience) return
    this.#lastBusy = now
    this.#tell(busyOperation)
  }

  /** Ends the processes of all ranks at once. */
  abort(code: number): void {
    this.#mpi.abort(code)
  }

  /** Leaves, when all the others do. */
  async close(): Promise<void> {
    await this.allGather('the end', new Uint8Array(0))
    this.#hear()
    this.#mpi.cancel(this.#listening)
    this.#mpi.finalize()
  }

  /** One after the other, in the order of the calls: they are made of several operations each. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#others.then(work, work)
    this.#others = done.catch(() => undefined)
    return done
  }

  async #broadcastAll(what: string, bytes: Uint8Array): Promise<Uint8Array> {
    const length = Float64Array.of(bytes.length)
    await this.#broadcast(what, new Uint8Array(length.buffer))
    const data = this.rank === 0 ? bytes : new Uint8Array(length[0] ?? 0)
    if (data.length > 0) await this.#broadcast(what, data)
    return data
  }

  async #gatherAll(what: string, bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    const lengths = new Uint32Array(this.ranks)
    await this.#gather(what, new Uint8Array(Uint32Array.of(bytes.length).buffer), new Uint8Array(lengths.buffer))
    const longest = Math.max(...lengths)
    const own = new Uint8Array(longest)
    own.set(bytes)
    const all = new Uint8Array(longest * this.ranks)
    if (longest > 0) await this.#gather(what, own, all)
    return [...lengths].map((length, rank) => all.slice(rank * longest, rank * longest + length))
  }

  async #broadcast(what: string, bytes: Uint8Array): Promise<void> {
    await this.#wait(what, this.#mpi.broadcast(bytes, this.#lanes.others), bytes)
  }

  async #gather(what: string, own: Uint8Array, all: Uint8Array): Promise<void> {
    await this.#wait(what, this.#mpi.gather(own, all, own.length, this.#lanes.others), own, all)
  }

  /** Where an exchange of these values goes: as many elements for every rank. */
  #buffersOf(values: Float32Array): { readonly padded: Float32Array; readonly blocks: Float32Array } {
    const known = this.#buffers.get(values)
    if (known) return known
    const size = Math.ceil(values.length / this.ranks) * this.ranks
    const padded = size === values.length ? values : new Float32Array(size)
    const made = { padded, blocks: new Float32Array(size) }
    this.#buffers.set(values, made)
    return made
  }

  #wait(what: string, request: Request, ...memory: (Float32Array | Uint8Array)[]): Promise<void> {
    const operation = ++this.#operations
    return new Promise((resolve, reject) => {
      this.#waiting.add({ request, memory, what, operation, since: performance.now(), told: false, resolve, reject })
      if (!this.#polling) void this.#poll()
    })
  }

  /** Asks after what is waited for until there is nothing. */
  async #poll(): Promise<void> {
    this.#polling = true
    for (let idle = 0; this.#waiting.size > 0; idle++) {
      for (const waiting of [...this.#waiting]) {
        if (this.#settles(waiting)) idle = 0
      }
      if (this.#waiting.size === 0) break
      this.#hear()
      await new Promise<void>((resolve) => {
        if (idle < eagerTurns) setImmediate(resolve)
        else setTimeout(resolve, 1)
      })
    }
    this.#polling = false
  }

  /** @returns whether it is over */
  #settles(waiting: Waiting): boolean {
    try {
      if (this.#mpi.ended(waiting.request)) {
        this.#waiting.delete(waiting)
        waiting.resolve()
        return true
      }
      this.#watch(waiting)
      return false
    } catch (error) {
      this.#waiting.delete(waiting)
      this.#givenUp.push(waiting)
      waiting.reject(error instanceof Error ? error : new Error(String(error)))
      return true
    }
  }

  /** Loses patience with ranks that do not come. @throws DistributedError that names them */
  #watch(waiting: Waiting): void {
    const waited = performance.now() - waiting.since
    if (!waiting.told && waited > Math.min(tellAfter, this.patience / 4)) {
      waiting.told = true
      this.#heard[this.rank] = waiting.operation
      this.#tell(waiting.operation)
    }
    if (waited < this.patience + graceMs) return
    const ranks = [...this.#heard.keys()]
    const missing = ranks.filter((rank) => (this.#heard[rank] ?? 0) < waiting.operation)
    const there = ranks.filter((rank) => !missing.includes(rank))
    const seconds = Math.round(waited / 1000)
    if (there[0] !== this.rank)
      throw new PeerError(`${this.name(this.rank)} has waited ${seconds} s for ${waiting.what}`)
    if (missing.length === 0) {
      throw new DistributedError(
        `${waiting.what} has not ended within ${seconds} s, though all ranks are there: the network may have dropped messages`,
      )
    }
    throw new DistributedError(
      `${missing.map((rank) => this.name(rank)).join(', ')} did not come to ${waiting.what} within ${seconds} s: it hangs, or ` +
        'needs longer (--timeout); all other ranks wait for it',
    )
  }

  /** Sends the number of an operation to all other ranks. */
  #tell(operation: number): void {
    for (let rank = 0; rank < this.ranks; rank++) {
      if (rank === this.rank) continue
      const bytes = new Uint8Array(Int32Array.of(this.rank, operation).buffer)
      const request = this.#mpi.send(bytes, rank, this.#lanes.talk)
      this.#keep(request, bytes)
    }
  }

  /** Holds a message until it has left. */
  #keep(request: Request, bytes: Uint8Array): void {
    if (this.#mpi.ended(request)) return
    setTimeout(() => this.#keep(request, bytes), 100).unref()
  }

  #listen(): Request {
    return this.#mpi.receive(new Uint8Array(this.#message.buffer), this.#lanes.talk)
  }

  /** Takes the messages that have come. */
  #hear(): void {
    while (this.#mpi.ended(this.#listening)) {
      const [rank = 0, operation = 0] = this.#message
      if (operation === busyOperation) for (const waiting of this.#waiting) waiting.since = performance.now()
      else this.#heard[rank] = Math.max(operation, this.#heard[rank] ?? 0)
      this.#listening = this.#listen()
    }
  }
}

/** In float32. */
function add(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number)
}
