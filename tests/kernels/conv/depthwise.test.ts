// Depthwise convolution: forward with its epilogue and both gradients against float64, on both kinds of adapter's tiles.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { plan } from '../../../src/gpu/program.ts'
import type { Recorder } from '../../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { depthwisePlan, depthwiseWeightPlan } from '../../../src/kernels/conv/depthwise-plan.ts'
import { packConvWeight, releaseConvWeight, unpackConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import { convProblem } from '../../../src/kernels/conv/geometry.ts'
import { convInputGradient } from '../../../src/kernels/conv/input-gradient.ts'
import { chooseConv } from '../../../src/kernels/conv/plan.ts'
import { convWeightGradient } from '../../../src/kernels/conv/weight-gradient.ts'
import { chooseWeightGradient } from '../../../src/kernels/conv/weight-gradient-plan.ts'
import { evaluate, expectClose, type HostTensor, random, upload } from '../../helpers/tensors.ts'
import * as reference from '../../reference/conv2d.ts'
import { conv2dGradients } from '../../reference/conv2d-gradient.ts'

interface Case {
  /** `[N, H, W, C]` */
  readonly x: readonly [number, number, number, number]
  /** `[kh, kw]` */
  readonly k: readonly [number, number]
  readonly stride?: number
  readonly padding?: number | readonly [number, number]
  readonly dilation?: number
}

/** Few pipelines, which take long to compile: 3x3 with steps of 1 and 2, four channels at a time and one, and a 2x3 filter. */
const cases: readonly Case[] = [
  { x: [1, 13, 13, 8], k: [3, 3], padding: 1 },
  { x: [2, 7, 9, 3], k: [3, 3], padding: 1 }, // channels not divisible by 4
  { x: [2, 11, 10, 12], k: [3, 3], padding: 1, stride: 2 },
  { x: [1, 10, 11, 6], k: [3, 3], stride: 2 }, // the last row and column are not read
  { x: [1, 9, 14, 4], k: [3, 3], padding: 2, dilation: 2 },
  { x: [2, 8, 7, 5], k: [3, 3], padding: 4, dilation: 3 },
  { x: [1, 12, 13, 8], k: [3, 3], padding: 2, dilation: 2, stride: 2 },
  { x: [1, 15, 11, 4], k: [3, 3], padding: 3, dilation: 3, stride: 2 },
  { x: [1, 13, 12, 4], k: [3, 3], padding: 1, dilation: 2, stride: 4 },
  { x: [1, 9, 8, 64], k: [3, 3], padding: 1 },
  { x: [1, 5, 4, 128], k: [3, 3], padding: 1, stride: 2 }, // several panels
  { x: [1, 4, 3, 4], k: [3, 3], padding: 3 }, // outputs that see padding alone
  { x: [1, 1, 1, 4], k: [3, 3], padding: 1 },
  { x: [1, 8, 9, 3], k: [2, 3], padding: [0, 2], stride: 3 }, // rows that no output reads
  { x: [2, 13, 9, 8], k: [9, 9], padding: 4 }, // too many taps for registers
]

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

function prepare(on: Device, { x, k, ...geometry }: Case) {
  const channels = x[3]
  const shape = [channels, 1, ...k]
  const filter = random(`w ${shape}`, shape, 0.5)
  const input = random(`x ${x}`, x)
  const given = { input, weight: filter, groups: channels, ...geometry }
  const weight = packConvWeight(on, Float32Array.from(filter.data), shape)
  return { shape, input, given, weight, options: { weight, groups: channels, ...geometry } }
}

/** Tiles of a GPU, besides those of this adapter. */
const small = { variant: 'depthwise', strip: 4, rows: 4 } as const

describe('depthwise convolution', () => {
  test.each(cases)('agrees with float64, scale, bias and ReLU6 included: %j', async (one) => {
    const { input, given, weight, options } = prepare(device, one)
    const channels = [one.x[3]]
    const extra = { scale: random('scale', channels), bias: random('bias', channels, 7) }
    const expected = reference.conv2d({ ...given, ...extra, activation: 'relu6' })
    const [x, scale, bias] = [input, extra.scale, extra.bias].map((host) => upload(device, host))
    const args = { input: x!, scale, bias, activation: 'relu6', ...options } as const
    expectClose(await evaluate(device, (r) => conv2d(r, args)), expected)
    if (one.k[0] === 3) expectClose(await evaluate(device, (r) => conv2d(r, { ...args, plan: small })), expected)
    for (const tensor of [x, scale, bias]) device.release(tensor!)
    releaseConvWeight(device, weight)
  })

  test('adds a residual, and nothing else where nothing is asked', async () => {
    const { input, given, weight, options } = prepare(device, { x: [2, 7, 9, 3], k: [3, 3], padding: 1 })
    const plain = reference.conv2d(given)
    const residual = random('residual', plain.shape)
    const args = { input: upload(device, input), ...options }
    expectClose(await evaluate(device, (r) => conv2d(r, args)), plain)
    const added = await evaluate(device, (r) => conv2d(r, { ...args, residual: upload(device, residual) }))
    expectClose(added, reference.conv2d({ ...given, residual }))
    releaseConvWeight(device, weight)
  })

  test.each(cases)('has the gradients of float64: %j', async (one) => {
    const { shape, input, given, weight, options } = prepare(device, one)
    const dy = random('dy', reference.conv2d(given).shape)
    const expected = conv2dGradients(given, dy)
    const [gradient, x] = [upload(device, dy), upload(device, input)]
    const dx = await evaluate(device, (r) => convInputGradient(r, { gradient, inputShape: one.x, ...options }))
    expectClose(dx, expected.input)
    const args = { gradient, input: x, ...options }
    const several = { plan: { variant: 'depthwise', strip: 4, rows: 2, samples: 1 } } as const
    for (const plan of one.k[0] === 3 ? [{}, several] : [{}]) {
      const packed = await evaluate(device, (r) => convWeightGradient(r, { ...args, ...plan }))
      expect(packed.shape).toEqual(weight.tensor.shape)
      expect(fillers(packed, one.x[3]).every((value) => value === 0)).toBe(true)
      expectClose({ data: unpackConvWeight(Float32Array.from(packed.data), weight, shape), shape }, expected.weight)
    }
    for (const tensor of [x, gradient]) device.release(tensor)
    releaseConvWeight(device, weight)
  })
})

/** What lies behind the channels in a filter of one panel. */
function fillers({ data, shape }: HostTensor, channels: number): number[] {
  const panel = shape.at(-1)!
  return panel === 64 ? [] : [...data].filter((_, index) => index % panel >= channels)
}

describe('depthwise convolution, besides,', () => {
  test('reads some of the channels of a wider input', async () => {
    for (const firstChannel of [4, 3]) {
      const wide = random('wide', [2, 6, 7, 16])
      const { weight, options, given } = prepare(device, { x: [2, 6, 7, 8], k: [3, 3], padding: 1 })
      const narrow = Float64Array.from(
        { length: 2 * 6 * 7 * 8 },
        (_, i) => wide.data[Math.floor(i / 8) * 16 + firstChannel + (i % 8)]!,
      )
      const input = { data: narrow, shape: [2, 6, 7, 8] }
      const tensor = upload(device, wide)
      const forward = await evaluate(device, (r) => conv2d(r, { input: tensor, ...options, firstChannel }))
      expectClose(forward, reference.conv2d({ ...given, input }))
      releaseConvWeight(device, weight)
    }
  })

  test('works in batch slices above the binding limit, forward and backward', async () => {
    const limited = await openDevice({ bindingLimit: 64 * 1024 })
    for (const stride of [1, 2]) {
      const one: Case = { x: [9, 16, 16, 16], k: [3, 3], padding: 1, stride }
      const { shape, input, given, weight, options } = prepare(limited, one)
      const dy = random('dy', reference.conv2d(given).shape)
      const expected = conv2dGradients(given, dy)
      const [gradient, x] = [upload(limited, dy), upload(limited, input)]
      const forward = await evaluate(limited, (r) => conv2d(r, { input: x, ...options }))
      expect(forward.dispatches).toBeGreaterThan(1)
      expectClose(forward, reference.conv2d(given))
      const dx = await evaluate(limited, (r) => convInputGradient(r, { gradient, inputShape: one.x, ...options }))
      expectClose(dx, expected.input)
      const dw = await evaluate(limited, (r) => convWeightGradient(r, { gradient, input: x, ...options }))
      expectClose({ data: unpackConvWeight(Float32Array.from(dw.data), weight, shape), shape }, expected.weight)
    }
    await limited.close()
  })

  test('has a gradient of the filter that is the same bits each time', async () => {
    const { weight, options } = prepare(device, { x: [40, 5, 5, 8], k: [3, 3], padding: 1 })
    const [input, gradient] = [random('x', [40, 5, 5, 8]), random('dy', [40, 5, 5, 8])].map((t) => upload(device, t))
    const record = (r: Recorder) => convWeightGradient(r, { input: input!, gradient: gradient!, ...options })
    const [first, second] = [await evaluate(device, record), await evaluate(device, record)]
    expect(first.data).toEqual(second.data)
    releaseConvWeight(device, weight)
  })

  test('is one dispatch forward and for the gradient of the input; that of the filter adds parts', () => {
    const { weight, options } = prepare(device, { x: [4, 9, 9, 8], k: [3, 3], padding: 1, stride: 2 })
    const input = device.empty([4, 9, 9, 8])
    const gradient = device.empty([4, 5, 5, 8])
    const count = (record: (r: Recorder) => GpuTensor) => plan(device, record).dispatches
    expect(count((r) => conv2d(r, { input, ...options }))).toBe(1)
    expect(count((r) => convInputGradient(r, { gradient, inputShape: [4, 9, 9, 8], ...options }))).toBe(1)
    expect(count((r) => convWeightGradient(r, { gradient, input, ...options }))).toBe(2)
    releaseConvWeight(device, weight)
  })
})

describe('choice', () => {
  const problem = (channels: number, groups: number, kernel = 3) => {
    const weight = { inChannels: channels / groups, outChannels: channels, kernelHeight: kernel, kernelWidth: kernel }
    const input = { shape: [32, 49, 49, channels], dtype: 'f32' as const, label: 'x' }
    return convProblem({ input, weight: weight as never, groups, padding: 1 })
  }

  test('is the depthwise kernel where every channel is its own group, and its filter fits in registers', () => {
    const adapter = device.adapter
    expect(chooseConv(adapter, problem(16, 16)).variant).toBe('depthwise')
    expect(chooseWeightGradient(adapter, problem(16, 16)).variant).toBe('depthwise')
    expect(chooseConv(adapter, problem(16, 8)).variant).toBe('direct')
    expect(chooseConv(adapter, problem(16, 16, 8)).variant).toBe('direct')
    expect(chooseConv(adapter, problem(1, 1)).variant).not.toBe('depthwise')
  })

  test('gives tall tiles to a software adapter and small ones to a GPU, and bounds the parts of a gradient', () => {
    expect(depthwisePlan({ kind: 'cpu' }, problem(16, 16))).toEqual({ variant: 'depthwise', strip: 4, rows: 49 })
    expect(depthwisePlan({ kind: 'gpu' }, problem(16, 16))).toEqual({ variant: 'depthwise', strip: 4, rows: 4 })
    const parts = { kind: 'cpu', maxBindingBytes: 1 << 27 } as const
    expect(depthwiseWeightPlan(parts, problem(16, 16))).toMatchObject({ rows: 49, samples: 1 })
    expect(depthwiseWeightPlan({ ...parts, maxBindingBytes: 9 * 16 * 4 * 8 }, problem(16, 16))).toMatchObject({
      samples: 4,
    })
  })
})
