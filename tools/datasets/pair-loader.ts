// Batches of decoded pairs by epoch and iteration. The next batches are drawn and decoded while the current one is trained
// on. What a batch holds follows from (seed, epoch, iteration) alone: neither timing nor where training started plays a part,
// also where an image does not decode and another sample takes its place.

import { Random, type RgbFrame } from 'siamrpn'
import { SourceNotFoundError, UnreadableImageError } from '../frames/errors.ts'
import type { DecodePool } from './decode-pool.ts'
import { EpochOrder } from './epoch-order.ts'
import { CorruptImagesError } from './errors.ts'
import type { LoadedPair, PairDataset, PairRequest, PixelSource } from './pair.ts'

export interface PairLoaderOptions {
  readonly dataset: PairDataset
  readonly pool: DecodePool
  readonly batchSize: number
  readonly seed: number
  /** Which part of every batch is loaded; absent: all of it. */
  readonly part?: LoaderPart | undefined
  /** Samples of an epoch (all of the data set). */
  readonly samplesPerEpoch?: number | undefined
  /** Batches that are made ready ahead of the one asked for (2). */
  readonly prefetch?: number
  /** Told of the first image that could not be read; further ones are only counted. */
  readonly onFirstSkip?: (image: SkippedImage) => void
}

/**
 * Of several processes that train together, each loads `batchSize` samples of what is one large batch: rank r the r-th run of
 * them. So n ranks see in one step what one process sees in n steps.
 */
export interface LoaderPart {
  readonly rank: number
  readonly ranks: number
}

/** An image that could not be read, and why. */
export interface SkippedImage {
  readonly path: string
  readonly reason: string
}

/** What has been read so far. */
export interface LoaderReport {
  readonly images: number
  readonly skipped: number
  /** The first ones. */
  readonly examples: readonly SkippedImage[]
}

const defaultPrefetch = 2
/** Draws for one sample before the data set is called unreadable. */
const maxDraws = 10
/** A share of unreadable images above this is an error, as soon as there are `fewSkipped` of them. */
const maxSkippedShare = 0.01
const fewSkipped = 10
const maxExamples = 20

const whole: LoaderPart = { rank: 0, ranks: 1 }

interface Sample {
  readonly pair: LoadedPair
  readonly images: number
  readonly skipped: readonly SkippedImage[]
}

type Images = Pick<LoadedPair, 'template' | 'search' | 'boxes'>

export class PairLoader {
  /** Batches of an epoch. */
  readonly iterationsPerEpoch: number
  readonly #options: PairLoaderOptions
  readonly #order: EpochOrder
  readonly #ready = new Map<number, Promise<readonly Sample[]>>()
  #epoch: number | undefined
  #images = 0
  #skipped = 0
  readonly #examples: SkippedImage[] = []
  #closed = false

  constructor(options: PairLoaderOptions) {
    const { dataset, seed, samplesPerEpoch, part = whole } = options
    this.#options = options
    const batchSize = options.batchSize * part.ranks
    this.#order = new EpochOrder({ length: dataset.length, batchSize, seed, samplesPerEpoch })
    this.iterationsPerEpoch = this.#order.iterations
  }

