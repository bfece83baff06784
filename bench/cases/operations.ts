// The kernels other than convolution, each on the shape that R50 gives it; those that R50 folds into convolutions (batch norm,
// ReLU, sum) on the output of layer3.

import type { Device } from '../../src/gpu/device.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { depthwiseCorrelation } from '../../src/kernels/correlation.ts'
import { channelSums, cropRecord, cropResize, type PackedFrame } from '../../src/kernels/crop-resize.ts'
import { decodeBest, stateRecord } from '../../src/kernels/decode-best.ts'
import { add, relu } from '../../src/kernels/elementwise.ts'
import { frozenBatchNorm } from '../../src/kernels/norm.ts'
import { centerCrop, maxPool } from '../../src/kernels/spatial.ts'
import { weightedSum } from '../../src/kernels/weighted-sum.ts'
import { type BenchCase, type Operation, operationCase } from '../case.ts'
import { noise, videoBox, videoFrame, videoSize } from '../data.ts'

/** Output of layer3. */
const feature = [1, 31, 31, 1024]

export function operationCases(): BenchCase[] {
  return [
    tensorCase({
      name: 'max pool 3x3 s2, 125x125x64',
      shapes: { input: [1, 125, 125, 64] },
      record: (r, { input }) => maxPool(r, { input, kernel: 3, stride: 2, padding: 1 }),
      perFrame: 1,
    }),
    correlationCase('correlation 512, 29x29 * 5x5', { channels: 512, size: 29, kernel: 5 }, 3),
    sumCase('weighted sum, 3 levels 25x25x10', 10),
    sumCase('weighted sum, 3 levels 25x25x20', 20),
    cropCase('crop + resize to 255, 480x360 rgb8', 255),
    decodeCase('decode best of 25x25x5 anchors'),
    meansCase('channel sums, 480x360 rgb8'),
    tensorCase({
      name: 'frozen batch norm + relu, 31x31x1024',
      shapes: { input: feature, vector: [1024] },
      record: (r, { input, vector }) => frozenBatchNorm(r, { input, scale: vector, bias: vector, activation: 'relu' }),
    }),
    tensorCase({
      name: 'relu, 31x31x1024',
      shapes: { input: feature },
      record: (r, { input }) => relu(r, input),
    }),
    tensorCase({
      name: 'add + relu, 31x31x1024',
      shapes: { a: feature, b: feature },
      record: (r, { a, b }) => add(r, { a, b, activation: 'relu' }),
    }),
    tensorCase({
      name: 'centre crop to 7, 15x15x256',
      shapes: { input: [1, 15, 15, 256] },
      record: (r, { input }) => centerCrop(r, { input, size: 7 }),
    }),
  ]
}

interface CorrelationShape {
  readonly channels: number
  readonly size: number
  readonly kernel: number
}

export function correlationCase(name: string, shape: CorrelationShape, perFrame?: number): BenchCase {
  const { channels, size, kernel } = shape
  const shapes = { input: [1, size, size, channels], kernel: [1, kernel, kernel, channels] }
  return tensorCase({ name, shapes, record: depthwiseCorrelation, perFrame })
}

function sumCase(name: string, channels: number): BenchCase {
  const map = [1, 25, 25, channels]
  return tensorCase({
    name,
    shapes: { a: map, b: map, c: map, weights: [3] },
    record: (r, { a, b, c, weights }) => weightedSum(r, { inputs: [a, b, c], weights }),
    perFrame: 1,
  })
}

function cropCase(name: string, size: number): BenchCase {
  const prepare = (device: Device): Operation => {
    const frame = uploadFrame(device)
    const record = cropRecord({ x: 100, y: 50, width: 287, height: 287 }, [104, 117, 124])
    const crops = device.tensor(record, [1, record.length], 'crops')
    return {
      record: (r) => cropResize(r, { frame, crops, size }),
      release: () => {
        for (const tensor of [frame.pixels, crops]) device.release(tensor)
      },
    }
  }
  return operationCase(name, prepare, { perFrame: 1 })
}

function meansCase(name: string): BenchCase {
  return operationCase(name, (device) => {
    const frame = uploadFrame(device)
    return { record: (r) => channelSums(r, frame), release: () => device.release(frame.pixels) }
  })
}

function decodeCase(name: string): BenchCase {
  const shapes = { cls: [1, 25, 25, 10], bbox: [1, 25, 25, 20], anchors: [3125, 4], window: [3125] }
  const center = { cx: videoBox.x, cy: videoBox.y, width: videoBox.width, height: videoBox.height }
  const prepare = (device: Device): Operation => {
    const tensors = upload(device, shapes)
    const state = device.tensor(stateRecord(center, 1.2, videoSize), [1, 8], 'state')
    const settings = { penaltyK: 0.05, windowInfluence: 0.42, lr: 0.38 }
    return {
      record: (r) => decodeBest(r, { ...tensors, state, ...settings }),
      release: () => {
        for (const tensor of [...Object.values(tensors), state]) device.release(tensor)
      },
    }
  }
  return operationCase(name, prepare, { perFrame: 1 })
}

function uploadFrame(device: Device): PackedFrame {
  const { data, width, height } = videoFrame(0)
  const pixels = device.empty([Math.ceil(data.length / 4)], 'u32', 'frame')
  device.write(pixels, data)
  return { pixels, width, height, format: 'rgb8' }
}

type Shapes = Readonly<Record<string, readonly number[]>>

function upload<S extends Shapes>(device: Device, shapes: S): { [Name in keyof S]: GpuTensor } {
  const tensors = Object.entries(shapes).map(([name, shape]) => [name, noise(device, shape, name)])
  return Object.fromEntries(tensors) as { [Name in keyof S]: GpuTensor }
}

interface TensorCase<S extends Shapes> {
  readonly name: string
  /** Of the inputs, which are filled with noise. */
  readonly shapes: S
  readonly record: (r: Recorder, tensors: { [Name in keyof S]: GpuTensor }) => unknown
  readonly perFrame?: number | undefined
}

function tensorCase<S extends Shapes>({ name, shapes, record, perFrame }: TensorCase<S>): BenchCase {
  const prepare = (device: Device): Operation => {
    const tensors = upload(device, shapes)
    const all: readonly GpuTensor[] = Object.values(tensors)
    return {
      record: (r) => record(r, tensors),
      release: () => {
        for (const tensor of all) device.release(tensor)
      },
    }
  }
  return operationCase(name, prepare, perFrame ? { perFrame } : {})
}
