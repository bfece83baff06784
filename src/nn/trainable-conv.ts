// A convolution with its batch norm as parameters that can train: the same layer as `ConvModule`, which only runs. What a
// forward pass records depends on the mode: a layer through which no gradient flows costs one fused dispatch, as in tracking.
// Source of the modes: ResNet.train of mmdet (norm_eval, frozen_stages), SiameseRPNOptimizerHook of mmtrack.

import type { Device } from '../gpu/device.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { Activation } from '../kernels/activation.ts'
import { conv2d as convForward } from '../kernels/conv/forward.ts'
import { foldOnDevice } from '../kernels/norm.ts'
import type { Tape, Tensor } from './autograd.ts'
import type { ConvSpec, WeightSource } from './conv-module.ts'
import * as ops from './ops.ts'
import { Parameter } from './parameter.ts'

/** Which parameters learn, and which batch norms use the batch's statistics. */
export interface TrainingMode {
  trains(parameter: string): boolean
  /** @param norm name of a batch norm in the state dict, without `.weight` */
  usesBatch(norm: string): boolean
}

export interface TrainableNorm {
  readonly name: string
  readonly gamma: Parameter
  readonly beta: Parameter
  readonly statistics: ops.Statistics
}

export interface TrainableConvOptions {
  /** The part of a batch in the running statistics. Default 0.1. */
  readonly momentum?: number
}

export interface TrainableForward {
  readonly residual?: Tensor | undefined
  /** Default: none. */
  readonly activation?: Activation | undefined
}

export class TrainableConv {
  readonly spec: ConvSpec
  readonly weight: Parameter
  readonly bias: Parameter | undefined
  readonly norm: TrainableNorm | undefined
  readonly #folded = new WeakMap<Tape, Folded>()

  constructor(device: Device, spec: ConvSpec, weights: WeightSource, options: TrainableConvOptions = {}) {
    const { name, outChannels, inChannels, kernel, groups = 1, padInput = 0 } = spec
    const vector = (key: string) => new Parameter(device, { name: key, shape: [outChannels], values: weights(key) })
    const shape = [outChannels, inChannels / groups, kernel, kernel]
    const key = `${name}.weight`
    this.spec = spec
    this.weight = new Parameter(device, { name: key, shape, values: weights(key) }, { padInput })
    this.bias = spec.bias ? vector(`${name}.bias`) : undefined
    this.norm = spec.norm === undefined ? undefined : loadNorm(device, { ...spec, norm: spec.norm }, weights, options)
  }

  get parameters(): Parameter[] {
    const { weight, bias, norm } = this
    return [weight, ...(bias ? [bias] : []), ...(norm ? [norm.gamma, norm.beta] : [])]
  }

  /** `activation(norm(conv(input)) + residual)` */
  forward(tape: Tape, input: Tensor, mode: TrainingMode, after: TrainableForward = {}): Tensor {
    const { residual, activation = 'none' } = after
    const { spec, norm } = this
    const { stride, padding, dilation, groups = 1, name: label } = spec
    const options = { stride, padding, dilation, groups, label }
    const weight = tape.parameter(this.weight, mode.trains(this.weight.name))
    const vector = (parameter: Parameter) => tape.parameter(parameter, mode.trains(parameter.name))
    const bias = this.bias && vector(this.bias)
    const affine = norm && { gamma: vector(norm.gamma), beta: vector(norm.beta) }
    const usesBatch = norm !== undefined && mode.usesBatch(norm.name)
    const fuses = !usesBatch && !(norm && bias)
    if (fuses && !tape.tracks([input, weight, bias, affine?.gamma, affine?.beta, residual])) {
      return tape.constant(this.#fused(tape, input.data, residual?.data, activation))
    }
    const convolved = ops.conv2d(tape, { input, filter: { parameter: this.weight, tensor: weight }, bias }, options)
    if (norm && affine) {
      const normalise = usesBatch ? ops.batchNorm : ops.frozenBatchNorm
      const labels = { activation, label: norm.name }
      return normalise(tape, { input: convolved, ...affine, residual }, norm.statistics, labels)
    }
    const summed = residual ? ops.add(tape, convolved, residual, { activation }) : convolved
    if (activation === 'none' || residual) return summed
    return activation === 'relu6' ? ops.relu6(tape, summed) : ops.relu(tape, summed)
  }

  release(device: Device): void {
    for (const parameter of this.parameters) parameter.release(device)
    if (this.norm) for (const each of [this.norm.statistics.mean, this.norm.statistics.variance]) device.release(each)
  }

  /** One dispatch, as in tracking; not for a bias in front of a batch norm. */
  #fused(tape: Tape, input: GpuTensor, residual: GpuTensor | undefined, activation: Activation): GpuTensor {
    const { spec, norm } = this
    const { stride, padding, dilation, groups = 1, name: label } = spec
    const folded = norm && this.#fold(tape, norm)
    const weight = this.weight.filter
    if (!weight) throw new TypeError(`${this.weight.name} is no filter`)
    const epilogue = folded ?? { scale: undefined, bias: this.bias?.data }
    return convForward(tape.r, {
      input,
      weight,
      stride,
      padding,
      dilation,
      groups,
      ...epilogue,
      residual,
      activation,
      allowWinograd: false,
      label,
    })
  }

  /** Recorded once on a tape, however often the layer is used there. */
  #fold(tape: Tape, norm: TrainableNorm): Folded {
    const known = this.#folded.get(tape)
    if (known) return known
    const folded = foldOnDevice(tape.r, { ...affineOf(norm), ...norm.statistics, label: `${norm.name}.fold` })
    this.#folded.set(tape, folded)
    return folded
  }
}

/** The factor and the summand that a frozen batch norm comes to. */
type Folded = ReturnType<typeof foldOnDevice>

function affineOf({ gamma, beta }: TrainableNorm) {
  return { gamma: gamma.data, beta: beta.data }
}

function loadNorm(
  device: Device,
  { norm, outChannels, eps }: ConvSpec & { readonly norm: string },
  weights: WeightSource,
  { momentum = 0.1 }: TrainableConvOptions,
): TrainableNorm {
  const shape = [outChannels]
  const vector = (key: string) => new Parameter(device, { name: key, shape, values: weights(key) })
  const statistic = (entry: string) => device.tensor(weights(`${norm}.${entry}`), shape, `${norm}.${entry}`)
  return {
    name: norm,
    gamma: vector(`${norm}.weight`),
    beta: vector(`${norm}.bias`),
    statistics: { mean: statistic('running_mean'), variance: statistic('running_var'), eps, momentum },
  }
}
