// Helpers with which the parts of the model write down their convolutions.

import type { ConvSpec } from '../nn/conv-module.ts'

/** Channels of an image on the device: blue, green, red and one more. */
export const imageChannels = 4

type Geometry = Partial<Omit<ConvSpec, 'name' | 'inChannels' | 'outChannels' | 'kernel'>>

/**
 * One convolution; what is not given is stride 1, no padding, no dilation, no bias and no batch norm.
 * @param channels that go in and that come out
 */
export function conv(
  name: string,
  channels: readonly [number, number],
  kernel: number,
  geometry: Geometry = {},
): ConvSpec {
  const [inChannels, outChannels] = channels
  const defaults = { stride: 1, padding: 0, dilation: 1, bias: false, eps: 1e-5 }
  return { name, inChannels, outChannels, kernel, ...defaults, ...geometry }
}