  /** Images read and skipped in the batches that were handed out. */
  get report(): LoaderReport {
    return { images: this.#images, skipped: this.#skipped, examples: [...this.#examples] }
  }

  /**
   * The pairs of a batch, both counted from 0; fast where batches are asked for one after the other.
   *
   * @throws CorruptImagesError when more than 1 % of the images cannot be read; DecodeWorkerError
   */
  async pairs(epoch: number, iteration: number): Promise<LoadedPair[]> {
    if (!(iteration >= 0 && iteration < this.iterationsPerEpoch)) {
      throw new RangeError(`iteration ${iteration} of an epoch of ${this.iterationsPerEpoch}`)
    }
    if (this.#closed) throw new Error('the loader is closed')
    const first = epoch * this.iterationsPerEpoch + iteration
    const last = first + (this.#options.prefetch ?? defaultPrefetch)
    for (const number of this.#ready.keys()) if (number < first || number > last) this.#ready.delete(number)
    for (let number = first; number <= last; number++)
      if (!this.#ready.has(number)) this.#ready.set(number, this.#start(number))
    const samples = (await this.#ready.get(first)) ?? []
    this.#ready.delete(first)
    this.#count(samples)
    return samples.map(({ pair }) => pair)
  }

  /** Forgets what was made ready. The pool stays open: whoever made it closes it. */
  close(): void {
    this.#closed = true
    this.#ready.clear()
  }

  #start(number: number): Promise<readonly Sample[]> {
    const epoch = Math.floor(number / this.iterationsPerEpoch)
    const iteration = number % this.iterationsPerEpoch
    const { batchSize, part = whole } = this.#options
    const start = part.rank * batchSize
    const position = iteration * part.ranks * batchSize + start
    const indices = this.#order.batch(epoch, iteration).subarray(start, start + batchSize)
    const samples = [...indices].map((index, k) => this.#load(epoch, position + k, index))
    const batch = Promise.all(samples)
    batch.catch(() => undefined) // Whoever asks for it gets the error.
    return batch
  }

  async #load(epoch: number, position: number, index: number): Promise<Sample> {
    const { dataset, seed } = this.#options
    const random = new Random('pair', seed, epoch, position)
    const skipped: SkippedImage[] = []
    for (let draw = 1; ; draw++) {
      const request = this.#draw(epoch, draw === 1 ? index : random.integer(dataset.length), random)
      const images = this.#options.pool.makesWindows
        ? await this.#windows(request, ['windows', seed, epoch, position, draw], skipped)
        : await this.#decode(request, skipped)
      if (images) return { pair: { request, ...images, random }, images: 2 * draw, skipped }
      if (draw === maxDraws) throw tooManySkipped(skipped, 2 * draw, `sample ${index} was drawn ${draw} times`)
    }
  }

  /** The finished windows, or undefined with an unreadable image added to `skipped`. */
  async #windows(
    request: PairRequest,
    key: readonly (string | number)[],
    skipped: SkippedImage[],
  ): Promise<Images | undefined> {
    try {
      return await this.#options.pool.windows(request, key)
    } catch (error) {
      if (!isSkippable(error)) throw error
      skipped.push({ path: error.path, reason: error.message })
      return undefined
    }
  }

  /** Both frames, or undefined with the unreadable ones added to `skipped`. */
  async #decode({ template, search }: PairRequest, skipped: SkippedImage[]): Promise<Images | undefined> {
    const sources = isSameFile(template.source, search.source) ? [template.source] : [template.source, search.source]
    const results = await Promise.allSettled(sources.map((source) => this.#options.pool.decode(source)))
    const frames: RgbFrame[] = []
    for (const [k, result] of results.entries()) {
      const source = sources[k]
      if (result.status === 'fulfilled') frames.push(result.value)
      else if (source?.kind === 'file' && isSkippable(result.reason)) {
        skipped.push({ path: source.path, reason: result.reason.message })
      } else throw result.reason
    }
    const [first, second = first] = frames
    return first && second && frames.length === sources.length ? { template: first, search: second } : undefined
  }

  #draw(epoch: number, index: number, random: Random): PairRequest {
    const { dataset, seed } = this.#options
    if (this.#epoch !== epoch) dataset.startEpoch?.(epoch, seed)
    this.#epoch = epoch
    return dataset.sample(index, random)
  }

  #count(samples: readonly Sample[]): void {
    for (const { images, skipped } of samples) {
      const [first] = skipped
      if (this.#skipped === 0 && first !== undefined) this.#options.onFirstSkip?.(first)
      this.#images += images
      this.#skipped += skipped.length
      this.#examples.push(...skipped.slice(0, maxExamples - this.#examples.length))
    }
    if (this.#skipped < fewSkipped || this.#skipped <= maxSkippedShare * this.#images) return
    throw tooManySkipped(this.#examples, this.#images, `${this.#skipped} of them, at most 1 % are skipped`)
  }
}

function tooManySkipped(skipped: readonly SkippedImage[], images: number, found: string): CorruptImagesError {
  const shown = skipped.slice(0, 5).map(({ reason }) => `\n  ${reason}`)
  return new CorruptImagesError(`too many unreadable images among ${images}: ${found}. For example:${shown.join('')}`)
}

function isSkippable(error: unknown): error is UnreadableImageError | SourceNotFoundError {
  return error instanceof UnreadableImageError || error instanceof SourceNotFoundError
}

function isSameFile(a: PixelSource, b: PixelSource): boolean {
  return a.kind === 'file' && b.kind === 'file' && a.path === b.path
}
