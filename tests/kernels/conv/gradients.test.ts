import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { FeatureError, ShapeError } from '../../../src/gpu/errors.ts'
import { capture } from '../../../src/gpu/program.ts'
import { tileFamily } from '../../../src/kernels/conv/candidates.ts'
import {
  type ConvWeight,
  packConvWeight,
  releaseConvWeight,
  unpackConvWeight,
} from '../../../src/kernels/conv/filter.ts'
import { convInputGradient } from '../../../src/kernels/conv/input-gradient.ts'
import { convWeightGradient } from '../../../src/kernels/conv/weight-gradient.ts'
import type { WeightGradientPlan } from '../../../src/kernels/conv/weight-gradient-plan.ts'
import { evaluate, expectClose, type HostTensor, random, upload } from '../../helpers/tensors.ts'
import * as reference from '../../reference/conv2d.ts'
import { conv2dGradients } from '../../reference/conv2d-gradient.ts'

interface Case {
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number, number]
  readonly stride?: number
  readonly padding?: number | readonly [number, number]
  readonly dilation?: number
  readonly groups?: number
}

const cases: readonly Case[] = [
  { x: [1, 5, 7, 4], w: [4, 4, 1, 1] },
  { x: [1, 9, 11, 3], w: [5, 3, 1, 1] },
  { x: [2, 7, 5, 12], w: [20, 12, 1, 1], stride: 2 }, // phases without taps
  { x: [1, 9, 11, 8], w: [68, 8, 3, 3], padding: 1 },
  { x: [2, 6, 7, 17], w: [13, 17, 3, 3], padding: 1 },
  { x: [2, 11, 10, 8], w: [12, 8, 3, 3], stride: 2 }, // the last row and column are not read
  { x: [1, 8, 9, 4], w: [8, 4, 5, 3], padding: [2, 1], stride: 2 },
  { x: [1, 11, 13, 4], w: [8, 4, 3, 3], padding: 2, dilation: 2 },
  { x: [1, 13, 12, 4], w: [8, 4, 3, 3], padding: 1, dilation: 3, stride: 2 },
  { x: [2, 13, 11, 8], w: [4, 8, 3, 3], padding: 4, dilation: 4, stride: 2 },
  { x: [1, 14, 13, 8], w: [8, 8, 4, 3], padding: [0, 2], dilation: 2, stride: 3 },
  { x: [1, 7, 6, 4], w: [8, 4, 3, 3], padding: 4 }, // outputs that see padding alone
  { x: [1, 5, 4, 8], w: [4, 8, 1, 1], padding: 2, stride: 3 },
  { x: [1, 2, 9, 4], w: [4, 4, 1, 3], stride: 3 }, // fewer rows than phases
  { x: [1, 23, 21, 3], w: [6, 3, 7, 7], stride: 2, padding: [0, 3] },
  { x: [2, 9, 8, 6], w: [9, 2, 3, 3], padding: 1, groups: 3 },
  { x: [1, 10, 10, 8], w: [8, 2, 3, 3], stride: 2, padding: 2, dilation: 2, groups: 4 },
  { x: [2, 5, 6, 64], w: [128, 64, 3, 3], padding: 1 }, // several panels
  { x: [1, 6, 5, 8], w: [10, 8, 3, 3], padding: 1, stride: 2 }, // the fast kernels read more channels than there are
]

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

function hasSubgroupsOf8({ adapter }: Device): boolean {
  return adapter.features.has('subgroups') && adapter.subgroupMinSize >= 8
}

interface Prepared {
  readonly weight: ConvWeight
  readonly input: HostTensor
  readonly gradient: HostTensor
  readonly expected: { readonly input: HostTensor; readonly weight: HostTensor }
}

function prepare(on: Device, given: Case): Prepared {
  const { x, w, ...geometry } = given
  const input = random(`x ${x}`, x)
  const filter = random(`w ${w}`, w, 0.5)
  const { shape } = reference.conv2d({ input, weight: filter, ...geometry })
  const gradient = random(`dy ${shape}`, shape)
  const weight = packConvWeight(on, Float32Array.from(filter.data), w)
  return { weight, input, gradient, expected: conv2dGradients({ input, weight: filter, ...geometry }, gradient) }
}

