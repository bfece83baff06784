// Between the golden files' layouts (PyTorch's NCHW, flat indices into it) and the kernels' NHWC.

import type { Device } from '../../../src/gpu/device.ts'
import { runOnce } from '../../../src/gpu/program.ts'
import type { Recorder } from '../../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'

/** A dense row-major array with four dimensions. */
export interface Map4 {
  readonly data: Float32Array
  readonly shape: readonly [number, number, number, number]
}

/** A tensor of the files, NCHW as it lies there. @throws GoldenDataError unless it has four dimensions */
export function goldenMap(section: GoldenSection<unknown>, key: string): Map4 {
  const [n = 0, c = 0, h = 0, w = 0, ...rest] = section.tensor(key).shape
  if (section.tensor(key).shape.length !== 4 || rest.length > 0) {
    throw new GoldenDataError(`tensor '${key}' of section ${section.name} has no four dimensions`)
  }
  return { data: section.float32(key), shape: [n, c, h, w] }
}

/** `[N, C, H, W]` to `[N, H, W, C]`, with zero channels appended up to `channels`. */
export function toNHWC({ data, shape }: Map4, channels = shape[1]): Map4 {
  const [batch, count, height, width] = shape
  const moved = new Float32Array(batch * height * width * channels)
  let from = 0
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < count; c++) {
      let to = n * height * width * channels + c
      for (let pixel = 0; pixel < height * width; pixel++, to += channels) moved[to] = data[from++] ?? 0
    }
  }
  return { data: moved, shape: [batch, height, width, channels] }
}

/** `[N, H, W, C]` to `[N, count, H, W]`, from channel `first` on. */
export function toNCHW({ data, shape }: Map4, first = 0, count = shape[3] - first): Map4 {
  const [batch, height, width, channels] = shape
  const moved = new Float32Array(batch * height * width * count)
  let to = 0
  for (let n = 0; n < batch; n++) {
    for (let c = first; c < first + count; c++) {
      let from = n * height * width * channels + c
      for (let pixel = 0; pixel < height * width; pixel++, from += channels) moved[to++] = data[from] ?? 0
    }
  }
  return { data: moved, shape: [batch, count, height, width] }
}

/** Uploads an NCHW map as the kernels want it. */
export function uploadMap(device: Device, map: Map4, channels?: number): GpuTensor {
  const { data, shape } = toNHWC(map, channels)
  return device.tensor(data, shape)
}

/** Reads an activation back as NCHW. */
export async function readMap(device: Device, tensor: GpuTensor): Promise<Map4> {
  const [n = 1, h = 1, w = 1, c = 1] = tensor.shape
  return toNCHW({ data: await device.readF32(tensor), shape: [n, h, w, c] })
}

/** Runs one recording with everything unwritten poisoned, and reads its result back as NCHW. */
export async function evaluate(device: Device, record: (r: Recorder) => GpuTensor): Promise<Map4> {
  const program = await runOnce(device, record)
  try {
    return await readMap(device, program.result)
  } finally {
    program.destroy()
  }
}

/** Lends tensors to `use` and releases them all afterwards. */
export async function withTensors<T>(
  device: Device,
  use: (lend: (tensor: GpuTensor) => GpuTensor) => Promise<T>,
): Promise<T> {
  const lent: GpuTensor[] = []
  try {
    return await use((tensor) => {
      lent.push(tensor)
      return tensor
    })
  } finally {
    for (const tensor of lent) device.release(tensor)
  }
}
