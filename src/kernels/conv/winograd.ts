// 3x3 convolution of stride 1 and any dilation by Winograd's F(2x2, 3x3): 16 products per tile of 2x2 outputs where the direct
// form takes 36. A dilation d is d x d dense convolutions on interleaved pixels, so one scheme serves all dilations.
// Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.

import type { Device } from '../../gpu/device.ts'
import { ShapeError } from '../../gpu/errors.ts'
import { runOnce } from '../../gpu/program.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { kernel, linearGrid } from '../launch.ts'
import { type ConvLaunch, epilogueBindings, epilogueParams, inputAlias, noEpilogue, packedFilter } from './epilogue.ts'
import { type ConvWeight, type FilterShape, filterAlias, panelOf, windowMargin } from './filter.ts'
import { type ConvProblem, type TileGrid, tileGrid } from './geometry.ts'
import type { WinogradPlan } from './plan.ts'
import { subgroupProducts } from './subgroup.ts'
import { tiledProducts } from './tiled.ts'

const workgroup = 64

/** Positions of the transformed tile: 4x4. */
export const positions = 16

/** Output channels `first .. first + count`. */
export interface ChannelSlice {
  readonly first: number
  readonly count: number
}

/** Records the convolution: input transform, then per slice of output channels filter transform, products, output transform. */
export function winograd(r: Recorder, conv: ConvLaunch, { sliceChannels, products: tile }: WinogradPlan): void {
  const { problem, weight, label } = conv
  if (conv.firstChannel % 4 !== 0) {
    throw new ShapeError(
      `${label}: Winograd's transform reads from a multiple of 4 channels on, found ${conv.firstChannel}`,
    )
  }
  const grid = tileGrid(problem)
  const data = transformInput(r, conv, grid)
  for (let first = 0; first < problem.outChannels; first += sliceChannels) {
    const slice = { first, count: Math.min(sliceChannels, problem.outChannels - first) }
    const stored = slice.count === problem.outChannels ? weight.transformed : undefined
    const filter = stored ?? transformSlice(r, packedFilter(conv), weight, slice, `${label}.filter`)
    const products = r.alloc([positions, 1, grid.tiles, slice.count], 'f32', `${label}.products`)
    const launch = productLaunch(conv, data, products, grid.tiles)
    const batched = { conv: launch, weight: filter, panel: panelOf(slice.count), batches: positions }
    if (tile) tiledProducts(r, { ...batched, tile, splitK: 1 })
    else subgroupProducts(r, { ...batched, quarters: true })
    transformOutput(r, conv, { products, grid, slice })
  }
}

/** A filter's transform, in quarters (FilterLayout), for programs captured afterwards. The caller releases it. */
export async function transformFilter(device: Device, weight: ConvWeight): Promise<GpuTensor> {
  const slice = { first: 0, count: weight.outChannels }
  const stored = device.empty(
    filterShape(weight.inChannels, weight.outChannels),
    'f32',
    `${weight.tensor.label}.winograd`,
    windowMargin(device),
  )
  try {
    const record = (r: Recorder) => {
      recordTransform(r, { packed: weight.tensor, weight, slice, output: stored })
      return stored
    }
    const program = await runOnce(device, record, { poison: false })
    program.destroy()
  } catch (error) {
    device.release(stored)
    throw error
  }
  return stored
}

function filterShape(inChannels: number, outChannels: number): readonly number[] {
  const panel = panelOf(outChannels)
  return [4, outChannels / panel, positions, inChannels / 4, panel]
}