/** The filter's gradient in PyTorch's layout. What only fills a panel must be zero. */
function unpacked(packed: HostTensor, weight: ConvWeight, shape: readonly number[]): HostTensor {
  expect(packed.shape).toEqual(weight.tensor.shape)
  const { panel, outChannels } = weight
  const padding = packed.data.filter((_, index) => panel !== 64 && index % panel >= outChannels)
  expect(padding.every((value) => value === 0)).toBe(true)
  return { data: unpackConvWeight(Float32Array.from(packed.data), weight, shape), shape }
}

describe('gradient of the input of a convolution', () => {
  test.each(cases)('agrees with float64: %j', async (given) => {
    const { weight, gradient, expected } = prepare(device, given)
    const { x: inputShape, w: _, ...geometry } = given
    const args = { gradient: upload(device, gradient), weight, inputShape, ...geometry }
    expectClose(await evaluate(device, (r) => convInputGradient(r, args)), expected.input)
    releaseConvWeight(device, weight)
  })

  test('works in batch slices above the binding limit', async () => {
    const limited = await openDevice({ bindingLimit: 64 * 1024 })
    try {
      for (const stride of [1, 2]) {
        const given: Case = { x: [9, 16, 16, 8], w: [16, 8, 3, 3], padding: 1, stride }
        const { weight, gradient, expected } = prepare(limited, given)
        const args = { gradient: upload(limited, gradient), weight, inputShape: given.x, padding: 1, stride }
        const result = await evaluate(limited, (r) => convInputGradient(r, args))
        expect(result.dispatches).toBeGreaterThan(2)
        expectClose(result, expected.input)
      }
    } finally {
      await limited.close()
    }
  })

  test('names what does not fit', async () => {
    const { weight, gradient } = prepare(device, { x: [1, 5, 5, 4], w: [4, 4, 3, 3] })
    const args = { gradient: upload(device, gradient, 'dy'), weight, inputShape: [1, 6, 5, 4] }
    const record = capture(device, (r) => convInputGradient(r, args))
    await expect(record).rejects.toThrow(/dy.*\[1,3,3,4\], expected f32 \[1,4,3,4\]/)
    await expect(record).rejects.toThrow(ShapeError)
  })
})

/** Channels divisible by 4, what the subgroup and tiled kernels take: tiles that are full, nearly empty, of several taps. */
const divisibleBy4: readonly Case[] = [
  ...cases.filter(({ w, groups }) => !groups && w[0] % 4 === 0 && w[1] % 4 === 0),
  { x: [3, 6, 5, 20], w: [72, 20, 3, 3], padding: 1 },
  { x: [2, 5, 3, 32], w: [64, 32, 3, 3], padding: 2, dilation: 2, stride: 2 },
  { x: [2, 3, 11, 64], w: [4, 64, 1, 1] },
  { x: [2, 17, 15, 4], w: [16, 4, 7, 7], stride: 2 },
]

/** What the kernels for few output channels take. */
const anyOutputs: readonly Case[] = [
  ...divisibleBy4.slice(-4),
  { x: [2, 7, 9, 8], w: [5, 8, 3, 3], padding: 1 },
  { x: [2, 5, 6, 16], w: [10, 16, 1, 1] },
]

const winogradCases: readonly Case[] = [
  { x: [1, 6, 6, 4], w: [4, 4, 3, 3] },
  { x: [2, 7, 9, 8], w: [12, 8, 3, 3], padding: 1 },
  { x: [1, 11, 13, 4], w: [72, 4, 3, 3], padding: 2, dilation: 2 },
  { x: [2, 13, 10, 8], w: [4, 8, 3, 3], padding: 4, dilation: 4 },
  { x: [1, 9, 9, 4], w: [8, 4, 3, 3], padding: [0, 3], dilation: 3 },
]

const square32 = { tileM: 32, tileN: 32, tileK: 16, rows: 4, channels: 4, buffers: 2 } as const

