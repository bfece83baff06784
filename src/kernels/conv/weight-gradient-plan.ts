// How the gradient of a convolution's filter is computed: a pure function from what the adapter is and what the layer looks
// like to a plan, as plan.ts does for the forward pass. The products have few rows and columns (the filter's) and a long
// inner dimension (the pixels of a batch), so where there are few tiles, the pixels are split and partial sums added up.

import { bindingAlignment, elementBytes } from '../../gpu/tensor.ts'
import { type DepthwiseWeightPlan, depthwiseWeightPlan, isDepthwise } from './depthwise-plan.ts'
import { type ConvProblem, filterRows, outputPixels, pixelGrid } from './geometry.ts'
import {
  type ChannelsPerLane,
  type ConvAdapter,
  type ConvLimits,
  fitsWinograd,
  hasSubgroupsOf8,
  laneCount,
  plainTile,
  samplesPerSlice,
  type Tile,
  winogradPlan,
} from './plan.ts'

export type WeightGradientPlan =
  /** One element of the filter per invocation, `splits` parts of the rows of pixels; anything goes. */
  | { readonly variant: 'direct'; readonly splits: number }
  /** 32 rows of the filter x 64 output channels per subgroup of 8 lanes; `splits` parts of the pixels. */
  | { readonly variant: 'subgroup'; readonly splits: number }
  /** 32 rows of the filter x 8, 16 or 32 output channels per subgroup; for few output channels. */
  | { readonly variant: 'narrow'; readonly channelsPerLane: ChannelsPerLane; readonly splits: number }
  /** Rows of the filter x output channels through workgroup memory; `splits` parts of the pixels. */
  | (Tile & { readonly variant: 'tiled'; readonly splits: number })
  /** A GPU's caches alone: 4 rows of the filter x `channels` output channels per invocation. */
  | { readonly variant: 'registers'; readonly channels: 4 | 8; readonly splits: number }
  /** F(2x2, 3x3) in reverse around 16 products, in tiles or by the subgroup kernel, `sliceChannels` output channels at a time. */
  | { readonly variant: 'winograd'; readonly sliceChannels: number; readonly products?: Tile }
  /** One channel in, one out: the filter's taps in registers. */
  | DepthwiseWeightPlan

export type WeightGradientVariant = WeightGradientPlan['variant']

/** Rows (taps x input channels) and output channels that one subgroup computes. */
export const subgroupTile = { rows: 32, channels: 64 } as const

/** Enough workgroups for a CPU's cores to finish about together. */
const fullCpuWorkgroups = 16

/** Enough workgroups to fill a large GPU. Reasoned, not yet measured on one. */
const fullGpuWorkgroups = 256

/** Pixels that a GPU's workgroup must have to be worth a second stage. */
const pixelsPerSplit = 256

/** A sum over more pixels than this would lose digits in f32: the pixels are split. */
const mostPixels = 1 << 13

/** Memory for partial sums. */
const partialBytes = 16 << 20

/** The plan for a problem on an adapter. Pure. */
export function chooseWeightGradient(
  adapter: ConvAdapter,
  problem: ConvProblem,
  { allowWinograd = true, firstChannel = 0 }: Omit<ConvLimits, 'transformedOnly'> = {},
): WeightGradientPlan {
  const { inChannels, outChannels, groups } = problem
  if (isDepthwise(problem)) return depthwiseWeightPlan(adapter, problem)
  if (groups > 1 || inChannels % 4 !== 0 || firstChannel % 4 !== 0) return directPlan(adapter, problem)
  if (!hasSubgroupsOf8(adapter)) {
    return outChannels % 4 === 0 ? tiledPlan(adapter, problem) : directPlan(adapter, problem)
  }
  if (allowWinograd && fitsWinograd(adapter, problem)) return winogradPlan(problem)
  return subgroupPlan(adapter, problem)
}

