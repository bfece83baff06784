// Convolution forward, any kernel size, stride, padding, dilation, groups and channel count, NHWC:
//   y = activation(conv(x, w) * scale[o] + bias[o] + residual)
// The epilogue takes a folded frozen batch norm, or a plain bias, so that one dispatch does a whole ResNet conv block.

import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import type { Activation } from '../activation.ts'
import { expectShape } from '../launch.ts'
import { batchSlices, sliceOf } from '../slices.ts'
import { ConvChoices } from './choices.ts'
import { depthwise } from './depthwise.ts'
import { direct } from './direct.ts'
import type { ConvLaunch } from './epilogue.ts'
import type { ConvFilter } from './filter.ts'
import { type ConvWindow, convProblem } from './geometry.ts'
import { matrices } from './matrices.ts'
import { narrow } from './narrow.ts'
import { type ConvPlan, type ConvVariant, samplesPerSlice } from './plan.ts'
import { planName } from './plan-name.ts'
import { registers } from './registers.ts'
import { shuffle } from './shuffle.ts'
import { subgroup } from './subgroup.ts'
import { tiled } from './tiled.ts'
import { winograd } from './winograd.ts'

export interface Conv2dArgs extends ConvWindow {
  /** `[N, H, W, C]`, f32 or f16: residual and result have its precision. */
  readonly input: GpuTensor
  readonly weight: ConvFilter
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
  readonly allowWinograd?: boolean
  /** How to compute it; default: what was measured on the device, else what `chooseConv` says. For tests and benches. */
  readonly plan?: ConvPlan
  readonly label?: string
}

/**
 * `[N, OH, OW, O]` with `OH = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1`.
 * @throws ShapeError if channels or the shapes of scale, bias, residual do not fit, or nothing is left of the image
 */
export function conv2d(r: Recorder, args: Conv2dArgs): GpuTensor {
  const { input, weight, scale, bias, residual, activation = 'none', firstChannel, label = 'conv2d' } = args
  const problem = convProblem(args)
  for (const vector of [scale, bias]) if (vector) expectShape(label, vector, [problem.outChannels])
  const shape = [problem.batch, problem.outHeight, problem.outWidth, problem.outChannels]
  if (residual) expectShape(label, residual, shape, input.dtype)
  const output = r.alloc(shape, input.dtype, label)
  const limits = {
    allowWinograd: args.allowWinograd,
    firstChannel,
    transformedOnly: weight.tensor === undefined,
    halfFilter: weight.tensor?.dtype === 'f16',
    halfImages: input.dtype === 'f16',
  }
  const plan = args.plan ?? r.device.attached(ConvChoices).forward(r.adapter, problem, limits)
  const epilogue = { scale, bias, residual, activation }
  convolve(r, plan, { problem, weight, input, output, ...epilogue, firstChannel: firstChannel ?? 0, label })
  return output
}

/** Records a convolution whose geometry is known, in batch slices where a tensor is above the binding limit. */
export function convolve(r: Recorder, plan: ConvPlan, conv: ConvLaunch): void {
  const { problem, input, output, residual } = conv
  const tensors = [input, output, ...(residual ? [residual] : [])]
  const most = samplesPerSlice(r.adapter, plan, problem, { halfImages: output.dtype === 'f16' })
  for (const slice of batchSlices(r.adapter, tensors, most)) {
    launch(r, plan, {
      ...conv,
      problem: { ...problem, batch: slice.count },
      input: sliceOf(input, slice),
      output: sliceOf(output, slice),
      residual: residual && sliceOf(residual, slice),
    })
  }
}

/** Records what a variant is made of. */
type Launch<V extends ConvVariant> = (r: Recorder, conv: ConvLaunch, plan: ConvPlan & { readonly variant: V }) => void

const launches: { readonly [V in ConvVariant]: Launch<V> } = {
  direct,
  tiled,
  registers,
  shuffle,
  matrices,
  subgroup,
  narrow,
  winograd,
  depthwise,
}

function launch<V extends ConvVariant>(r: Recorder, plan: ConvPlan & { readonly variant: V }, conv: ConvLaunch): void {
  r.inForm(planName(plan), () => launches[plan.variant](r, conv, plan))
}
