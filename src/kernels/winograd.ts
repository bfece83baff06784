// 3x3 convolution of stride 1 and any dilation by Winograd's F(2x2, 3x3): 16 products per tile of 2x2 outputs where the direct
// form takes 36. A dilation d is d x d dense convolutions on interleaved pixels, so one scheme serves all dilations.
// Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016.

import type { Device } from '../gpu/device.ts'
import { runOnce } from '../gpu/program.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type ConvLaunch, epilogueBindings, epilogueFlags, subgroupProducts } from './conv-launch.ts'
import { type ConvProblem, type TileGrid, tileGrid, type WinogradPlan } from './conv-plan.ts'
import { type ConvWeight, panelOf } from './conv-weight.ts'
import { kernel, linearGrid } from './launch.ts'

const WORKGROUP = 64

/** Positions of the transformed tile: 4x4. */
export const POSITIONS = 16

/** Output channels `first .. first + count`. */
export interface ChannelSlice {
  readonly first: number
  readonly count: number
}

/** Records the convolution: input transform, then per slice of output channels filter transform, products, output transform. */
export function winograd(r: Recorder, conv: ConvLaunch, { sliceChannels, storeWeights }: WinogradPlan): void {
  const { problem, weight, label } = conv
  const grid = tileGrid(problem)
  const data = transformInput(r, conv, grid)
  for (let first = 0; first < problem.outChannels; first += sliceChannels) {
    const slice = { first, count: Math.min(sliceChannels, problem.outChannels - first) }
    const stored = storeWeights ? weight.transformed : undefined
    const filter = stored ?? transformFilter(r, weight, slice, `${label}.filter`)
    const products = r.alloc([POSITIONS, 1, grid.tiles, slice.count], 'f32', `${label}.products`)
    const launch = productLaunch(conv, data, products, grid.tiles)
    subgroupProducts(r, { conv: launch, weight: filter, panel: panelOf(slice.count), batches: POSITIONS })
    transformOutput(r, conv, { products, grid, slice })
  }
}

/** Transforms a filter once and for all; programs captured afterwards use the result. Does nothing the second time. */
export async function storeTransformedFilter(device: Device, weight: ConvWeight): Promise<void> {
  if (weight.transformed) return
  const slice = { first: 0, count: weight.outChannels }
  const stored = device.empty(
    [POSITIONS, weight.inChannels, weight.outChannels],
    'f32',
    `${weight.tensor.label}.winograd`,
  )
  try {
    const record = (r: Recorder) => transformFilter(r, weight, slice, stored.label, stored)
    const program = await runOnce(device, record, { poison: false })
    program.destroy()
  } catch (error) {
    device.release(stored)
    throw error
  }
  weight.transformed = stored
}

/** The image's side, `[16, 1, tiles, C]`. */
export function transformInput(
  r: Recorder,
  { problem, input, label }: Pick<ConvLaunch, 'problem' | 'input' | 'label'>,
  grid: TileGrid,
): GpuTensor {
  const { inChannels } = problem
  const output = r.alloc([POSITIONS, 1, grid.tiles, inChannels], 'f32', `${label}.tiles`)
  const count = (grid.tiles * inChannels) / 4
  r.dispatch({
    kernel: kernel('winograd_input', { WORKGROUP }),
    label: `${label}.tiles`,
    workgroups: linearGrid(r.adapter, count, WORKGROUP),
    bindings: {
      input,
      output,
      params: {
        count,
        in_height: problem.inHeight,
        in_width: problem.inWidth,
        in_channels4: inChannels / 4,
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

function transformFilter(
  r: Recorder,
  weight: ConvWeight,
  { first, count }: ChannelSlice,
  label: string,
  target?: GpuTensor,
): GpuTensor {
  const { inChannels, outChannels } = weight
  const output = target ?? r.alloc([POSITIONS, inChannels, count], 'f32', label)
  const invocations = (inChannels * count) / 4
  r.dispatch({
    kernel: kernel('winograd_weight', { WORKGROUP }),
    label,
    workgroups: linearGrid(r.adapter, invocations, WORKGROUP),
    bindings: {
      weight: weight.tensor,
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
    bytes: (weight.tensor.bytes * count) / outChannels + output.bytes,
  })
  return output
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
  const none = { scale: undefined, bias: undefined, residual: undefined, activation: 'none' as const }
  return { ...conv, ...none, problem, input, output, label: `${conv.label}.products` }
}

/** Parameters of the shaders that go between 2x2 tiles and the pixels of the output, forward and backward. */
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
    kernel: kernel('winograd_output', { WORKGROUP }),
    label,
    workgroups: linearGrid(r.adapter, count, WORKGROUP),
    bindings: {
      input: products,
      ...epilogueBindings(conv),
      output,
      params: {
        count,
        ...outputTiles(problem, grid, slice),
        ...epilogueFlags(conv),
      },
    },
    flops: 24 * count * 4,
    bytes: products.bytes + (output.bytes * slice.count) / problem.outChannels,
  })
}
