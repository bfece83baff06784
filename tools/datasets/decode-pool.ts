// Threads that decode (`workers_per_gpu` of them; none: this thread does it). A thread has a few orders under way at a time,
// so that reading and decoding overlap; further ones wait here, and a thread that dies fails them instead of leaving them
// waiting. File decoding itself runs in libuv's threads: what is saved is this thread's time, and rendering runs in parallel.

import { Worker } from 'node:worker_threads'
import type { RgbFrame } from '../../src/siamrpn/frame.ts'
import type { PixelSource } from '../../src/train/augmentation/pair.ts'
import { decodeSource } from './decode.ts'
import { type DecodeAnswer, type DecodeOrder, unpackError } from './decode-messages.ts'
import { DecodeWorkerError } from './errors.ts'

/** Orders that a thread has at a time. */
const ordersPerWorker = 4

interface Waiting {
  readonly order: DecodeOrder
  resolve(frame: RgbFrame): void
  reject(error: Error): void
}

/** A thread and what it is working on. */
interface Hand {
  readonly worker: Worker
  readonly orders: Map<number, Waiting>
  /** The clip that it rendered last, which it still has in its cache. */
  clip: string | undefined
}

export class DecodePool {
  readonly #hands: Hand[] = []
  readonly #queue: Waiting[] = []
  readonly #inline: boolean
  #inlineOrders = 0
  #nextId = 0
  #failure: Error | undefined

  /** @param workers threads to start, 0 or more */
  constructor(workers: number) {
    if (!Number.isSafeInteger(workers) || workers < 0) throw new RangeError(`${workers} workers, expected 0 or more`)
    this.#inline = workers === 0
    for (let k = 0; k < workers; k++) this.#hands.push(this.#start())
  }

  /**
   * The pixels of a source, decoded in the order of the calls.
   *
   * @throws SourceNotFoundError, UnreadableImageError; DecodeWorkerError if a thread has died or the pool is closed
   */
  decode(source: PixelSource): Promise<RgbFrame> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#queue.push({ order: { id: this.#nextId++, source }, resolve, reject })
      this.#hand()
    })
  }

  /** Ends the threads; what is still waiting fails. */
  async close(): Promise<void> {
    this.#fail(new DecodeWorkerError('the decoding workers are closed'))
    await Promise.all(this.#hands.map(({ worker }) => worker.terminate()))
  }

  #start(): Hand {
    const worker = startWorker()
    const hand: Hand = { worker, orders: new Map(), clip: undefined }
    worker.on('message', (answer: DecodeAnswer) => this.#take(hand, answer))
    worker.on('error', (error) => {
      this.#fail(new DecodeWorkerError(`a decoding worker failed: ${error.message}`, { cause: error }))
    })
    worker.on('exit', (code) => this.#fail(new DecodeWorkerError(`a decoding worker ended with code ${code}`)))
    worker.unref()
    return hand
  }

  #take(hand: Hand, answer: DecodeAnswer): void {
    const waiting = hand.orders.get(answer.id)
    hand.orders.delete(answer.id)
    if (hand.orders.size === 0) hand.worker.unref()
    if ('frame' in answer) waiting?.resolve(answer.frame)
    else waiting?.reject(unpackError(answer.error, waiting.order.source))
    this.#hand()
  }

  /** Hands out what can be handed out. */
  #hand(): void {
    if (this.#inline) this.#decodeHere()
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const clip = clipOf(next.order.source)
      const free = this.#hands.filter(({ orders }) => orders.size < ordersPerWorker)
      const hand = free.find((one) => clip !== undefined && one.clip === clip) ?? free.reduce(leastBusy, free[0])
      if (hand === undefined) return
      this.#queue.shift()
      hand.orders.set(next.order.id, next)
      if (clip !== undefined) hand.clip = clip
      hand.worker.ref()
      hand.worker.postMessage(next.order)
    }
  }

  #decodeHere(): void {
    while (this.#inlineOrders < ordersPerWorker) {
      const waiting = this.#queue.shift()
      if (waiting === undefined) return
      this.#inlineOrders++
      decodeSource(waiting.order.source)
        .then(waiting.resolve, waiting.reject)
        .finally(() => {
          this.#inlineOrders--
          this.#hand()
        })
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { orders } of this.#hands) {
      for (const waiting of orders.values()) waiting.reject(error)
      orders.clear()
    }
    for (const waiting of this.#queue.splice(0)) waiting.reject(error)
  }
}

function clipOf(source: PixelSource): string | undefined {
  return source.kind === 'synthetic' ? `${source.seed} ${source.clip}` : undefined
}

function leastBusy(best: Hand | undefined, hand: Hand): Hand {
  return best === undefined || hand.orders.size < best.orders.size ? hand : best
}

/** Runs decode-worker, from the built package as it is, from the sources through tsx (which a thread has to ask for). */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./decode-worker.js', import.meta.url))
  const tsx = import.meta.resolve('tsx/esm/api')
  const entry = new URL('./decode-worker.ts', import.meta.url).href
  const start = `import('${tsx}').then(({ register }) => { register(); return import('${entry}') })`
  return new Worker(start, { eval: true, execArgv: [] })
}
