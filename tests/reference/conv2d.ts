// Convolution in float64 by its definition, NHWC input and PyTorch's [O, I/groups, kh, kw] filter, with the epilogue.

import type { Activation } from '../../src/kernels/activation.ts'
import type { HostTensor } from '../helpers/tensors.ts'
import { activate } from './elementwise.ts'

export interface Conv2dReference {
  readonly input: HostTensor
  readonly weight: HostTensor
  readonly stride?: number
  readonly padding?: number | readonly [number, number]
  readonly dilation?: number
  readonly groups?: number
  readonly scale?: HostTensor
  readonly bias?: HostTensor
  readonly residual?: HostTensor
  readonly activation?: Activation
}

export function conv2d(args: Conv2dReference): HostTensor {
  const { input, weight, stride = 1, padding = 0, dilation = 1, groups = 1, scale, bias, residual, activation } = args
  const [n = 0, h = 0, w = 0, c = 0] = input.shape
  const [o = 0, i = 0, kh = 0, kw = 0] = weight.shape
  const [py, px] = typeof padding === 'number' ? [padding, padding] : padding
  const oh = Math.floor((h + 2 * py - dilation * (kh - 1) - 1) / stride) + 1
  const ow = Math.floor((w + 2 * px - dilation * (kw - 1) - 1) / stride) + 1
  const data = new Float64Array(n * oh * ow * o)
  for (let index = 0; index < data.length; index++) {
    const channel = index % o
    const x = Math.floor(index / o) % ow
    const y = Math.floor(index / (o * ow)) % oh
    const sample = Math.floor(index / (o * ow * oh))
    const first = Math.floor(channel / (o / groups)) * i
    let sum = 0
    for (let u = 0; u < kh; u++) {
      for (let v = 0; v < kw; v++) {
        const iy = y * stride + u * dilation - py
        const ix = x * stride + v * dilation - px
        if (iy < 0 || ix < 0 || iy >= h || ix >= w) continue
        const at = ((sample * h + iy) * w + ix) * c + first
        for (let k = 0; k < i; k++) sum += input.data[at + k]! * weight.data[((channel * i + k) * kh + u) * kw + v]!
      }
    }
    if (scale) sum *= scale.data[channel]!
    if (bias) sum += bias.data[channel]!
    if (residual) sum += residual.data[index]!
    data[index] = sum
  }
  return activate({ data, shape: [n, oh, ow, o] }, activation)
}
