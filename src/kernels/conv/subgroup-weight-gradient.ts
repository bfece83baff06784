// The kernel for software adapters and the gradient of filters with many output channels: 32 rows of the filter x 64 channels
// per subgroup. It also does the products of Winograd's gradient.

import type { Recorder } from '../../gpu/recorder.ts'
import { kernel } from '../launch.ts'
import { inputAlias } from './epilogue.ts'
import { filterRows, imageParams, outputPixels, pixelGrid } from './geometry.ts'
import { addPartialSums, gradientCost, partialSums, type WeightGradientLaunch } from './partial-sums.ts'
import { requireSubgroups } from './subgroup.ts'
import { subgroupTile, type WeightGradientPlan } from './weight-gradient-plan.ts'

/** Records the gradient, and the sum of its parts. */
export function subgroupWeightGradient(
  r: Recorder,
  launch: WeightGradientLaunch,
  { splits }: WeightGradientPlan & { readonly variant: 'subgroup' },
): void {
  const output = partialSums(r, launch, splits)
  subgroupGradientProducts(r, {
    launch: { ...launch, output, accumulate: launch.accumulate && splits === 1 },
    panel: launch.weight.panel,
    batches: 1,
    splits,
  })
  addPartialSums(r, launch, output, splits)
}

/** `batches` gradients of equal size, each in `splits` partial sums, one after the other in memory. */
export interface SubgroupGradientProducts {
  readonly launch: WeightGradientLaunch
  /** Output channels that lie together in each result. */
  readonly panel: number
  readonly batches: number
  readonly splits: number
}

/** Records conv2d_subgroup_weight_gradient: a filter's gradient, or `batches` matrix products. */
export function subgroupGradientProducts(r: Recorder, products: SubgroupGradientProducts): void {
  const { launch, panel, batches, splits } = products
  const { problem, input, gradient, output, label } = launch
  requireSubgroups(r, label)
  const { flops, bytes } = gradientCost(launch)
  r.dispatch({
    kernel: kernel('conv2d_subgroup_weight_gradient', inputAlias(launch, 4)),
    label,
    workgroups: [
      Math.ceil(filterRows(problem) / subgroupTile.rows),
      Math.ceil(problem.outChannels / subgroupTile.channels),
      batches * splits,
    ],
    bindings: {
      input,
      gradient,
      output,
      params: {
        ...pixelRows(launch, splits),
        splits,
        out_channels4: problem.outChannels / 4,
        panel4: panel / 4,
        input_batch: input.size / 4 / batches,
        gradient_batch: gradient.size / 4 / batches,
        accumulate: launch.accumulate ? 1 : 0,
        sums: 2 * subgroupTile.rows,
      },
    },
    flops: flops * batches,
    bytes,
  })
}

/** The geometry for kernels whose loop goes over rows of pixels, where possible over `splits` rows of equal length. */
export function pixelRows(launch: WeightGradientLaunch, splits: number) {
  const { problem } = launch
  const { rows, width } = pixelGrid(problem, splits)
  const asRows = { ...problem, batch: 1, inHeight: rows, inWidth: width, outHeight: rows, outWidth: width }
  return {
    pixels: outputPixels(problem),
    rows,
    split_rows: Math.ceil(rows / splits),
    ...imageParams(width === problem.outWidth ? problem : asRows, launch),
    kernel_width: problem.kernelWidth,
    taps: problem.kernelHeight * problem.kernelWidth,
  }
}
