// Convolution forward, any kernel size, stride, padding, dilation, groups and channel count, NHWC:
//   y = activation(conv(x, w) * scale[o] + bias[o] + residual)
// The epilogue takes a folded frozen batch norm, or a plain bias, so that one dispatch does a whole ResNet conv block.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { Activation } from './activation.ts'
import { lanes } from './conv-lanes.ts'
import { type ConvLaunch, direct, subgroup, tiled } from './conv-launch.ts'
import { type ConvPlan, type ConvProblem, chooseConv, samplesPerSlice, subgroupPlan } from './conv-plan.ts'
import type { ConvWeight } from './conv-weight.ts'
import { depthwise } from './depthwise-conv.ts'
import { expectInteger, expectShape, imageShape, type TensorDescription } from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'
import { winograd } from './winograd.ts'

export interface Conv2dArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  readonly weight: ConvWeight
  /** Default 1. */
  readonly stride?: number
  /** Zeros around the image: one number, or rows and columns. Default 0. */
  readonly padding?: number | readonly [number, number]
  /** Default 1. */
  readonly dilation?: number
  /** Default 1. */
  readonly groups?: number
  /** `[O]`, multiplies the sum. */
  readonly scale?: GpuTensor | undefined
  /** `[O]`, added after the scale. */
  readonly bias?: GpuTensor | undefined
  /** `[N, OH, OW, O]`, added before the activation. */
  readonly residual?: GpuTensor | undefined
  /** Default: none. */
  readonly activation?: Activation | undefined
  /** Read only the `I` channels from this one on, of an input that has more. Default: the input has exactly `I`. */
  readonly firstChannel?: number
  /** Whether Winograd's transforms may be used, whose rounding errors are about ten times larger. Default true. */
  readonly winograd?: boolean
  /** How to compute it; default: what `chooseConv` says. For tests and benches. */
  readonly plan?: ConvPlan
  readonly label?: string
}

/**
 * `[N, OH, OW, O]` with `OH = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1`.
 * @throws ShapeError if channels or the shapes of scale, bias, residual do not fit, or nothing is left of the image
 */
export function conv2d(r: Recorder, args: Conv2dArgs): GpuTensor {
  const { input, weight, residual, activation = 'none', label = 'conv2d' } = args
  const problem = convProblem(args)
  for (const vector of [args.scale, args.bias]) if (vector) expectShape(label, vector, [problem.outChannels])
  const shape = [problem.batch, problem.outHeight, problem.outWidth, problem.outChannels]
  if (residual) expectShape(label, residual, shape)
  const output = r.alloc(shape, 'f32', label)
  const chosen = args.plan ?? choosePlan(r, args, problem)
  const { scale, bias, firstChannel = 0 } = args
  convolve(r, chosen, { problem, weight, input, output, scale, bias, residual, activation, firstChannel, label })
  return output
}

/** Records a convolution whose geometry is known, in batch slices where a tensor is above the binding limit. */
export function convolve(r: Recorder, plan: ConvPlan, conv: ConvLaunch): void {
  const { problem, input, output, residual } = conv
  const tensors = [input, output, ...(residual ? [residual] : [])]
  for (const slice of batchSlices(r.adapter, tensors, samplesPerSlice(r.adapter, plan, problem))) {
    launch(r, plan, {
      ...conv,
      problem: { ...problem, batch: slice.count },
      input: sliceOf(input, slice),
      output: sliceOf(output, slice),
      residual: residual && sliceOf(residual, slice),
    })
  }
}

/** What the shapes of a convolution follow from; the input need not exist. */
export type ConvGeometry = Omit<Conv2dArgs, 'input'> & { readonly input: TensorDescription }

/** The scalars of a convolution. @throws ShapeError if they are impossible */
export function convProblem(args: ConvGeometry): ConvProblem {
  const { input, weight, stride = 1, padding = 0, dilation = 1, groups = 1, label = 'conv2d' } = args
  const x = imageShape(label, input)
  const [paddingY, paddingX] = typeof padding === 'number' ? [padding, padding] : padding
  expectInteger(label, 'stride', stride, 1)
  expectInteger(label, 'dilation', dilation, 1)
  expectInteger(label, 'padding', Math.min(paddingY, paddingX), 0)
  expectInteger(label, 'groups', groups, 1)
  const { kernelHeight, kernelWidth, outChannels } = weight
  const inChannels = weight.inChannels * groups
  checkChannels(args, x.channels, inChannels)
  const outHeight = Math.floor((x.height + 2 * paddingY - dilation * (kernelHeight - 1) - 1) / stride) + 1
  const outWidth = Math.floor((x.width + 2 * paddingX - dilation * (kernelWidth - 1) - 1) / stride) + 1
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(
      `${label}: input \`${input.label}\` [${input.shape}] is smaller than the ${kernelHeight}x${kernelWidth} filter ` +
        `with dilation ${dilation} and padding ${paddingY}, ${paddingX}`,
    )
  }
  return {
    batch: x.batch,
    inHeight: x.height,
    inWidth: x.width,
    inChannels,
    outHeight,
    outWidth,
    outChannels,
    kernelHeight,
    kernelWidth,
    stride,
    paddingY,
    paddingX,
    dilation,
    groups,
  }
}

/** Views of some channels go to kernels that can read them. */
function choosePlan(r: Recorder, { firstChannel, winograd: fast = true }: Conv2dArgs, problem: ConvProblem): ConvPlan {
  const chosen = chooseConv(r.adapter, problem)
  if (chosen.variant === 'winograd' && !fast) return subgroupPlan(problem)
  if (firstChannel === undefined) return chosen
  if (chosen.variant === 'depthwise') return chosen
  if (firstChannel % 4 !== 0) return { variant: 'direct' }
  return chosen.variant === 'winograd' ? { variant: 'subgroup' } : chosen
}

function checkChannels(
  { input, weight, groups = 1, firstChannel, label = 'conv2d' }: ConvGeometry,
  found: number,
  taken: number,
): void {
  if (firstChannel !== undefined) {
    expectInteger(label, 'firstChannel', firstChannel, 0)
    if (firstChannel + taken <= found) return
  } else if (found === taken && weight.outChannels % groups === 0) return
  throw new ShapeError(
    `${label}: input \`${input.label}\` [${input.shape}] has ${found} channels; the filter takes ` +
      `${weight.inChannels} x ${groups} groups${firstChannel ? ` from channel ${firstChannel}` : ''} and gives ${weight.outChannels}`,
  )
}

function launch(r: Recorder, plan: ConvPlan, conv: ConvLaunch): void {
  if (plan.variant === 'direct') direct(r, conv)
  else if (plan.variant === 'tiled') tiled(r, conv, plan)
  else if (plan.variant === 'winograd') winograd(r, conv, plan)
  else if (plan.variant === 'lanes') lanes(r, conv, plan)
  else if (plan.variant === 'depthwise') depthwise(r, conv, plan)
  else subgroup(r, conv)
}
