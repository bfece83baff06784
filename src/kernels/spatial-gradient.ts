// Gradients of the ops that move along height and width: max pooling and the centre crop. Both gather, so that no two
// invocations write one element.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, imageShape } from './launch.ts'
import { channelConstant, chooseWidth, mapKernel } from './map.ts'

export interface MaxPoolGradientArgs {
  /** Of the output, `[N, OH, OW, C]`. */
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
  const { batch, height, width, channels } = imageShape('maxPoolGradient', input)
  expectInteger('maxPoolGradient', 'kernel', kernel, 1)
  expectInteger('maxPoolGradient', 'stride', stride, 1)
  expectInteger('maxPoolGradient', 'padding', padding, 0)
  const pooled = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1
  const shape = [batch, pooled(height), pooled(width), channels]
  expectShape('maxPoolGradient', output, shape)
  expectShape('maxPoolGradient', gradient, shape)
  return mapKernel(r, {
    shader: 'max_pool_gradient',
    label,
    inputs: { gradient, input, pooled: output },
    shape: input.shape,
    width: chooseWidth(channels),
    constants: {
      ...channelConstant(channels),
      IN_H: height,
      IN_W: width,
      KERNEL: kernel,
      STRIDE: stride,
      PADDING: padding,
    },
    flops: Math.ceil(kernel / stride) ** 2,
  })
}

export interface CenterCropGradientArgs {
  /** Of the crop, `[N, size, size, C]`. */
  readonly gradient: GpuTensor
  /** Of the image that was cropped, `[N, H, W, C]`. */
  readonly inputShape: readonly number[]
  readonly label?: string
}

/** Gradient of `centerCrop`: the crop's gradient at its place in zeros. @throws ShapeError if the crop is no part of it */
export function centerCropGradient(r: Recorder, args: CenterCropGradientArgs): GpuTensor {
  const { gradient, inputShape, label = 'centerCropGradient' } = args
  const crop = imageShape('centerCropGradient', gradient)
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
    constants: {
      ...channelConstant(crop.channels),
      IN_H: height,
      IN_W: width,
      OUT_H: crop.height,
      OUT_W: crop.width,
      TOP: Math.floor((height - crop.height) / 2),
      LEFT: Math.floor((width - crop.width) / 2),
    },
    flops: 0,
  })
}
