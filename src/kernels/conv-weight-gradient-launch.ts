// The launches behind convWeightGradient: one function per shader, and the second stage that adds partial sums.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { laneTypes } from './conv-lanes.ts'
import { directGeometry, requireLanes } from './conv-launch.ts'
import { type ConvProblem, convFlops, outputPixels, SUBGROUP_LANES } from './conv-plan.ts'
import type { ConvWeight } from './conv-weight.ts'
import { filterRows, pixelGrid, SUBGROUP_TILE, type WeightGradientPlan } from './conv-weight-gradient-plan.ts'
import { depthwiseParts, depthwiseWeightGradient } from './depthwise-conv.ts'
import type { DepthwiseWeightPlan } from './depthwise-plan.ts'
import { kernel, linearGrid } from './launch.ts'

/** Everything one launch needs, for a slice of the batch. */
export interface WeightGradientLaunch {
  readonly problem: ConvProblem
  readonly weight: ConvWeight
  readonly input: GpuTensor
  readonly gradient: GpuTensor
  readonly output: GpuTensor
  /** Add to what `output` holds. */
  readonly accumulate: boolean
  /** The input's first channel that is read. */
  readonly firstChannel: number
  readonly label: string
}

const WORKGROUP = 64

/** FLOPs, and the bytes if everything were moved once. */
function cost({ problem, input, gradient, output }: WeightGradientLaunch): { flops: number; bytes: number } {
  return { flops: convFlops(problem), bytes: input.bytes + gradient.bytes + output.bytes }
}

/** One element of the filter per invocation. */
export function direct(r: Recorder, launch: WeightGradientLaunch, { splits }: { splits: number }): void {
  const { problem, input, gradient, label } = launch
  const output = partialSums(r, launch, splits)
  const count = launch.output.size
  const rows = problem.batch * problem.outHeight
  r.dispatch({
    kernel: kernel('conv2d_direct_weight_gradient', { WORKGROUP }),
    label,
    workgroups: [...linearGrid(r.adapter, count, WORKGROUP), splits],
    bindings: {
      input,
      gradient,
      output,
      params: {
        count,
        rows,
        split_rows: Math.ceil(rows / splits),
        ...directGeometry(launch),
        accumulate: launch.accumulate && splits === 1 ? 1 : 0,
      },
    },
    ...cost(launch),
  })
  reduce(r, launch, output, splits)
}

/** Pixels that the tiled kernel takes at a time. */
const TILE_PIXELS = 16

/** Through workgroup memory. */
export function tiled(
  r: Recorder,
  launch: WeightGradientLaunch,
  { tile, splits }: WeightGradientPlan & { variant: 'tiled' },
): void {
  const { problem, weight, input, gradient, label } = launch
  const output = partialSums(r, launch, splits)
  const pixels = outputPixels(problem)
  r.dispatch({
    kernel: kernel('conv2d_tiled_weight_gradient', {
      TILE_M: tile,
      TILE_N: tile,
      TILE_K: TILE_PIXELS,
      IN_HEIGHT: problem.inHeight,
      IN_WIDTH: problem.inWidth,
      IN_CHANNELS4: problem.inChannels / 4,
      IN_STRIDE4: (input.shape[3] ?? 0) / 4,
      IN_FIRST4: launch.firstChannel / 4,
      OUT_HEIGHT: problem.outHeight,
      OUT_WIDTH: problem.outWidth,
      OUT_CHANNELS4: problem.outChannels / 4,
      PANEL4: weight.panel / 4,
      KERNEL_WIDTH: problem.kernelWidth,
      TAPS: problem.kernelHeight * problem.kernelWidth,
      STRIDE: problem.stride,
      PADDING_Y: problem.paddingY,
      PADDING_X: problem.paddingX,
      DILATION: problem.dilation,
    }),
    label,
    workgroups: [Math.ceil(problem.outChannels / tile), Math.ceil(filterRows(problem) / tile), splits],
    bindings: {
      input,
      gradient,
      output,
      params: {
        pixels,
        split_pixels: Math.ceil(pixels / splits / TILE_PIXELS) * TILE_PIXELS,
        accumulate: launch.accumulate && splits === 1 ? 1 : 0,
      },
    },
    ...cost(launch),
  })
  reduce(r, launch, output, splits)
}

/** 32 rows x 64 channels per subgroup. */
export function subgroup(
  r: Recorder,
  launch: WeightGradientLaunch,
  { splits }: WeightGradientPlan & { variant: 'subgroup' },
): void {
  const output = partialSums(r, launch, splits)
  subgroupProducts(r, {
    launch: { ...launch, output, accumulate: launch.accumulate && splits === 1 },
    panel: launch.weight.panel,
    batches: 1,
    splits,
  })
  reduce(r, launch, output, splits)
}

