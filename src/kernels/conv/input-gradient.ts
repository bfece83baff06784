// The gradient of a convolution's input ("dgrad"): a convolution of the output's gradient with the filter whose channels are
// exchanged and whose taps are reversed, through the same kernels as the forward pass; one such convolution per phase of the
// stride (phases.ts), put in place afterwards.

import type { Params } from '../../gpu/params.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import { elementBytes, type GpuTensor } from '../../gpu/tensor.ts'
import { elementType, expectShape, kernel, linearGrid } from '../launch.ts'
import { chooseWidth, storedAlias } from '../map.ts'
import { batchSlices, sliceOf } from '../slices.ts'
import { ConvChoices } from './choices.ts'
import { depthwiseInputGradient } from './depthwise.ts'
import { isDepthwise } from './depthwise-plan.ts'
import { noEpilogue } from './epilogue.ts'
import { type ConvWeight, panelOf } from './filter.ts'
import { convolve } from './forward.ts'
import { type ConvProblem, type ConvWindow, convProblem } from './geometry.ts'
import { type GradientPhase, gradientPhases, type PhaseTaps, tapStep } from './phases.ts'
import type { ConvPlan } from './plan.ts'

/** The window is that of the forward convolution. */
export interface ConvInputGradientArgs extends ConvWindow {
  /** Of the output, `[N, OH, OW, O]`, f32 or f16: the result has its precision. */
  readonly gradient: GpuTensor
  readonly weight: ConvWeight
  /** `[N, H, W, C]` */
  readonly inputShape: readonly number[]
  /** Whether Winograd's transforms may be used, whose rounding errors are larger. Default true. */
  readonly allowWinograd?: boolean
  /** How to compute each phase's convolution; default: what `chooseConv` says. For tests and benches. */
  readonly plan?: ConvPlan
  readonly label?: string
}

const workgroup = 64

/**
 * The gradient of `conv2d` with respect to its input, `[N, H, W, C]`. Pixels that no output depends on get zeros.
 * @throws ShapeError if the gradient's shape is not that of the convolution's output
 */
export function convInputGradient(r: Recorder, args: ConvInputGradientArgs): GpuTensor {
  const { gradient, weight, inputShape, label = 'conv2d.input_gradient' } = args
  const problem = convProblem({ ...args, input: { shape: inputShape, dtype: 'f32', label: `${label}.input` }, label })
  expectShape(
    label,
    gradient,
    [problem.batch, problem.outHeight, problem.outWidth, problem.outChannels],
    gradient.dtype,
  )
  const output = r.alloc(inputShape, gradient.dtype, label)
  if (isDepthwise(problem) && problem.stride > 1 && !args.plan) {
    for (const slice of batchSlices(r.adapter, [gradient, output])) {
      const parts = { gradient: sliceOf(gradient, slice), output: sliceOf(output, slice) }
      depthwiseInputGradient(r, { problem: { ...problem, batch: slice.count }, weight, ...parts, label })
    }
    return output
  }
  const widened = { ...problem, outChannels: readableChannels(problem) }
  const phases = gradientPhases(widened).map((phase) => {
    const { convolution } = phase
    return { phase, filter: convolution && transposedFilter(r, weight, { ...convolution, forward: problem, label }) }
  })
  const { stride } = problem
  const limits = { allowWinograd: args.allowWinograd, halfImages: gradient.dtype === 'f16' }
  const choices = r.device.attached(ConvChoices)
  const choose = (part: ConvProblem) => args.plan ?? choices.forward(r.adapter, part, limits)
  for (const slice of batchSlices(r.adapter, [gradient, output])) {
    const source = padded(r, sliceOf(gradient, slice), widened.outChannels)
    const parts = { gradient: source, output: sliceOf(output, slice), stand: weight.tensor }
    for (const each of phases) phaseGradient(r, { ...parts, ...each, stride, choose, label })
  }
  return output
}

/** The gradient's channels, with as many of zeros as the fast kernels need, which read four at a time. */
function readableChannels({ outChannels, groups }: ConvProblem): number {
  return groups === 1 ? Math.ceil(outChannels / 4) * 4 : outChannels
}

/** Appends channels of zeros. */
function padded(r: Recorder, input: GpuTensor, outChannels: number): GpuTensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
  if (channels === outChannels) return input
  const output = r.alloc([batch, height, width, outChannels], input.dtype, `${input.label}.padded`)
  const count = output.size / 4
  r.dispatch({
    kernel: kernel('pad_channels', {
      WORKGROUP: workgroup,
      Stored: elementType(input, 1),
      Padded: elementType(output, 4),
    }),
    label: output.label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: { input, output, params: { count, channels, out_channels4: outChannels / 4 } },
    bytes: input.bytes + output.bytes,
  })
  return output
}

