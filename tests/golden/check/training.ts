// What the sections about training share: a trainer with hash weights on a golden batch, and parameters sampled by index.

import type { StateDict } from '../../../src/formats/state-dict.ts'
import { toFloat32 } from '../../../src/formats/state-dict.ts'
import type { Device } from '../../../src/gpu/device.ts'
import type { Config } from '../../../src/siamrpn/config.ts'
import { imageChannels } from '../../../src/siamrpn/conv-specs.ts'
import type { Targets } from '../../../src/siamrpn/targets.ts'
import type { TrainingImages } from '../../../src/siamrpn/trainable.ts'
import { Trainer } from '../../../src/train/trainer.ts'
import { uploadMap } from './maps.ts'
import type { GoldenSection } from './reader.ts'

/** Keys of the dumped targets of a batch. */
export interface TargetKeys {
  readonly labels: string
  readonly labels_weights: string
  readonly bbox_targets: string
  readonly bbox_weights: string
}

export function goldenTargets(section: GoldenSection<unknown>, keys: TargetKeys): Targets {
  return {
    labels: section.float32(keys.labels),
    labelWeights: section.float32(keys.labels_weights),
    boxTargets: section.float32(keys.bbox_targets),
    boxWeights: section.float32(keys.bbox_weights),
  }
}

/** Uploads dumped images, `[N, 3, H, W]` bytes. */
export function goldenImages(
  device: Device,
  section: GoldenSection<unknown>,
  keys: { readonly template: string; readonly search: string },
): TrainingImages {
  const image = (key: string) => {
    const [n = 0, c = 0, h = 0, w = 0] = section.tensor(key).shape
    return uploadMap(device, { data: section.float32(key), shape: [n, c, h, w] }, imageChannels)
  }
  return { template: image(keys.template), search: image(keys.search) }
}

export interface TrainerCase {
  readonly device: Device
  readonly config: Config
  readonly state: StateDict
  readonly images: TrainingImages
  readonly keepGradients?: boolean
}

/** Runs `body` with a trainer, and frees it. */
export async function withTrainer<T>(options: TrainerCase, body: (trainer: Trainer) => Promise<T>): Promise<T> {
  const trainer = new Trainer(options)
  try {
    return await body(trainer)
  } finally {
    trainer.release()
  }
}

/** The values at row `row` of a table of flat indices; indices past the end begin anew. */
export function sampled(values: ArrayLike<number>, indices: ArrayLike<number>, row: number, columns: number): number[] {
  return Array.from(
    { length: columns },
    (_, k) => values[(indices[row * columns + k] ?? 0) % values.length] ?? Number.NaN,
  )
}

export function rowOf(table: ArrayLike<number>, row: number, columns: number): number[] {
  return Array.from({ length: columns }, (_, k) => table[row * columns + k] ?? Number.NaN)
}

/** Values of a parameter or buffer by name. */
export function valuesOf(state: StateDict, name: string): Float32Array {
  const tensor = state.get(name)
  return tensor ? toFloat32(tensor) : new Float32Array()
}

export function euclideanNorm(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) ** 2
  return Math.sqrt(sum)
}
