// The differentiable ops: each records its kernel and notes the rule for its gradient. A convolution's rule computes
// only the gradients that are wanted; those of the others come together from one kernel or cost little.

import type { Precision } from '../gpu/half.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { Activation } from '../kernels/activation.ts'
import { globalAveragePool as averageForward, globalAveragePoolGradient } from '../kernels/average-pool.ts'
import {
  batchNormNormalise,
  batchNormTrain,
  batchNormTrainGradient,
  channelSum,
  frozenBatchNormGradient,
} from '../kernels/batch-norm.ts'
import { conv2d as convForward } from '../kernels/conv/forward.ts'
import { convInputGradient } from '../kernels/conv/input-gradient.ts'
import { convWeightGradient } from '../kernels/conv/weight-gradient.ts'
import { depthwiseCorrelation as correlate, depthwiseCorrelationGradient } from '../kernels/correlation.ts'
import {
  add as addForward,
  convert as convertForward,
  relu6 as relu6Forward,
  relu as reluForward,
  reluGradient,
  scale,
  sigmoid as sigmoidForward,
  sigmoidGradient,
} from '../kernels/elementwise.ts'
import { foldOnDevice, frozenBatchNorm as frozenForward } from '../kernels/norm.ts'
import {
  bilinearResize as bilinearForward,
  bilinearResizeGradient,
  nearestResize as nearestForward,
  nearestResizeGradient,
  type ResizeTarget,
} from '../kernels/resize.ts'
import { appendSamples as appendForward, appendSamplesGradient, type SampleRange } from '../kernels/samples.ts'
import {
  centerCropGradient,
  centerCrop as cropForward,
  maxPool as maxPoolForward,
  maxPoolGradient,
} from '../kernels/spatial.ts'
import { weightedSum as weightedSumForward, weightedSumGradient } from '../kernels/weighted-sum.ts'
import type { Rule, Tape, Tensor } from './autograd.ts'
import { ModuleStateError } from './errors.ts'
import type { Parameter } from './parameter.ts'

export interface ConvOptions {
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
  readonly label?: string
}

export interface ConvInputs {
  /** `[N, H, W, C]` */
  readonly input: Tensor
  readonly filter: { readonly parameter: Parameter; readonly tensor: Tensor }
  /** `[O]` */
  readonly bias?: Tensor | undefined
}

/**
 * Convolution, with respect to input, filter and bias. Forward without Winograd's transforms: thirty steps amplify its rounding
 * a hundredfold.
 * @throws ShapeError as the kernel does
 */
export function conv2d(tape: Tape, { input, filter, bias }: ConvInputs, options: ConvOptions = {}): Tensor {
  const { r } = tape
  const weight = filter.parameter.filter
  if (!weight) throw new ModuleStateError(`conv2d: parameter \`${filter.parameter.name}\` is no filter`)
  const output = convForward(r, { input: input.data, weight, bias: bias?.data, allowWinograd: false, ...options })
  const { label = 'conv2d' } = options
  return tape.note([input, filter.tensor, bias], output, (gradient) => [
    input.requiresGrad
      ? convInputGradient(r, { gradient, weight, inputShape: input.data.shape, ...options, label: `${label}.dgrad` })
      : undefined,
    filter.tensor.requiresGrad
      ? convWeightGradient(r, { input: input.saved, gradient, weight, ...options, label: `${label}.wgrad` })
      : undefined,
    bias?.requiresGrad ? channelSum(r, gradient) : undefined,
  ])
}

/**
 * A linear layer, `input * weight^T + bias`: `[N, I]` (or `[N, 1, 1, I]`) to `[N, O]`, as a convolution of 1x1. The parameter has
 * PyTorch's shape `[O, I]`.
 * @throws ShapeError if the input has not I values per sample
 */
export function linear(tape: Tape, { input, filter, bias }: ConvInputs, label = 'linear'): Tensor {
  const [samples = 0] = input.data.shape
  const pixel = reshape(tape, input, [samples, 1, 1, input.data.size / samples])
  const output = conv2d(tape, { input: pixel, filter, bias }, { label })
  return reshape(tape, output, [samples, output.data.size / samples])
}

export interface Statistics {
  /** `[C]` running statistics. */
  readonly mean: GpuTensor
  readonly variance: GpuTensor
  readonly eps: number
  /** Weight of the new batch in the running statistics. */
  readonly momentum: number
}

export interface NormInputs {
  /** `[N, H, W, C]` */
  readonly input: Tensor
  /** `[C]` */
  readonly gamma: Tensor
  /** `[C]` */
  readonly beta: Tensor
  /** Added before the activation. */
  readonly residual?: Tensor | undefined
}

