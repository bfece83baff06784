// How the gradient of a convolution's filter is computed: a pure function from what the adapter is and what the layer looks
// like to a plan, as conv-plan.ts does for the forward pass. The products have few rows and columns (the filter's) and a long
// inner dimension (the pixels of a batch), so where there are few tiles, the pixels are split and partial sums added up.

import { BINDING_ALIGNMENT } from '../gpu/tensor.ts'
import {
  type ConvAdapter,
  type ConvProblem,
  hasSubgroupsOf8,
  type LaneWidth,
  outputPixels,
  SUBGROUP_LANES,
  samplesPerSlice,
  suitsWinograd,
  winogradPlan,
} from './conv-plan.ts'
import { type DepthwiseWeightPlan, depthwiseWeightPlan, isDepthwise } from './depthwise-plan.ts'

export type WeightGradientPlan =
  /** One element of the filter per invocation, `splits` parts of the rows of pixels; anything goes. */
  | { readonly variant: 'direct'; readonly splits: number }
  /** 32 rows of the filter x 64 output channels per subgroup of 8 lanes; `splits` parts of the pixels. */
  | { readonly variant: 'subgroup'; readonly splits: number }
  /** 32 rows of the filter x 8, 16 or 32 output channels per subgroup; for few output channels. */
  | { readonly variant: 'lanes'; readonly laneWidth: LaneWidth; readonly splits: number }
  /** `tile` rows of the filter x `tile` output channels through workgroup memory; `splits` parts of the pixels. */
  | { readonly variant: 'tiled'; readonly tile: number; readonly splits: number }
  /** F(2x2, 3x3) backwards around 16 subgroup products, `sliceChannels` output channels at a time. */
  | { readonly variant: 'winograd'; readonly sliceChannels: number }
  /** One channel in, one out: the filter's taps in registers. */
  | DepthwiseWeightPlan

/** Rows (taps x input channels) and output channels that one subgroup computes. */
export const SUBGROUP_TILE = { rows: 32, channels: 64 } as const

/** Enough workgroups for a CPU's cores to finish about together. */
const FULL_CPU_WORKGROUPS = 16

/** Enough workgroups to fill a large GPU. Reasoned, not yet measured on one. */
const FULL_GPU_WORKGROUPS = 256

/** Pixels that a GPU's workgroup must have to be worth a second stage. */
const PIXELS_PER_SPLIT = 256

/** A sum over more pixels than this would lose digits in f32: the pixels are split. */
const MOST_PIXELS = 1 << 13

/** Memory for partial sums. */
const PARTIAL_BYTES = 16 << 20

/** The plan for a problem on an adapter. Pure. */
export function chooseWeightGradient(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const { inChannels, outChannels, groups } = problem
  if (isDepthwise(problem)) return depthwiseWeightPlan(adapter, problem)
  if (groups > 1 || inChannels % 4 !== 0) return directPlan(adapter, problem)
  if (!hasSubgroupsOf8(adapter)) {
    return outChannels % 4 === 0 ? tiledPlan(adapter, problem) : directPlan(adapter, problem)
  }
  if (suitsWinograd(problem) && gradientSamples(adapter, winogradPlan(problem), problem) > 0) {
    return { variant: 'winograd', sliceChannels: winogradPlan(problem).sliceChannels }
  }
  return subgroupPlan(adapter, problem)
}

/** How many samples a plan can take at once, so that its scratch tensors can be bound and its sums keep their digits. */
export function gradientSamples(
  adapter: Pick<ConvAdapter, 'maxBindingBytes'>,
  plan: WeightGradientPlan,
  problem: ConvProblem,
): number {
  if (plan.variant === 'winograd') return samplesPerSlice(adapter, { ...plan, storeWeights: false }, problem)
  if (plan.variant !== 'subgroup') return Number.POSITIVE_INFINITY
  // Large filters are not split for the digits' sake: sums of some samples are added up instead, where views allow it.
  const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = problem
  const sampleBytes = [inHeight * inWidth * inChannels * 4, outHeight * outWidth * outChannels * 4]
  if (sampleBytes.some((bytes) => bytes % BINDING_ALIGNMENT !== 0)) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor((MOST_PIXELS * plan.splits) / (outHeight * outWidth)))
}

/** One invocation per element: there are few on a GPU, so the rows of pixels are split. */
export function directPlan(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const rows = problem.batch * problem.outHeight
  const elements = filterRows(problem) * problem.outChannels
  const full = adapter.kind === 'gpu' ? FULL_GPU_WORKGROUPS : FULL_CPU_WORKGROUPS
  const wanted = Math.ceil(full / Math.ceil(elements / 64))
  return { variant: 'direct', splits: affordable(adapter, problem, Math.min(wanted, rows)) }
}

/** The subgroup kernel that is cheapest, split so far as the memory for partial sums goes. */
export function subgroupPlan(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const { outChannels } = problem
  const widths = ([1, 2, 4] as const).filter((width) => outChannels % width === 0)
  const laneWidth = widths.reduce((a, b) => (lanesCost(outChannels, b) < lanesCost(outChannels, a) ? b : a))
  const wide = outChannels % 4 === 0 && wideCost(outChannels) <= lanesCost(outChannels, laneWidth)
  const channels = wide ? SUBGROUP_TILE.channels : SUBGROUP_LANES * laneWidth
  const tiles = Math.ceil(filterRows(problem) / SUBGROUP_TILE.rows) * Math.ceil(outChannels / channels)
  const wanted = Math.max(Math.ceil(FULL_CPU_WORKGROUPS / tiles), splitsForDigits(problem))
  const splits = affordable(adapter, problem, Math.min(wanted, pixelGrid(problem, wanted).rows))
  return wide ? { variant: 'subgroup', splits } : { variant: 'lanes', laneWidth, splits }
}

/** Instructions for four pixels, by count: loads (64 for a vec4, lane by lane), broadcasts, products. */
function lanesCost(outChannels: number, laneWidth: LaneWidth): number {
  return Math.ceil(outChannels / (SUBGROUP_LANES * laneWidth)) * ((4 + laneWidth) * 64 + 128 + 128 * laneWidth)
}

/** The same for two vec4 per lane. */
function wideCost(outChannels: number): number {
  return Math.ceil(outChannels / SUBGROUP_TILE.channels) * (12 * 64 + 128 + 1024)
}

/** Large tiles where the filter fills them. */
function tiledPlan(adapter: ConvAdapter, problem: ConvProblem): WeightGradientPlan {
  const rows = filterRows(problem)
  const { outChannels } = problem
  const tile = adapter.maxWorkgroupInvocations >= 256 && rows >= 64 && outChannels >= 64 ? 64 : 32
  const tiles = Math.ceil(rows / tile) * Math.ceil(outChannels / tile)
  const wanted = Math.min(Math.ceil(FULL_GPU_WORKGROUPS / tiles), Math.ceil(outputPixels(problem) / PIXELS_PER_SPLIT))
  const splits = affordable(adapter, problem, wanted)
  return { variant: 'tiled', tile, splits }
}

function splitsForDigits(problem: ConvProblem): number {
  return Math.ceil(outputPixels(problem) / MOST_PIXELS)
}

/** At most `wanted` splits, and as many as there is memory for: a copy of the filter's gradient for each. */
function affordable({ maxBindingBytes }: ConvAdapter, problem: ConvProblem, wanted: number): number {
  const bytes = filterRows(problem) * Math.ceil(problem.outChannels / 4) * 16
  return Math.max(1, Math.min(wanted, Math.floor(Math.min(PARTIAL_BYTES, maxBindingBytes) / bytes)))
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