const plans: readonly { name: string; plan: WeightGradientPlan; cases: readonly Case[] }[] = [
  { name: 'direct', plan: { variant: 'direct', splits: 1 }, cases },
  { name: 'direct, split in 3', plan: { variant: 'direct', splits: 3 }, cases: cases.slice(0, 8) },
  { name: 'tiled 32x32', plan: { variant: 'tiled', ...square32, splits: 1 }, cases: divisibleBy4.slice(-5) },
  { name: 'tiled, split in 3', plan: { variant: 'tiled', ...square32, splits: 3 }, cases: divisibleBy4.slice(2, 5) },
  { name: 'subgroup', plan: { variant: 'subgroup', splits: 1 }, cases: divisibleBy4 },
  { name: 'subgroup, split in 3', plan: { variant: 'subgroup', splits: 3 }, cases: divisibleBy4 },
  { name: '8 channels', plan: { variant: 'narrow', channelsPerLane: 1, splits: 1 }, cases: anyOutputs },
  {
    name: '16 channels, split in 2',
    plan: { variant: 'narrow', channelsPerLane: 2, splits: 2 },
    cases: anyOutputs.filter(({ w }) => w[0] % 2 === 0),
  },
  { name: '32 channels', plan: { variant: 'narrow', channelsPerLane: 4, splits: 1 }, cases: divisibleBy4 },
  ...tileFamily.slice(6, 8).map((tile) => ({
    name: `tiled, ${JSON.stringify(tile)}`,
    plan: { variant: 'tiled', ...tile, splits: 2 } as const,
    cases: divisibleBy4.slice(-4, -3),
  })),
  ...([4, 8] as const).map((channels) => ({
    name: `registers, ${channels} channels`,
    plan: { variant: 'registers', channels, splits: channels / 4 } as const,
    cases: divisibleBy4.slice(-4, -2),
  })),
  {
    name: 'Winograd around tiles',
    plan: { variant: 'winograd', sliceChannels: 64, ...(tileFamily[6] && { products: tileFamily[6] }) },
    cases: winogradCases.slice(2, 3),
  },
  { name: 'Winograd', plan: { variant: 'winograd', sliceChannels: 4096 }, cases: winogradCases },
  { name: 'Winograd in slices', plan: { variant: 'winograd', sliceChannels: 64 }, cases: winogradCases.slice(2, 3) },
]

function usesSubgroups(plan: WeightGradientPlan): boolean {
  if (plan.variant === 'winograd') return plan.products === undefined
  return plan.variant === 'subgroup' || plan.variant === 'narrow'
}

describe.each(plans)("gradient of a convolution's filter, $name", ({ plan, cases }) => {
  test.each(cases)('agrees with float64: %j', async (given) => {
    const { weight, input, gradient, expected } = prepare(device, given)
    const { x: _, w: shape, ...geometry } = given
    const args = { input: upload(device, input), gradient: upload(device, gradient), weight, plan, ...geometry }
    const run = () => evaluate(device, (r) => convWeightGradient(r, args))
    if (usesSubgroups(plan) && !hasSubgroupsOf8(device)) await expect(run()).rejects.toThrow(FeatureError)
    else expectClose(unpacked(await run(), weight, shape), expected.weight)
    releaseConvWeight(device, weight)
  })
})

