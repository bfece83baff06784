// Slow, obvious float64 versions of the ops that move along height and width, all `[N, H, W, C]`.

import type { HostTensor } from '../helpers/tensors.ts'

/** A new image, pixel by pixel. */
export function build(
  shape: readonly [number, number, number, number],
  value: (n: number, y: number, x: number, c: number) => number,
): HostTensor {
  const [batch, height, width, channels] = shape
  const data = new Float64Array(batch * height * width * channels)
  let at = 0
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) data[at++] = value(n, y, x, c)
  return { data, shape }
}

/** The value at a position, undefined outside of the image. */
export function at({ data, shape }: HostTensor, n: number, y: number, x: number, c: number): number | undefined {
  const [, height = 0, width = 0, channels = 0] = shape
  if (y < 0 || x < 0 || y >= height || x >= width) return undefined
  return data[((n * height + y) * width + x) * channels + c]
}

export function maxPool(input: HostTensor, kernel: number, stride: number, padding: number): HostTensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
  const size = (extent: number) => Math.floor((extent + 2 * padding - kernel) / stride) + 1
  return build([batch, size(height), size(width), channels], (n, y, x, c) => {
    let largest = Number.NEGATIVE_INFINITY
    for (let u = 0; u < kernel; u++)
      for (let v = 0; v < kernel; v++)
        largest = Math.max(largest, at(input, n, y * stride + u - padding, x * stride + v - padding, c) ?? largest)
    return largest
  })
}

/** `[N, 1, 1, C]` */
export function globalAveragePool(input: HostTensor): HostTensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
  return build([batch, 1, 1, channels], (n, _y, _x, c) => {
    let sum = 0
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) sum += at(input, n, y, x, c)!
    return sum / (height * width)
  })
}

export function centerCrop(input: HostTensor, size: number): HostTensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
  const top = Math.floor((height - size) / 2)
  const left = Math.floor((width - size) / 2)
  return build([batch, size, size, channels], (n, y, x, c) => at(input, n, top + y, left + x, c)!)
}

/** Neighbours clamped to the image; half-pixel centres, or the corners' centres kept. */
export function bilinearResize(
  input: HostTensor,
  size: number | readonly [number, number],
  alignCorners = false,
): HostTensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
  const [outHeight, outWidth] = typeof size === 'number' ? [size, size] : size
  const source = (d: number, from: number, to: number) => {
    if (alignCorners) return to === 1 ? 0 : (d * (from - 1)) / (to - 1)
    return Math.max(0, ((d + 0.5) * from) / to - 0.5)
  }
  return build([batch, outHeight, outWidth, channels], (n, y, x, c) => {
    const row = source(y, height, outHeight)
    const column = source(x, width, outWidth)
    const top = Math.floor(row)
    const left = Math.floor(column)
    const bottom = Math.min(top + 1, height - 1)
    const right = Math.min(left + 1, width - 1)
    const upper = mix(at(input, n, top, left, c)!, at(input, n, top, right, c)!, column - left)
    const lower = mix(at(input, n, bottom, left, c)!, at(input, n, bottom, right, c)!, column - left)
    return mix(upper, lower, row - top)
  })
}

/** Source pixel `floor(d * IN / OUT)`. */
export function nearestResize(input: HostTensor, size: number | readonly [number, number]): HostTensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
  const [outHeight, outWidth] = typeof size === 'number' ? [size, size] : size
  return build([batch, outHeight, outWidth, channels], (n, y, x, c) => {
    return at(input, n, Math.floor((y * height) / outHeight), Math.floor((x * width) / outWidth), c)!
  })
}

/** `y[n,i,j,c] = sum over u,v of input[n,i+u,j+v,c] * kernel[n,u,v,c]`. */
export function depthwiseCorrelation(input: HostTensor, kernel: HostTensor): HostTensor {
  const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
  const [, kernelHeight = 0, kernelWidth = 0] = kernel.shape
  return build([batch, height - kernelHeight + 1, width - kernelWidth + 1, channels], (n, y, x, c) => {
    let sum = 0
    for (let u = 0; u < kernelHeight; u++)
      for (let v = 0; v < kernelWidth; v++) sum += at(input, n, y + u, x + v, c)! * at(kernel, n, u, v, c)!
    return sum
  })
}

function mix(a: number, b: number, fraction: number): number {
  return a + (b - a) * fraction
}
