// Batches of training: decoded pairs, their images made on the device, and what the head is to say of them.

import type { TargetBuilder } from 'siamrpn'
import type { TrainBatch, TrainPipeline, WindowUpload } from 'siamrpn/train'
import type { PairLoader } from '../datasets/pair-loader.ts'
import type { BatchSource } from './runner.ts'

export interface TrainBatchesParts {
  readonly loader: Pick<PairLoader, 'iterationsPerEpoch' | 'pairs'>
  readonly pipeline: Pick<TrainPipeline | WindowUpload, 'prepare'>
  readonly targets: Pick<TargetBuilder, 'build'>
}

export class TrainBatches implements BatchSource<TrainBatch> {
  readonly iterationsPerEpoch: number
  readonly #parts: TrainBatchesParts

  constructor(parts: TrainBatchesParts) {
    this.#parts = parts
    this.iterationsPerEpoch = parts.loader.iterationsPerEpoch
  }

  /** Its images are in the pipeline's tensors for what is submitted next. @throws as loader and pipeline */
  async batch(epoch: number, iteration: number): Promise<TrainBatch> {
    const { loader, pipeline, targets } = this.#parts
    const pairs = await loader.pairs(epoch, iteration)
    const { ids, positive, searchBoxes } = await pipeline.prepare(pairs)
    const samples = pairs.map(({ random }, i) => ({
      box: searchBoxes[i] ?? [0, 0, 0, 0],
      positive: positive[i] ?? false,
      random,
    }))
    return { ids, targets: targets.build(samples) }
  }
}
