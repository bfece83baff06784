// The mean over all pixels of each sample and channel, and its gradient.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { activationShape, expectShape, type ImageShape } from './launch.ts'
import { chooseWidth, mapKernel } from './map.ts'

/**
 * `[N, H, W, C]` to `[N, 1, 1, C]`, whatever the size. Source: torch.nn.AdaptiveAvgPool2d(1).
 * @throws ShapeError for another rank
 */
export function globalAveragePool(r: Recorder, input: GpuTensor, label = 'globalAveragePool'): GpuTensor {
  const image = activationShape('globalAveragePool', input)
  return mapKernel(r, {
    shader: 'average_pool',
    label,
    inputs: { input },
    shape: [image.batch, 1, 1, image.channels],
    ...perPixel(image),
    flops: image.height * image.width,
  })
}

export interface GlobalAveragePoolGradientArgs {
  /** The gradient of the output, `[N, 1, 1, C]`. */
  readonly gradient: GpuTensor
  /** `[N, H, W, C]` */
  readonly inputShape: readonly number[]
  readonly label?: string
}

/** Gradient of `globalAveragePool`: `[N, H, W, C]`. @throws ShapeError if batch or channels differ */
export function globalAveragePoolGradient(r: Recorder, args: GlobalAveragePoolGradientArgs): GpuTensor {
  const { gradient, inputShape, label = 'globalAveragePool.gradient' } = args
  const image = activationShape('globalAveragePoolGradient', {
    shape: inputShape,
    dtype: 'f32',
    label: `${label}.input`,
  })
  expectShape('globalAveragePoolGradient', gradient, [image.batch, 1, 1, image.channels], gradient.dtype)
  return mapKernel(r, {
    shader: 'average_pool_gradient',
    label,
    inputs: { gradient },
    shape: inputShape,
    ...perPixel(image),
    flops: 1,
  })
}

function perPixel({ height, width, channels }: ImageShape) {
  const valueWidth = chooseWidth(channels)
  return { width: valueWidth, params: { channels: channels / valueWidth, pixels: height * width } }
}
