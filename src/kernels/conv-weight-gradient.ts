// The gradient of a convolution's filter ("wgrad"): a matrix product whose inner dimension is the pixels of the whole batch,
//   dw[tap, c, o] = sum over pixels p of x[pixel(p, tap), c] * dy[p, o],
// in the filter's own packed layout, so that an optimizer updates the filter elementwise. Deterministic.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type ConvProblem, convFlops } from './conv-plan.ts'
import type { ConvWeight } from './conv-weight.ts'
import { convProblem } from './conv2d.ts'
import { expectShape, kernel, linearGrid } from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'

export interface ConvWeightGradientArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** Of the output, `[N, OH, OW, O]`. */
  readonly gradient: GpuTensor
  /** Its shape and panels alone matter. */
  readonly weight: ConvWeight
  /** Default 1. */
  readonly stride?: number
  /** One number, or rows and columns. Default 0. */
  readonly padding?: number | readonly [number, number]
  /** Default 1. */
  readonly dilation?: number
  /** Default 1. */
  readonly groups?: number
  /** The forward convolution read the `I` channels from this one on, of an input that has more. */
  readonly firstChannel?: number
  readonly label?: string
}

const WORKGROUP = 64

/**
 * The gradient of `conv2d` with respect to its filter, packed as `weight.tensor` is; channels that only fill a panel get zeros.
 * @throws ShapeError if the gradient's shape is not that of the convolution's output
 */
export function convWeightGradient(r: Recorder, args: ConvWeightGradientArgs): GpuTensor {
  const { input, gradient, weight, firstChannel = 0, label = 'conv2d.weight_gradient' } = args
  const problem = convProblem({ ...args, label })
  expectShape(label, gradient, [problem.batch, problem.outHeight, problem.outWidth, problem.outChannels])
  const output = r.alloc(weight.tensor.shape, 'f32', label)
  for (const slice of batchSlices(r.adapter, [input, gradient])) {
    direct(r, {
      problem: { ...problem, batch: slice.count },
      weight,
      input: sliceOf(input, slice),
      gradient: sliceOf(gradient, slice),
      output,
      accumulate: slice.start > 0,
      firstChannel,
      label,
    })
  }
  return output
}

interface WeightGradientLaunch {
  readonly problem: ConvProblem
  readonly weight: ConvWeight
  readonly input: GpuTensor
  readonly gradient: GpuTensor
  readonly output: GpuTensor
  /** Add to what `output` holds. */
  readonly accumulate: boolean
  readonly firstChannel: number
  readonly label: string
}

/** One element of the filter per invocation. */
function direct(r: Recorder, launch: WeightGradientLaunch): void {
  const { problem, weight, input, gradient, output, label } = launch
  r.dispatch({
    kernel: kernel('conv2d_direct_weight_gradient', { WORKGROUP }),
    label,
    workgroups: linearGrid(r.adapter, output.size, WORKGROUP),
    bindings: {
      input,
      gradient,
      output,
      params: {
        count: output.size,
        batch: problem.batch,
        in_height: problem.inHeight,
        in_width: problem.inWidth,
        in_stride: input.shape[3] ?? 0,
        in_first: launch.firstChannel,
        out_height: problem.outHeight,
        out_width: problem.outWidth,
        out_channels: problem.outChannels,
        panel: weight.panel,
        kernel_height: problem.kernelHeight,
        kernel_width: problem.kernelWidth,
        stride: problem.stride,
        padding_y: problem.paddingY,
        padding_x: problem.paddingX,
        dilation: problem.dilation,
        group_inputs: problem.inChannels / problem.groups,
        group_outputs: problem.outChannels / problem.groups,
        accumulate: launch.accumulate ? 1 : 0,
      },
    },
    flops: convFlops(problem),
    bytes: input.bytes + gradient.bytes + output.bytes,
  })
}
