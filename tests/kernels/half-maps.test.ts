// Maps in half precision: every kernel that reads them computes as in single precision and rounds once, so that it gives the bits
// nearest to what it gives for the same numbers in single precision. Sums over maps (filters' gradients, statistics) are the same
// bits. Single precision is compared with float64 elsewhere; here some results are compared with it directly, too.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toFloat32 } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { toHalf } from '../../src/gpu/half.ts'
import { runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { globalAveragePool, globalAveragePoolGradient } from '../../src/kernels/average-pool.ts'
import {
  batchNormNormalise,
  batchNormTrain,
  batchNormTrainGradient,
  channelSum,
  frozenBatchNormGradient,
} from '../../src/kernels/batch-norm.ts'
import { registerFamily } from '../../src/kernels/conv/candidates.ts'
import { packConvWeight } from '../../src/kernels/conv/filter.ts'
import { conv2d } from '../../src/kernels/conv/forward.ts'
import { convInputGradient } from '../../src/kernels/conv/input-gradient.ts'
import type { ConvPlan } from '../../src/kernels/conv/plan.ts'
import { convWeightGradient } from '../../src/kernels/conv/weight-gradient.ts'
import type { WeightGradientPlan } from '../../src/kernels/conv/weight-gradient-plan.ts'
import { depthwiseCorrelation, depthwiseCorrelationGradient } from '../../src/kernels/correlation.ts'
import { add, convert, relu, relu6, reluGradient, sigmoid, sigmoidGradient } from '../../src/kernels/elementwise.ts'
import { frozenBatchNorm } from '../../src/kernels/norm.ts'
import {
  bilinearResize,
  bilinearResizeGradient,
  nearestResize,
  nearestResizeGradient,
} from '../../src/kernels/resize.ts'
import { appendSamples, appendSamplesGradient, copySamples, joinSamples } from '../../src/kernels/samples.ts'
import { centerCrop, centerCropGradient, maxPool, maxPoolGradient } from '../../src/kernels/spatial.ts'
import { weightedSum, weightedSumGradient } from '../../src/kernels/weighted-sum.ts'
import { expectClose, random, sizeOf } from '../helpers/tensors.ts'
import * as reference from '../reference/conv2d.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

type Shape = readonly number[]

/** What a case is given: maps in the precision that is tried, vectors in single precision. */
interface Operands {
  map(name: string, shape: Shape): GpuTensor
  vector(name: string, length: number): GpuTensor
  /** Above zero. */
  variance(length: number): GpuTensor
  filter(shape: Shape): ReturnType<typeof packConvWeight>
}

type Case = (r: Recorder, given: Operands) => readonly GpuTensor[]

/** The nearest halves, as single precision. */
function rounded(values: Float32Array): Float32Array {
  return singles(toHalf(values))
}

interface Result {
  readonly dtype: string
  readonly data: Float32Array | Uint16Array
  readonly shape: Shape
}

async function run(record: Case, precision: 'f32' | 'f16') {
  const owned: GpuTensor[] = []
  const known = new Map<string, GpuTensor>()
  const own = (name: string, make: () => GpuTensor) => {
    const tensor = known.get(name) ?? make()
    known.set(name, tensor)
    owned.push(tensor)
    return tensor
  }
  const values = (name: string, shape: Shape) => Float32Array.from(random(name, shape, 2).data)
  const given: Operands = {
    map: (name, shape) =>
      own(name, () => {
        const data = values(name, shape)
        return device.tensor(precision === 'f16' ? toHalf(data) : rounded(data), shape, name)
      }),
    vector: (name, length) => own(name, () => device.tensor(values(name, [length]), [length], name)),
    variance: (length) =>
      own('variance', () =>
        device.tensor(
          values('variance', [length]).map((x) => Math.abs(x) + 0.1),
          [length],
        ),
      ),
    filter: (shape) => {
      const weight = packConvWeight(device, values('filter', shape), shape)
      owned.push(weight.tensor)
      return weight
    },
  }
  const program = await runOnce(device, (r) => record(r, given))
  const results: Result[] = []
  for (const tensor of program.result) {
    const { dtype, shape } = tensor
    results.push({ dtype, shape, data: (await device.read(tensor)) as Float32Array | Uint16Array })
  }
  program.destroy()
  for (const tensor of owned) device.release(tensor)
  return results
}

/** Half precision gives what single precision gives, maps rounded once. */
async function expectTwins(record: Case): Promise<readonly Result[]> {
  const [half, single] = [await run(record, 'f16'), await run(record, 'f32')]
  expect(half.map(({ shape }) => shape)).toEqual(single.map(({ shape }) => shape))
  expect(half.some(({ dtype }) => dtype === 'f16') || half.every(({ shape }) => shape.length !== 4)).toBe(true)
  for (const [i, { dtype, data }] of half.entries()) {
    const twin = single[i]!
    expect(twin.dtype).toBe('f32')
    expect(twin.data.some((value) => value !== 0)).toBe(true)
    expect(twin.data.some(Number.isNaN)).toBe(false)
    expect(data).toEqual(dtype === 'f16' ? toHalf(twin.data as Float32Array) : twin.data)
  }
  return half
}

function singles(halves: Uint16Array): Float32Array {
  return toFloat32({ dtype: 'f16', shape: [halves.length], data: new Uint8Array(halves.buffer) })
}

const odd = [2, 5, 7, 3]
const fours = [2, 5, 6, 8]

describe.each([
  ['an odd number of channels', odd],
  ['channels in fours', fours],
])('%s', (_, shape) => {
  const channels = shape[3]!
  const [batch, height, width] = shape as [number, number, number, number]
  const cases: Readonly<Record<string, Case>> = {
    relu: (r, { map }) => [relu(r, map('x', shape)), relu6(r, map('x', shape))],
    'gradient of ReLU': (r, { map }) => [reluGradient(r, { gradient: map('g', shape), output: map('x', shape) })],
    sum: (r, { map }) => [add(r, { a: map('x', shape), b: map('y', shape), activation: 'relu6' })],
    sigmoid: (r, { map }) => [
      sigmoid(r, map('x', shape)),
      sigmoidGradient(r, { gradient: map('g', shape), output: map('x', shape) }),
    ],
    'batch norm': (r, { map, vector, variance }) => {
      const affine = { gamma: vector('gamma', channels), beta: vector('beta', channels) }
      const running = { runningMean: vector('mean', channels), runningVar: variance(channels) }
      const common = { input: map('x', shape), ...affine, activation: 'relu', label: 'norm' } as const
      const { output, mean, invStd } = batchNormTrain(r, {
        ...{ ...common, ...running, momentum: 0.1, eps: 1e-5 },
        residual: map('y', shape),
      })
      const plain = batchNormNormalise(r, { ...common, mean, invStd })
      return [output, mean, invStd, plain]
    },
    'gradient of a batch norm': (r, { map, vector, variance }) => {
      const statistics = { mean: vector('mean', channels), invStd: variance(channels) }
      const common = {
        gradient: map('g', shape),
        input: map('x', shape),
        ...statistics,
        gamma: vector('gamma', channels),
      }
      const kept = batchNormTrainGradient(r, { ...common, output: map('y', shape), activation: 'relu', residual: true })
      const again = batchNormTrainGradient(r, { ...common, beta: vector('beta', channels), activation: 'relu6' })
      return [kept.input, kept.gamma, kept.beta, kept.residual!, again.input, again.gamma, again.beta]
    },
    'frozen batch norm': (r, { map, vector }) => [
      frozenBatchNorm(r, {
        ...{ input: map('x', shape), scale: vector('scale', channels), bias: vector('bias', channels) },
        activation: 'relu',
      }),
    ],
    'gradient of a frozen batch norm': (r, { map, vector, variance }) => {
      const found = frozenBatchNormGradient(r, {
        ...{
          gradient: map('g', shape),
          input: map('x', shape),
          output: map('y', shape),
          activation: 'relu',
          eps: 1e-5,
        },
        ...{ gamma: vector('gamma', channels), mean: vector('mean', channels), variance: variance(channels) },
      })
      return [found.input, found.gamma, found.beta]
    },
    'sum over pixels': (r, { map }) => [channelSum(r, map('g', shape))],
    'max pool': (r, { map }) => {
      const window = { kernel: 3, stride: 2, padding: 1 }
      const input = map('x', shape)
      const output = maxPool(r, { input, ...window })
      return [output, maxPoolGradient(r, { gradient: map('g', output.shape), input, output, ...window })]
    },
    'center crop': (r, { map }) => [
      centerCrop(r, { input: map('x', shape), size: 3 }),
      centerCropGradient(r, { gradient: map('g', [batch, 3, 3, channels]), inputShape: shape }),
    ],
    'bilinear resize': (r, { map }) => [
      bilinearResize(r, { input: map('x', shape), size: [9, 4] }),
      bilinearResizeGradient(r, { gradient: map('g', [batch, 9, 4, channels]), inputShape: shape }),
    ],
    'nearest resize': (r, { map }) => [
      nearestResize(r, { input: map('x', shape), size: [9, 4] }),
      nearestResizeGradient(r, { gradient: map('g', [batch, 9, 4, channels]), inputShape: shape }),
    ],
    'average pool': (r, { map }) => [
      globalAveragePool(r, map('x', shape)),
      globalAveragePoolGradient(r, { gradient: map('g', [batch, 1, 1, channels]), inputShape: shape }),
    ],
    'parts of a batch': (r, { map }) => {
      const input = map('x', shape)
      const range = { first: 1, count: 1 }
      return [
        copySamples(r, { input, ...range }),
        joinSamples(r, [input, map('y', [1, height, width, channels])]),
        appendSamples(r, { input, ...range }),
        appendSamplesGradient(r, { gradient: map('g', [batch + 1, height, width, channels]), ...range }),
      ]
    },
    'weighted sum': (r, { map, vector }) => {
      const inputs = ['x', 'y', 'z'].map((name) => map(name, shape))
      const weights = vector('weights', 3)
      const found = weightedSumGradient(r, { gradient: map('g', shape), inputs, weights })
      return [weightedSum(r, { inputs, weights }), ...found.inputs, found.weights!]
    },
    average: (r, { map }) => {
      const inputs = ['x', 'y'].map((name) => map(name, shape))
      return [weightedSum(r, { inputs }), ...weightedSumGradient(r, { gradient: map('g', shape), inputs }).inputs]
    },
    correlation: (r, { map }) => {
      const [input, kernel] = [map('x', shape), map('k', [batch, 3, 2, channels])]
      const output = depthwiseCorrelation(r, { input, kernel })
      const found = depthwiseCorrelationGradient(r, { gradient: map('g', output.shape), input, kernel })
      return [output, found.input, found.kernel]
    },
  }
  test.each(Object.entries(cases))('%s', async (_name, record) => void (await expectTwins(record)))
})

test('a correlation with more taps than registers hold', async () => {
  await expectTwins((r, { map }) => {
    const [input, kernel] = [map('x', [2, 10, 11, 3]), map('k', [2, 8, 7, 3])]
    const output = depthwiseCorrelation(r, { input, kernel })
    const found = depthwiseCorrelationGradient(r, { gradient: map('g', output.shape), input, kernel })
    return [output, found.input, found.kernel]
  })
})

/** Four of the inner dimension at a time: a software adapter compiles the loop over them unrolled. */
const tile = { tileM: 32, tileN: 32, tileK: 4, rows: 4, channels: 4, buffers: 2 } as const

interface Window {
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
}

interface ConvCase extends Window {
  readonly x: Shape
  readonly w: Shape
  readonly plan?: ConvPlan
  readonly gradientPlan?: WeightGradientPlan
}

const dilated = { x: [2, 9, 7, 8], w: [12, 8, 3, 3], padding: 2, dilation: 2 } as const

/** Of each variant, forward and for the filter's gradient; what the adapter takes by itself where no plan is given. */
const convs: Readonly<Record<string, ConvCase>> = {
  'odd channels': { x: [1, 6, 7, 5], w: [9, 5, 3, 3], stride: 2, padding: 1 },
  groups: { x: [1, 6, 7, 6], w: [9, 2, 3, 3], padding: 1, groups: 3 },
  'one element at a time': { ...dilated, plan: { variant: 'direct' }, gradientPlan: { variant: 'direct', splits: 3 } },
  tiles: {
    ...dilated,
    plan: { variant: 'tiled', ...tile, splitK: 1 },
    gradientPlan: { variant: 'tiled', ...tile, splits: 1 },
  },
  'tiles, split': {
    ...dilated,
    plan: { variant: 'tiled', ...tile, splitK: 2 },
    gradientPlan: { variant: 'tiled', ...tile, splits: 2 },
  },
  registers: {
    ...dilated,
    plan: { variant: 'registers', ...registerFamily[0], splitK: 1 },
    gradientPlan: { variant: 'registers', channels: 4, splits: 2 },
  },
  'registers, split': { ...dilated, plan: { variant: 'registers', ...registerFamily[0], splitK: 2 } },
  subgroups: { ...dilated, plan: { variant: 'subgroup' }, gradientPlan: { variant: 'subgroup', splits: 2 } },
  'subgroups, in parts of the filter': {
    x: [1, 4, 5, 256],
    w: [32, 256, 3, 3],
    padding: 1,
    plan: { variant: 'subgroup' },
  },
  'few channels': {
    ...{ x: [1, 9, 8, 8], w: [10, 8, 3, 3], padding: 1 },
    plan: { variant: 'narrow', channelsPerLane: 2 },
    gradientPlan: { variant: 'narrow', channelsPerLane: 2, splits: 2 },
  },
  'few channels, one by one': {
    ...{ x: [1, 9, 8, 8], w: [5, 8, 3, 3], padding: 1 },
    plan: { variant: 'narrow', channelsPerLane: 1 },
    gradientPlan: { variant: 'narrow', channelsPerLane: 1, splits: 1 },
  },
  'few channels in fours': {
    ...{ x: [2, 9, 8, 4], w: [12, 4, 3, 3], stride: 2 },
    plan: { variant: 'narrow', channelsPerLane: 4 },
    gradientPlan: { variant: 'narrow', channelsPerLane: 4, splits: 1 },
  },
  Winograd: {
    ...{ x: [1, 8, 7, 64], w: [32, 64, 3, 3], padding: 1 },
    plan: { variant: 'winograd', sliceChannels: 32 },
    gradientPlan: { variant: 'winograd', sliceChannels: 32 },
  },
  'a filter per channel, in fours': { x: [2, 9, 8, 12], w: [12, 1, 3, 3], padding: 1, groups: 12 },
  'a filter per channel, one by one': { x: [1, 9, 8, 6], w: [6, 1, 3, 3], padding: 1, stride: 2, groups: 6 },
}

describe('convolution', () => {
  /** One rounding of the output, and what single precision may differ by. */
  const tolerance = 2 ** -11 + 1e-5

  test.each(Object.entries(convs))(
    'forward, and float64: %s',
    async (_, { x, w, plan, gradientPlan: _unused, ...window }) => {
      const outputs = w[0]!
      const [found] = await expectTwins((r, { map, vector, filter }) => {
        const common = { input: map('x', x), weight: filter(w), ...window, ...(plan && { plan }) }
        const plain = conv2d(r, common)
        const epilogue = {
          scale: vector('scale', outputs),
          bias: vector('bias', outputs),
          residual: map('y', plain.shape),
        }
        return [plain, conv2d(r, { ...common, ...epilogue, activation: 'relu' })]
      })
      const host = (name: string, shape: Shape) => ({ data: Float32Array.from(random(name, shape, 2).data), shape })
      const input = { data: rounded(host('x', x).data), shape: x }
      const exact = reference.conv2d({ input, weight: host('filter', w), ...window })
      expectClose({ data: singles(found!.data as Uint16Array), shape: found!.shape }, exact, tolerance)
    },
  )

  test.each(Object.entries(convs))('gradients: %s', async (_, { x, w, gradientPlan, plan: _unused, ...window }) => {
    await expectTwins((r, { map, filter }) => {
      const [input, weight] = [map('x', x), filter(w)]
      const gradient = map('g', conv2d(r, { input, weight, ...window }).shape)
      const planned = gradientPlan && { plan: gradientPlan }
      return [
        convInputGradient(r, { gradient, weight, inputShape: x, ...window }),
        convWeightGradient(r, { input, gradient, weight, ...window, ...planned }),
      ]
    })
  })

  test('in slices of the batch, where the sums of a sample are all that can be bound', async () => {
    const [x, w] = [
      [4, 6, 8, 64],
      [256, 64, 3, 3],
    ]
    // 24 KiB of output for each sample, and 48 KiB of sums; the filter is larger, but read through windows.
    const sliced = (maxBindingBytes: number): Case => {
      return (r, { map, filter }) => {
        const [input, weight] = [map('x', x), filter(w)]
        Object.defineProperty(r, 'adapter', { value: { ...r.adapter, maxBindingBytes } })
        return [conv2d(r, { input, weight, padding: 1, plan: { variant: 'subgroup' } })]
      }
    }
    expect(await run(sliced(60_000), 'f16')).toEqual(await run(sliced(2 ** 27), 'f16'))
  })

  test('filter and image in half precision', async () => {
    const input = device.tensor(toHalf(Float32Array.from(random('x', fours).data)), fours)
    const values = Float32Array.from(random('filter', [5, 8, 3, 3]).data)
    const weight = packConvWeight(device, values, [5, 8, 3, 3], { precision: 'f16' })
    const program = await runOnce(device, (r) => convert(r, conv2d(r, { input, weight }), 'f32'))
    const exact = reference.conv2d({
      input: { data: rounded(Float32Array.from(random('x', fours).data)), shape: fours },
      weight: { data: rounded(values), shape: [5, 8, 3, 3] },
    })
    expectClose({ data: await device.readF32(program.result), shape: program.result.shape }, exact, tolerance)
    program.destroy()
    for (const tensor of [input, weight.tensor]) device.release(tensor)
  })
})

describe('conversion', () => {
  test('rounds to the nearest, ties to even; what is too large becomes an infinity', async () => {
    const values = [
      0,
      -0,
      1,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      65504,
      65519,
      65520,
      -70000,
      1e30,
      Infinity,
      2 ** -24,
      2 ** -26,
    ]
    const input = device.tensor(Float32Array.from(values), [1, values.length])
    const program = await runOnce(device, (r) => {
      const half = convert(r, input, 'f16')
      expect(convert(r, half, 'f16')).toBe(half)
      return [half, convert(r, half, 'f32')]
    })
    expect(await device.read(program.result[0]!)).toEqual(toHalf(Float32Array.from(values)))
    expect([...(await device.readF32(program.result[1]!))]).toEqual([...rounded(Float32Array.from(values))])
    expect(rounded(Float32Array.from(values)).slice(7, 11)).toEqual(
      Float32Array.of(Infinity, -Infinity, Infinity, Infinity),
    )
    program.destroy()
    device.release(input)
  })

  test('an odd number of halves is written and read', async () => {
    const shape = [1, 3, 5, 1]
    const values = Float32Array.from(random('odd', shape).data)
    const input = device.tensor(toHalf(values), shape)
    expect(input.bytes).toBe(2 * sizeOf(shape))
    const program = await runOnce(device, (r) => relu(r, input))
    expect(await device.read(program.result)).toEqual(toHalf(values.map((value) => Math.max(0, value))))
    program.destroy()
    device.release(input)
  })

  test('maps of two precisions do not meet, nor do kernels that know single precision alone take half', () => {
    const [single, half] = [device.empty([1, 2, 2, 4]), device.empty([1, 2, 2, 4], 'f16')]
    const record = (body: (r: Recorder) => unknown) =>
      runOnce(device, (r) => {
        body(r)
        return relu(r, single)
      })
    return Promise.all([
      expect(record((r) => add(r, { a: half, b: single }))).rejects.toThrow(ShapeError),
      expect(record((r) => add(r, { a: single, b: half }))).rejects.toThrow(/is f16 .*expected f32/),
      expect(record((r) => depthwiseCorrelation(r, { input: single, kernel: half }))).rejects.toThrow(/precision/),
      expect(record((r) => convert(r, device.empty([1, 4], 'u32'), 'f16'))).rejects.toThrow(ShapeError),
    ]).then(() => {
      for (const tensor of [single, half]) device.release(tensor)
    })
  })
})
