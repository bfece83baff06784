// How a convolution is computed: a pure function from what the adapter is and what the layer looks like to a plan, so that
// the choice is tested without a GPU and the same plan serves the dispatch, the benches and the tests.

import type { AdapterFacts } from '../../gpu/device.ts'
import { type DepthwisePlan, depthwisePlan, isDepthwise } from './depthwise-plan.ts'
import { mostPanelChannels, panelOf } from './filter.ts'
import { windowBytes } from './filter-windows.ts'
import { type ConvProblem, filterRow, filterRows, outputPixels, tileGrid } from './geometry.ts'

/** Lanes of the subgroups that the kernels for software adapters are written for. */
export const laneCount = 8

/** Output channels that one lane of conv2d_narrow computes. */
export type ChannelsPerLane = 1 | 2 | 4

export type ConvPlan =
  /** One output element per invocation; anything goes. */
  | { readonly variant: 'direct' }
  /** 32 pixels x 64 channels per subgroup of 8 lanes, 16 x 32 per one of 4; nothing through workgroup memory. */
  | { readonly variant: 'subgroup' }
  /** 45 to 48 pixels x 8, 16 or 32 channels per subgroup; the taps of a filter row share what is loaded. */
  | { readonly variant: 'narrow'; readonly channelsPerLane: ChannelsPerLane }
  /** Workgroup memory; `splitK` slices of the inner dimension. */
  | (Tile & { readonly variant: 'tiled'; readonly splitK: number })
  /** A GPU's caches alone: `pixels` x `channels` per invocation. */
  | { readonly variant: 'registers'; readonly pixels: 4 | 8; readonly channels: 4 | 8; readonly splitK: number }
  /** `lanes` pixels x `4 lanes` channels per `lanes` lanes of a GPU's subgroup. */
  | { readonly variant: 'shuffle'; readonly lanes: number; readonly splitK: number }
  /** A GPU's matrix units, which round both operands to half precision. */
  | (MatrixShape & { readonly variant: 'matrices'; readonly splitK: number })
  /** F(2x2, 3x3) around 16 products, in tiles or by the subgroup kernel, `sliceChannels` output channels at a time. */
  | { readonly variant: 'winograd'; readonly sliceChannels: number; readonly products?: Tile }
  /** One channel in, one out: `strip` x `rows` outputs per invocation, the filter in registers. */
  | DepthwisePlan

/** A product that a subgroup computes at once: `rows` x `depth` by `depth` x `columns`. */
export interface MatrixShape {
  readonly rows: number
  readonly columns: number
  readonly depth: number
}

/** What a workgroup of the tiled kernels computes; forward, rows are pixels. */
export interface Tile {
  /** Rows. */
  readonly tileM: number
  /** Output channels. */
  readonly tileN: number
  /** Of the inner dimension, at a time: 4, 8, 16 or 32. */
  readonly tileK: number
  /** Of one invocation. */
  readonly rows: 4 | 8
  /** Output channels of one invocation. */
  readonly channels: 4 | 8
  /** With two, operands are stored while those of the step before are read. */
  readonly buffers: 1 | 2
}

export type ConvVariant = ConvPlan['variant']

type NarrowPlan = ConvPlan & { readonly variant: 'narrow' }

export type WinogradPlan = ConvPlan & { readonly variant: 'winograd' }

export type ConvAdapter = Pick<
  AdapterFacts,
  | 'kind'
  | 'features'
  | 'subgroupMinSize'
  | 'subgroupMaxSize'
  | 'maxBindingBytes'
  | 'maxWorkgroupInvocations'
  | 'maxWorkgroupBytes'
  | 'subgroupMatrices'
>

/** Output channels of a subgroup: of conv2d_subgroup, and of conv2d_narrow at its widest. */
const wideTileWidth = 64
const narrowTileWidth = 32

/** Time of conv2d_narrow for as many channels, in parts of conv2d_subgroup's; measured, 1x1 32 -> 128. */
const narrowTime = 1.06

const wideInputs = 256

/** Smaller outputs do not fill the products' tiles. */
const winogradPixels = 100

/** With fewer channels, on one side or both together, Winograd's transforms eat what the products save: loads counted, 64 -> 128 measured. */
const winogradChannels = 64
const winogradChannelPairs = 64 * 128

/** Transformed filters up to this size are kept from run to run; larger ones are transformed in each run, slice by slice. */
const storedFilterBytes = 10 << 20

/** Scratch memory for one slice of transformed filters. */
const filterSliceBytes = 36 << 20

