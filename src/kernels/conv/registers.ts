// The kernels for GPUs that read all operands through the caches, without workgroup memory: for integrated GPUs and small layers.

import type { Recorder } from '../../gpu/recorder.ts'
import { kernel } from '../launch.ts'
import {
  type ConvLaunch,
  convCost,
  epilogueBindings,
  epilogueConstants,
  imageAliases,
  inputAlias,
  packedFilter,
} from './epilogue.ts'
import { filterAlias } from './filter.ts'
import { filterRows, imageConstants, outputPixels } from './geometry.ts'
import { addPartialSums, gradientCost, partialSums, type WeightGradientLaunch } from './partial-sums.ts'
import type { ConvPlan } from './plan.ts'
import { addSplitSums, splitSums } from './split-sums.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'

/** Invocations along the output channels, and along pixels or rows of the filter. */
const threads = { x: 8, y: 8 } as const

/** Records a convolution, in two stages where the inner dimension is split. */
export function registers(r: Recorder, conv: ConvLaunch, plan: ConvPlan & { readonly variant: 'registers' }): void {
  const { problem, input, weight, label } = conv
  const { pixels: perInvocation, channels, splitK } = plan
  const pixels = outputPixels(problem)
  const sums = splitSums(r, conv, splitK)
  r.dispatch({
    kernel: kernel('conv2d_registers', {
      THREADS_X: threads.x,
      THREADS_Y: threads.y,
      PIXELS: perInvocation,
      COLUMNS: channels / 4,
      SPLIT_K: splitK,
      ...imageConstants(problem, conv, weight.panel),
      ...epilogueConstants(conv),
      ...filterAlias(packedFilter(conv), 4),
      ...imageAliases({ input, output: sums }),
    }),
    label,
    workgroups: [
      Math.ceil(problem.outChannels / (channels * threads.x)),
      Math.ceil(pixels / (perInvocation * threads.y)),
      splitK,
    ],
    bindings: { input, weight: packedFilter(conv), ...epilogueBindings(r, conv), output: sums, params: { pixels } },
    ...convCost(conv),
  })
  addSplitSums(r, conv, sums, splitK)
}

/** Records the gradient of a filter, and the sum of its parts. */
export function registersWeightGradient(
  r: Recorder,
  launch: WeightGradientLaunch,
  { channels, splits }: WeightGradientPlan & { readonly variant: 'registers' },
): void {
  const { problem, weight, input, gradient, label } = launch
  const pixels = outputPixels(problem)
  const output = partialSums(r, launch, splits)
  r.dispatch({
    kernel: kernel('conv2d_registers_weight_gradient', {
      THREADS_X: threads.x,
      THREADS_Y: threads.y,
      COLUMNS: channels / 4,
      ...imageConstants(problem, launch, weight.panel),
      ...inputAlias(launch, 4),
    }),
    label,
    workgroups: [
      Math.ceil(problem.outChannels / (channels * threads.x)),
      Math.ceil(filterRows(problem) / (4 * threads.y)),
      splits,
    ],
    bindings: {
      input,
      gradient,
      output,
      params: {
        pixels,
        split_pixels: Math.ceil(pixels / splits),
        accumulate: launch.accumulate && splits === 1 ? 1 : 0,
      },
    },
    ...gradientCost(launch),
  })
  addPartialSums(r, launch, output, splits)
}
