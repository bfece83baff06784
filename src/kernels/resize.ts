// Resizing of maps, bilinear or by the nearest neighbour, and the gradients, which gather, so that no two invocations write one
// element. Source: torch.nn.functional.interpolate without antialiasing.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { activationShape, expectInteger, type ImageShape } from './launch.ts'
import { channelConstant, chooseWidth, mapKernel } from './map.ts'

/** Rows and columns in pixels, or one number for both. */
export type ResizeTarget = number | readonly [number, number]

export interface NearestResizeArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** Size of the result. */
  readonly size: ResizeTarget
  readonly label?: string
}

export interface BilinearResizeArgs extends NearestResizeArgs {
  /** The corners' centres stay where they are; otherwise the image's edges do. Default false. */
  readonly alignCorners?: boolean
}

export interface NearestResizeGradientArgs {
  /** The gradient of the output, `[N, OH, OW, C]`. */
  readonly gradient: GpuTensor
  /** Shape of the map that was resized, `[N, H, W, C]`. */
  readonly inputShape: readonly number[]
  readonly label?: string
}

export interface BilinearResizeGradientArgs extends NearestResizeGradientArgs {
  /** As in the forward pass. Default false. */
  readonly alignCorners?: boolean
}

/**
 * Bilinear interpolation to `[N, OH, OW, C]`, neighbours clamped to the image.
 * @throws ShapeError for another rank, or a size that is no positive integer
 */
export function bilinearResize(r: Recorder, args: BilinearResizeArgs): GpuTensor {
  const { input, alignCorners = false, label = 'bilinearResize' } = args
  const { from, to } = resizing('bilinearResize', args)
  return mapKernel(r, {
    shader: 'bilinear_resize',
    label,
    inputs: { input },
    shape: shapeOf(to),
    width: chooseWidth(to.channels),
    constants: { ...sizeConstants(from, to), ALIGN_CORNERS: alignCorners },
    flops: 9,
  })
}

/** Gradient of `bilinearResize`: `[N, H, W, C]`. @throws ShapeError if batch or channels differ */
export function bilinearResizeGradient(r: Recorder, args: BilinearResizeGradientArgs): GpuTensor {
  const { gradient, inputShape, alignCorners = false, label = 'bilinearResize.gradient' } = args
  const { from, to } = resized('bilinearResizeGradient', args)
  return mapKernel(r, {
    shader: 'bilinear_resize_gradient',
    label,
    inputs: { gradient },
    shape: inputShape,
    width: chooseWidth(to.channels),
    constants: { ...sizeConstants(from, to), ALIGN_CORNERS: alignCorners },
    flops: 2 * Math.ceil((2 * to.height) / from.height) * Math.ceil((2 * to.width) / from.width),
  })
}

/**
 * The nearest pixel's value, source pixel `floor(d * IN / OUT)`: `[N, OH, OW, C]`.
 * @throws ShapeError for another rank, or a size that is no positive integer
 */
export function nearestResize(r: Recorder, args: NearestResizeArgs): GpuTensor {
  const { input, label = 'nearestResize' } = args
  const { from, to } = resizing('nearestResize', args)
  return mapKernel(r, {
    shader: 'nearest_resize',
    label,
    inputs: { input },
    shape: shapeOf(to),
    width: chooseWidth(to.channels),
    constants: sizeConstants(from, to),
    flops: 0,
  })
}

/** Gradient of `nearestResize`: `[N, H, W, C]`. @throws ShapeError if batch or channels differ */
export function nearestResizeGradient(r: Recorder, args: NearestResizeGradientArgs): GpuTensor {
  const { gradient, inputShape, label = 'nearestResize.gradient' } = args
  const { from, to } = resized('nearestResizeGradient', args)
  return mapKernel(r, {
    shader: 'nearest_resize_gradient',
    label,
    inputs: { gradient },
    shape: inputShape,
    width: chooseWidth(to.channels),
    constants: sizeConstants(from, to),
    flops: Math.ceil(to.height / from.height) * Math.ceil(to.width / from.width),
  })
}

/** Shapes of a map before and after. */
interface Resizing {
  readonly from: ImageShape
  readonly to: ImageShape
}

function resizing(op: string, { input, size }: NearestResizeArgs): Resizing {
  const from = activationShape(op, input)
  const [height, width] = typeof size === 'number' ? [size, size] : size
  for (const side of [height, width]) expectInteger(op, 'size', side, 1)
  return { from, to: { ...from, height, width } }
}

function resized(op: string, { gradient, inputShape }: NearestResizeGradientArgs): Resizing {
  const to = activationShape(op, gradient)
  const from = activationShape(op, { shape: inputShape, dtype: 'f32', label: `${op}.input` })
  if (from.batch === to.batch && from.channels === to.channels) return { from, to }
  throw new ShapeError(`${op}: gradient \`${gradient.label}\` [${gradient.shape}] is no resize of [${inputShape}]`)
}

function shapeOf({ batch, height, width, channels }: ImageShape): readonly number[] {
  return [batch, height, width, channels]
}

function sizeConstants(from: ImageShape, to: ImageShape) {
  return { ...channelConstant(to.channels), IN_H: from.height, IN_W: from.width, OUT_H: to.height, OUT_W: to.width }
}
