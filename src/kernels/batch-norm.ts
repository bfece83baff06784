// Batch normalisation in training: with the batch's own statistics, running statistics updated in place, and its gradient;
// the gradient of batch normalisation with frozen statistics; sums over pixels. Statistics run over all samples, whatever
// the slices. Source: Ioffe and Szegedy, "Batch Normalization", 2015; torch.nn.BatchNorm2d.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type Activation, activationMax } from './activation.ts'
import { type ChunkKernel, type ChunkPlan, chunkTotal, dispatchChunks, dispatchTotal, planChunks } from './chunks.ts'
import { reluGradient } from './elementwise.ts'
import { activationShape, expectLike, expectShape } from './launch.ts'

export interface BatchNormTrainArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[C]` */
  readonly gamma: GpuTensor
  /** `[C]` */
  readonly beta: GpuTensor
  /** `[C]` on the device, updated in place by each run. */
  readonly runningMean: GpuTensor
  /** `[C]` on the device, updated in place by each run. */
  readonly runningVar: GpuTensor
  /** Part of the new statistics in the running ones, 0..1. */
  readonly momentum: number
  readonly eps: number
  /** `[N, H, W, C]`, added after the normalisation. */
  readonly residual?: GpuTensor
  readonly activation?: Activation | undefined
  readonly label?: string
}

export interface BatchNormTrained {
  readonly output: GpuTensor
  /** `[C]`: the batch's mean. */
  readonly mean: GpuTensor
  /** `[C]`: `1 / sqrt(variance + eps)` of the batch, with its biased variance. */
  readonly invStd: GpuTensor
}

/**
 * `y = (x - mean) / sqrt(variance + eps) * gamma + beta`, plus the residual, then the activation; mean and biased
 * variance are those of the batch. The running variance takes the unbiased one.
 * @throws ShapeError if shapes do not fit, or a channel has a single value, whose variance is not defined (as in PyTorch)
 */
export function batchNormTrain(r: Recorder, args: BatchNormTrainArgs): BatchNormTrained {
  const { input, gamma, beta, residual, activation = 'none', label = 'batchNormTrain' } = args
  const { batch, height, width, channels } = activationShape('batchNormTrain', input)
  for (const vector of [gamma, beta, args.runningMean, args.runningVar]) {
    expectShape('batchNormTrain', vector, [channels])
  }
  if (residual) expectLike('batchNormTrain', residual, input)
  if (batch * height * width < 2) {
    throw new ShapeError(
      `batchNormTrain: tensor \`${input.label}\` [${input.shape}] has one value per channel, expected at least 2`,
    )
  }
  const { mean, invStd } = batchStatistics(r, args, label)
  const output = batchNormNormalise(r, { input, mean, invStd, gamma, beta, residual, activation, label })
  return { output, mean, invStd }
}

export interface BatchNormNormaliseArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[C]` each. */
  readonly mean: GpuTensor
  readonly invStd: GpuTensor
  readonly gamma: GpuTensor
  readonly beta: GpuTensor
  /** `[N, H, W, C]` */
  readonly residual?: GpuTensor | undefined
  readonly activation?: Activation | undefined
  readonly label?: string
}

/** `activation((x - mean) * invStd * gamma + beta + residual)`: the same bits each time it is recorded. */
export function batchNormNormalise(r: Recorder, args: BatchNormNormaliseArgs): GpuTensor {
  const { input, mean, invStd, gamma, beta, residual, activation = 'none', label = 'batchNormNormalise' } = args
  const output = r.alloc(input.shape, input.dtype, label)
  const cut = { input, residual: residual ?? input, output }
  dispatchChunks(r, {
    shader: 'batch_norm_normalise',
    label,
    plan: planChunks(r, Object.values(cut), 'map'),
    cut,
    shared: { mean, inv_std: invStd, gamma, beta },
    constants: { HAS_RESIDUAL: residual !== undefined, ACTIVATION_MAX: activationMax(activation) },
    flops: 3,
  })
  return output
}

function batchStatistics(
  r: Recorder,
  args: BatchNormTrainArgs,
  label: string,
): { readonly mean: GpuTensor; readonly invStd: GpuTensor } {
  const { input, momentum, eps } = args
  const plan = planChunks(r, [input], 'reduce')
  const { channels, chunks } = plan
  const partial = r.alloc([chunks, 2, channels], 'f32', `${label} partials`)
  const counts = r.alloc([chunks], 'f32', `${label} counts`)
  const workspace = { partial, counts }
  dispatchChunks(r, { shader: 'batch_norm_partials', label, plan, cut: { input }, workspace, flops: 4 })
  const mean = r.alloc([channels], 'f32', `${label} mean`)
  const invStd = r.alloc([channels], 'f32', `${label} inverse deviation`)
  const running = { running_mean: args.runningMean, running_var: args.runningVar }
  dispatchTotal(r, {
    shader: 'batch_norm_statistics',
    label,
    plan,
    tensors: { ...workspace, ...running, mean, inv_std: invStd },
    params: { pixels: plan.pixels, momentum, eps },
  })
  return { mean, invStd }
}

/** Gradients of a batch normalisation. */
export interface BatchNormGradients {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[C]` */
  readonly gamma: GpuTensor
  /** `[C]` */
  readonly beta: GpuTensor
  /** `[N, H, W, C]`, if asked for; without an activation, the gradient of the output itself. */
  readonly residual?: GpuTensor
}

