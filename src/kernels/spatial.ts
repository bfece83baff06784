// Ops that move along height and width and leave channels alone: max pooling and the centre crop.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, imageShape } from './launch.ts'
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
  const { batch, height, width, channels } = imageShape('maxPool', input)
  expectInteger('maxPool', 'kernel', kernel, 1)
  expectInteger('maxPool', 'stride', stride, 1)
  expectInteger('maxPool', 'padding', padding, 0)
  if (padding >= kernel || kernel > Math.min(height, width) + 2 * padding) {
    throw new ShapeError(
      `maxPool: kernel ${kernel} with padding ${padding} does not fit tensor \`${input.label}\` [${input.shape}]`,
    )
  }
  const outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1
  const outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1
  return mapKernel(r, {
    shader: 'max_pool',
    label,
    inputs: { input },
    shape: [batch, outHeight, outWidth, channels],
    width: chooseWidth(channels),
    constants: {
      ...channelConstant(channels),
      IN_H: height,
      IN_W: width,
      KERNEL: kernel,
      STRIDE: stride,
      PADDING: padding,
    },
    flops: kernel * kernel,
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
  const { batch, height, width, channels } = imageShape('centerCrop', input)
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
    constants: {
      ...channelConstant(channels),
      IN_H: height,
      IN_W: width,
      OUT_H: size,
      OUT_W: size,
      TOP: Math.floor((height - size) / 2),
      LEFT: Math.floor((width - size) / 2),
    },
    flops: 0,
  })
}
