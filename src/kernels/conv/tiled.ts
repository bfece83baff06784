// The kernels for GPUs: implicit GEMMs through workgroup memory, the inner dimension split where there are few tiles.

import type { Recorder } from '../../gpu/recorder.ts'
import { kernel, linearGrid } from '../launch.ts'
import { type ConvLaunch, convCost, epilogueBindings, epilogueConstants, packedFilter } from './epilogue.ts'
import { filterRows, imageConstants, outputPixels } from './geometry.ts'
import { addPartialSums, gradientCost, partialSums, type WeightGradientLaunch } from './partial-sums.ts'
import type { ConvPlan } from './plan.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'

/** Records conv2d_tiled, and conv2d_reduce where the inner dimension is split. */
export function tiled(r: Recorder, conv: ConvLaunch, plan: ConvPlan & { readonly variant: 'tiled' }): void {
  const { tileM, tileN, splitK } = plan
  const { problem, input, weight, output, label } = conv
  const pixels = outputPixels(problem)
  const epilogue = epilogueConstants(conv)
  const sums = splitK > 1 ? r.alloc([splitK, ...output.shape], 'f32', `${label}.partial`) : output
  r.dispatch({
    kernel: kernel('conv2d_tiled', {
      TILE_M: tileM,
      TILE_N: tileN,
      SPLIT_K: splitK,
      ...imageConstants(problem, conv, weight.panel),
      ...epilogue,
    }),
    label,
    workgroups: [Math.ceil(problem.outChannels / tileN), Math.ceil(pixels / tileM), splitK],
    bindings: { input, weight: packedFilter(conv), ...epilogueBindings(conv), output: sums, params: { pixels } },
    ...convCost(conv),
  })
  if (splitK === 1) return
  r.dispatch({
    kernel: kernel('conv2d_reduce', { SPLIT_K: splitK, OUT_CHANNELS4: problem.outChannels / 4, ...epilogue }),
    label: `${label}.reduce`,
    workgroups: linearGrid(r.adapter, output.size / 4, 64),
    bindings: { partial: sums, ...epilogueBindings(conv), output, params: { count: output.size / 4 } },
    flops: output.size * (splitK - 1),
    bytes: sums.bytes + output.bytes,
  })
}

/** Pixels that the gradient's kernel takes at a time. */
const TILE_PIXELS = 16

/** Records conv2d_tiled_weight_gradient, and the sum of its parts. */
export function tiledWeightGradient(
  r: Recorder,
  launch: WeightGradientLaunch,
  { tile, splits }: WeightGradientPlan & { readonly variant: 'tiled' },
): void {
  const { problem, weight, input, gradient, label } = launch
  const output = partialSums(r, launch, splits)
  const pixels = outputPixels(problem)
  r.dispatch({
    kernel: kernel('conv2d_tiled_weight_gradient', {
      TILE_M: tile,
      TILE_N: tile,
      TILE_K: TILE_PIXELS,
      ...imageConstants(problem, launch, weight.panel),
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
    ...gradientCost(launch),
  })
  addPartialSums(r, launch, output, splits)
}
