// From the `data.train` entry of a configuration to one training data set: every class by its own name, wrapped and
// concatenated as the entry says.

import type { Config, DataConfig } from 'siamrpn'
import { syntheticPairs } from '../clips/pairs.ts'
import { oddImages } from '../frames/odd-images.ts'
import { openClipFolder } from './clip-folder.ts'
import { CutoutDataset } from './cutout-dataset.ts'
import { ConcatDataset, RandomSampleConcatDataset, RepeatDataset } from './datasets.ts'
import { DatasetError } from './errors.ts'
import type { PairDataset } from './pair.ts'
import type { PairSamplingOptions } from './pair-sampling.ts'
import { SOTCocoDataset, SOTImageNetVIDDataset, SOTTrainDataset } from './sot-train-dataset.ts'

type TrainEntries = NonNullable<DataConfig['train']>
type TrainEntry = Exclude<TrainEntries, readonly unknown[]>
type Pipeline = NonNullable<Config['train_pipeline']>

/** Told what each data set holds and what was left out of it, a line each. */
export type DatasetListener = (description: string) => void

/**
 * Opens what `data.train` (or a training data set under `data.val`) names. Annotation files are read one after the other.
 *
 * @throws DatasetMissingError, AnnotationError, DatasetError
 */
export async function buildTrainDataset(train: TrainEntries, tell?: DatasetListener): Promise<PairDataset> {
  if (!Array.isArray(train)) return build(train, tell)
  const datasets = await buildAll(train, tell)
  const [only] = datasets
  return datasets.length === 1 && only !== undefined ? only : new ConcatDataset(datasets)
}

async function buildAll(entries: readonly TrainEntry[], tell: DatasetListener | undefined): Promise<PairDataset[]> {
  const datasets: PairDataset[] = []
  for (const entry of entries) datasets.push(await build(entry, tell))
  return datasets
}

async function build(entry: TrainEntry, tell: DatasetListener | undefined): Promise<PairDataset> {
  for (const folder of foldersOf(entry)) oddImages.countApart(folder)
  switch (entry.type) {
    case 'RepeatDataset':
      return new RepeatDataset(await build(entry.dataset, tell), entry.times)
    case 'RandomSampleConcatDataset': {
      const datasets = await buildAll(entry.dataset_cfgs, tell)
      return new RandomSampleConcatDataset(datasets, entry.dataset_sampling_weights ?? undefined)
    }
    case 'SyntheticClips': {
      const { frames_per_clip: framesPerClip, frame_range: frameRange, pos_prob: posProb, ...options } = entry
      tell?.(`synthetic clips, seed ${entry.seed}: ${entry.clips} clips of ${framesPerClip} frames`)
      return syntheticPairs({ ...options, framesPerClip, frameRange, posProb })
    }
    case 'ClipFolder':
      return told(await openClipFolder(entry.path, entry), tell)
    case 'SOTTrainDataset':
      return told(await SOTTrainDataset.open(entry), tell)
    case 'SOTImageNetVIDDataset':
      return told(await SOTImageNetVIDDataset.open(entry, pairSampling(entry)), tell)
    case 'SOTCocoDataset':
      return told(await SOTCocoDataset.open(entry, pairSampling(entry)), tell)
    case 'CutoutDataset':
      return told(await CutoutDataset.open(entry), tell)
  }
}

/** Where an entry's own images lie. */
function foldersOf(entry: TrainEntry): string[] {
  switch (entry.type) {
    case 'RepeatDataset':
    case 'RandomSampleConcatDataset':
    case 'SyntheticClips':
      return []
    case 'ClipFolder':
      return [entry.path]
    case 'CutoutDataset':
      return [entry.path, entry.background_path]
    default:
      return [entry.img_prefix]
  }
}

function told<T extends { describe(): string } & PairDataset>(dataset: T, tell: DatasetListener | undefined): T {
  tell?.(dataset.describe())
  return dataset
}

/** The pipeline's PairSampling step, by the names of `ref_img_sampler`. */
function pairSampling({ type, pipeline }: { readonly type: string; readonly pipeline: Pipeline }): PairSamplingOptions {
  const step = pipeline.find((one) => one.type === 'PairSampling')
  if (step === undefined) {
    const steps = pipeline.map((one) => one.type).join(', ')
    throw new DatasetError(`${type}: its pipeline is ${steps}; expected PairSampling as the first step`)
  }
  const { frame_range, pos_prob, filter_template_img } = step
  return { frame_range, pos_prob, filter_key_img: filter_template_img }
}
