// Depthwise convolution, where every channel has a filter of its own: forward with the epilogue of every convolution, the
// gradient of the input for strides above 1 (below, it is a depthwise convolution again), and the gradient of the filter.
// Source of the layer: Howard et al., MobileNets, 2017; Sandler et al., MobileNetV2, CVPR 2018.

import type { Recorder } from '../../gpu/recorder.ts'
import type { Constants } from '../../gpu/shader.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { kernel, linearGrid } from '../launch.ts'
import { storedAlias, type ValueWidth } from '../map.ts'
import { type DepthwisePlan, type DepthwiseWeightPlan, interleave } from './depthwise-plan.ts'
import { type ConvLaunch, convCost, epilogueBindings, epilogueParams, packedFilter } from './epilogue.ts'
import { type ConvWeight, type FilterShape, filterAlias } from './filter.ts'
import { type ConvProblem, convFlops } from './geometry.ts'
import { addPartialSums, gradientCost, partialSums, type WeightGradientLaunch } from './partial-sums.ts'

/** Small workgroups share out few invocations evenly among a CPU's cores. */
const workgroupSizes = { cpu: 8, gpu: 64 } as const

/** Records the convolution of a slice of the batch. */
export function depthwise(r: Recorder, conv: ConvLaunch, { strip, rows }: DepthwisePlan): void {
  const { problem, input, weight, output, residual, firstChannel, label } = conv
  const width = chooseWidth([problem.inChannels, input.shape[3] ?? 0, firstChannel])
  const workgroup = workgroupSizes[r.adapter.kind]
  const walk = walkParams(problem, strip, rows)
  const values = problem.outChannels / width
  const count = problem.batch * walk.phases ** 2 * walk.segments * walk.strips * values
  const { has_scale = 0, has_bias = 0, activation_max = 0 } = epilogueParams(conv)
  r.dispatch({
    kernel: kernel('depthwise_conv', {
      ...storedAlias(width, input),
      ...filterAlias(packedFilter(conv), width),
      WORKGROUP: workgroup,
      ...filterConstants(problem, strip),
      HAS_RESIDUAL: residual !== undefined,
    }),
    label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      input,
      weight: packedFilter(conv),
      ...epilogueBindings(r, conv),
      output,
      params: {
        ...{ count, values, ...walk },
        ...imageParams({ problem, input, firstChannel }, width),
        ...geometryParams(problem, weight, width),
        ...{ has_scale, has_bias, activation_max },
      },
    },
    ...convCost(conv),
  })
}

export interface DepthwiseInputGradient {
  /** The forward convolution, of a slice of the batch. */
  readonly problem: ConvProblem
  readonly weight: ConvWeight
  /** Of the output, `[N, OH, OW, C]`. */
  readonly gradient: GpuTensor
  /** `[N, H, W, C]` */
  readonly output: GpuTensor
  readonly label: string
}

/** Records the gradient of the input, for any stride: each input collects from the outputs that read it. */
export function depthwiseInputGradient(r: Recorder, launch: DepthwiseInputGradient): void {
  const { problem, weight, gradient, output, label } = launch
  const width = chooseWidth([problem.inChannels])
  const count = output.size / width
  r.dispatch({
    kernel: kernel('depthwise_conv_input_gradient', {
      ...storedAlias(width, gradient),
      WORKGROUP: 64,
    }),
    label,
    workgroups: linearGrid(r.adapter, count, 64),
    bindings: {
      gradient,
      weight: weight.tensor,
      output,
      params: {
        ...{ count, values: problem.inChannels / width },
        ...sizes(problem),
        kernel_height: problem.kernelHeight,
        kernel_width: problem.kernelWidth,
        ...geometryParams(problem, weight, width),
      },
    },
    flops: convFlops(problem),
    bytes: gradient.bytes + weight.tensor.bytes + output.bytes,
  })
}

/** Parts of a slice of the batch, each with a sum of its own. */
function depthwiseParts(problem: ConvProblem, { rows, samples }: DepthwiseWeightPlan): number {
  return Math.ceil(problem.batch / samples) * walkParams(problem, 1, rows).segments
}

/** Records the gradient of the filter, and the sum of its parts. */
export function depthwiseWeightGradient(r: Recorder, launch: WeightGradientLaunch, plan: DepthwiseWeightPlan): void {
  const { problem, weight, input, gradient, firstChannel, label } = launch
  const parts = depthwiseParts(problem, plan)
  const output = partialSums(r, launch, parts)
  const { strip, rows, samples } = plan
  const width = chooseWidth([problem.inChannels, input.shape[3] ?? 0, firstChannel])
  const workgroup = workgroupSizes[r.adapter.kind]
  const filterValues = launch.output.size / (problem.kernelHeight * problem.kernelWidth) / width
  const count = parts * filterValues
  r.dispatch({
    kernel: kernel('depthwise_conv_weight_gradient', {
      ...storedAlias(width, input),
      WORKGROUP: workgroup,
      ...filterConstants(problem, strip),
    }),
    label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      input,
      gradient,
      output,
      params: {
        ...{ count, filter_values: filterValues, values: problem.outChannels / width },
        ...walkParams(problem, strip, rows),
        ...{ samples, batch: problem.batch },
        ...imageParams({ problem, input, firstChannel }, width),
        ...geometryParams(problem, weight, width),
        accumulate: launch.accumulate && parts === 1 ? 1 : 0,
      },
    },
    ...gradientCost(launch),
  })
  addPartialSums(r, launch, output, parts)
}

/** Channels of one value in the shaders: four where all counts divide into fours. */
function chooseWidth(counts: readonly number[]): ValueWidth {
  return counts.every((count) => count % 4 === 0) ? 4 : 1
}

function filterConstants(problem: ConvProblem, strip: number): Constants {
  const { kernelHeight, kernelWidth } = problem
  return { KERNEL_H: kernelHeight, KERNEL_W: kernelWidth, STEP: interleave(problem).step, STRIP: strip }
}

/** How tiles of `rows` x `strip` outputs cover an image. */
function walkParams(problem: ConvProblem, strip: number, rows: number) {
  const { phases } = interleave(problem)
  const across = (size: number, tile: number) => Math.ceil(Math.ceil(size / phases) / tile)
  return { strips: across(problem.outWidth, strip), phases, segments: across(problem.outHeight, rows), rows }
}

function imageParams(
  { problem, input, firstChannel }: Pick<ConvLaunch, 'problem' | 'input' | 'firstChannel'>,
  width: ValueWidth,
) {
  return { ...sizes(problem), in_stride: (input.shape[3] ?? 0) / width, in_first: firstChannel / width }
}

function sizes({ inHeight, inWidth, outHeight, outWidth }: ConvProblem) {
  return { in_height: inHeight, in_width: inWidth, out_height: outHeight, out_width: outWidth }
}

function geometryParams(problem: ConvProblem, weight: FilterShape, width: ValueWidth) {
  return {
    panel: weight.panel / width,
    stride: problem.stride,
    padding_y: problem.paddingY,
    padding_x: problem.paddingX,
    dilation: problem.dilation,
  }
}
