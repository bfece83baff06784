// Random weights for a whole tracker, seeded: for the demo, for benchmarks and for trying things out before there are
// trained ones. Gains are chosen so that activations keep their size through all fifty layers and the head's logits differ.

import { Random } from 'siamrpn'
import { fromFloat32, type NamedTensor, type StateDict } from 'siamrpn/formats'

/** Values a * u + b with u uniform in [0, 1). */
interface Spread {
  readonly a: number
  readonly b: number
}

/** Squared gains of convolutions by name: variance of the weights times fan-in. The first match counts. */
const squaredGains: readonly (readonly [pattern: RegExp, gain: number])[] = [
  [/^backbone\.conv1\./, 1.2e-4], // Its input are grey levels, 0..255.
  [/\.downsample\.|^neck\./, 1],
  [/\.head_convs\.0\./, 4.8e-4], // Its input are correlations, sums over a 5x5 window.
  [/cls_heads\..*\.head_convs\.1\./, 4],
  [/reg_heads\..*\.head_convs\.1\./, 0.25],
]
const defaultSquaredGain = 1.96

/** One-dimensional tensors by name. The first match counts. */
const vectors: readonly (readonly [pattern: RegExp, spread: Spread])[] = [
  [/\.running_mean$/, { a: 0.2, b: -0.1 }],
  [/\.running_var$/, { a: 1, b: 0.5 }],
  [/\.conv\.bias$/, { a: 0.2, b: -0.1 }],
  [/\.bias$/, { a: 0.4, b: -0.2 }],
  [/\.bn3\.weight$/, { a: 0.25, b: 0.125 }], // The last one of a residual block.
  [/\.weight$/, { a: 1, b: 0.5 }],
  [/_weight$/, { a: 1, b: 0 }], // Logits of the weighted sum of levels.
]

/**
 * A state dict of random weights.
 *
 * @param shapes every name of the model with its shape, in PyTorch's layout (`[O, I, kh, kw]` for convolutions)
 */
export function randomWeights(shapes: ReadonlyMap<string, readonly number[]>, seed: number | string): StateDict {
  return new Map([...shapes].map(([name, shape]) => [name, randomTensor(name, shape, seed)]))
}

function randomTensor(name: string, shape: readonly number[], seed: number | string): NamedTensor {
  if (name.endsWith('.num_batches_tracked')) return { dtype: 'i64', shape, data: new Uint8Array(8) }
  const { a, b } = shape.length === 4 ? convolutionSpread(name, shape) : vectorSpread(name)
  const random = new Random('weights', seed, name)
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  for (let index = 0; index < values.length; index++) values[index] = a * random.next() + b
  return fromFloat32(values, shape)
}

function convolutionSpread(name: string, [, inputs = 1, height = 1, width = 1]: readonly number[]): Spread {
  const squaredGain = squaredGains.find(([pattern]) => pattern.test(name))?.[1] ?? defaultSquaredGain
  const a = Math.sqrt((12 * squaredGain) / (inputs * height * width)) // The variance of a * u is a^2 / 12.
  return { a, b: -a / 2 }
}

function vectorSpread(name: string): Spread {
  return vectors.find(([pattern]) => pattern.test(name))?.[1] ?? { a: 1, b: -0.5 }
}
