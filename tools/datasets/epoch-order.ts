// In which order an epoch visits the samples: mmdet's GroupSampler on one GPU (a permutation, filled up to whole batches with
// samples drawn again), and MMTracking's DistributedGroupQuotaSampler where `samples_per_epoch` is given (a random part). Of several
// ranks, all have the same order, and each takes its part of every batch (see PairLoader).

import { Random } from 'siamrpn'

export interface EpochOrderOptions {
  /** Samples of the data set. */
  readonly length: number
  readonly batchSize: number
  readonly seed: number
  /** Samples of an epoch before they are filled up (`length`). */
  readonly samplesPerEpoch?: number | undefined
}

/** Sample numbers by epoch and position. The order of the last epoch asked for is kept. */
export class EpochOrder {
  /** Batches of an epoch. */
  readonly iterations: number
  readonly #options: EpochOrderOptions
  #kept: { readonly epoch: number; readonly order: Uint32Array } | undefined

  constructor(options: EpochOrderOptions) {
    const { length, batchSize, samplesPerEpoch = length } = options
    for (const [name, value] of Object.entries({ length, batchSize, samplesPerEpoch })) {
      if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} is ${value}, expected 1 or more`)
    }
    this.#options = options
    this.iterations = Math.ceil(samplesPerEpoch / batchSize)
  }

  /** The data set's sample numbers of a batch. */
  batch(epoch: number, iteration: number): Uint32Array {
    const { batchSize } = this.#options
    if (this.#kept?.epoch !== epoch) this.#kept = { epoch, order: this.#shuffle(epoch) }
    return this.#kept.order.subarray(iteration * batchSize, (iteration + 1) * batchSize)
  }

  #shuffle(epoch: number): Uint32Array {
    const { length, batchSize, seed, samplesPerEpoch = length } = this.#options
    const random = new Random('order', seed, epoch)
    // Every sample comes as often as any other, or once more.
    const pool = Uint32Array.from({ length: Math.max(length, samplesPerEpoch) }, (_, k) => k % length)
    const order = new Uint32Array(this.iterations * batchSize)
    for (let k = 0; k < samplesPerEpoch; k++) {
      const other = k + random.integer(pool.length - k)
      const value = pool[other] ?? 0
      pool[other] = pool[k] ?? 0
      order[k] = value
    }
    for (let k = samplesPerEpoch; k < order.length; k++) order[k] = order[random.integer(samplesPerEpoch)] ?? 0
    return order
  }
}
