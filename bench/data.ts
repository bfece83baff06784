// Contents for the benches' tensors: deterministic noise, and the whole models of the golden data. Zeros would do for most
// kernels, but not for every processor's power and denormal handling.

import { fileURLToPath } from 'node:url'
import type { StateDict } from '../src/formats/state-dict.ts'
import type { Device } from '../src/gpu/device.ts'
import type { GpuTensor } from '../src/gpu/tensor.ts'
import type { WeightSource } from '../src/nn/conv-module.ts'
import type { Config } from '../src/siamrpn/config.ts'
import type { PixelFrame } from '../src/siamrpn/frame.ts'
import { GoldenSet } from '../tests/golden/check/golden-set.ts'
import { hashTensor, smoothImage } from '../tests/golden/check/hash.ts'
import { hashWeights } from '../tests/golden/check/models.ts'
import { readKeyPrefix } from '../tests/golden/check/reader.ts'

/** The golden data that ships with the project. */
export const goldenDirectory = fileURLToPath(new URL('../tests/golden', import.meta.url))

/** Noise between -1 and 1. */
export function noise(device: Device, shape: readonly number[], label: string): GpuTensor {
  const count = shape.reduce((product, size) => product * size, 1)
  return device.tensor(hashTensor(label, count, 2, -1), shape, label)
}

/** Noise for the tensors of a module, `counts` numbers by name; running variances are positive. */
export function noiseWeights(counts: ReadonlyMap<string, number>): WeightSource {
  return (name) => {
    const [a, b] = name.endsWith('running_var') ? [1, 0.5] : [0.2, -0.1]
    return hashTensor(name, counts.get(name) ?? 0, a, b)
  }
}

export interface BenchModel {
  readonly config: Config
  readonly state: StateDict
}

/** A model of the golden data, `r50` or `small`, with its hash weights. */
export async function benchModel(name: string): Promise<BenchModel> {
  const set = new GoldenSet(goldenDirectory)
  const { config, golden } = await set.model(name)
  const salt = await readKeyPrefix(goldenDirectory)
  return { config, state: hashWeights(golden.entries, salt) }
}

/** Size of the benches' video, in pixels. */
export const videoSize = { width: 480, height: 360 } as const

/** An RGB frame of a video that shows nothing in particular. */
export function videoFrame(index: number): PixelFrame {
  const { width, height } = videoSize
  return { data: smoothImage(`bench/${index}`, height, width), width, height, channels: 3 }
}

/** A target in the middle of the video, frame pixels. */
export const videoBox = { x: 200, y: 140, width: 80, height: 64 } as const
