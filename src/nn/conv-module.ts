// A convolution with its batch norm and activation, as one unit: the batch norm is frozen and folded into the convolution's
// epilogue. Several convolutions of the same input and geometry can stand side by side in one filter (parts), so that they
// cost one dispatch and the input is read once. Source of the grouping: ConvModule of mmcv (cnn/bricks/conv_module.py).

import type { Device } from '../gpu/device.ts'
import type { Precision } from '../gpu/half.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { Activation } from '../kernels/activation.ts'
import { type ConvFilter, type ConvWeight, packConvWeight, releaseConvWeight } from '../kernels/conv/filter.ts'
import { conv2d } from '../kernels/conv/forward.ts'
import { convProblem } from '../kernels/conv/geometry.ts'
import { filterForms } from '../kernels/conv/plan.ts'
import { transformFilter } from '../kernels/conv/winograd.ts'
import { foldBatchNorm } from '../kernels/norm.ts'
import { ModuleStateError } from './errors.ts'

/** The values of a state dict's tensor, row-major; throws if there is none of that name. */
export type WeightSource = (name: string) => Float32Array

/** One convolution of the network, in PyTorch's terms. */
export interface ConvSpec {
  /** Name in the state dict, without `.weight`. */
  readonly name: string
  readonly inChannels: number
  readonly outChannels: number
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  readonly dilation: number
  /** Default 1. */
  readonly groups?: number
  /** Zero channels are appended to the filter's input up to this count (an RGB image has 4 channels here). */
  readonly padInput?: number
  /** Added before the batch norm, if one follows. */
  readonly bias: boolean
  /** Name of the batch norm that follows, if one does. */
  readonly norm?: string | undefined
  readonly eps: number
}

export interface ConvForward {
  readonly residual?: GpuTensor | undefined
  /** Default: none. */
  readonly activation?: Activation | undefined
  /** First channel to read of an input that has more than the filter takes. */
  readonly firstChannel?: number
}

export interface ConvModuleOptions {
  /**
   * Sides of all inputs that it will be given: the forms in which its filter is kept depend on them. Default: unknown, the
   * filter is kept as it was packed.
   */
  readonly inputSizes?: readonly number[]
  /** The filter's element type as it is stored; its batch norm and bias are f32. Default f32. */
  readonly precision?: Precision
}

interface Loaded {
  weight: ConvFilter
  scale: GpuTensor | undefined
  bias: GpuTensor | undefined
}

export class ConvModule {
  readonly parts: readonly ConvSpec[]
  /** The first part: what all parts share. */
  readonly spec: ConvSpec
  readonly outChannels: number
  readonly #options: ConvModuleOptions
  #loaded: Loaded | undefined

  constructor(parts: readonly [ConvSpec, ...ConvSpec[]], options: ConvModuleOptions = {}) {
    this.parts = parts
    this.spec = parts[0]
    this.outChannels = parts.reduce((sum, part) => sum + part.outChannels, 0)
    this.#options = options
  }

  /** Uploads the filter, its folded batch norm or bias. @throws whatever `weights` throws for a missing name; PrecisionError */
  async load(device: Device, weights: WeightSource): Promise<void> {
    this.release(device)
    const { inChannels, kernel, name, groups = 1, padInput = 0 } = this.spec
    const { precision = 'f32' } = this.#options
    const filters = this.parts.map((part) => weights(`${part.name}.weight`))
    const affine = this.parts.map((part) => foldPart(part, weights))
    const shape = [this.outChannels, inChannels / groups, kernel, kernel]
    const weight = packConvWeight(device, concatenate(filters), shape, { padInput, label: name, precision })
    const loaded: Loaded = { weight, scale: undefined, bias: undefined }
    this.#loaded = loaded // from here on, `release` frees whatever there is
    const scales = affine.flatMap((part) => part.scale)
    const biases = affine.flatMap((part) => part.bias)
    const channels = [this.outChannels]
    if (scales.length > 0) loaded.scale = device.tensor(concatenate(scales), channels, `${name}.scale`)
    if (biases.length > 0) loaded.bias = device.tensor(concatenate(biases), channels, `${name}.bias`)
    loaded.weight = await this.#keepForms(device, weight)
  }

