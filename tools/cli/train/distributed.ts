// What the ranks of a training run compare before they start, and what all of them start from.

import { Random } from 'siamrpn'
import type { StateDict } from 'siamrpn/formats'
import type { PairDataset } from '../../datasets/pair.ts'
import type { Collective } from '../../distributed/collective.ts'
import { shareJson, shareState } from '../../distributed/share.ts'
import type { InitialModel } from '../../training/initial-model.ts'
import type { TrainingData } from '../../training/training.ts'
import type { SavedTraining, TrainingCheckpoint } from '../../training/training-checkpoint.ts'

/** Pairs whose names are compared. */
const comparedPairs = 64

/** What tells data sets apart without reading their images. @param lines what was said when they were opened */
export function describeData({ train, validation }: TrainingData, lines: readonly string[]) {
  return { lines, train: describe(train), validation: validation ? describe(validation) : null }
}

function describe(dataset: PairDataset) {
  dataset.startEpoch?.(0, 0)
  const count = Math.min(comparedPairs, dataset.length)
  const pairs = Array.from({ length: count }, (_, i) => {
    const index = Math.floor((i * dataset.length) / count)
    return dataset.sample(index, new Random('comparison', index)).id
  })
  return { length: dataset.length, samplesPerEpoch: dataset.samplesPerEpoch ?? null, pairs }
}

/** What training starts from. */
export interface Start {
  readonly seed: number
  readonly model: StateDict
  readonly anchors: InitialModel['anchors'] | undefined
  readonly resumed: { readonly checkpoint: TrainingCheckpoint | SavedTraining; readonly path: string } | undefined
}

/** What rank 0 starts from, on all ranks. @param start rank 0's */
export async function shareStart(collective: Collective, start: Start | undefined): Promise<Start> {
  const resumed = start?.resumed
  const facts = resumed && { path: resumed.path, facts: resumed.checkpoint.facts }
  const own = { seed: start?.seed ?? 0, anchors: start?.anchors ?? null, resumed: facts ?? null }
  const { seed, anchors, resumed: place } = await shareJson(collective, 'the seed', own)
  const model = await shareState(collective, 'the weights', start?.model ?? new Map())
  if (!place) return { seed, model, anchors: anchors ?? undefined, resumed: undefined }
  const optimizer = await shareState(collective, "the optimizer's state", resumed?.checkpoint.optimizer ?? new Map())
  // The checkpoint's own model may have other names than the network's: `model` was made of it.
  const checkpoint = { model, optimizer, facts: place.facts }
  return { seed, model, anchors: anchors ?? undefined, resumed: { checkpoint, path: place.path } }
}
