// The plans that may be the fastest for a problem, for whoever measures: `chooseConv` and `chooseWeightGradient` choose one of
// them by reasoning. The families are tables, so that tests force every member of them.

import { isDepthwise } from './depthwise-plan.ts'
import { type ConvProblem, filterRows, outputPixels } from './geometry.ts'
import {
  type ConvAdapter,
  type ConvLimits,
  type ConvPlan,
  chooseConv,
  hasSubgroupsOf8,
  matrixShapes,
  matrixTile,
  passesAmong,
  samplesPerSlice,
  type Tile,
  winogradPlan,
  workgroups,
} from './plan.ts'
import { chooseWeightGradient, type WeightGradientPlan } from './weight-gradient-plan.ts'

/** Tiles through workgroup memory, from the largest down. */
export const tileFamily: readonly Tile[] = [
  { tileM: 128, tileN: 64, tileK: 16, rows: 8, channels: 8, buffers: 2 },
  { tileM: 128, tileN: 64, tileK: 16, rows: 8, channels: 4, buffers: 1 },
  { tileM: 64, tileN: 64, tileK: 16, rows: 8, channels: 8, buffers: 2 },
  { tileM: 64, tileN: 64, tileK: 32, rows: 8, channels: 8, buffers: 1 },
  { tileM: 64, tileN: 64, tileK: 16, rows: 8, channels: 4, buffers: 2 },
  { tileM: 64, tileN: 64, tileK: 16, rows: 4, channels: 4, buffers: 1 },
  { tileM: 64, tileN: 32, tileK: 16, rows: 8, channels: 4, buffers: 2 },
  { tileM: 32, tileN: 64, tileK: 16, rows: 4, channels: 8, buffers: 1 },
  { tileM: 32, tileN: 32, tileK: 32, rows: 4, channels: 4, buffers: 2 },
  { tileM: 32, tileN: 32, tileK: 16, rows: 4, channels: 4, buffers: 1 },
  { tileM: 32, tileN: 32, tileK: 8, rows: 4, channels: 8, buffers: 2 },
]

/** Pixels and output channels of one invocation without workgroup memory. */
export const registerFamily = [
  { pixels: 4, channels: 4 },
  { pixels: 8, channels: 4 },
  { pixels: 4, channels: 8 },
  { pixels: 8, channels: 8 },
] as const

/** Lanes of a GPU's subgroup that pass inputs among each other. */
export const shuffleFamily: readonly number[] = [16, 32]

/** Parts of the inner dimension. */
const splitCounts = [1, 2, 4, 8] as const

/** Fewer workgroups leave a GPU idle, more of them gain nothing from splits. */
const usefulWorkgroups = { least: 64, most: 1024 } as const

/** Of the inner dimension, or pixels, that a part must have at least. */
const leastPart = 128

/** With fewer channels Winograd's transforms cannot pay anywhere. */
const leastWinogradChannels = 32

/** The default first, then everything that is possible and not hopeless. Pure. */
export function convCandidates(adapter: ConvAdapter, problem: ConvProblem, limits: ConvLimits = {}): ConvPlan[] {
  const chosen = chooseConv(adapter, problem, limits)
  const { allowWinograd = true, firstChannel = 0, transformedOnly = false, halfFilter = false } = limits
  if (transformedOnly || !inFours(problem) || firstChannel % 4 !== 0) return [chosen]
  const parts = (groups: number) => splits(groups, filterRows(problem))
  const candidates: ConvPlan[] = [chosen, ...(halfFilter ? [] : subgroupCandidates(adapter, problem))]
  if (adapter.kind === 'gpu') {
    for (const tile of fittingTiles(adapter, problem, outputPixels(problem))) {
      for (const splitK of parts(workgroups(problem, tile))) candidates.push({ variant: 'tiled', ...tile, splitK })
    }
    for (const lanes of shuffleFamily.filter((count) => passesAmong(adapter, count))) {
      const tile = { tileM: 64, tileN: 4 * lanes }
      for (const splitK of parts(workgroups(problem, tile))) candidates.push({ variant: 'shuffle', lanes, splitK })
    }
  }
  for (const shape of halfFilter ? matrixShapes(adapter) : []) {
    for (const splitK of parts(workgroups(problem, matrixTile(shape)))) {
      candidates.push({ variant: 'matrices', ...shape, splitK })
    }
  }
  for (const form of adapter.kind === 'gpu' ? registerFamily : registerFamily.slice(0, 1)) {
    const tile = { tileM: 8 * form.pixels, tileN: 8 * form.channels }
    for (const splitK of adapter.kind === 'gpu' ? parts(workgroups(problem, tile)) : [1]) {
      candidates.push({ variant: 'registers', ...form, splitK })
    }
  }
  if (allowWinograd && !(halfFilter && adapter.kind === 'cpu')) {
    candidates.push(...winogradCandidates(adapter, problem))
  }
  return distinct(candidates)
}