export interface NormOptions {
  /** Default: none. */
  readonly activation?: Activation | undefined
  readonly label?: string
}

/**
 * `activation(batchNorm(input) + residual)` with the batch's statistics; updates the running ones. Without a residual, its output is
 * not kept for the backward pass but computed again there. Source: Ioffe and Szegedy, 2015.
 */
export function batchNorm(tape: Tape, inputs: NormInputs, statistics: Statistics, options: NormOptions = {}): Tensor {
  const { r } = tape
  const { input, gamma, beta, residual } = inputs
  const { activation = 'none', label = 'batchNorm' } = options
  const { mean: runningMean, variance: runningVar, momentum, eps } = statistics
  const { output, mean, invStd } = batchNormTrain(r, {
    ...{ input: input.data, gamma: gamma.data, beta: beta.data, runningMean, runningVar, momentum, eps },
    ...{ activation, label },
    ...(residual && { residual: residual.data }),
  })
  const rule: Rule = (gradient) => {
    const result = batchNormTrainGradient(r, {
      ...{
        gradient,
        input: input.saved,
        mean,
        invStd,
        gamma: gamma.data,
        activation,
        residual: residual !== undefined,
      },
      ...{ ...(activation !== 'none' && (residual ? { output } : { beta: beta.data })), label: `${label}.gradient` },
    })
    return [result.input, result.gamma, result.beta, result.residual]
  }
  const vectors = { mean, invStd, gamma: gamma.data, beta: beta.data }
  const recompute = () => batchNormNormalise(r, { input: input.saved, ...vectors, activation, label: `${label}.again` })
  return tape.note([input, gamma, beta, residual], output, rule, residual ? undefined : recompute)
}

/** `activation(batchNorm(input) + residual)` with the running statistics, which stay as they are. */
export function frozenBatchNorm(
  tape: Tape,
  { input, gamma, beta, residual }: NormInputs,
  statistics: Statistics,
  { activation = 'none', label = 'frozenBatchNorm' }: NormOptions = {},
): Tensor {
  const { r } = tape
  const { mean, variance, eps } = statistics
  const folded = foldOnDevice(r, { gamma: gamma.data, beta: beta.data, mean, variance, eps, label: `${label}.fold` })
  const fused = residual ? 'none' : activation
  const output = frozenForward(r, { input: input.data, ...folded, activation: fused, label })
  const normed = tape.note([input, gamma, beta], output, (gradient) => {
    const result = frozenBatchNormGradient(r, {
      ...{ gradient, input: input.saved, gamma: gamma.data, mean, variance, eps, activation: fused },
      ...{ ...(fused !== 'none' && { output }), label: `${label}.gradient` },
    })
    return [result.input, result.gamma, result.beta]
  })
  return residual ? add(tape, normed, residual, { activation, label: `${label}.add` }) : normed
}

/** `max(input, 0)` */
export function relu(tape: Tape, input: Tensor, label = 'relu'): Tensor {
  const output = reluForward(tape.r, input.data, label)
  return tape.note([input], output, (gradient) => [reluGradient(tape.r, { gradient, output })])
}

/** `min(max(input, 0), 6)` */
export function relu6(tape: Tape, input: Tensor, label = 'relu6'): Tensor {
  const output = relu6Forward(tape.r, input.data, label)
  return tape.note([input], output, (gradient) => [reluGradient(tape.r, { gradient, output, activation: 'relu6' })])
}

/** `1 / (1 + exp(-input))` */
export function sigmoid(tape: Tape, input: Tensor, label = 'sigmoid'): Tensor {
  const output = sigmoidForward(tape.r, input.data, label)
  return tape.note([input], output, (gradient) => [sigmoidGradient(tape.r, { gradient, output })])
}

/** The same values in another precision, and their gradient in that of the input. @throws ShapeError unless it is f32 or f16 */
export function convert(tape: Tape, input: Tensor, precision: Precision, label = 'convert'): Tensor {
  const { dtype } = input.data
  if (dtype === precision) return input
  const output = convertForward(tape.r, input.data, precision, label)
  const back: Precision = dtype === 'f16' ? 'f16' : 'f32'
  return tape.note([input], output, (gradient) => [convertForward(tape.r, gradient, back, `${label}.gradient`)])
}

/** The same values under another shape. @throws ShapeError if it has another size */
export function reshape(tape: Tape, input: Tensor, shape: readonly number[]): Tensor {
  return tape.note([input], input.data.reshape(shape), (gradient) => [gradient])
}

