// The split of a forward convolution's inner dimension, for layers with too few tiles to fill a GPU: every split writes its raw
// sums, then a small kernel adds them in order and applies the epilogue.

import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { kernel, linearGrid } from '../launch.ts'
import { type ConvLaunch, epilogueBindings, epilogueConstants, inputAlias } from './epilogue.ts'

const workgroup = 64

/** Where the kernel writes: one copy of the output per split, or the output itself. */
export function splitSums(r: Recorder, { output, label }: ConvLaunch, splits: number): GpuTensor {
  return splits > 1 ? r.alloc([splits, ...output.shape], 'f32', `${label}.partial`) : output
}

/** Adds the splits' sums; does nothing for a single one. */
export function addSplitSums(r: Recorder, conv: ConvLaunch, sums: GpuTensor, splits: number): void {
  const { problem, output, label } = conv
  if (splits === 1) return
  const constants = {
    SPLIT_K: splits,
    OUT_CHANNELS4: problem.outChannels / 4,
    ...epilogueConstants(conv),
    ...inputAlias(conv, 4),
  }
  r.dispatch({
    kernel: kernel('conv2d_reduce', constants),
    label: `${label}.reduce`,
    workgroups: linearGrid(r.adapter, output.size / 4, workgroup),
    bindings: { partial: sums, ...epilogueBindings(r, conv), output, params: { count: output.size / 4 } },
    flops: output.size * (splits - 1),
    bytes: sums.bytes + output.bytes,
  })
}