/** Enough workgroups to fill a large GPU; below it the inner dimension is split. Reasoned, not yet measured on one. */
const fullGpuWorkgroups = 256

/** Steps of 16 along the inner dimension that a slice must have to be worth a second stage. */
const stepsPerSplit = 16

/** What bounds the choice, besides the adapter and the problem. */
export interface ConvLimits {
  /** Whether Winograd's transforms may be used, whose rounding errors are about ten times larger. Default true. */
  readonly allowWinograd?: boolean | undefined
  /** The input's first channel that is read, where it has more. */
  readonly firstChannel?: number | undefined
  /** Whether Winograd's transform of the filter is all that was kept of it (`filterForms`). */
  readonly transformedOnly?: boolean | undefined
  /**
   * Whether the filter is stored in half precision, which the kernels with windows do not read: software adapters then take the one
   * kernel that serves every layer, because compiling one for each takes them longer than all it saves.
   */
  readonly halfFilter?: boolean | undefined
  /** Whether images are stored in half precision: every kernel reads and writes them, but the fastest may be another. */
  readonly halfImages?: boolean | undefined
}

/** The plan for a problem on an adapter. Pure. */
export function chooseConv(adapter: ConvAdapter, problem: ConvProblem, limits: ConvLimits = {}): ConvPlan {
  const { inChannels, outChannels, groups } = problem
  const { allowWinograd = true, firstChannel = 0, transformedOnly = false, halfFilter = false } = limits
  if (transformedOnly) return winogradPlan(problem)
  if (isDepthwise(problem)) return depthwisePlan(adapter, problem)
  if (groups > 1 || inChannels % 4 !== 0 || firstChannel % 4 !== 0) return { variant: 'direct' }
  if (halfFilter && adapter.kind === 'cpu') return { variant: 'direct' }
  const [shape] = halfFilter && outChannels % 4 === 0 ? matrixShapes(adapter) : []
  if (shape) return matricesPlan(problem, shape)
  if (hasSubgroupsOf8(adapter)) {
    return allowWinograd && fitsWinograd(adapter, problem) ? winogradPlan(problem) : subgroupPlan(adapter, problem)
  }
  if (hasSubgroupsOf4(adapter) && fitsSubgroup(problem)) {
    return allowWinograd && fitsWinograd(adapter, problem) ? winogradPlan(problem) : { variant: 'subgroup' }
  }
  return outChannels % 4 === 0 ? tiledPlan(adapter, problem) : { variant: 'direct' }
}

/** How many samples a plan can take at once, so that its scratch tensors can be bound. */
export function samplesPerSlice(
  { maxBindingBytes }: Pick<ConvAdapter, 'maxBindingBytes'>,
  plan: ConvPlan,
  problem: ConvProblem,
  { halfImages = false }: Pick<ConvLimits, 'halfImages'> = {},
): number {
  if (plan.variant === 'subgroup' && halfImages) {
    // The sums, of which the output has half the bytes.
    return Math.floor(maxBindingBytes / (problem.outHeight * problem.outWidth * problem.outChannels * 4))
  }
  if (plan.variant !== 'winograd') return Number.POSITIVE_INFINITY
  const channels = Math.max(problem.inChannels, plan.sliceChannels)
  return Math.floor(maxBindingBytes / (16 * tileGrid({ ...problem, batch: 1 }).tiles * channels * 4))
}

/** Whether every subgroup consists of groups of so many lanes, at most 64 in all. */
export function passesAmong({ features, subgroupMinSize, subgroupMaxSize }: ConvAdapter, lanes: number): boolean {
  return features.has('subgroups') && subgroupMinSize >= lanes && subgroupMaxSize <= 64 && subgroupMinSize % lanes === 0
}

/** Whether kernels that pass operands among 8 lanes are the fastest: a software adapter. */
export function hasSubgroupsOf8({ kind, features, subgroupMinSize, subgroupMaxSize }: ConvAdapter): boolean {
  const extensions = features.has('subgroups') && features.has('uniform_buffer_standard_layout')
  return kind === 'cpu' && extensions && subgroupMinSize === 8 && subgroupMaxSize === 8
}

/** Whether conv2d_subgroup is the fastest for all that it can read: SwiftShader, the software adapter of Chromium. */
function hasSubgroupsOf4({ kind, features, subgroupMinSize, subgroupMaxSize }: ConvAdapter): boolean {
  return kind === 'cpu' && features.has('subgroups') && subgroupMinSize === 4 && subgroupMaxSize === 4
}

/** Whether conv2d_subgroup can read the filter. */
function fitsSubgroup({ outChannels }: ConvProblem): boolean {
  return outChannels % 4 === 0 && panelOf(outChannels) <= mostPanelChannels
}