/** 32 rows x 8 lanes of channels per subgroup. */
export function lanes(
  r: Recorder,
  launch: WeightGradientLaunch,
  { laneWidth, splits }: WeightGradientPlan & { variant: 'lanes' },
): void {
  const { problem, weight, input, gradient, label } = launch
  requireLanes(r, label)
  const output = partialSums(r, launch, splits)
  const padded = Math.ceil(problem.outChannels / weight.panel) * weight.panel
  r.dispatch({
    kernel: kernel('conv2d_lanes_weight_gradient', {
      Lane: laneTypes[laneWidth],
      CHANNELS: weight.fileChannels === 3 ? 3 : 4,
    }),
    label,
    workgroups: [
      Math.ceil(filterRows(problem) / SUBGROUP_TILE.rows),
      Math.ceil(padded / (SUBGROUP_LANES * laneWidth)),
      splits,
    ],
    bindings: {
      input,
      gradient,
      output,
      params: {
        ...loopParams(launch, splits),
        out_lanes: problem.outChannels / laneWidth,
        padded_lanes: padded / laneWidth,
        panel: weight.panel / laneWidth,
        accumulate: launch.accumulate && splits === 1 ? 1 : 0,
        sums: SUBGROUP_TILE.rows,
      },
    },
    ...cost(launch),
  })
  reduce(r, launch, output, splits)
}

/** The taps of every channel in registers. */
export function depthwise(r: Recorder, launch: WeightGradientLaunch, plan: DepthwiseWeightPlan): void {
  const parts = depthwiseParts(launch.problem, plan)
  const output = partialSums(r, launch, parts)
  depthwiseWeightGradient(r, { ...launch, output, accumulate: launch.accumulate && parts === 1 }, plan)
  reduce(r, launch, output, parts)
}

/** What both subgroup kernels know of the geometry. */
function loopParams({ problem, input, firstChannel }: WeightGradientLaunch, splits: number) {
  const grid = pixelGrid(problem, splits)
  const image = grid.width === problem.outWidth ? problem : asRows(problem, grid)
  return {
    pixels: outputPixels(problem),
    rows: grid.rows,
    split_rows: Math.ceil(grid.rows / splits),
    in_height: image.inHeight,
    in_width: image.inWidth,
    in_channels4: problem.inChannels / 4,
    in_stride4: (input.shape[3] ?? 0) / 4,
    in_first4: firstChannel / 4,
    out_height: image.outHeight,
    out_width: image.outWidth,
    kernel_width: problem.kernelWidth,
    taps: problem.kernelHeight * problem.kernelWidth,
    stride: problem.stride,
    padding_y: problem.paddingY,
    padding_x: problem.paddingX,
    dilation: problem.dilation,
  }
}

/** `batches` gradients of equal size, each in `splits` partial sums, one after the other in memory. */
export interface SubgroupProducts {
  readonly launch: WeightGradientLaunch
  /** Output channels that lie together in each result. */
  readonly panel: number
  readonly batches: number
  readonly splits: number
}

/** Dispatches conv2d_subgroup_weight_gradient: a filter's gradient, or `batches` matrix products for Winograd. */
export function subgroupProducts(r: Recorder, { launch, panel, batches, splits }: SubgroupProducts): void {
  const { problem, input, gradient, output, label } = launch
  requireLanes(r, label)
  const { flops, bytes } = cost(launch)
  r.dispatch({
    kernel: kernel('conv2d_subgroup_weight_gradient'),
    label,
    workgroups: [
      Math.ceil(filterRows(problem) / SUBGROUP_TILE.rows),
      Math.ceil(problem.outChannels / SUBGROUP_TILE.channels),
      batches * splits,
    ],
    bindings: {
      input,
      gradient,
      output,
      params: {
        ...loopParams(launch, splits),
        splits,
        out_channels4: problem.outChannels / 4,
        panel4: panel / 4,
        input_batch: input.size / 4 / batches,
        gradient_batch: gradient.size / 4 / batches,
        accumulate: launch.accumulate ? 1 : 0,
        sums: 2 * SUBGROUP_TILE.rows,
      },
    },
    flops: flops * batches,
    bytes,
  })
}

/** The same pixels as one image of other rows, where an output pixel is the input pixel of the same index. */
function asRows(problem: ConvProblem, { rows, width }: { rows: number; width: number }): ConvProblem {
  return { ...problem, batch: 1, inHeight: rows, inWidth: width, outHeight: rows, outWidth: width }
}

/** Where a kernel writes: one copy of the filter per split, or the output itself. */
function partialSums(r: Recorder, { output, label }: WeightGradientLaunch, splits: number): GpuTensor {
  return splits > 1 ? r.alloc([splits, ...output.shape], 'f32', `${label}.partial`) : output
}

/** Adds the splits' sums in order. */
function reduce(r: Recorder, launch: WeightGradientLaunch, partial: GpuTensor, splits: number): void {
  const { output, label } = launch
  if (splits === 1) return
  const count = output.size / 4
  r.dispatch({
    kernel: kernel('sum_partials'),
    label: `${label}.reduce`,
    workgroups: linearGrid(r.adapter, count, WORKGROUP),
    bindings: { partial, output, params: { count, partials: splits, accumulate: launch.accumulate ? 1 : 0 } },
    flops: output.size * (splits - 1),
    bytes: partial.bytes + output.bytes,
  })
}
