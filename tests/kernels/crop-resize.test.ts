import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import {
  type CropRectangle,
  channelMean,
  cropRecord,
  cropResize,
  type PackedFrame,
  type PixelFormat,
} from '../../src/kernels/crop-resize.ts'
import { smoothImage } from '../golden/check/hash.ts'
import { evaluate, expectClose, type HostTensor } from '../helpers/tensors.ts'
import * as reference from '../reference/crop-resize.ts'

const height = 23
const width = 37
const image = smoothImage('test:crop', height, width)
const host: HostTensor = { data: Float32Array.from(image), shape: [1, height, width, 3] }
const padding = [12.5, 130.25, 250.75]

const rectangles: readonly CropRectangle[] = [
  { x: 3, y: 4, width: 16, height: 15 }, // inside
  { x: -9, y: -5, width: 30, height: 31 }, // over the top left corner
  { x: 30, y: 15, width: 20, height: 21 }, // over the bottom right corner
  { x: -10, y: -12, width: 60, height: 50 }, // around the frame
  { x: 100, y: 5, width: 7, height: 9 }, // beside the frame
  { x: 36, y: 22, width: 1, height: 1 }, // the last pixel
]

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** The image with `bytesPerPixel` bytes a pixel and `gap` bytes after each row, all that is not image set to 99. */
function packed(format: Exclude<PixelFormat, 'rgb32f'>, gap: number): PackedFrame {
  const bytesPerPixel = format === 'rgb8' ? 3 : 4
  const rowStride = width * bytesPerPixel + gap
  const bytes = new Uint8Array(Math.ceil((rowStride * (height - 1) + width * bytesPerPixel) / 4) * 4).fill(99)
  for (let p = 0; p < width * height; p++) {
    const start = Math.floor(p / width) * rowStride + (p % width) * bytesPerPixel
    bytes.set(image.subarray(p * 3, p * 3 + 3), start)
  }
  const pixels = device.tensor(new Uint32Array(bytes.buffer), [bytes.length / 4], 'frame')
  return { pixels, width, height, format, rowStride }
}

function upload(records: readonly Float32Array[]): GpuTensor {
  return device.tensor(Float32Array.from(records.flatMap((record) => [...record])), [records.length, 8], 'crops')
}

function reversed({ data, shape }: HostTensor): HostTensor {
  return { data: data.map((_, i) => (i % 4 === 3 ? 0 : data[i - (i % 4) + 2 - (i % 4)]!)), shape }
}

function joined(parts: readonly HostTensor[]): HostTensor {
  const data = Float64Array.from(parts.flatMap((part) => [...part.data]))
  return { data, shape: [parts.length, ...parts[0]!.shape.slice(1)] }
}

describe('crop and resize', () => {
  test.each([
    { format: 'rgb8', gap: 0, size: 11 }, // rows of 111 bytes: pixels straddle words
    { format: 'rgb8', gap: 145, size: 8 }, // rows of 256 bytes, as a texture copy writes them
    { format: 'rgba8', gap: 0, size: 11 },
    { format: 'rgba8', gap: 108, size: 31 },
  ] as const)('cuts every target at once from $format with $gap bytes between rows, to $size', async (problem) => {
    const frame = packed(problem.format, problem.gap)
    const crops = upload(rectangles.map((rectangle) => cropRecord(rectangle, padding)))
    const { size } = problem
    const found = await evaluate(device, (r) => cropResize(r, { frame, crops, size, reverseChannels: false }))
    const expected = joined(rectangles.map((rectangle) => reference.cropResize(host, rectangle, padding, size)))
    expectClose(found, expected, 1e-6)
  })

  test('reverses the channels unless told otherwise; the padding has the order of the result', async () => {
    const frame = packed('rgb8', 0)
    const crops = upload([cropRecord(rectangles[1]!, padding.toReversed())])
    const found = await evaluate(device, (r) => cropResize(r, { frame, crops, size: 9 }))
    expectClose(found, reversed(reference.cropResize(host, rectangles[1]!, padding, 9)), 1e-6)
  })

  test('follows records that change between runs', async () => {
    const frame = packed('rgba8', 0)
    const crops = upload([cropRecord(rectangles[0]!, padding)])
    const program = await capture(device, (r) => cropResize(r, { frame, crops, size: 7, reverseChannels: false }))
    for (const rectangle of rectangles) {
      device.write(crops, cropRecord(rectangle, padding))
      program.run()
      const found = { data: await device.readF32(program.result), shape: [1, 7, 7, 4] }
      expectClose(found, reference.cropResize(host, rectangle, padding, 7), 1e-6)
    }
    program.destroy()
  })

  test('copies pixels exactly where no resize is needed', async () => {
    const frame = packed('rgb8', 0)
    const crops = upload([cropRecord({ x: 5, y: 2, width: 20, height: 20 }, padding)])
    const found = await evaluate(device, (r) => cropResize(r, { frame, crops, size: 20, reverseChannels: false }))
    const expected = reference.cropResize(host, { x: 5, y: 2, width: 20, height: 20 }, padding, 20)
    expectClose(found, expected, 0)
  })
})

describe('bad input', () => {
  test('a rectangle without area or with fractions is refused', () => {
    for (const bad of [
      { width: 0 },
      { height: -3 },
      { x: 0.5 },
      { y: Number.NaN },
      { width: Number.POSITIVE_INFINITY },
    ]) {
      expect(() => cropRecord({ ...rectangles[0]!, ...bad }, padding)).toThrow(ShapeError)
    }
  })

  test('a frame tensor that is too small for its size is refused', async () => {
    const crops = upload([cropRecord(rectangles[0]!, padding)])
    const pixels = device.empty([10], 'u32', 'short')
    const frame = { pixels, width: 4, height: 4, format: 'rgb8' } as const
    const record = (changes: Partial<PackedFrame>) =>
      capture(device, (r) => cropResize(r, { frame: { ...frame, ...changes }, crops, size: 5 }))
    await expect(record({})).rejects.toThrow(/`short` is u32 of 40 bytes.*at least 48/)
    await expect(record({ width: 0 })).rejects.toThrow(ShapeError)
    await expect(record({ height: 2, rowStride: 11 })).rejects.toThrow(/row stride is 11/)
    await expect(record({ format: 'rgba8', height: 1, rowStride: 18 })).rejects.toThrow(/multiple of 4/)
    await expect(record({ pixels: device.empty([99]) })).rejects.toThrow(ShapeError)
  })
})

describe('channel mean', () => {
  test.each([
    { format: 'rgb8', gap: 0 },
    { format: 'rgb8', gap: 145 },
    { format: 'rgba8', gap: 12 },
  ] as const)('is exact for $format with $gap bytes between rows', async ({ format, gap }) => {
    const frame = packed(format, gap)
    const sums = [0, 1, 2].map((c) => image.reduce((sum, value, i) => sum + (i % 3 === c ? value : 0), 0))
    const means = sums.map((sum) => Math.fround(sum / (width * height)))
    expect([...(await channelMean(device, frame, { reverseChannels: false }))]).toEqual(means)
    expect([...(await channelMean(device, frame))]).toEqual(means.toReversed())
  })

  test('does not overflow on a large white frame', async () => {
    const pixels = device.tensor(new Uint32Array(4096 * 4096).fill(0xffffffff), [4096 * 4096])
    const frame = { pixels, width: 4096, height: 4096, format: 'rgba8' } as const
    expect([...(await channelMean(device, frame))]).toEqual([255, 255, 255])
    device.release(pixels)
  })
})
