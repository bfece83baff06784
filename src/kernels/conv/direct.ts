// The kernels that take any convolution: one element of the output, or of the filter's gradient, per invocation.

import type { Recorder } from '../../gpu/recorder.ts'
import { kernel, linearGrid } from '../launch.ts'
import { type ConvLaunch, convCost, epilogueBindings, epilogueConstants, inputAlias, packedFilter } from './epilogue.ts'
import { filterAlias } from './filter.ts'
import { directParams } from './geometry.ts'
import { addPartialSums, gradientCost, partialSums, type WeightGradientLaunch } from './partial-sums.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'

const workgroup = 64

/** Records conv2d_direct. */
export function direct(r: Recorder, conv: ConvLaunch): void {
  const { problem, input, weight, output, label } = conv
  r.dispatch({
    kernel: kernel('conv2d_direct', {
      WORKGROUP: workgroup,
      ...epilogueConstants(conv),
      ...filterAlias(packedFilter(conv), 1),
      ...inputAlias(conv, 1),
    }),
    label,
    workgroups: linearGrid(r.adapter, output.size, workgroup),
    bindings: {
      input,
      weight: packedFilter(conv),
      ...epilogueBindings(r, conv),
      output,
      params: { count: output.size, ...directParams(problem, conv, weight.panel) },
    },
    ...convCost(conv),
  })
}

/** Records conv2d_direct_weight_gradient, and the sum of its parts. */
export function directWeightGradient(
  r: Recorder,
  launch: WeightGradientLaunch,
  { splits }: WeightGradientPlan & { readonly variant: 'direct' },
): void {
  const { problem, weight, input, gradient, label } = launch
  const output = partialSums(r, launch, splits)
  const count = launch.output.size
  const rows = problem.batch * problem.outHeight
  r.dispatch({
    kernel: kernel('conv2d_direct_weight_gradient', { WORKGROUP: workgroup, ...inputAlias(launch, 1) }),
    label,
    workgroups: [...linearGrid(r.adapter, count, workgroup), splits],
    bindings: {
      input,
      gradient,
      output,
      params: {
        count,
        rows,
        split_rows: Math.ceil(rows / splits),
        ...directParams(problem, launch, weight.panel),
        accumulate: launch.accumulate && splits === 1 ? 1 : 0,
      },
    },
    ...gradientCost(launch),
  })
  addPartialSums(r, launch, output, splits)
}
