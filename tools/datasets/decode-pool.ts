// Threads that decode (`workers_per_gpu` of them; none: this thread does it). A thread has a few orders under way at a time,
// so that reading and decoding overlap; further ones wait here, and a thread that dies fails them instead of leaving them
// waiting. File decoding itself runs in libuv's threads: what is saved is this thread's time, and rendering runs in parallel.

import { Worker } from 'node:worker_threads'
import type { RgbFrame } from 'siamrpn'
import type { Xyxy } from 'siamrpn/train'
import { oddImages } from '../frames/odd-images.ts'
import { Decoder } from './decode.ts'
import {
  type DecodeAnswer,
  type Decoded,
  type DecodeOrder,
  type DecodeTask,
  unpackError,
  type WindowOptions,
} from './decode-messages.ts'
import { DecodeWorkerError } from './errors.ts'
import type { PairRequest, PixelSource } from './pair.ts'

/** Orders that a thread has at a time. */
const ordersPerWorker = 4

interface Waiting {
  readonly order: DecodeOrder
  resolve(decoded: Decoded): void
  reject(error: Error): void
}

/** Template and search window, and the objects in them. */
export interface PairWindows {
  readonly template: RgbFrame
  readonly search: RgbFrame
  readonly boxes: readonly [Xyxy, Xyxy]
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
  readonly #windows: WindowOptions | undefined
  /** Where there are no threads: what this thread decodes with. */
  readonly #inline: Decoder | undefined
  #inlineOrders = 0
  #nextId = 0
  #failure: Error | undefined

  /**
   * @param workers threads to start, 0 or more
   * @param windows how the windows of pairs are made, its memory in all; absent: only frames are asked for
   * @throws ConfigError, DatasetMissingError if no windows can be made in this way
   */
  constructor(workers: number, windows?: WindowOptions) {
    if (!Number.isSafeInteger(workers) || workers < 0) throw new RangeError(`${workers} workers, expected 0 or more`)
    const here = new Decoder(windows) // Also where threads decode: it says what is wrong with the steps.
    this.#inline = workers === 0 ? here : undefined
    this.#windows = windows && { ...windows, cacheBytes: windows.cacheBytes / Math.max(1, workers) }
    for (let k = 0; k < workers; k++) this.#hands.push(this.#start())
  }

  /**
   * The pixels of a source, decoded in the order of the calls.
   *
   * @throws SourceNotFoundError, UnreadableImageError; DecodeWorkerError if a thread has died or the pool is closed
   */
  async decode(source: PixelSource): Promise<RgbFrame> {
    const { images } = await this.#run({ kind: 'frame', source })
    const [frame] = images
    if (frame === undefined) throw new DecodeWorkerError('a decoding worker answered with no image, expected one')
    return frame
  }

  /**
   * The two finished windows of a pair, their random numbers drawn from a stream of this key.
   *
   * @throws as `decode`
   */
  async windows(request: PairRequest, key: readonly (string | number)[]): Promise<PairWindows> {
    const { images, boxes } = await this.#run({ kind: 'pair', request, key })
    const [template, search] = images
    if (!template || !search || !boxes) {
      throw new DecodeWorkerError(
        `a decoding worker answered with ${images.length} images, expected two and their boxes`,
      )
    }
    return { template, search, boxes }
  }

  /** Whether windows can be asked for. */
  get makesWindows(): boolean {
    return this.#windows !== undefined
  }

  #run(task: DecodeTask): Promise<Decoded> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#queue.push({ order: { id: this.#nextId++, task }, resolve, reject })
      this.#hand()
    })
  }

  /** Ends the threads; what is still waiting fails. */
  async close(): Promise<void> {
    this.#fail(new DecodeWorkerError('the decoding workers are closed'))
    // A thread that does not count as work would let the program end before this has.
    for (const { worker } of this.#hands) worker.ref()
    await Promise.all(this.#hands.map(({ worker }) => worker.terminate()))
  }

  #start(): Hand {
    const worker = startWorker(this.#windows)
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
    for (const image of answer.odd) oddImages.add(image)
    if (hand.orders.size === 0 && !this.#failure) hand.worker.unref()
    if ('decoded' in answer) waiting?.resolve(answer.decoded)
    else waiting?.reject(unpackError(answer.error))
    this.#hand()
  }

  /** Hands out what can be handed out. */
  #hand(): void {
    if (this.#inline) this.#decodeHere(this.#inline)
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const clip = clipOf(next.order.task)
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

  #decodeHere(decoder: Decoder): void {
    while (this.#inlineOrders < ordersPerWorker) {
      const waiting = this.#queue.shift()
      if (waiting === undefined) return
      this.#inlineOrders++
      decoder
        .run(waiting.order.task)
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

function clipOf(task: DecodeTask): string | undefined {
  const source = task.kind === 'frame' ? task.source : task.request.template.source
  return source.kind === 'synthetic' ? `${source.seed} ${source.clip}` : undefined
}

function leastBusy(best: Hand | undefined, hand: Hand): Hand {
  return best === undefined || hand.orders.size < best.orders.size ? hand : best
}

/** Runs decode-worker, from the built package as it is, from the sources through tsx (which a thread has to ask for). */
function startWorker(windows: WindowOptions | undefined): Worker {
  const workerData = { windows }
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./decode-worker.js', import.meta.url), { workerData })
  }
  const tsx = import.meta.resolve('tsx/esm/api')
  const entry = new URL('./decode-worker.ts', import.meta.url).href
  const start = `import('${tsx}').then(({ register }) => { register(); return import('${entry}') })`
  return new Worker(start, { eval: true, execArgv: [], workerData })
}
