// Parts and summaries of NCHW maps that golden files hold in place of whole maps.

import type { Map4 } from './maps.ts'

/** Values at flat indices; NaN where there is none. */
export function entriesAt(values: ArrayLike<number>, indices: Iterable<number>): number[] {
  return Array.from(indices, (index) => values[index] ?? Number.NaN)
}

/** Channels `first .. first + count`. */
export function channels({ data, shape }: Map4, count: number, first = 0): Map4 {
  const [batch, all, height, width] = shape
  const area = height * width
  if (first === 0 && count === all) return { data, shape }
  const part = new Float32Array(batch * count * area)
  for (let n = 0; n < batch; n++) {
    part.set(data.subarray((n * all + first) * area, (n * all + first + count) * area), n * count * area)
  }
  return { data: part, shape: [batch, count, height, width] }
}

/** `[N, C]` at one position. */
export function pixel({ data, shape }: Map4, y: number, x: number): Float32Array {
  const [batch, count, height, width] = shape
  return Float32Array.from({ length: batch * count }, (_, i) => data[(i * height + y) * width + x] ?? Number.NaN)
}

/** Row `y` of channel `c` of the first sample. */
export function rowOf({ data, shape }: Map4, c: number, y: number): Float32Array {
  const [, , height, width] = shape
  return data.slice((c * height + y) * width, (c * height + y + 1) * width)
}

/** Column `x` of channel `c` of the first sample. */
export function columnOf({ data, shape }: Map4, c: number, x: number): Float32Array {
  const [, , height, width] = shape
  return Float32Array.from({ length: height }, (_, y) => data[(c * height + y) * width + x] ?? Number.NaN)
}

/** `[N, C]`: sums over the positions, in float64. */
export function perChannelSums({ data, shape }: Map4): Float64Array {
  const [batch, count, height, width] = shape
  const area = height * width
  return Float64Array.from({ length: batch * count }, (_, i) =>
    data.subarray(i * area, (i + 1) * area).reduce((sum, value) => sum + value, 0),
  )
}

/** Mean, standard deviation and largest magnitude, in float64. */
export function statistics(values: Float32Array): { mean: number; deviation: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return { mean, deviation: Math.sqrt(squares / values.length), largest }
}
