// The kernel for software adapters and many output channels: 32 pixels x 64 channels per subgroup. It also does Winograd's
// products, a batch of matrix products of equal size.

import { FeatureError } from '../../gpu/errors.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { kernel } from '../launch.ts'
import { type ConvLaunch, convCost, epilogueBindings, epilogueParams, packedFilter } from './epilogue.ts'
import { imageParams, outputPixels } from './geometry.ts'
import { SUBGROUP_LANES } from './plan.ts'

/** Pixels and output channels that one subgroup computes (conv2d_subgroup.wgsl). */
const TILE = { pixels: 32, channels: 64 } as const

/** One batched GEMM through the subgroup kernel; `batches` products of equal size, one after the other in memory. */
export interface SubgroupProducts {
  readonly conv: ConvLaunch
  /** `batches` filters, one after the other. */
  readonly weight: GpuTensor
  /** Output channels that lie together in each of them. */
  readonly panel: number
  readonly batches?: number
}

/** Records a convolution. */
export function subgroup(r: Recorder, conv: ConvLaunch): void {
  subgroupProducts(r, { conv, weight: packedFilter(conv), panel: conv.weight.panel })
}

/** Records conv2d_subgroup: a convolution, or `batches` matrix products. */
export function subgroupProducts(r: Recorder, { conv, weight, panel, batches = 1 }: SubgroupProducts): void {
  const { problem, input, output, label } = conv
  requireSubgroups(r, label)
  const pixels = outputPixels(problem)
  const taps = problem.kernelHeight * problem.kernelWidth
  const { flops, bytes } = convCost(conv)
  r.dispatch({
    kernel: kernel('conv2d_subgroup'),
    label,
    workgroups: [Math.ceil(pixels / TILE.pixels), Math.ceil(problem.outChannels / TILE.channels), batches],
    bindings: {
      input,
      weight,
      ...epilogueBindings(conv),
      output,
      params: {
        pixels,
        ...imageParams(problem, conv),
        out_channels4: problem.outChannels / 4,
        kernel_width: problem.kernelWidth,
        taps,
        input_batch: (problem.batch * problem.inHeight * problem.inWidth * problem.inChannels) / 4,
        filter_rows: taps * problem.inChannels,
        panel4: panel / 4,
        ...epilogueParams(conv),
        sums: 2 * TILE.pixels,
      },
    },
    flops: flops * batches,
    bytes,
  })
}

/** Subgroup kernels pass operands among 8 lanes; fewer would give wrong sums. @throws FeatureError */
export function requireSubgroups({ adapter }: Recorder, label: string): void {
  if (adapter.features.has('subgroups') && adapter.subgroupMinSize >= SUBGROUP_LANES) return
  const found = adapter.features.has('subgroups') ? `subgroups of ${adapter.subgroupMinSize} lanes` : 'no subgroups'
  throw new FeatureError(
    `${label}: this plan needs subgroups of at least ${SUBGROUP_LANES} lanes; \`${adapter.description}\` has ${found}`,
  )
}