/** `activation(a + b)` */
export function add(
  tape: Tape,
  a: Tensor,
  b: Tensor,
  { activation = 'none', label = 'add' }: NormOptions = {},
): Tensor {
  const output = addForward(tape.r, { a: a.data, b: b.data, activation, label })
  return tape.note([a, b], output, (gradient) => {
    const masked = activation === 'none' ? gradient : reluGradient(tape.r, { gradient, output, activation })
    return [masked, masked]
  })
}

export interface PoolOptions {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  readonly label?: string
}

/** Maximum of each window; the first maximum in scan order gets the gradient, as in PyTorch. */
export function maxPool(tape: Tape, input: Tensor, options: PoolOptions): Tensor {
  const { r } = tape
  const output = maxPoolForward(r, { input: input.data, ...options })
  return tape.note([input], output, (gradient) => {
    return [maxPoolGradient(r, { gradient, input: input.saved, output, ...options })]
  })
}

/** Mean over all pixels: `[N, 1, 1, C]`. */
export function globalAveragePool(tape: Tape, input: Tensor, label = 'globalAveragePool'): Tensor {
  const output = averageForward(tape.r, input.data, label)
  return tape.note([input], output, (gradient) => {
    return [globalAveragePoolGradient(tape.r, { gradient, inputShape: input.data.shape })]
  })
}

/** The middle `size` x `size` of each image. */
export function centerCrop(tape: Tape, input: Tensor, size: number, label = 'centerCrop'): Tensor {
  const output = cropForward(tape.r, { input: input.data, size, label })
  return tape.note([input], output, (gradient) => {
    return [centerCropGradient(tape.r, { gradient, inputShape: input.data.shape })]
  })
}

export interface ResizeOptions {
  /** Rows and columns of the result in pixels, or one number for both. */
  readonly size: ResizeTarget
  readonly label?: string
}

export interface BilinearResizeOptions extends ResizeOptions {
  /** The corners' centres stay where they are; otherwise the image's edges do. Default false. */
  readonly alignCorners?: boolean
}

/** Bilinear interpolation to another size. */
export function bilinearResize(tape: Tape, input: Tensor, options: BilinearResizeOptions): Tensor {
  const output = bilinearForward(tape.r, { input: input.data, ...options })
  const { alignCorners = false } = options
  return tape.note([input], output, (gradient) => {
    return [bilinearResizeGradient(tape.r, { gradient, inputShape: input.data.shape, alignCorners })]
  })
}

/** The value of the nearest pixel, at another size. */
export function nearestResize(tape: Tape, input: Tensor, options: ResizeOptions): Tensor {
  const output = nearestForward(tape.r, { input: input.data, ...options })
  return tape.note([input], output, (gradient) => {
    return [nearestResizeGradient(tape.r, { gradient, inputShape: input.data.shape })]
  })
}

/** The batch, and behind it some of its samples once more: `[N + count, ...]`. */
export function appendSamples(tape: Tape, input: Tensor, samples: SampleRange, label = 'appendSamples'): Tensor {
  const output = appendForward(tape.r, { input: input.data, ...samples, label })
  return tape.note([input], output, (gradient) => {
    return [appendSamplesGradient(tape.r, { gradient, ...samples, label: `${label}.gradient` })]
  })
}

/** Each sample of `input` correlated, channel by channel, with its own `kernel`. */
export function depthwiseCorrelation(tape: Tape, input: Tensor, kernel: Tensor, label = 'correlation'): Tensor {
  const { r } = tape
  const output = correlate(r, { input: input.data, kernel: kernel.data, label })
  return tape.note([input, kernel], output, (gradient) => {
    const result = depthwiseCorrelationGradient(r, { gradient, input: input.saved, kernel: kernel.saved })
    return [result.input, result.kernel]
  })
}

/** Levels summed with the softmax of `weights` (`[L]`), or averaged without. */
export function weightedSum(
  tape: Tape,
  inputs: readonly Tensor[],
  weights: Tensor | undefined,
  label = 'weightedSum',
): Tensor {
  const { r } = tape
  const maps = { inputs: inputs.map(({ data }) => data), ...(weights && { weights: weights.data }) }
  const output = weightedSumForward(r, { ...maps, label })
  return tape.note([...inputs, weights], output, (gradient) => {
    const saved = { inputs: inputs.map((input) => input.saved), ...(weights && { weights: weights.data }) }
    const result = weightedSumGradient(r, { gradient, ...saved })
    return [...result.inputs, result.weights]
  })
}

/** A loss that came with its gradient with respect to the prediction. */
export function loss(
  tape: Tape,
  prediction: Tensor,
  computed: { readonly loss: GpuTensor; readonly gradient: GpuTensor },
): Tensor {
  return tape.note([prediction], computed.loss, (factor) => {
    return [scale(tape.r, { input: computed.gradient, factor, label: `${computed.loss.label}.gradient` })]
  })
}