  /** `[N, H, W, C]` to `[N, OH, OW, O]`, parts side by side along O. */
  forward(r: Recorder, input: GpuTensor, options: ConvForward = {}): GpuTensor {
    const { weight, scale, bias } = this.#need()
    const { name: label, stride, padding, dilation, groups = 1 } = this.spec
    return conv2d(r, { input, weight, stride, padding, dilation, groups, scale, bias, label, ...options })
  }

  /** The bare convolution, without batch norm, bias and activation. */
  convolve(r: Recorder, input: GpuTensor): GpuTensor {
    const { name: label, stride, padding, dilation, groups = 1 } = this.spec
    return conv2d(r, { input, weight: this.#need().weight, stride, padding, dilation, groups, label: `${label}.bare` })
  }

  /** Frees the device memory. */
  release(device: Device): void {
    if (!this.#loaded) return
    const { weight, scale, bias } = this.#loaded
    releaseConvWeight(device, weight)
    for (const tensor of [scale, bias]) if (tensor) device.release(tensor)
    this.#loaded = undefined
  }

  /** Keeps the filter in the forms that the plans for its inputs read. */
  async #keepForms(device: Device, weight: ConvWeight): Promise<ConvFilter> {
    const { inputSizes = [] } = this.#options
    if (weight.tensor.dtype === 'f16') return weight // Winograd's transform is made of it in each run, in f32
    const { stride, padding, dilation, groups = 1, name: label } = this.spec
    const problems = inputSizes.map((size) => {
      const input = {
        shape: [1, size, size, weight.inChannels * groups],
        dtype: 'f32',
        label: `${label}.input`,
      } as const
      return convProblem({ input, weight, stride, padding, dilation, groups, label })
    })
    const forms = filterForms(device.adapter, problems)
    if (!forms.transformed) return weight
    const transformed = await transformFilter(device, weight)
    if (forms.packed) return { ...weight, transformed }
    const { tensor, ...shape } = weight
    device.release(tensor)
    return { ...shape, transformed }
  }

  #need(): Loaded {
    if (this.#loaded) return this.#loaded
    throw new ModuleStateError(`Module \`${this.spec.name}\` has no weights; load them before it is used`)
  }
}

/** Names and shapes of one convolution's tensors, batch norm included, in PyTorch's order. */
export function convShapes(spec: ConvSpec): [string, readonly number[]][] {
  const { name, norm, outChannels, inChannels, kernel, groups = 1 } = spec
  const shapes: [string, readonly number[]][] = [[`${name}.weight`, [outChannels, inChannels / groups, kernel, kernel]]]
  if (spec.bias) shapes.push([`${name}.bias`, [outChannels]])
  if (!norm) return shapes
  for (const entry of ['weight', 'bias', 'running_mean', 'running_var']) {
    shapes.push([`${norm}.${entry}`, [outChannels]])
  }
  shapes.push([`${norm}.num_batches_tracked`, []])
  return shapes
}

interface Affine {
  readonly scale: Float32Array[]
  readonly bias: Float32Array[]
}

function foldPart({ name, norm, bias, eps }: ConvSpec, weights: WeightSource): Affine {
  if (!norm) return { scale: [], bias: bias ? [weights(`${name}.bias`)] : [] }
  const folded = foldBatchNorm(
    {
      gamma: weights(`${norm}.weight`),
      beta: weights(`${norm}.bias`),
      mean: weights(`${norm}.running_mean`),
      variance: weights(`${norm}.running_var`),
    },
    eps,
  )
  if (!bias) return { scale: [folded.scale], bias: [folded.bias] }
  const own = weights(`${name}.bias`)
  return {
    scale: [folded.scale],
    bias: [folded.bias.map((value, c) => value + (folded.scale[c] ?? 0) * (own[c] ?? 0))],
  }
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const [first, ...rest] = parts
  if (first && rest.length === 0) return first
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
