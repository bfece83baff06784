// Slow, obvious float64 batch normalisation of `[..., C]` with the batch's statistics, and its gradients.

import type { Activation } from '../../src/kernels/activation.ts'
import type { HostTensor } from '../helpers/tensors.ts'
import { activate } from './elementwise.ts'

export interface Affine {
  readonly gamma: ArrayLike<number>
  readonly beta: ArrayLike<number>
}

export interface TrainOptions {
  readonly eps: number
  readonly residual?: HostTensor
  readonly activation?: Activation
}

export interface Moments {
  readonly mean: Float64Array
  /** Biased. */
  readonly variance: Float64Array
}

export function moments({ data, shape }: HostTensor): Moments {
  const channels = shape.at(-1)!
  const count = data.length / channels
  const mean = perChannel(channels, data, (value) => value).map((sum) => sum / count)
  const variance = perChannel(channels, data, (value, c) => (value - mean[c]!) ** 2).map((sum) => sum / count)
  return { mean, variance }
}

export function batchNormTrain(x: HostTensor, { gamma, beta }: Affine, options: TrainOptions): HostTensor {
  const { mean, variance } = moments(x)
  const { eps, residual, activation } = options
  const channels = x.shape.at(-1)!
  const data = Float64Array.from(x.data, (value, i) => {
    const c = i % channels
    const y = ((value - mean[c]!) / Math.sqrt(variance[c]! + eps)) * gamma[c]! + beta[c]!
    return y + (residual?.data[i] ?? 0)
  })
  return activate({ data, shape: x.shape }, activation)
}

export interface Gradients {
  readonly input: HostTensor
  readonly gamma: HostTensor
  readonly beta: HostTensor
  readonly residual: HostTensor
}

export interface NormGradient {
  readonly x: HostTensor
  readonly upstream: HostTensor
  /** What an activation gave; absent without one. */
  readonly output?: HostTensor | undefined
  /** Default: ReLU where there is an output. */
  readonly activation?: Activation | undefined
}

/** `frozen`: these statistics do not depend on the input. */
export function batchNormGradient(
  { x, upstream, output, activation }: NormGradient,
  gamma: ArrayLike<number>,
  eps: number,
  frozen?: { readonly mean: ArrayLike<number>; readonly variance: ArrayLike<number> },
): Gradients {
  const channels = x.shape.at(-1)!
  const count = x.data.length / channels
  const { mean, variance } = frozen ?? moments(x)
  const invStd = Float64Array.from(variance, (value) => 1 / Math.sqrt(value + eps))
  const top = activation === 'relu6' ? 6 : Number.POSITIVE_INFINITY
  const g = Float64Array.from(upstream.data, (value, i) =>
    output && (output.data[i]! <= 0 || output.data[i]! >= top) ? 0 : value,
  )
  const xhat = Float64Array.from(x.data, (value, i) => (value - mean[i % channels]!) * invStd[i % channels]!)
  const betaGradient = perChannel(channels, g, (value) => value)
  const gammaGradient = perChannel(channels, g, (value, _, i) => value * xhat[i]!)
  const data = g.map((value, i) => {
    const c = i % channels
    const through = frozen ? 0 : (betaGradient[c]! + xhat[i]! * gammaGradient[c]!) / count
    return gamma[c]! * invStd[c]! * (value - through)
  })
  return {
    input: { data, shape: x.shape },
    gamma: { data: gammaGradient, shape: [channels] },
    beta: { data: betaGradient, shape: [channels] },
    residual: { data: g, shape: x.shape },
  }
}

function perChannel(
  channels: number,
  data: ArrayLike<number>,
  value: (element: number, c: number, i: number) => number,
): Float64Array {
  const sums = new Float64Array(channels)
  for (let i = 0; i < data.length; i++) sums[i % channels]! += value(data[i]!, i % channels, i)
  return sums
}