interface PhaseLaunch {
  readonly gradient: GpuTensor
  readonly output: GpuTensor
  readonly phase: GradientPhase
  readonly filter: ConvWeight | undefined
  /** Bound where nothing is read. */
  readonly stand: GpuTensor
  readonly stride: number
  readonly choose: (problem: ConvProblem) => ConvPlan
  readonly label: string
}

function phaseGradient(r: Recorder, launch: PhaseLaunch): void {
  const { gradient, output, phase, filter, stand, stride, label } = launch
  const { convolution, height, width } = phase
  const [batch = 0, , , channels = 0] = output.shape
  if (!convolution || !filter) {
    interleave(r, stand, launch)
    return
  }
  const problem = { ...convolution.problem, batch }
  const whole = stride === 1 ? output : r.alloc([batch, height, width, channels], output.dtype, `${label}.phase`)
  convolve(r, launch.choose(problem), {
    problem,
    weight: filter,
    input: gradient,
    output: whole,
    ...noEpilogue,
    firstChannel: 0,
    label,
  })
  if (whole !== output) interleave(r, whole, launch)
}

/** Puts a phase in its place, or zeros there. */
function interleave(r: Recorder, input: GpuTensor, { output, phase, stride, label }: PhaseLaunch): void {
  const [batch = 0, outHeight = 0, outWidth = 0, channels = 0] = output.shape
  const width = chooseWidth(channels)
  const elements = batch * phase.height * phase.width * channels
  r.dispatch({
    kernel: kernel('interleave_phase', {
      ...storedAlias(width, output),
      Phase: elementType(input, width),
      WORKGROUP: workgroup,
      EMPTY: phase.convolution === undefined,
    }),
    label: `${label}.interleave`,
    workgroups: [Math.ceil((phase.width * channels) / width / workgroup), phase.height, batch],
    bindings: {
      input,
      output,
      params: {
        channels: channels / width,
        height: phase.height,
        width: phase.width,
        out_height: outHeight,
        out_width: outWidth,
        stride,
        phase_y: phase.offsetY,
        phase_x: phase.offsetX,
      },
    },
    bytes: elements * elementBytes[output.dtype] * (phase.convolution ? 2 : 1),
  })
}

interface PhaseFilter {
  readonly forward: ConvProblem
  /** Of the convolution of the gradient; its input channels may be more than there are. */
  readonly problem: ConvProblem
  readonly y: PhaseTaps
  readonly x: PhaseTaps
  readonly label: string
}

/** The taps of a phase in reverse order, from output channels to input channels. */
function transposedFilter(r: Recorder, weight: ConvWeight, { forward, problem, y, x, label }: PhaseFilter): ConvWeight {
  const { inChannels, outChannels, groups } = forward
  const panel = panelOf(inChannels)
  const groupOutputs = outChannels / groups
  const rows = problem.inChannels / groups
  const shape = [Math.ceil(inChannels / panel), y.count, x.count, rows, panel]
  const tensor = r.alloc(shape, 'f32', `${label}.filter`)
  const fast = groups === 1 && inChannels % 4 === 0 && outChannels % 4 === 0
  const count = fast ? tensor.size / 16 : tensor.size
  const taps = {
    kernel_height: weight.kernelHeight,
    kernel_width: weight.kernelWidth,
    out_height: y.count,
    out_width: x.count,
    first_y: y.first,
    first_x: x.first,
    step: tapStep(forward),
  }
  const channels: Params = fast
    ? { out_channels4: outChannels / 4, panel4: weight.panel / 4, out_panel4: panel / 4 }
    : { group_inputs: weight.inChannels, group_outputs: groupOutputs, rows, panel: weight.panel, out_panel: panel }
  r.dispatch({
    kernel: kernel(fast ? 'conv2d_transpose_weight_blocks' : 'conv2d_transpose_weight', { WORKGROUP: workgroup }),
    label: `${label}.filter`,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      weight: weight.tensor,
      output: tensor,
      params: { count, in_channels: inChannels, ...channels, ...taps },
    },
    bytes: 2 * tensor.bytes,
  })
  return {
    tensor,
    panel,
    outChannels: inChannels,
    inChannels: rows,
    kernelHeight: y.count,
    kernelWidth: x.count,
  }
}
