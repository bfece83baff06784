// How the gradient of a convolution's filter is computed: a pure function from what the adapter is and what the layer looks
// like to a plan, as conv-plan.ts does for the forward pass. The products have few rows and columns (the filter's) and a long
// inner dimension (the pixels of a batch), so where there are few tiles, the pixels are split and partial sums added up.

import {
  type ConvAdapter,
  type ConvProblem,
  hasSubgroupsOf8,
  outputPixels,
  samplesPerSlice,
  suitsWinograd,
  winogradPlan,
} from './conv-plan.ts'

export type WeightGradientPlan =
  /** One element of the filter per invocation; anything goes. */
  | { readonly variant: 'direct' }
  /** 32 rows of the filter x 64 output channels per subgroup of 8 lanes; `splits` parts of the pixels. */
  | { readonly variant: 'subgroup'; readonly splits: number }
  /** F(2x2, 3x3) backwards around 16 subgroup products, `sliceChannels` output channels at a time. */
  | { readonly variant: 'winograd'; readonly sliceChannels: number }

/** Rows (taps x input channels) and output channels that one subgroup computes. */
export const SUBGROUP_TILE = { rows: 32, channels: 64 } as const

/** Enough workgroups for a CPU's cores to finish about together. */
const FULL_CPU_WORKGROUPS = 16

/** A sum over more pixels than this would lose digits in f32: the pixels are split. */
const MOST_PIXELS = 1 << 15

/** Memory for partial sums. */
const PARTIAL_BYTES = 16 << 20

/** The plan for a problem on an adapter. Pure. */
export function chooseWeightGradient(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const { inChannels, outChannels, groups } = problem
  if (groups > 1 || inChannels % 4 !== 0 || outChannels % 4 !== 0) return { variant: 'direct' }
  if (!hasSubgroupsOf8(adapter)) return { variant: 'direct' }
  if (suitsWinograd(problem) && gradientSamples(adapter, winogradPlan(problem), problem) > 0) {
    return { variant: 'winograd', sliceChannels: winogradPlan(problem).sliceChannels }
  }
  return subgroupPlan(adapter, problem)
}

/** How many samples a plan can take at once, so that its scratch tensors can be bound. */
export function gradientSamples(
  adapter: Pick<ConvAdapter, 'maxBindingBytes'>,
  plan: WeightGradientPlan,
  problem: ConvProblem,
): number {
  if (plan.variant !== 'winograd') return Number.POSITIVE_INFINITY
  return samplesPerSlice(adapter, { ...plan, storeWeights: false }, problem)
}

/** The subgroup kernel, split so far as the memory for partial sums goes. */
export function subgroupPlan(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const { outChannels } = problem
  const rows = filterRows(problem)
  const tiles = Math.ceil(rows / SUBGROUP_TILE.rows) * Math.ceil(outChannels / SUBGROUP_TILE.channels)
  const pixels = outputPixels(problem)
  const wanted = Math.max(Math.ceil(FULL_CPU_WORKGROUPS / tiles), Math.ceil(pixels / MOST_PIXELS))
  const affordable = Math.floor(Math.min(PARTIAL_BYTES, adapter.maxBindingBytes) / (rows * outChannels * 4))
  const { rows: pixelRows } = pixelGrid(problem, wanted)
  return { variant: 'subgroup', splits: Math.max(1, Math.min(wanted, affordable, pixelRows)) }
}

/** Taps x input channels of a group. */
export function filterRows({ kernelHeight, kernelWidth, inChannels, groups }: ConvProblem): number {
  return (kernelHeight * kernelWidth * inChannels) / groups
}

/** The output's pixels as the rows over which a kernel's loop goes; only the last row may be shorter than `width`. */
export interface PixelGrid {
  readonly rows: number
  readonly width: number
}

/**
 * The image's rows; but where an output pixel is the input pixel of the same index, rows are as long as `splits` equal parts
 * (and a multiple of 4).
 */
export function pixelGrid(problem: ConvProblem, splits: number): PixelGrid {
  const { kernelHeight, kernelWidth, stride, paddingY, paddingX, outHeight, outWidth, batch } = problem
  const pointwise = kernelHeight === 1 && kernelWidth === 1 && stride === 1 && paddingY === 0 && paddingX === 0
  if (!pointwise) return { rows: batch * outHeight, width: outWidth }
  const pixels = outputPixels(problem)
  const width = Math.ceil(pixels / splits / 4) * 4
  return { rows: Math.ceil(pixels / width), width }
}
