// Both gradients of a convolution in float64 by their definition: every product of the forward sum, differentiated.

import type { HostTensor } from '../helpers/tensors.ts'
import type { Conv2dReference } from './conv2d.ts'

export interface Conv2dGradients {
  readonly input: HostTensor
  /** `[O, I/groups, kh, kw]` */
  readonly weight: HostTensor
}

/** @param gradient of the output, `[N, OH, OW, O]` */
export function conv2dGradients(
  args: Pick<Conv2dReference, 'input' | 'weight' | 'stride' | 'padding' | 'dilation' | 'groups'>,
  gradient: HostTensor,
): Conv2dGradients {
  const { input, weight, stride = 1, padding = 0, dilation = 1, groups = 1 } = args
  const [, h = 0, w = 0, c = 0] = input.shape
  const [o = 0, i = 0, kh = 0, kw = 0] = weight.shape
  const [, oh = 0, ow = 0] = gradient.shape
  const [py, px] = typeof padding === 'number' ? [padding, padding] : padding
  const dx = new Float64Array(input.data.length)
  const dw = new Float64Array(weight.data.length)
  for (let index = 0; index < gradient.data.length; index++) {
    const channel = index % o
    const x = Math.floor(index / o) % ow
    const y = Math.floor(index / (o * ow)) % oh
    const sample = Math.floor(index / (o * ow * oh))
    const first = Math.floor(channel / (o / groups)) * i
    const dy = gradient.data[index]!
    for (let u = 0; u < kh; u++) {
      for (let v = 0; v < kw; v++) {
        const iy = y * stride + u * dilation - py
        const ix = x * stride + v * dilation - px
        if (iy < 0 || ix < 0 || iy >= h || ix >= w) continue
        const at = ((sample * h + iy) * w + ix) * c + first
        for (let k = 0; k < i; k++) {
          const tap = ((channel * i + k) * kh + u) * kw + v
          dx[at + k]! += dy * weight.data[tap]!
          dw[tap]! += dy * input.data[at + k]!
        }
      }
    }
  }
  return { input: { data: dx, shape: input.shape }, weight: { data: dw, shape: weight.shape } }
}
