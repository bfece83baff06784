// The kernels for GPUs: implicit GEMMs through workgroup memory, the inner dimension split where there are few tiles. They also
// do Winograd's products, batches of matrix products of equal size.

import type { Recorder } from '../../gpu/recorder.ts'
import type { Constants } from '../../gpu/shader.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { kernel } from '../launch.ts'
import {
  type ConvLaunch,
  convCost,
  epilogueBindings,
  epilogueConstants,
  imageAliases,
  inputAlias,
  packedFilter,
} from './epilogue.ts'
import { filterAlias } from './filter.ts'
import { filterRows, imageConstants, outputPixels } from './geometry.ts'
import { addPartialSums, gradientCost, partialSums, type WeightGradientLaunch } from './partial-sums.ts'
import type { ConvPlan, Tile } from './plan.ts'
import { addSplitSums, splitSums } from './split-sums.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'

/** Records a convolution, in two stages where the inner dimension is split. */
export function tiled(r: Recorder, conv: ConvLaunch, plan: ConvPlan & { readonly variant: 'tiled' }): void {
  const { splitK } = plan
  const sums = splitSums(r, conv, splitK)
  const weight = packedFilter(conv)
  tiledProducts(r, {
    conv: { ...conv, output: sums },
    weight,
    panel: conv.weight.panel,
    tile: plan,
    splitK,
    batches: 1,
  })
  addSplitSums(r, conv, sums, splitK)
}

/** `batches` products of equal size, or one in `splitK` parts; one after the other in memory, but filters in quarters. */
export interface TiledProducts {
  readonly conv: ConvLaunch
  /** A filter, or Winograd's 16 (`transformFilter`). */
  readonly weight: GpuTensor
  /** Output channels that lie together in each of them. */
  readonly panel: number
  readonly tile: Tile
  readonly splitK: number
  readonly batches: number
}

/** Records conv2d_tiled: a convolution, or `batches` matrix products. */
export function tiledProducts(r: Recorder, products: TiledProducts): void {
  const { conv, weight, panel, tile, splitK, batches } = products
  const { problem, input, output, label } = conv
  const pixels = outputPixels(problem)
  const { flops, bytes } = convCost(conv)
  r.dispatch({
    kernel: kernel('conv2d_tiled', {
      ...tileConstants(tile),
      PIXELS: tile.rows,
      SPLIT_K: splitK,
      BATCHES: batches,
      ...imageConstants(problem, conv, panel),
      ...epilogueConstants(conv),
      ...filterAlias(weight, 4),
      ...imageAliases(conv),
    }),
    label,
    workgroups: [Math.ceil(problem.outChannels / tile.tileN), Math.ceil(pixels / tile.tileM), batches * splitK],
    bindings: { input, weight, ...epilogueBindings(r, conv), output, params: { pixels } },
    flops: flops * batches,
    bytes,
  })
}

/** Records the gradient of a filter, and the sum of its parts. */
export function tiledWeightGradient(
  r: Recorder,
  launch: WeightGradientLaunch,
  plan: WeightGradientPlan & { readonly variant: 'tiled' },
): void {
  const { splits } = plan
  const output = partialSums(r, launch, splits)
  const accumulate = launch.accumulate && splits === 1
  const { panel } = launch.weight
  tiledGradientProducts(r, { launch: { ...launch, output, accumulate }, panel, tile: plan, splits, batches: 1 })
  addPartialSums(r, launch, output, splits)
}

/** `batches` gradients of equal size, each in `splits` partial sums, one after the other in memory. */
export interface TiledGradientProducts {
  readonly launch: WeightGradientLaunch
  /** Output channels that lie together in each result. */
  readonly panel: number
  readonly tile: Tile
  readonly splits: number
  readonly batches: number
}

/** Records conv2d_tiled_weight_gradient: a filter's gradient, or `batches` matrix products. */
export function tiledGradientProducts(r: Recorder, products: TiledGradientProducts): void {
  const { launch, panel, tile, splits, batches } = products
  const { problem, input, gradient, output, label } = launch
  const pixels = outputPixels(problem)
  const { flops, bytes } = gradientCost(launch)
  r.dispatch({
    kernel: kernel('conv2d_tiled_weight_gradient', {
      ...tileConstants(tile),
      ROWS: tile.rows / 4,
      ...imageConstants(problem, launch, panel),
      ...inputAlias(launch, 4),
    }),
    label,
    workgroups: [
      Math.ceil(problem.outChannels / tile.tileN),
      Math.ceil(filterRows(problem) / tile.tileM),
      batches * splits,
    ],
    bindings: {
      input,
      gradient,
      output,
      params: {
        pixels,
        split_pixels: Math.ceil(pixels / splits / tile.tileK) * tile.tileK,
        splits,
        accumulate: launch.accumulate ? 1 : 0,
      },
    },
    flops: flops * batches,
    bytes,
  })
}

function tileConstants({ tileM, tileN, tileK, channels, buffers }: Tile): Constants {
  return { TILE_M: tileM, TILE_N: tileN, TILE_K: tileK, COLUMNS: channels / 4, BUFFERS: buffers }
}
