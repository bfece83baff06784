// What a launch of a filter's gradient needs, whichever kernel does it, and the second stage that adds the sums of parts of the
// pixels, in one order always.

import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { kernel, linearGrid } from '../launch.ts'
import type { FilterShape } from './filter.ts'
import { type ConvProblem, convFlops } from './geometry.ts'

/** Everything one launch needs, for a slice of the batch. */
export interface WeightGradientLaunch {
  readonly problem: ConvProblem
  readonly weight: FilterShape
  readonly input: GpuTensor
  readonly gradient: GpuTensor
  readonly output: GpuTensor
  /** Add to what `output` holds. */
  readonly accumulate: boolean
  /** The input's first channel that is read. */
  readonly firstChannel: number
  readonly label: string
}

const workgroup = 64

/** FLOPs, and the bytes if everything were moved once. */
export function gradientCost(launch: WeightGradientLaunch): { flops: number; bytes: number } {
  const { problem, input, gradient, output } = launch
  return { flops: convFlops(problem), bytes: input.bytes + gradient.bytes + output.bytes }
}

/** Where a kernel writes: one copy of the filter per split, or the output itself. */
export function partialSums(r: Recorder, { output, label }: WeightGradientLaunch, splits: number): GpuTensor {
  return splits > 1 ? r.alloc([splits, ...output.shape], 'f32', `${label}.partial`) : output
}

/** Adds the splits' sums; does nothing for a single one. */
export function addPartialSums(r: Recorder, launch: WeightGradientLaunch, partial: GpuTensor, splits: number): void {
  const { output, label } = launch
  if (splits === 1) return
  const count = output.size / 4
  r.dispatch({
    kernel: kernel('sum_partials'),
    label: `${label}.reduce`,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: { partial, output, params: { count, partials: splits, accumulate: launch.accumulate ? 1 : 0 } },
    flops: output.size * (splits - 1),
    bytes: partial.bytes + output.bytes,
  })
}