export interface BatchNormTrainGradientArgs {
  /** The gradient of the output, `[N, H, W, C]`. */
  readonly gradient: GpuTensor
  readonly input: GpuTensor
  /** Output of the forward pass: which elements the activation clamped. Needed with one, unless `beta` is given instead. */
  readonly output?: GpuTensor
  readonly mean: GpuTensor
  readonly invStd: GpuTensor
  readonly gamma: GpuTensor
  /** With an activation and no residual: the clamped elements are computed again, and `output` is not read. */
  readonly beta?: GpuTensor
  readonly activation?: Activation | undefined
  /** Whether the forward pass added a residual. */
  readonly residual?: boolean
  readonly label?: string
}

/** Gradient of `batchNormTrain`. @throws ShapeError if shapes differ, or an activation comes without the output */
export function batchNormTrainGradient(r: Recorder, args: BatchNormTrainGradientArgs): BatchNormGradients {
  const { input, mean, invStd, gamma, activation = 'none', residual = false, label = 'batchNormTrainGradient' } = args
  const { channels } = checkGradient('batchNormTrainGradient', args, [mean, invStd, gamma])
  const shared = { mean, inv_std: invStd, gamma, beta: args.beta ?? gamma }
  const recomputed = activation !== 'none' && !residual && args.beta !== undefined
  const constants = { ACTIVATION_MAX: activationMax(recomputed ? activation : 'none') }
  let { gradient } = args
  let sums: ChunkSums
  if (activation !== 'none' && args.output && !recomputed) {
    gradient = r.alloc(input.shape, input.dtype, `${label} unclamped`)
    const cut = { gradient: args.gradient, activation: args.output, input, unclamped: gradient }
    sums = chunkSums(r, {
      shader: 'batch_norm_relu_partials',
      label,
      cut,
      shared: { mean, inv_std: invStd },
      constants: { ACTIVATION_MAX: activationMax(activation) },
      flops: 4,
    })
  } else {
    if (!recomputed) gradient = unclampedGradient(r, args, 'batchNormTrainGradient')
    const cut = { gradient, input }
    sums = chunkSums(r, { shader: 'batch_norm_gradient_partials', label, cut, shared, constants, flops: 4 })
  }
  const { plan, partial } = sums
  const gammaGradient = r.alloc([channels], 'f32', `${label} gamma`)
  const betaGradient = r.alloc([channels], 'f32', `${label} beta`)
  const coefficients = r.alloc([5, channels], 'f32', `${label} coefficients`)
  const totals = { gamma_gradient: gammaGradient, beta_gradient: betaGradient, coefficients }
  const tensors = { partial, ...shared, ...totals }
  dispatchTotal(r, { shader: 'batch_norm_gradient_total', label, plan, tensors, params: { pixels: plan.pixels } })
  const output = r.alloc(input.shape, input.dtype, label)
  const cut = { gradient, input, output }
  dispatchChunks(r, {
    shader: 'batch_norm_input_gradient',
    label,
    plan: planChunks(r, Object.values(cut), 'map'),
    cut,
    shared: { coefficients },
    constants,
    flops: 5,
  })
  return { input: output, gamma: gammaGradient, beta: betaGradient, ...(residual && { residual: gradient }) }
}