/** The default first, then everything that is possible and not hopeless. Pure. */
export function weightGradientCandidates(
  adapter: ConvAdapter,
  problem: ConvProblem,
  limits: Omit<ConvLimits, 'transformedOnly'> = {},
): WeightGradientPlan[] {
  const chosen = chooseWeightGradient(adapter, problem, limits)
  const { allowWinograd = true, firstChannel = 0 } = limits
  if (!inFours(problem) || firstChannel % 4 !== 0 || adapter.kind !== 'gpu') return [chosen]
  const filter = { ...problem, batch: 1, outHeight: 1, outWidth: filterRows(problem) }
  const parts = (groups: number) => splits(groups, outputPixels(problem))
  const candidates: WeightGradientPlan[] = [chosen]
  for (const tile of fittingTiles(adapter, problem, filterRows(problem))) {
    for (const count of parts(workgroups(filter, tile))) candidates.push({ variant: 'tiled', ...tile, splits: count })
  }
  for (const channels of [4, 8] as const) {
    const tile = { tileM: 32, tileN: 8 * channels }
    for (const count of parts(workgroups(filter, tile)))
      candidates.push({ variant: 'registers', channels, splits: count })
  }
  if (allowWinograd) candidates.push(...winogradCandidates(adapter, problem))
  return distinct(candidates)
}

/** Whether the kernels that take four channels at a time can do it. */
function inFours(problem: ConvProblem): boolean {
  const { inChannels, outChannels, groups } = problem
  return groups === 1 && inChannels % 4 === 0 && outChannels % 4 === 0 && !isDepthwise(problem)
}

/** Tiles that the adapter can run and that are not mostly empty; for few output channels, tiles exactly as wide. */
function fittingTiles(adapter: ConvAdapter, { outChannels }: ConvProblem, rows: number): Tile[] {
  const narrow = [128, 64].map((tileM) => {
    return { tileM, tileN: outChannels, tileK: 16, rows: 8, channels: 4, buffers: 2 } as const
  })
  const tiles = outChannels < 32 ? narrow : tileFamily
  return tiles.filter(({ tileM, tileN, ...tile }) => {
    const invocations = (tileM * tileN) / (tile.rows * tile.channels)
    const bytes = tile.buffers * tile.tileK * (tileM + tileN + 32) * 4
    const fits = invocations <= adapter.maxWorkgroupInvocations && bytes <= adapter.maxWorkgroupBytes
    return fits && (tileM <= 32 || tileM < 2 * rows) && (tileN <= 32 || tileN < 2 * outChannels)
  })
}

function subgroupCandidates(adapter: ConvAdapter, { outChannels }: ConvProblem): ConvPlan[] {
  if (!hasSubgroupsOf8(adapter)) return []
  const narrow = ([1, 2, 4] as const).filter((channelsPerLane) => outChannels <= 16 * 8 * channelsPerLane)
  return [
    { variant: 'subgroup' },
    ...narrow.map((channelsPerLane) => ({ variant: 'narrow', channelsPerLane }) as const),
  ]
}

function winogradCandidates(adapter: ConvAdapter, problem: ConvProblem) {
  const { kernelHeight, kernelWidth, stride, inChannels, outChannels } = problem
  const possible = kernelHeight === 3 && kernelWidth === 3 && stride === 1
  const plan = winogradPlan(problem)
  if (!possible || Math.min(inChannels, outChannels) < leastWinogradChannels) return []
  if (samplesPerSlice(adapter, plan, problem) < 1) return []
  if (adapter.kind === 'cpu') return hasSubgroupsOf8(adapter) ? [plan] : []
  const products = fittingTiles(adapter, problem, outputPixels(problem) / 4)
  return products.map((tile) => ({ ...plan, products: tile }))
}

function splits(groups: number, depth: number): number[] {
  return splitCounts.filter((count) => {
    if (count === 1) return true
    const filled = groups * count
    return filled >= usefulWorkgroups.least && filled <= usefulWorkgroups.most && depth / count >= leastPart
  })
}

function distinct<P>(plans: readonly P[]): P[] {
  const byText = new Map(plans.map((plan) => [planKey(plan), plan]))
  return [...byText.values()]
}

/** The same text for equal plans. */
export function planKey(plan: unknown): string {
  return JSON.stringify(plan, (_, value: unknown) => {
    const record = typeof value === 'object' && value !== null && !Array.isArray(value)
    return record ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
  })
}
