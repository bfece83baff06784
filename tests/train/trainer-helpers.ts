// A trainer of the smallest model on seeded batches, small images: its maps are 9x9.

import { type StateDict, toFloat32 } from '../../src/formats/state-dict.ts'
import type { Device } from '../../src/gpu/device.ts'
import { type Config, type ConfigInput, parseConfig } from '../../src/siamrpn/config.ts'
import { micro } from '../../src/siamrpn/configs/micro.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import type { Targets } from '../../src/siamrpn/targets.ts'
import type { TrainingImages } from '../../src/siamrpn/trainable.ts'
import { type TrainBatch, Trainer, type TrainerOptions } from '../../src/train/trainer.ts'
import { randomWeights } from '../../tools/cli/random-weights.ts'
import { random } from '../helpers/tensors.ts'

/** Pixels of the images, and anchors of the maps that they give. */
const templateSize = 63
const searchSize = 127
const anchorCount = 9 * 9 * 5

/** `micro` with two stages and one level, all frozen until the hook releases the second stage. */
export function trainingConfig(changes: Partial<ConfigInput> = {}, backbone: object = {}): Config {
  const { model } = micro
  return parseConfig({
    ...micro,
    optimizer_config: { ...micro.optimizer_config, backbone_train_layers: ['layer2'] },
    ...changes,
    model: {
      ...model,
      backbone: { ...model.backbone, num_stages: 2, out_indices: [1], frozen_stages: 2, ...backbone },
      neck: { ...model.neck, in_channels: [16] },
      head: { ...model.head, in_channels: [8] },
    },
  } as ConfigInput)
}

export const config = trainingConfig()

/** Learning rates by group: the rest, the backbone. */
export const rates = [0.01, 0.002]

export function initialState(of: Config = config): StateDict {
  return randomWeights(stateDictShapes(of.model), 3)
}

export function emptyImages(device: Device, pairs: number): TrainingImages {
  return {
    template: device.empty([pairs, templateSize, templateSize, 4], 'f32', 'template'),
    search: device.empty([pairs, searchSize, searchSize, 4], 'f32', 'search'),
  }
}

export function releaseImages(device: Device, { template, search }: TrainingImages): void {
  for (const image of [template, search]) device.release(image)
}

/** Pixels from 0 to 255 of a pair, a function of the key; the fourth channel is zero. */
function pixels(key: string, size: number): Float32Array {
  const { data } = random(key, [size, size, 4], 127.5)
  return Float32Array.from(data, (value, i) => (i % 4 === 3 ? 0 : value + 127.5))
}

function pairTargets(key: string, pairs: number): Targets {
  const values = (name: string, elements: number) => random(`${key} ${name}`, [anchorCount * elements]).data
  const sparse = (name: string) => Float32Array.from(values(name, 1), (value) => (value > 0.8 ? 0.05 / pairs : 0))
  const positive = sparse('positive')
  return {
    labels: positive.map((weight) => (weight > 0 ? 1 : 0)),
    labelWeights: sparse('negative').map((weight, i) => Math.max(weight, positive[i]!)),
    boxTargets: Float32Array.from(values('boxes', 4)),
    boxWeights: Float32Array.from({ length: 4 * anchorCount }, (_, i) => positive[Math.floor(i / 4)]!),
  }
}

/** Writes the images of some pairs and gives their batch. Pairs are functions of their number. */
export function writeBatch(
  device: Device,
  images: TrainingImages,
  pairs: readonly number[],
  of = pairs.length,
): TrainBatch {
  for (const [i, pair] of pairs.entries()) {
    device.write(images.template, pixels(`template ${pair}`, templateSize), i * templateSize * templateSize * 16)
    device.write(images.search, pixels(`search ${pair}`, searchSize), i * searchSize * searchSize * 16)
  }
  const all = pairs.map((pair) => pairTargets(`pair ${pair}`, of))
  const joined = (name: keyof Targets) => Float32Array.from(all.flatMap((targets) => [...targets[name]]))
  const targets = {
    ...{ labels: joined('labels'), labelWeights: joined('labelWeights') },
    ...{ boxTargets: joined('boxTargets'), boxWeights: joined('boxWeights') },
  }
  return { ids: pairs.map((pair) => `pair ${pair}`), targets }
}

export interface Bench {
  readonly trainer: Trainer
  readonly images: TrainingImages
  /** One step on pairs `2 k` and `2 k + 1`, or on those given. */
  step(k: number | readonly number[]): ReturnType<Trainer['step']>
}

/** Runs `body` with a trainer of batches of two, and frees everything. */
export async function withTrainer<T>(
  device: Device,
  options: Partial<TrainerOptions>,
  body: (bench: Bench) => Promise<T>,
): Promise<T> {
  const images = options.images ?? emptyImages(device, 2)
  const of = options.config ?? config
  const trainer = new Trainer({ device, config: of, state: initialState(of), images, ...options })
  const lr = trainer.optimizer.groups.map(({ key }) => rates[key === null ? 0 : 1]!)
  try {
    return await body({
      trainer,
      images,
      step: (k) => trainer.step(writeBatch(device, images, typeof k === 'number' ? [2 * k, 2 * k + 1] : k), lr),
    })
  } finally {
    trainer.release()
    if (!options.images) releaseImages(device, images)
  }
}

/** Bits of a state dict, by name. */
export function bitsOf(state: StateDict): Record<string, string> {
  return Object.fromEntries([...state].map(([name, { data }]) => [name, Buffer.from(data).toString('base64')]))
}

export function namesThatDiffer(a: StateDict, b: StateDict): string[] {
  const [first, second] = [bitsOf(a), bitsOf(b)]
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => first[name] !== second[name])
}

export function values(state: StateDict, name: string): Float32Array {
  return toFloat32(state.get(name)!)
}
