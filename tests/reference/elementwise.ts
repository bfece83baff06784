// Slow, obvious float64 versions of the element-wise ops, for any shape.

import type { Activation } from '../../src/kernels/activation.ts'
import type { HostTensor } from '../helpers/tensors.ts'

export function activate({ data, shape }: HostTensor, activation: Activation = 'none'): HostTensor {
  if (activation === 'none') return { data, shape }
  const top = activation === 'relu6' ? 6 : Number.POSITIVE_INFINITY
  return { data: Float64Array.from(data, (value) => Math.min(Math.max(value, 0), top)), shape }
}

export function sigmoid({ data, shape }: HostTensor): HostTensor {
  return { data: Float64Array.from(data, (value) => 1 / (1 + Math.exp(-value))), shape }
}

export function add(a: HostTensor, b: HostTensor): HostTensor {
  return { data: Float64Array.from(a.data, (value, i) => value + b.data[i]!), shape: a.shape }
}

/** Softmax of `logits` as weights, the plain average without them. */
export function weightedSum(inputs: readonly HostTensor[], logits?: ArrayLike<number>): HostTensor {
  const exponentials = inputs.map((_, level) => Math.exp(logits?.[level] ?? 0))
  const total = exponentials.reduce((sum, value) => sum + value, 0)
  const { data, shape } = inputs[0]!
  const value = (i: number) =>
    inputs.reduce((sum, input, level) => sum + (exponentials[level]! / total) * input.data[i]!, 0)
  return { data: Float64Array.from(data, (_, i) => value(i)), shape }
}

export interface Statistics {
  readonly gamma: ArrayLike<number>
  readonly beta: ArrayLike<number>
  readonly mean: ArrayLike<number>
  readonly variance: ArrayLike<number>
}

/** Batch normalisation of `[N, H, W, C]` with given statistics. */
export function batchNorm(
  { data, shape }: HostTensor,
  { gamma, beta, mean, variance }: Statistics,
  eps: number,
): HostTensor {
  const channels = shape.at(-1)!
  const normalised = Float64Array.from(data, (value, i) => {
    const c = i % channels
    return ((value - mean[c]!) / Math.sqrt(variance[c]! + eps)) * gamma[c]! + beta[c]!
  })
  return { data: normalised, shape }
}
