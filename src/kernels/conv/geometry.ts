// The geometry of a convolution: its scalars, what follows from them, and how shaders are told of them.

import { ShapeError } from '../../gpu/errors.ts'
import { greatestCommonDivisor } from '../arithmetic.ts'
import { activationShape, expectInteger, type TensorDescription } from '../launch.ts'
import type { FilterShape } from './filter.ts'

/** The scalars of one convolution, NHWC. */
export interface ConvProblem {
  readonly batch: number
  readonly inHeight: number
  readonly inWidth: number
  readonly inChannels: number
  readonly outHeight: number
  readonly outWidth: number
  readonly outChannels: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly stride: number
  readonly paddingY: number
  readonly paddingX: number
  readonly dilation: number
  readonly groups: number
}

/** How a filter goes over an image. */
export interface ConvWindow {
  /** Default 1. */
  readonly stride?: number
  /** Zeros around the image: one number, or rows and columns. Default 0. */
  readonly padding?: number | readonly [number, number]
  /** Default 1. */
  readonly dilation?: number
  /** Default 1. */
  readonly groups?: number
}

/** What the scalars of a convolution follow from; the input need not exist. */
export interface ConvGeometry extends ConvWindow {
  /** `[N, H, W, C]` */
  readonly input: TensorDescription
  readonly weight: FilterShape
  /** Read only the `I` channels from this one on, of an input that has more. Default: the input has exactly `I`. */
  readonly firstChannel?: number
  readonly label?: string
}

/** The scalars of a convolution. @throws ShapeError if they are impossible */
export function convProblem(geometry: ConvGeometry): ConvProblem {
  const { input, weight, stride = 1, padding = 0, dilation = 1, groups = 1, label = 'conv2d' } = geometry
  const x = activationShape(label, input)
  const [paddingY, paddingX] = typeof padding === 'number' ? [padding, padding] : padding
  expectInteger(label, 'stride', stride, 1)
  expectInteger(label, 'dilation', dilation, 1)
  expectInteger(label, 'padding', Math.min(paddingY, paddingX), 0)
  expectInteger(label, 'groups', groups, 1)
  const { kernelHeight, kernelWidth, outChannels } = weight
  const inChannels = weight.inChannels * groups
  checkChannels(geometry, x.channels, inChannels)
  const outHeight = Math.floor((x.height + 2 * paddingY - dilation * (kernelHeight - 1) - 1) / stride) + 1
  const outWidth = Math.floor((x.width + 2 * paddingX - dilation * (kernelWidth - 1) - 1) / stride) + 1
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(
      `${label}: input \`${input.label}\` [${input.shape}] is smaller than the ${kernelHeight}x${kernelWidth} filter ` +
        `with dilation ${dilation} and padding ${paddingY}, ${paddingX}`,
    )
  }
  const image = { batch: x.batch, inHeight: x.height, inWidth: x.width, inChannels, outHeight, outWidth, outChannels }
  return { ...image, kernelHeight, kernelWidth, stride, paddingY, paddingX, dilation, groups }
}

function checkChannels(
  { input, weight, groups = 1, firstChannel, label = 'conv2d' }: ConvGeometry,
  found: number,
  taken: number,
): void {
  if (firstChannel !== undefined) {
    expectInteger(label, 'firstChannel', firstChannel, 0)
    if (firstChannel + taken <= found) return
  } else if (found === taken && weight.outChannels % groups === 0) return
  throw new ShapeError(
    `${label}: input \`${input.label}\` [${input.shape}] has ${found} channels; the filter takes ` +
      `${weight.inChannels} x ${groups} groups${firstChannel ? ` from channel ${firstChannel}` : ''} and gives ${weight.outChannels}`,
  )
}

/** Pixels of the output, all samples together: rows of the GEMM. */
export function outputPixels({ batch, outHeight, outWidth }: ConvProblem): number {
  return batch * outHeight * outWidth
}

/** Taps x input channels of a group: rows of the filter. */
export function filterRows({ kernelHeight, kernelWidth, inChannels, groups }: ConvProblem): number {
  return (kernelHeight * kernelWidth * inChannels) / groups
}

/** Multiply-adds counted as two. */
export function convFlops(problem: ConvProblem): number {
  return 2 * outputPixels(problem) * problem.outChannels * filterRows(problem)
}

