// Slow, obvious float64 gradients of the ops without weights: they scatter, where the kernels gather.

import type { Rectifier } from '../../src/kernels/activation.ts'
import { type HostTensor, sizeOf } from '../helpers/tensors.ts'

/** @param output what the ReLU or ReLU6 gave */
export function rectifier(upstream: HostTensor, output: HostTensor, activation: Rectifier): HostTensor {
  const top = activation === 'relu6' ? 6 : Number.POSITIVE_INFINITY
  const passes = (value: number) => value > 0 && value < top
  const data = Float64Array.from(upstream.data, (value, i) => (passes(output.data[i]!) ? value : 0))
  return { data, shape: upstream.shape }
}

/** Of the inputs and, with logits, of the logits. */
export function weightedSum(
  upstream: HostTensor,
  inputs: readonly HostTensor[],
  logits?: ArrayLike<number>,
): { readonly inputs: readonly HostTensor[]; readonly weights: HostTensor } {
  const exponentials = inputs.map((_, level) => Math.exp(logits?.[level] ?? 0))
  const weights = exponentials.map((value) => value / exponentials.reduce((sum, other) => sum + other, 0))
  const products = inputs.map(({ data }) => Array.from(data).reduce((sum, x, i) => sum + x * upstream.data[i]!, 0))
  const mean = products.reduce((sum, value, level) => sum + weights[level]! * value, 0)
  return {
    inputs: weights.map((w) => ({ data: Float64Array.from(upstream.data, (g) => w * g), shape: upstream.shape })),
    weights: { data: Float64Array.from(weights, (w, level) => w * (products[level]! - mean)), shape: [inputs.length] },
  }
}

interface Window {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
}

/** Each window's gradient goes to its first maximum in row-major order. */
export function maxPool(upstream: HostTensor, input: HostTensor, { kernel, stride, padding }: Window): HostTensor {
  const image = view(input)
  const result = zeros(input.shape)
  const target = view(result)
  view(upstream).each((n, i, j, c, gradient) => {
    let first: readonly [number, number] | undefined
    let largest = Number.NEGATIVE_INFINITY
    for (let y = i * stride - padding; y < i * stride - padding + kernel; y++) {
      for (let x = j * stride - padding; x < j * stride - padding + kernel; x++) {
        const value = image.inside(y, x) ? input.data[image.index(n, y, x, c)]! : Number.NEGATIVE_INFINITY
        if (value > largest) {
          largest = value
          first = [y, x]
        }
      }
    }
    if (first) result.data[target.index(n, first[0], first[1], c)]! += gradient
  })
  return result
}

export function centerCrop(upstream: HostTensor, inputShape: readonly number[]): HostTensor {
  const [, height = 0, width = 0] = inputShape
  const [, size = 0] = upstream.shape
  const result = zeros(inputShape)
  const target = view(result)
  const top = Math.floor((height - size) / 2)
  const left = Math.floor((width - size) / 2)
  view(upstream).each((n, i, j, c, gradient) => {
    result.data[target.index(n, top + i, left + j, c)] = gradient
  })
  return result
}

/** Of a linear op that takes maps of `inputShape`: its transpose, column by column. */
export function linear(
  upstream: HostTensor,
  inputShape: readonly number[],
  op: (input: HostTensor) => HostTensor,
): HostTensor {
  const result = zeros(inputShape)
  for (let i = 0; i < result.data.length; i++) {
    const basis = zeros(inputShape)
    basis.data[i] = 1
    result.data[i] = Array.from(op(basis).data).reduce((sum, value, k) => sum + value * upstream.data[k]!, 0)
  }
  return result
}

export function depthwiseCorrelation(
  upstream: HostTensor,
  input: HostTensor,
  kernel: HostTensor,
): { readonly input: HostTensor; readonly kernel: HostTensor } {
  const result = { input: zeros(input.shape), kernel: zeros(kernel.shape) }
  const x = view(input)
  const k = view(kernel)
  const [, kernelHeight = 0, kernelWidth = 0] = kernel.shape
  view(upstream).each((n, i, j, c, gradient) => {
    for (let u = 0; u < kernelHeight; u++) {
      for (let v = 0; v < kernelWidth; v++) {
        const at = x.index(n, i + u, j + v, c)
        const tap = k.index(n, u, v, c)
        result.input.data[at]! += gradient * kernel.data[tap]!
        result.kernel.data[tap]! += gradient * input.data[at]!
      }
    }
  })
  return result
}

function zeros(shape: readonly number[]): HostTensor {
  return { data: new Float64Array(sizeOf(shape)), shape }
}

/** Indices of a `[N, H, W, C]` tensor. */
function view({ data, shape }: HostTensor) {
  const [, height = 0, width = 0, channels = 0] = shape
  return {
    index: (n: number, y: number, x: number, c: number) => ((n * height + y) * width + x) * channels + c,
    inside: (y: number, x: number) => y >= 0 && x >= 0 && y < height && x < width,
    each(visit: (n: number, y: number, x: number, c: number, value: number) => void): void {
      for (const [i, value] of data.entries()) {
        const pixel = Math.floor(i / channels)
        const row = Math.floor(pixel / width)
        visit(Math.floor(row / height), row % height, pixel % width, i % channels, value)
      }
    },
  }
}