/**
 * Without Winograd's transforms: the kernel for few output channels where they are few, or a few more than a multiple of the other's
 * tile, as wide as costs least. A layer with many inputs is left to the wide kernel, which such a model has compiled anyway: every variant takes seconds. Filters that
 * suit neither's windows go to the kernels for all adapters.
 */
function subgroupPlan(adapter: ConvAdapter, problem: ConvProblem): ConvPlan {
  const { inChannels, outChannels } = problem
  const fits = fitsWindow(problem)
  const wide = !fillsNarrowTilesBetter(outChannels) || inChannels >= wideInputs || !fits
  if (wide && fitsSubgroup(problem)) return { variant: 'subgroup' }
  if (!fits) return outChannels % 4 === 0 ? tiledPlan(adapter, problem) : { variant: 'direct' }
  const widths = ([1, 2, 4] as const).filter((width) => outChannels % width === 0)
  const plans = widths.map((channelsPerLane) => ({ variant: 'narrow', channelsPerLane }) as const)
  return plans.reduce((a, b) => (narrowCost(problem, b) < narrowCost(problem, a) ? b : a))
}

/** Output pixels and channels that the matrices of a subgroup cover, and of the inner dimension that a workgroup takes at a time. */
const subgroupSide = 32

/** The matrices of an adapter that conv2d_matrices can use, the largest first. Reasoned, not yet measured on a GPU. */
export function matrixShapes(adapter: ConvAdapter): MatrixShape[] {
  const { subgroupMatrices, subgroupMinSize, subgroupMaxSize, maxWorkgroupInvocations, features } = adapter
  const usable = subgroupMinSize === subgroupMaxSize && 4 * subgroupMaxSize <= maxWorkgroupInvocations
  if (!usable || !features.has('shader-f16')) return []
  return subgroupMatrices
    .filter(({ componentType, resultComponentType }) => componentType === 'f16' && resultComponentType === 'f32')
    .map(({ M, N, K }) => ({ rows: M, columns: N, depth: K }))
    .filter((shape) =>
      [shape.rows, shape.columns, shape.depth].every((side) => side % 4 === 0 && subgroupSide % side === 0),
    )
    .sort((a, b) => b.rows * b.columns * b.depth - a.rows * a.columns * a.depth)
}

/** Whether conv2d_matrices can use such matrices on the adapter. */
export function multiplies(adapter: ConvAdapter, { rows, columns, depth }: MatrixShape): boolean {
  return matrixShapes(adapter).some((one) => one.rows === rows && one.columns === columns && one.depth === depth)
}

/** How many matrices of sums a subgroup keeps, and what a workgroup of 2 x 2 subgroups computes. */
export function matrixTile({ rows, columns }: MatrixShape) {
  const [blocksM, blocksN] = [subgroupSide / rows, subgroupSide / columns]
  return { blocksM, blocksN, tileM: 2 * subgroupSide, tileN: 2 * subgroupSide, tileK: subgroupSide }
}

function matricesPlan(problem: ConvProblem, shape: MatrixShape): ConvPlan {
  return { variant: 'matrices', ...shape, splitK: splitsThatFill(problem, workgroups(problem, matrixTile(shape))) }
}

/** Whether so many channels leave enough of conv2d_subgroup's last tile empty: 96 and 144 do, 64 and 192 do not. */
function fillsNarrowTilesBetter(outChannels: number): boolean {
  const computed = (tile: number) => Math.ceil(outChannels / tile) * tile
  return computed(narrowTileWidth) * narrowTime < computed(wideTileWidth)
}

/** Whether conv2d_narrow sees the whole filter through its window. */
export function fitsWindow(problem: ConvProblem): boolean {
  return filterRows(problem) * Math.ceil(problem.outChannels / 4) * 16 <= windowBytes
}

/** Per pixel and four inputs, along one filter row, in loads of a vec4 by each lane; checked against measurements. */
function narrowCost(problem: ConvProblem, { channelsPerLane }: NarrowPlan): number {
  const { taps, passes } = filterRow(problem)
  const columns = Math.ceil(problem.outChannels / (laneCount * channelsPerLane))
  const positions = 6.6 // 6 loads and 192 broadcasts
  const products = 1.4 * taps * channelsPerLane
  return (columns * passes * (positions + taps * channelsPerLane + products)) / (49 - taps)
}

/** Whether Winograd pays and a sample's scratch tensors can be bound. */
export function fitsWinograd(adapter: ConvAdapter, problem: ConvProblem): boolean {
  return suitsWinograd(problem) && samplesPerSlice(adapter, winogradPlan(problem), problem) > 0
}

