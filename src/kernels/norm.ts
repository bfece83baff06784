// Batch normalisation with frozen running statistics: folded on the host into a scale and a bias per channel. A convolution
// takes both in its epilogue; `frozenBatchNorm` is for the places where no convolution comes before.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type Activation, activationMax } from './activation.ts'
import { activationShape, expectShape, kernel } from './launch.ts'
import { channelConstant, chooseWidth, mapKernel } from './map.ts'

const workgroup = 64

export interface BatchNormStatistics {
  readonly gamma: ArrayLike<number>
  readonly beta: ArrayLike<number>
  readonly mean: ArrayLike<number>
  readonly variance: ArrayLike<number>
}

/** `y = x * scale[c] + bias[c]`. */
export interface FoldedBatchNorm {
  readonly scale: Float32Array
  readonly bias: Float32Array
}

/**
 * `scale = gamma / sqrt(variance + eps)`, `bias = beta - mean * scale`, computed in float64.
 * @throws ShapeError if the four lengths differ
 */
export function foldBatchNorm({ gamma, beta, mean, variance }: BatchNormStatistics, eps: number): FoldedBatchNorm {
  const channels = gamma.length
  if ([beta, mean, variance].some((values) => values.length !== channels)) {
    throw new ShapeError(
      `foldBatchNorm: gamma, beta, mean, variance have ${channels}, ${beta.length}, ${mean.length}, ${variance.length} ` +
        'elements, expected as many each',
    )
  }
  const scale = new Float32Array(channels)
  const bias = new Float32Array(channels)
  for (let c = 0; c < channels; c++) {
    const factor = (gamma[c] ?? 0) / Math.sqrt((variance[c] ?? 0) + eps)
    scale[c] = factor
    bias[c] = (beta[c] ?? 0) - (mean[c] ?? 0) * factor
  }
  return { scale, bias }
}

export interface FrozenBatchNormArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[C]`, from `foldBatchNorm`. */
  readonly scale: GpuTensor
  /** `[C]`, from `foldBatchNorm`. */
  readonly bias: GpuTensor
  readonly activation?: Activation | undefined
  readonly label?: string
}

/** `activation(input * scale + bias)` per channel. @throws ShapeError if the channels differ */
export function frozenBatchNorm(r: Recorder, args: FrozenBatchNormArgs): GpuTensor {
  const { input, scale, bias, activation = 'none', label = 'frozenBatchNorm' } = args
  const { channels } = activationShape('frozenBatchNorm', input)
  expectShape('frozenBatchNorm', scale, [channels])
  expectShape('frozenBatchNorm', bias, [channels])
  return mapKernel(r, {
    shader: 'frozen_batch_norm',
    label,
    inputs: { input },
    shared: { scale, bias },
    shape: input.shape,
    width: chooseWidth(channels),
    constants: { ...channelConstant(channels), ACTIVATION_MAX: activationMax(activation) },
    flops: activation === 'none' ? 2 : 3,
  })
}

export interface FoldArgs {
  /** `[C]` each. */
  readonly gamma: GpuTensor
  readonly beta: GpuTensor
  readonly mean: GpuTensor
  readonly variance: GpuTensor
  readonly eps: number
  readonly label?: string
}

/** `foldBatchNorm` on the device, for statistics that live there. @throws ShapeError if the shapes differ */
export function foldOnDevice(
  r: Recorder,
  { gamma, beta, mean, variance, eps, label = 'foldBatchNorm' }: FoldArgs,
): { readonly scale: GpuTensor; readonly bias: GpuTensor } {
  const channels = gamma.size
  for (const vector of [gamma, beta, mean, variance]) expectShape('foldBatchNorm', vector, [channels])
  const scale = r.alloc([channels], 'f32', `${label}.scale`)
  const bias = r.alloc([channels], 'f32', `${label}.bias`)
  r.dispatch({
    kernel: kernel('fold_batch_norm', { WORKGROUP: workgroup }),
    label,
    workgroups: [Math.ceil(channels / workgroup)],
    bindings: { gamma, beta, mean, variance, scale, bias, params: { channels, eps } },
    flops: 5 * channels,
    bytes: 24 * channels,
  })
  return { scale, bias }
}