/** The image's side, `[16, 1, tiles, C]`. */
export function transformInput(
  r: Recorder,
  { problem, input, firstChannel, label }: Pick<ConvLaunch, 'problem' | 'input' | 'firstChannel' | 'label'>,
  grid: TileGrid,
): GpuTensor {
  const { inChannels } = problem
  const output = r.alloc([positions, 1, grid.tiles, inChannels], 'f32', `${label}.tiles`)
  const count = (grid.tiles * inChannels) / 4
  r.dispatch({
    kernel: kernel('winograd_input', { WORKGROUP: workgroup, ...inputAlias({ input }, 4) }),
    label: `${label}.tiles`,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      input,
      output,
      params: {
        count,
        in_height: problem.inHeight,
        in_width: problem.inWidth,
        in_channels4: inChannels / 4,
        in_stride4: (input.shape[3] ?? 0) / 4,
        in_first4: firstChannel / 4,
        tiles_y: grid.tilesY,
        tiles_x: grid.tilesX,
        dilation: problem.dilation,
        padding_y: problem.paddingY,
        padding_x: problem.paddingX,
      },
    },
    flops: 32 * count * 4,
    bytes: input.bytes + output.bytes,
  })
  return output
}

function transformSlice(
  r: Recorder,
  packed: GpuTensor,
  weight: FilterShape,
  slice: ChannelSlice,
  label: string,
): GpuTensor {
  const output = r.alloc(filterShape(weight.inChannels, slice.count), 'f32', label)
  recordTransform(r, { packed, weight, slice, output })
  return output
}

interface FilterTransform {
  readonly packed: GpuTensor
  readonly weight: FilterShape
  readonly slice: ChannelSlice
  readonly output: GpuTensor
}

function recordTransform(r: Recorder, { packed, weight, slice, output }: FilterTransform): void {
  const { inChannels, outChannels } = weight
  const { first, count } = slice
  const invocations = (inChannels * count) / 4
  r.dispatch({
    kernel: kernel('winograd_weight', { WORKGROUP: workgroup, ...filterAlias(packed, 4) }),
    label: output.label,
    workgroups: linearGrid(r.adapter, invocations, workgroup),
    bindings: {
      weight: packed,
      output,
      params: {
        count: invocations,
        in_channels: inChannels,
        first4: first / 4,
        slice4: count / 4,
        panel4: weight.panel / 4,
        out_panel4: panelOf(count) / 4,
      },
    },
    flops: 28 * invocations * 4,
    bytes: (packed.bytes * count) / outChannels + output.bytes,
  })
}

/** The 16 products as one batched matrix product: `[tiles, C] x [C, slice]`. */
function productLaunch(conv: ConvLaunch, input: GpuTensor, output: GpuTensor, tiles: number): ConvLaunch {
  const channels = output.shape[3] ?? 0
  const problem = {
    ...conv.problem,
    batch: 1,
    inHeight: 1,
    inWidth: tiles,
    outHeight: 1,
    outWidth: tiles,
    outChannels: channels,
    kernelHeight: 1,
    kernelWidth: 1,
    paddingY: 0,
    paddingX: 0,
    dilation: 1,
  }
  return { ...conv, ...noEpilogue, problem, input, output, firstChannel: 0, label: `${conv.label}.products` }
}

/** Parameters of the shaders that go between 2x2 tiles and the pixels of the output, forward and for the gradient. */
export function outputTiles(problem: ConvProblem, grid: TileGrid, slice: ChannelSlice): Record<string, number> {
  return {
    first4: slice.first / 4,
    slice4: slice.count / 4,
    out_height: problem.outHeight,
    out_width: problem.outWidth,
    out_channels4: problem.outChannels / 4,
    tiles_y: grid.tilesY,
    tiles_x: grid.tilesX,
    dilation: problem.dilation,
  }
}

interface OutputTransform {
  readonly products: GpuTensor
  readonly grid: TileGrid
  readonly slice: ChannelSlice
}

function transformOutput(r: Recorder, conv: ConvLaunch, { products, grid, slice }: OutputTransform): void {
  const { problem, output, label } = conv
  const count = (grid.tiles * slice.count) / 4
  r.dispatch({
    kernel: kernel('winograd_output', { WORKGROUP: workgroup, ...inputAlias(conv, 4) }),
    label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      input: products,
      ...epilogueBindings(r, conv),
      output,
      params: {
        count,
        ...outputTiles(problem, grid, slice),
        ...epilogueParams(conv),
      },
    },
    flops: 24 * count * 4,
    bytes: products.bytes + (output.bytes * slice.count) / problem.outChannels,
  })
}