describe("gradient of a convolution's filter", () => {
  test('adds up batch slices above the binding limit', async () => {
    const limited = await openDevice({ bindingLimit: 64 * 1024 })
    const slicePlans: WeightGradientPlan[] = [
      { variant: 'direct', splits: 1 },
      { variant: 'direct', splits: 3 },
      { variant: 'tiled', ...square32, splits: 1 },
      { variant: 'tiled', ...square32, splits: 2 },
      ...(hasSubgroupsOf8(limited)
        ? [
            { variant: 'subgroup', splits: 1 } as const,
            { variant: 'subgroup', splits: 2 } as const,
            { variant: 'narrow', channelsPerLane: 2, splits: 1 } as const,
            { variant: 'winograd', sliceChannels: 16 } as const,
          ]
        : []),
    ]
    try {
      const given: Case = { x: [9, 16, 16, 8], w: [16, 8, 3, 3], padding: 1 }
      const { weight, input, gradient, expected } = prepare(limited, given)
      const args = { input: upload(limited, input), gradient: upload(limited, gradient), weight, padding: 1 }
      for (const plan of slicePlans) {
        const found = await evaluate(limited, (r) => convWeightGradient(r, { ...args, plan }))
        expect(found.dispatches).toBeGreaterThan(1)
        expectClose(unpacked(found, weight, given.w), expected.weight)
      }
    } finally {
      await limited.close()
    }
  })

  test('keeps its digits in long sums of numbers of one sign', async () => {
    const shape = [6, 61, 60, 64]
    const input = random('long x', shape, 0.5)
    input.data.forEach((value, index) => {
      input.data[index] = value + 0.5
    })
    const gradient = random('long dy', [6, 61, 60, 4])
    gradient.data.forEach((value, index) => {
      gradient.data[index] = value + 0.2
    })
    const weight = packConvWeight(device, new Float32Array(4 * 64), [4, 64, 1, 1])
    const expected = new Float64Array(4 * 64)
    for (let pixel = 0; pixel < 6 * 61 * 60; pixel++) {
      for (let o = 0; o < 4; o++) {
        const dy = gradient.data[pixel * 4 + o]!
        for (let c = 0; c < 64; c++) expected[o * 64 + c]! += dy * input.data[pixel * 64 + c]!
      }
    }
    const args = { input: upload(device, input), gradient: upload(device, gradient), weight }
    const tiledPlan = { variant: 'tiled', ...square32, splits: 1 } as const
    for (const plan of [undefined, { variant: 'direct', splits: 1 } as const, tiledPlan]) {
      const found = await evaluate(device, (r) => convWeightGradient(r, { ...args, ...(plan && { plan }) }))
      expectClose(unpacked(found, weight, [4, 64, 1, 1]), { data: expected, shape: [4, 64, 1, 1] }, 1.5e-6)
    }
  })

  test('reads some channels of an input that has more', async () => {
    const { weight, input, gradient, expected } = prepare(device, { x: [2, 6, 5, 8], w: [12, 8, 3, 3] })
    const wide = { shape: [2, 6, 5, 24], data: new Float64Array(2 * 6 * 5 * 24).fill(Number.NaN) }
    for (const firstChannel of [0, 3, 12]) {
      input.data.forEach((value, index) => {
        wide.data[Math.floor(index / 8) * 24 + firstChannel + (index % 8)] = value
      })
      const args = { input: upload(device, wide), gradient: upload(device, gradient), weight, firstChannel }
      const found = await evaluate(device, (r) => convWeightGradient(r, args))
      expectClose(unpacked(found, weight, [12, 8, 3, 3]), expected.weight)
    }
  })

  test('gives zeros to a channel that packing appended to an RGB filter', async () => {
    const filter = random('rgb', [8, 3, 3, 3])
    const weight = packConvWeight(device, Float32Array.from(filter.data), filter.shape, { padInput: 4 })
    const rgb = random('rgb x', [1, 9, 8, 4])
    rgb.data.forEach((_, index) => {
      if (index % 4 === 3) rgb.data[index] = 0
    })
    const gradient = random('rgb dy', [1, 4, 3, 8])
    const args = { input: upload(device, rgb), gradient: upload(device, gradient), weight, stride: 2 }
    expect(weight.fileChannels).toBe(3) // kernels may leave the fourth out
    const found = await evaluate(device, (r) => convWeightGradient(r, args))
    const wide = { shape: [8, 4, 3, 3], data: new Float64Array(8 * 4 * 9) }
    const expected = conv2dGradients({ input: rgb, weight: wide, stride: 2 }, gradient)
    expectClose(unpacked(found, weight, [8, 4, 3, 3]), expected.weight)
  })
})

describe('the float64 reference of the gradients', () => {
  test('agrees with finite differences', () => {
    for (const given of cases) {
      const { x, w, ...geometry } = given
      const input = random(`x ${x}`, x)
      const weight = random(`w ${w}`, w, 0.5)
      const forward = (changed: { input?: HostTensor; weight?: HostTensor }) =>
        reference.conv2d({ input, weight, ...geometry, ...changed })
      const output = forward({})
      const gradient = random('dy', output.shape)
      const gradients = conv2dGradients({ input, weight, ...geometry }, gradient)
      for (const role of ['input', 'weight'] as const) {
        const original = role === 'input' ? input : weight
        const index = Math.floor(original.data.length / 3)
        const at = (delta: number) => {
          const data = Float64Array.from(original.data)
          data[index]! += delta
          const { data: y } = forward({ [role]: { data, shape: original.shape } })
          return Array.from(y).reduce((sum, value, k) => sum + value * gradient.data[k]!, 0)
        }
        expect((at(1) - at(-1)) / 2).toBeCloseTo(gradients[role].data[index]!, 9) // linear: no error from the step
      }
    }
  })
})
