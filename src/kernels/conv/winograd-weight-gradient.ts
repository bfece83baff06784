// The gradient of a 3x3 filter through Winograd's transforms in reverse: the forward pass is Y = A^T [(G w G^T) (B^T x B)] A per
// tile, all linear in w, so dw = G^T [sum over tiles of (B^T x B) (A dY A^T)] G: 16 products where the direct form takes 36.
// Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.

import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { kernel, linearGrid } from '../launch.ts'
import { inputAlias } from './epilogue.ts'
import { panelOf } from './filter.ts'
import { type TileGrid, tileGrid } from './geometry.ts'
import type { WeightGradientLaunch } from './partial-sums.ts'
import { subgroupGradientProducts } from './subgroup-weight-gradient.ts'
import { tiledGradientProducts } from './tiled.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'
import { type ChannelSlice, outputTiles, positions, transformInput } from './winograd.ts'

const workgroup = 64

/** Records the gradient: input transform, then per slice of output channels gradient transform, products, filter transform. */
export function winogradWeightGradient(
  r: Recorder,
  launch: WeightGradientLaunch,
  { sliceChannels, products }: WeightGradientPlan & { variant: 'winograd' },
): void {
  const { problem, label } = launch
  const { inChannels, outChannels } = problem
  const grid = tileGrid(problem)
  const input = transformInput(r, launch, grid)
  for (let first = 0; first < outChannels; first += sliceChannels) {
    const slice = { first, count: Math.min(sliceChannels, outChannels - first) }
    const gradient = transformGradient(r, launch, grid, slice)
    const panel = panelOf(slice.count)
    const output = r.alloc([positions, inChannels, slice.count], 'f32', `${label}.products`)
    const batched = {
      launch: {
        ...launch,
        problem: productProblem(launch, grid, slice),
        ...{ input, gradient, output, firstChannel: 0, accumulate: false },
        label: `${label}.products`,
      },
      panel,
      batches: positions,
      splits: 1,
    }
    if (products) tiledGradientProducts(r, { ...batched, tile: products })
    else subgroupGradientProducts(r, batched)
    transformFilter(r, launch, output, slice)
  }
}

/** One of the products: `[C, tiles] x [tiles, slice]`. */
function productProblem({ problem }: WeightGradientLaunch, { tiles }: TileGrid, { count }: ChannelSlice) {
  const image = { batch: 1, inHeight: 1, inWidth: tiles, outHeight: 1, outWidth: tiles, outChannels: count }
  return { ...problem, ...image, kernelHeight: 1, kernelWidth: 1, paddingY: 0, paddingX: 0, dilation: 1 }
}

function transformGradient(
  r: Recorder,
  { problem, gradient, label }: WeightGradientLaunch,
  grid: TileGrid,
  slice: ChannelSlice,
): GpuTensor {
  const output = r.alloc([positions, 1, grid.tiles, slice.count], 'f32', `${label}.gradients`)
  const count = (grid.tiles * slice.count) / 4
  r.dispatch({
    kernel: kernel('winograd_output_gradient', { WORKGROUP: workgroup, ...inputAlias({ input: gradient }, 4) }),
    label: `${label}.gradients`,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      gradient,
      output,
      params: {
        count,
        ...outputTiles(problem, grid, slice),
      },
    },
    flops: 12 * count * 4,
    bytes: (gradient.bytes * slice.count) / problem.outChannels + output.bytes,
  })
  return output
}

function transformFilter(r: Recorder, launch: WeightGradientLaunch, products: GpuTensor, slice: ChannelSlice): void {
  const { problem, weight, output, accumulate, label } = launch
  const count = (problem.inChannels * slice.count) / 4
  r.dispatch({
    kernel: kernel('winograd_weight_gradient', { WORKGROUP: workgroup }),
    label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      products,
      output,
      params: {
        count,
        in_channels: problem.inChannels,
        first4: slice.first / 4,
        slice4: slice.count / 4,
        panel4: weight.panel / 4,
        slice_panel4: panelOf(slice.count) / 4,
        accumulate: accumulate ? 1 : 0,
      },
    },
    flops: 42 * count * 4,
    bytes: products.bytes + (output.bytes * slice.count) / problem.outChannels,
  })
}
