// Ops that move along height and width and leave channels alone: max pooling and the centre crop, and their gradients, which
// gather, so that no two invocations write one element.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { activationShape, expectInteger, expectLike, expectShape, type ImageShape } from './launch.ts'
import { channelConstant, chooseWidth, mapKernel } from './map.ts'

export interface MaxPoolArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** Side of the window, in pixels. */
  readonly kernel: number
  readonly stride: number
  /** Pixels of minus infinity around the image; less than `kernel`. */
  readonly padding: number
  readonly label?: string
}

/**
 * Maximum of each window: `[N, OH, OW, C]`, `OH = floor((H + 2 * padding - kernel) / stride) + 1`.
 * @throws ShapeError if the window does not fit the padded image, or could lie in the padding alone
 */
export function maxPool(r: Recorder, { input, kernel, stride, padding, label = 'maxPool' }: MaxPoolArgs): GpuTensor {
  const { batch, height, width, channels } = activationShape('maxPool', input)
  const pool = { kernel, stride, padding }
  checkPool('maxPool', pool)
  if (padding >= kernel || kernel > Math.min(height, width) + 2 * padding) {
    throw new ShapeError(
      `maxPool: kernel ${kernel} with padding ${padding} does not fit tensor \`${input.label}\` [${input.shape}]`,
    )
  }
  return mapKernel(r, {
    shader: 'max_pool',
    label,
    inputs: { input },
    shape: [batch, pooled(height, pool), pooled(width, pool), channels],
    width: chooseWidth(channels),
    constants: poolConstants({ height, width, channels }, pool),
    flops: kernel * kernel,
  })
}

export interface MaxPoolGradientArgs {
  /** The gradient of the output, `[N, OH, OW, C]`. */
  readonly gradient: GpuTensor
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** What the forward pass gave, `[N, OH, OW, C]`. */
  readonly output: GpuTensor
  /** Side of the window, in pixels. */
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  readonly label?: string
}

/**
 * Gradient of `maxPool`, `[N, H, W, C]`: each window's goes to its maximum, the first in row-major order among equals, as in
 * PyTorch.
 * @throws ShapeError if the shapes do not belong to such a pooling
 */
export function maxPoolGradient(r: Recorder, args: MaxPoolGradientArgs): GpuTensor {
  const { gradient, input, output, kernel, stride, padding, label = 'maxPoolGradient' } = args
  const { batch, height, width, channels } = activationShape('maxPoolGradient', input)
  const pool = { kernel, stride, padding }
  checkPool('maxPoolGradient', pool)
  const shape = [batch, pooled(height, pool), pooled(width, pool), channels]
  expectShape('maxPoolGradient', output, shape, input.dtype)
  expectLike('maxPoolGradient', gradient, output)
  return mapKernel(r, {
    shader: 'max_pool_gradient',
    label,
    inputs: { gradient, input, pooled: output },
    shape: input.shape,
    width: chooseWidth(channels),
    constants: poolConstants({ height, width, channels }, pool),
    flops: Math.ceil(kernel / stride) ** 2,
  })
}

export interface CenterCropArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** Side of the result, in pixels. */
  readonly size: number
  readonly label?: string
}

/**
 * The middle `[N, size, size, C]`, from row `floor((H - size) / 2)` and column likewise (rows 4 to 10 of 15 for size 7).
 * Source: SiamRPN.forward_template of MMTracking (siamrpn.py), `center_size`.
 * @throws ShapeError if the image is smaller
 */
export function centerCrop(r: Recorder, { input, size, label = 'centerCrop' }: CenterCropArgs): GpuTensor {
  const { batch, height, width, channels } = activationShape('centerCrop', input)
  expectInteger('centerCrop', 'size', size, 1)
  if (size > Math.min(height, width)) {
    throw new ShapeError(`centerCrop: size ${size} is larger than tensor \`${input.label}\` [${input.shape}]`)
  }
  return mapKernel(r, {
    shader: 'center_crop',
    label,
    inputs: { input },
    shape: [batch, size, size, channels],
    width: chooseWidth(channels),
    constants: cropConstants({ height, width, channels }, { height: size, width: size }),
    flops: 0,
  })
}

export interface CenterCropGradientArgs {
  /** The gradient of the crop, `[N, size, size, C]`. */
  readonly gradient: GpuTensor
  /** Shape of the image that was cropped, `[N, H, W, C]`. */
  readonly inputShape: readonly number[]
  readonly label?: string
}

/** Gradient of `centerCrop`: the crop's gradient at its place in zeros. @throws ShapeError if the crop is no part of it */
export function centerCropGradient(r: Recorder, args: CenterCropGradientArgs): GpuTensor {
  const { gradient, inputShape, label = 'centerCropGradient' } = args
  const crop = activationShape('centerCropGradient', gradient)
  const [batch, height = 0, width = 0, channels] = inputShape
  const fits = batch === crop.batch && channels === crop.channels && crop.height <= height && crop.width <= width
  if (!fits || inputShape.length !== 4) {
    throw new ShapeError(
      `centerCropGradient: gradient \`${gradient.label}\` [${gradient.shape}] is no crop of [${inputShape}]`,
    )
  }
  return mapKernel(r, {
    shader: 'center_crop_gradient',
    label,
    inputs: { gradient },
    shape: inputShape,
    width: chooseWidth(crop.channels),
    constants: cropConstants({ height, width, channels: crop.channels }, crop),
    flops: 0,
  })
}

type Window = Pick<MaxPoolArgs, 'kernel' | 'stride' | 'padding'>

function checkPool(op: string, { kernel, stride, padding }: Window): void {
  expectInteger(op, 'kernel', kernel, 1)
  expectInteger(op, 'stride', stride, 1)
  expectInteger(op, 'padding', padding, 0)
}

/** Windows along a side. */
function pooled(size: number, { kernel, stride, padding }: Window): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1
}

type Image = Omit<ImageShape, 'batch'>

function poolConstants({ height, width, channels }: Image, { kernel, stride, padding }: Window) {
  return { ...channelConstant(channels), IN_H: height, IN_W: width, KERNEL: kernel, STRIDE: stride, PADDING: padding }
}

function cropConstants({ height, width, channels }: Image, crop: Pick<ImageShape, 'height' | 'width'>) {
  return {
    ...channelConstant(channels),
    ...{ IN_H: height, IN_W: width, OUT_H: crop.height, OUT_W: crop.width },
    TOP: Math.floor((height - crop.height) / 2),
    LEFT: Math.floor((width - crop.width) / 2),
  }
}
