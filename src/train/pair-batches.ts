// Batches for the trainer: pairs are drawn and decoded ahead by the loader, their pixels warped on the device into the images
// that the training step reads, and their targets made on the host. Everything follows from (seed, epoch, iteration).

import type { PairLoader } from '../data/pair-loader.ts'
import type { TrainPipeline } from '../data/train-pipeline.ts'
import type { TargetBuilder } from '../siamrpn/targets.ts'
import type { TrainBatch } from './trainer.ts'

export interface PairBatchesOptions {
  readonly loader: PairLoader
  /** Its images are those that the trainer reads. */
  readonly pipeline: TrainPipeline
  readonly targets: TargetBuilder
}

export class PairBatches {
  readonly iterationsPerEpoch: number
  readonly #options: PairBatchesOptions

  constructor(options: PairBatchesOptions) {
    this.#options = options
    this.iterationsPerEpoch = options.loader.iterationsPerEpoch
  }

  /**
   * The batch of an iteration, both counted from 0. Its images are written for whatever is submitted next: hand the batch
   * before to the device first.
   */
  async batch(epoch: number, iteration: number): Promise<TrainBatch> {
    const { loader, pipeline, targets } = this.#options
    const pairs = await loader.pairs(epoch, iteration)
    const { ids, positive, searchBoxes } = await pipeline.prepare(pairs)
    const samples = searchBoxes.flatMap((box, index) => {
      const random = pairs[index]?.random
      return random ? [{ box, positive: positive[index] ?? false, random }] : []
    })
    return { ids, targets: targets.build(samples) }
  }
}