/** Whether 16 products per tile cost less than 36. */
export function suitsWinograd(problem: ConvProblem): boolean {
  const { kernelHeight, kernelWidth, stride, inChannels, outChannels, outHeight, outWidth } = problem
  return (
    outChannels % mostPanelChannels === 0 &&
    kernelHeight === 3 &&
    kernelWidth === 3 &&
    stride === 1 &&
    outHeight * outWidth >= winogradPixels &&
    Math.min(inChannels, outChannels) >= winogradChannels &&
    inChannels * outChannels >= winogradChannelPairs
  )
}

/** Bytes of Winograd's transform of a filter, for each output channel. */
function transformedBytes({ inChannels }: ConvProblem): number {
  return 16 * inChannels * 4
}

/** Slices of output channels such that their transformed filters fit the scratch memory. */
export function winogradPlan(problem: ConvProblem): WinogradPlan {
  const { outChannels } = problem
  const bytesPerChannel = transformedBytes(problem)
  if (bytesPerChannel * outChannels <= storedFilterBytes) {
    return { variant: 'winograd', sliceChannels: outChannels }
  }
  const slices = Math.ceil((bytesPerChannel * outChannels) / filterSliceBytes)
  const sliceChannels = Math.ceil(outChannels / slices / 64) * 64
  return { variant: 'winograd', sliceChannels: Math.min(sliceChannels, outChannels) }
}

/** In which forms a filter is kept on the device. */
export interface FilterForms {
  readonly packed: boolean
  /** Winograd's transform. */
  readonly transformed: boolean
}

/** The forms that the plans for all problems of a filter read; for whoever owns the filter and knows those problems. Pure. */
export function filterForms(adapter: ConvAdapter, problems: readonly ConvProblem[]): FilterForms {
  const whole = problems.map((problem) => {
    const stored = transformedBytes(problem) * problem.outChannels <= storedFilterBytes
    return stored && chooseConv(adapter, problem).variant === 'winograd'
  })
  return { packed: whole.length === 0 || whole.includes(false), transformed: whole.includes(true) }
}

/**
 * 4 x 4 per invocation, 16 of the inner dimension at a time. Reasoned, not yet measured on a GPU; a software adapter compiles the
 * form with two buffers in less than half the time.
 */
export function plainTile({ kind }: Pick<ConvAdapter, 'kind'>) {
  return { tileK: 16, rows: 4, channels: 4, buffers: kind === 'cpu' ? 2 : 1 } as const
}

function tiledPlan(adapter: ConvAdapter, problem: ConvProblem): ConvPlan {
  const tile = problem.outChannels <= 32 ? narrowTile(adapter, problem) : squareTile(adapter, problem)
  return {
    variant: 'tiled',
    ...plainTile(adapter),
    ...tile,
    splitK: splitsThatFill(problem, workgroups(problem, tile)),
  }
}

/** Splits of the inner dimension such that `groups` workgroups become enough to fill a large GPU, if they stay worth it. */
function splitsThatFill(problem: ConvProblem, groups: number): number {
  const steps = Math.ceil(filterRows(problem) / 16)
  return Math.max(1, Math.min(Math.floor(fullGpuWorkgroups / groups), Math.floor(steps / stepsPerSplit), 8))
}

/** Workgroups of a launch in tiles. */
export function workgroups(problem: ConvProblem, { tileM, tileN }: Pick<Tile, 'tileM' | 'tileN'>): number {
  return Math.ceil(outputPixels(problem) / tileM) * Math.ceil(problem.outChannels / tileN)
}

function squareTile({ maxWorkgroupInvocations }: ConvAdapter, problem: ConvProblem) {
  const large = { tileM: 64, tileN: 64 }
  const fills = workgroups(problem, large) >= fullGpuWorkgroups / 2
  return maxWorkgroupInvocations >= 256 && fills ? large : { tileM: 32, tileN: 32 }
}

/** A tile exactly as wide as the few output channels, as high as still fills a large GPU. Reasoned, not yet measured on one. */
function narrowTile({ maxWorkgroupInvocations }: ConvAdapter, problem: ConvProblem) {
  const tileN = problem.outChannels
  const fits = [128, 64].find((tileM) => {
    return (tileM * tileN) / 16 <= maxWorkgroupInvocations && workgroups(problem, { tileM, tileN }) >= fullGpuWorkgroups
  })
  return { tileM: fits ?? (tileN < 16 ? 64 : 32), tileN }
}