export interface FrozenBatchNormGradientArgs {
  /** The gradient of the output, `[N, H, W, C]`. */
  readonly gradient: GpuTensor
  readonly input: GpuTensor
  /** Output of the forward pass: which elements the activation clamped. Needed with one. */
  readonly output?: GpuTensor
  readonly gamma: GpuTensor
  /** Running mean. */
  readonly mean: GpuTensor
  /** Running variance. */
  readonly variance: GpuTensor
  readonly eps: number
  readonly activation?: Activation | undefined
  /** Whether the forward pass added a residual. */
  readonly residual?: boolean
  readonly label?: string
}

/** Gradient of batch normalisation with running statistics. @throws ShapeError if shapes differ, or an activation lacks the output */
export function frozenBatchNormGradient(r: Recorder, args: FrozenBatchNormGradientArgs): BatchNormGradients {
  const {
    input,
    gamma,
    mean,
    variance,
    eps,
    activation = 'none',
    residual = false,
    label = 'frozenBatchNormGradient',
  } = args
  checkGradient('frozenBatchNormGradient', args, [gamma, mean, variance])
  const clamped = activation !== 'none' && !residual ? args.output : undefined
  const gradient = clamped ? args.gradient : unclampedGradient(r, args, 'frozenBatchNormGradient')
  const inputGradient = r.alloc(input.shape, input.dtype, label)
  const { plan, partial } = chunkSums(r, {
    shader: 'frozen_batch_norm_gradient',
    label,
    cut: { gradient, input, output: clamped ?? input, input_gradient: inputGradient },
    shared: { gamma, mean, variance },
    constants: { ACTIVATION_MAX: activationMax(clamped ? activation : 'none') },
    params: { eps },
    flops: 5,
  })
  return {
    input: inputGradient,
    gamma: chunkTotal(r, plan, { partial, planes: 2, plane: 0 }, `${label} gamma`),
    beta: chunkTotal(r, plan, { partial, planes: 2, plane: 1 }, `${label} beta`),
    ...(residual && { residual: gradient }),
  }
}

/** Sum over all samples and pixels: `[N, H, W, C]` to `[C]`. The gradient of a bias. */
export function channelSum(r: Recorder, gradient: GpuTensor, label = 'channelSum'): GpuTensor {
  activationShape('channelSum', gradient)
  const plan = planChunks(r, [gradient], 'reduce')
  const partial = r.alloc([plan.chunks, plan.channels], 'f32', `${label} partials`)
  const workspace = { partial }
  dispatchChunks(r, { shader: 'pixel_sum_partials', label, plan, cut: { input: gradient }, workspace, flops: 1 })
  return chunkTotal(r, plan, { partial, planes: 1, plane: 0 }, label)
}

interface ChunkSums {
  readonly plan: ChunkPlan
  /** `[chunks, 2, C]`: of the gradient times the normalised input, and of the gradient. */
  readonly partial: GpuTensor
}

/** The first stage of a gradient. */
function chunkSums(r: Recorder, op: Omit<ChunkKernel, 'plan' | 'workspace'>): ChunkSums {
  const plan = planChunks(r, Object.values(op.cut), 'reduce')
  const partial = r.alloc([plan.chunks, 2, plan.channels], 'f32', `${op.label} partials`)
  dispatchChunks(r, { ...op, plan, workspace: { partial } })
  return { plan, partial }
}

interface GradientArgs {
  readonly gradient: GpuTensor
  readonly input: GpuTensor
  readonly output?: GpuTensor
  readonly activation?: Activation | undefined
  readonly label?: string
}

function checkGradient(op: string, { gradient, input, output }: GradientArgs, vectors: readonly GpuTensor[]) {
  const shape = activationShape(op, input)
  expectLike(op, gradient, input)
  if (output) expectLike(op, output, input)
  for (const vector of vectors) expectShape(op, vector, [shape.channels])
  return shape
}

/** The gradient before the activation. */
function unclampedGradient(r: Recorder, args: GradientArgs, op: string): GpuTensor {
  const { gradient, output, activation = 'none', label } = args
  if (activation === 'none') return gradient
  if (output) return reluGradient(r, { gradient, output, activation, label: label ?? op })
  throw new ShapeError(`${op}: \`${activation}\` without the output of the forward pass, which says what it clamped`)
}