/** How many samples a plan can take at once, so that its scratch tensors can be bound and its sums keep their digits. */
export function gradientSamples(
  adapter: Pick<ConvAdapter, 'maxBindingBytes'>,
  plan: WeightGradientPlan,
  problem: ConvProblem,
  { halfImages = false }: Pick<ConvLimits, 'halfImages'> = {},
): number {
  if (plan.variant === 'winograd') return samplesPerSlice(adapter, plan, problem)
  if (plan.variant !== 'subgroup') return Number.POSITIVE_INFINITY
  // Large filters are not split for the digits' sake: sums of some samples are added up instead, where views allow it.
  const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = problem
  const bytes = elementBytes[halfImages ? 'f16' : 'f32']
  const sampleBytes = [inHeight * inWidth * inChannels * bytes, outHeight * outWidth * outChannels * bytes]
  if (sampleBytes.some((size) => size % bindingAlignment !== 0)) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor((mostPixels * plan.splits) / (outHeight * outWidth)))
}

/** One invocation per element: there are few on a GPU, so the rows of pixels are split. */
function directPlan(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const rows = problem.batch * problem.outHeight
  const elements = filterRows(problem) * problem.outChannels
  const full = adapter.kind === 'gpu' ? fullGpuWorkgroups : fullCpuWorkgroups
  const wanted = Math.ceil(full / Math.ceil(elements / 64))
  return { variant: 'direct', splits: affordable(adapter, problem, Math.min(wanted, rows)) }
}

/** The subgroup kernel that is cheapest, split so far as the memory for partial sums goes. */
export function subgroupPlan(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const { outChannels } = problem
  const widths = ([1, 2, 4] as const).filter((width) => outChannels % width === 0)
  const channelsPerLane = widths.reduce((a, b) => (narrowCost(outChannels, b) < narrowCost(outChannels, a) ? b : a))
  const wide = outChannels % 4 === 0 && wideCost(outChannels) <= narrowCost(outChannels, channelsPerLane)
  const channels = wide ? subgroupTile.channels : laneCount * channelsPerLane
  const tiles = Math.ceil(filterRows(problem) / subgroupTile.rows) * Math.ceil(outChannels / channels)
  const wanted = Math.max(Math.ceil(fullCpuWorkgroups / tiles), splitsForDigits(problem))
  const splits = affordable(adapter, problem, Math.min(wanted, pixelGrid(problem, wanted).rows))
  return wide ? { variant: 'subgroup', splits } : { variant: 'narrow', channelsPerLane, splits }
}

/** Instructions for four pixels, by count: loads (64 for a vec4, lane by lane), broadcasts, products. */
function narrowCost(outChannels: number, channelsPerLane: ChannelsPerLane): number {
  return (
    Math.ceil(outChannels / (laneCount * channelsPerLane)) * ((4 + channelsPerLane) * 64 + 128 + 128 * channelsPerLane)
  )
}

/** The same for two vec4 per lane. */
function wideCost(outChannels: number): number {
  return Math.ceil(outChannels / subgroupTile.channels) * (12 * 64 + 128 + 1024)
}

/** Large tiles where the filter fills them. */
function tiledPlan(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const rows = filterRows(problem)
  const { outChannels } = problem
  const tile = adapter.maxWorkgroupInvocations >= 256 && rows >= 64 && outChannels >= 64 ? 64 : 32
  const tiles = Math.ceil(rows / tile) * Math.ceil(outChannels / tile)
  const wanted = Math.min(Math.ceil(fullGpuWorkgroups / tiles), Math.ceil(outputPixels(problem) / pixelsPerSplit))
  const splits = affordable(adapter, problem, wanted)
  return { variant: 'tiled', tileM: tile, tileN: tile, ...plainTile(adapter), splits }
}

function splitsForDigits(problem: ConvProblem): number {
  return Math.ceil(outputPixels(problem) / mostPixels)
}

/** At most `wanted` splits, and as many as there is memory for: a copy of the filter's gradient for each. */
function affordable({ maxBindingBytes }: ConvAdapter, problem: ConvProblem, wanted: number): number {
  const bytes = filterRows(problem) * Math.ceil(problem.outChannels / 4) * 16
  return Math.max(1, Math.min(wanted, Math.floor(Math.min(partialBytes, maxBindingBytes) / bytes)))
}
