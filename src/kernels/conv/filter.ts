// A convolution's filter on the device. On disk filters are PyTorch's [O, I, kh, kw]; kernels read [kh, kw, I, O], so that the
// GEMM loads vec4 along the output channels. Many output channels are cut into panels, [O / panel, kh, kw, I, panel]: a tile
// then walks through memory that is contiguous, which rows of a wide matrix, kilobytes apart, are not.

import type { Device } from '../../gpu/device.ts'
import { PrecisionError, ShapeError } from '../../gpu/errors.ts'
import { largestHalf, type Precision, toHalf } from '../../gpu/half.ts'
import type { Constants } from '../../gpu/shader.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { elementType } from '../launch.ts'
import { windowBytes } from './filter-windows.ts'

/** What a filter is, without its values. */
export interface FilterShape {
  /** Output channels that lie together. */
  readonly panel: number
  readonly outChannels: number
  /** Per group. */
  readonly inChannels: number
  /** Input channels that the file has; those appended to them are zero. */
  readonly fileChannels?: number
  readonly kernelHeight: number
  readonly kernelWidth: number
}

/** A filter as it was packed. */
export interface ConvWeight extends FilterShape {
  /** `[O / panel, kh, kw, I, panel]`, O padded to a multiple of 4; f32 or f16. */
  readonly tensor: GpuTensor
  /** Winograd's transform, where it is kept, too (`transformFilter`): `[4, O / panel, 16, I / 4, panel]`. */
  readonly transformed?: GpuTensor
}

/** A filter of which Winograd's transform is all that was kept. */
export interface TransformedWeight extends FilterShape {
  readonly tensor?: undefined
  readonly transformed: GpuTensor
}

/** What a forward convolution takes. */
export type ConvFilter = ConvWeight | TransformedWeight

/** Wider panels are not read by conv2d_subgroup: a vec4 for each of 8 lanes. */
export const mostPanelChannels = 32

/** Narrower panels would leave lanes idle. */
const fewestPanelChannels = 16

/**
 * Panel width for a number of output channels: the widest from 16 to 32 that divides them, else all of them, padded to a
 * multiple of 4.
 */
export function panelOf(outChannels: number): number {
  const whole = Math.ceil(outChannels / 4) * 4
  if (whole <= mostPanelChannels) return whole
  for (let panel = mostPanelChannels; panel >= fewestPanelChannels; panel -= 4) {
    if (outChannels % panel === 0) return panel
  }
  return whole
}

/** Bytes of memory behind a filter: software adapters read filters through windows. */
export function windowMargin({ adapter }: Device): number {
  return adapter.kind === 'cpu' ? windowBytes : 0
}

/** What makes a shader's `Filter` the type that a filter has. @param width elements that it holds */
export function filterAlias(filter: Pick<GpuTensor, 'dtype'>, width: 1 | 4): Constants {
  return { Filter: elementType(filter, width) }
}

export interface PackOptions {
  /** Zero input channels appended up to this count (an RGB input is stored as 4 channels). */
  readonly padInput?: number
  readonly label?: string
  /** Default f32. */
  readonly precision?: Precision
}

/**
 * Uploads a filter.
 * @param oihw PyTorch's layout, `O * I * kh * kw` values
 * @param shape `[O, I, kh, kw]`; I is per group
 * @throws ShapeError if the number of values does not fit the shape; PrecisionError for a value that is too large
 */
export function packConvWeight(
  device: Device,
  oihw: Float32Array,
  shape: readonly number[],
  { padInput = 0, label = 'weight', precision = 'f32' }: PackOptions = {},
): ConvWeight {
  const [outChannels = 0, fileChannels = 0, kernelHeight = 0, kernelWidth = 0] = shape
  if (shape.length !== 4 || oihw.length !== outChannels * fileChannels * kernelHeight * kernelWidth) {
    throw new ShapeError(`Filter \`${label}\` has ${oihw.length} values, expected [O, I, kh, kw] = [${shape}]`)
  }
  const inChannels = Math.max(fileChannels, padInput)
  const panel = panelOf(outChannels)
  const panels = Math.ceil(outChannels / panel)
  const packed = packOihw(oihw, shape, inChannels)
  const packedShape = [panels, kernelHeight, kernelWidth, inChannels, panel]
  const stored = precision === 'f16' ? halves(packed, label) : packed
  const tensor = device.tensor(stored, packedShape, label, windowMargin(device))
  return { tensor, panel, outChannels, inChannels, fileChannels, kernelHeight, kernelWidth }
}

/** @throws PrecisionError for a finite value above the largest half */
function halves(values: Float32Array, label: string): Uint16Array {
  const large = values.find((value) => Number.isFinite(value) && Math.abs(value) > largestHalf)
  if (large === undefined) return toHalf(values)
  throw new PrecisionError(
    `Filter \`${label}\` has a value of ${large}; in half precision it must be at most ${largestHalf} in magnitude`,
  )
}

/** PyTorch's `[O, I, kh, kw]` to the kernels' panels, input channels padded with zeros up to `inChannels`. */
export function packOihw(oihw: Float32Array, shape: readonly number[], inChannels: number): Float32Array {
  const [outChannels = 0, , kernelHeight = 0, kernelWidth = 0] = shape
  const panel = panelOf(outChannels)
  const packed = new Float32Array(Math.ceil(outChannels / panel) * kernelHeight * kernelWidth * inChannels * panel)
  eachWeight(shape, inChannels, (from, to) => {
    packed[to] = oihw[from] ?? 0
  })
  return packed
}

/**
 * The kernels' panels to PyTorch's layout: the inverse of `packConvWeight`, for weights, their gradients and momenta.
 * @param shape `[O, I, kh, kw]` of the file; zero input channels that packing appended are dropped
 */
export function unpackConvWeight(
  packed: Float32Array,
  { inChannels, tensor }: Pick<ConvWeight, 'inChannels' | 'tensor'>,
  shape: readonly number[],
): Float32Array {
  if (packed.length !== tensor.size) {
    throw new ShapeError(`Filter \`${tensor.label}\` has ${tensor.size} packed values, found ${packed.length}`)
  }
  const oihw = new Float32Array(shape.reduce((product, size) => product * size, 1))
  eachWeight(shape, inChannels, (to, from) => {
    oihw[to] = packed[from] ?? 0
  })
  return oihw
}

/** Calls `visit` with the index of each weight in PyTorch's layout and in panels. */
function eachWeight(shape: readonly number[], inChannels: number, visit: (oihw: number, packed: number) => void): void {
  const [outChannels = 0, fileChannels = 0, kernelHeight = 0, kernelWidth = 0] = shape
  const panel = panelOf(outChannels)
  const taps = kernelHeight * kernelWidth
  for (let o = 0; o < outChannels; o++) {
    const column = Math.floor(o / panel) * taps * inChannels * panel + (o % panel)
    for (let c = 0; c < fileChannels; c++) {
      const flat = (o * fileChannels + c) * taps
      for (let tap = 0; tap < taps; tap++) visit(flat + tap, column + (tap * inChannels + c) * panel)
    }
  }
}

/** Frees a filter's memory. */
export function releaseConvWeight(device: Device, { tensor, transformed }: ConvFilter): void {
  for (const form of [tensor, transformed]) if (form) device.release(form)
}