/** Tiles of 2x2 outputs that Winograd works on: a dilation d makes d x d interleaved images of each. */
export interface TileGrid {
  readonly tilesY: number
  readonly tilesX: number
  /** All samples and interleaved images together. */
  readonly tiles: number
}

export function tileGrid({ batch, outHeight, outWidth, dilation }: ConvProblem): TileGrid {
  const along = (size: number) => Math.ceil(Math.ceil(size / dilation) / 2)
  const tilesY = along(outHeight)
  const tilesX = along(outWidth)
  return { tilesY, tilesX, tiles: batch * dilation * dilation * tilesY * tilesX }
}

/** How conv2d_narrow goes over a filter row. */
export interface FilterRow {
  /** Taps that share what is loaded, 1 to 4. */
  readonly taps: number
  readonly passes: number
  /** From one of these taps to the next. */
  readonly tapStep: number
  /** Interleaved images along a row of outputs. */
  readonly phases: number
}

/** Taps of a filter row that conv2d_narrow takes together at most. */
const mostTaps = 4

/** Fewest passes of at most four taps each; two taps are not worth a kernel of their own. */
export function filterRow({ kernelWidth, stride, dilation }: ConvProblem): FilterRow {
  const common = greatestCommonDivisor(stride, dilation)
  const tapStep = stride / common
  const along = Math.ceil(kernelWidth / tapStep)
  if (along <= 2) return { taps: 1, passes: kernelWidth, tapStep: 1, phases: 1 }
  const blocks = Math.ceil(along / mostTaps)
  return { taps: Math.ceil(along / blocks), passes: blocks * tapStep, tapStep, phases: dilation / common }
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

/** An input tensor of which `firstChannel` and the following are read. */
export interface ChannelView {
  readonly input: TensorDescription
  readonly firstChannel: number
}

/** The parameters of all shaders that take four input channels at a time: image, view of the channels, window. */
export function imageParams(
  { inHeight, inWidth, inChannels, outHeight, outWidth, stride, paddingY, paddingX, dilation }: ConvProblem,
  { input, firstChannel }: ChannelView,
) {
  return {
    in_height: inHeight,
    in_width: inWidth,
    in_channels4: inChannels / 4,
    in_stride4: (input.shape[3] ?? 0) / 4,
    in_first4: firstChannel / 4,
    out_height: outHeight,
    out_width: outWidth,
    stride,
    padding_y: paddingY,
    padding_x: paddingX,
    dilation,
  }
}

/** The same as constants, with the filter, for shaders that are compiled once per geometry. */
export function imageConstants(problem: ConvProblem, { input, firstChannel }: ChannelView, panel: number) {
  return {
    IN_HEIGHT: problem.inHeight,
    IN_WIDTH: problem.inWidth,
    IN_CHANNELS4: problem.inChannels / 4,
    IN_STRIDE4: (input.shape[3] ?? 0) / 4,
    IN_FIRST4: firstChannel / 4,
    OUT_HEIGHT: problem.outHeight,
    OUT_WIDTH: problem.outWidth,
    OUT_CHANNELS4: problem.outChannels / 4,
    PANEL4: panel / 4,
    KERNEL_WIDTH: problem.kernelWidth,
    TAPS: problem.kernelHeight * problem.kernelWidth,
    STRIDE: problem.stride,
    PADDING_Y: problem.paddingY,
    PADDING_X: problem.paddingX,
    DILATION: problem.dilation,
  }
}

/** The parameters of the direct shaders, which take single channels and groups. */
export function directParams(problem: ConvProblem, { input, firstChannel }: ChannelView, panel: number) {
  return {
    in_height: problem.inHeight,
    in_width: problem.inWidth,
    in_stride: input.shape[3] ?? 0,
    in_first: firstChannel,
    out_height: problem.outHeight,
    out_width: problem.outWidth,
    out_channels: problem.outChannels,
    panel,
    kernel_height: problem.kernelHeight,
    kernel_width: problem.kernelWidth,
    stride: problem.stride,
    padding_y: problem.paddingY,
    padding_x: problem.paddingX,
    dilation: problem.dilation,
    group_inputs: problem.inChannels / problem.groups,
    group_outputs: problem.outChannels / problem.groups,
  }
}
