// Host tensors for checks of kernels, inside of tests and outside: seeded values, layout changes, and the distance between two.

import type { Device } from '../../src/gpu/device.ts'
import { type CaptureOptions, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { hashTensor } from '../golden/check/hash.ts'

/** A dense row-major array on the host; activations are `[N, H, W, C]`. */
export interface HostTensor {
  readonly data: Float32Array | Float64Array
  readonly shape: readonly number[]
}

/** Kernels agree with float64 to this part of the largest magnitude. */
export const kernelTolerance = 1e-5

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Values in [-scale, scale), a function of `key` and nothing else. */
export function random(key: string, shape: readonly number[], scale = 1): HostTensor {
  return { data: hashTensor(key, sizeOf(shape), 2 * scale, -scale), shape }
}

/** `[N, C, H, W]` to `[N, H, W, C]`. */
export function toNHWC({ data, shape }: HostTensor): HostTensor {
  const [n = 1, c = 1, h = 1, w = 1] = shape
  const moved = new Float64Array(data.length)
  for (let i = 0; i < moved.length; i++) {
    const channel = i % c
    const pixel = Math.floor(i / c) % (h * w)
    moved[i] = data[(Math.floor(i / (c * h * w)) * c + channel) * h * w + pixel]!
  }
  return { data: moved, shape: [n, h, w, c] }
}

export function upload(device: Device, { data, shape }: HostTensor, label?: string): GpuTensor {
  return device.tensor(Float32Array.from(data), shape, label)
}

/** Runs one recording, everything unwritten poisoned with NaN, and reads its result back. */
export async function evaluate(
  device: Device,
  record: (r: Recorder) => GpuTensor,
  options?: CaptureOptions,
): Promise<HostTensor & { readonly dispatches: number }> {
  const program = await runOnce(device, record, options)
  const data = await device.readF32(program.result)
  program.destroy()
  return { data, shape: program.result.shape, dispatches: program.stats.dispatches }
}

/** Largest difference, as a part of the largest expected magnitude; NaN if any value found is NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0
  let difference = 0
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!))
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!))
    if (Number.isNaN(actual[i]!)) return Number.NaN
  }
  return largest > 0 ? difference / largest : difference
}
