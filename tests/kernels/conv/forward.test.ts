import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { FeatureError, ShapeError } from '../../../src/gpu/errors.ts'
import { capture } from '../../../src/gpu/program.ts'
import type { Activation } from '../../../src/kernels/activation.ts'
import { registerFamily, tileFamily } from '../../../src/kernels/conv/candidates.ts'
import { packConvWeight, releaseConvWeight } from '../../../src/kernels/conv/filter.ts'
import { type Conv2dArgs, conv2d } from '../../../src/kernels/conv/forward.ts'
import type { ConvPlan } from '../../../src/kernels/conv/plan.ts'
import { transformFilter } from '../../../src/kernels/conv/winograd.ts'
import { evaluate, expectClose, random, upload } from '../../helpers/tensors.ts'
import * as reference from '../../reference/conv2d.ts'

interface Case {
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number, number]
  readonly stride?: number
  readonly padding?: number | readonly [number, number]
  readonly dilation?: number
  readonly groups?: number
}

/** Any kernel, stride, padding and dilation; odd sizes; a last tile that is nearly empty in each direction. */
const divisibleBy4: readonly Case[] = [
  { x: [1, 5, 7, 4], w: [4, 4, 1, 1] },
  { x: [2, 7, 5, 12], w: [20, 12, 1, 1], stride: 2 },
  { x: [1, 9, 11, 8], w: [68, 8, 3, 3], padding: 1 },
  { x: [2, 11, 10, 8], w: [12, 8, 3, 3], stride: 2 },
  { x: [1, 11, 13, 4], w: [8, 4, 3, 3], padding: 2, dilation: 2 },
  { x: [2, 13, 11, 16], w: [4, 16, 3, 3], padding: 4, dilation: 4 },
  { x: [1, 23, 21, 4], w: [8, 4, 7, 7], stride: 2 },
  { x: [1, 8, 9, 4], w: [8, 4, 5, 3], padding: [2, 1], stride: 2, dilation: 1 },
]

/** What conv2d_subgroup takes in parts: groups of columns, an odd number of panels, runs of taps, a tap's channels. */
const partCases: readonly Case[] = [
  { x: [1, 5, 7, 24], w: [144, 24, 1, 1] },
  { x: [1, 4, 5, 64], w: [96, 64, 3, 3], padding: 2, dilation: 2 },
  { x: [1, 3, 3, 528], w: [48, 528, 2, 1], padding: [1, 0] },
  { x: [1, 3, 4, 1044], w: [32, 1044, 1, 1] },
]

const any: readonly Case[] = [
  { x: [1, 9, 11, 3], w: [5, 3, 1, 1] },
  { x: [2, 6, 7, 17], w: [13, 17, 3, 3], padding: 1 },
  { x: [2, 9, 8, 6], w: [9, 2, 3, 3], padding: 1, groups: 3 },
  { x: [1, 10, 10, 8], w: [8, 2, 3, 3], stride: 2, padding: 2, dilation: 2, groups: 4 },
  { x: [1, 23, 21, 3], w: [6, 3, 7, 7], stride: 2, padding: [0, 3] },
]

/** 3x3, stride 1: what Winograd takes; phases and tiles that do not divide the image. */
const winogradCases: readonly Case[] = [
  { x: [1, 6, 6, 4], w: [4, 4, 3, 3] },
  { x: [2, 7, 9, 8], w: [12, 8, 3, 3], padding: 1 },
  { x: [1, 11, 13, 4], w: [72, 4, 3, 3], padding: 2, dilation: 2 },
  { x: [2, 13, 10, 8], w: [4, 8, 3, 3], padding: 4, dilation: 4 },
  { x: [1, 9, 9, 4], w: [8, 4, 3, 3], padding: [0, 3], dilation: 3 },
]

/** What conv2d_lanes takes besides: any number of outputs, filter rows in several passes, strides and dilations with a divisor. */
const laneCases: readonly Case[] = [
  { x: [2, 5, 6, 8], w: [13, 8, 3, 3], padding: 1 },
  { x: [1, 6, 13, 4], w: [3, 4, 2, 9], padding: [0, 4] },
  { x: [1, 7, 9, 4], w: [10, 4, 1, 1] },
  { x: [2, 6, 17, 4], w: [18, 4, 3, 5], padding: [1, 2] },
  { x: [1, 9, 15, 4], w: [6, 4, 3, 3], stride: 2, padding: 2, dilation: 2 },
  { x: [1, 11, 21, 4], w: [6, 4, 3, 3], stride: 2, padding: 3, dilation: 3 },
  { x: [1, 13, 19, 4], w: [6, 4, 3, 3], stride: 4, padding: 1, dilation: 2 },
  { x: [3, 4, 3, 4], w: [2, 4, 3, 3], padding: 1 },
]

/** More pixels and channels than one of the largest tiles, and a depth that no split divides. */
const wide: Case = { x: [2, 9, 8, 36], w: [72, 36, 3, 3], padding: 1 }

const small = { tileK: 16, rows: 4, channels: 4, buffers: 2 } as const
const tiled32: ConvPlan = { variant: 'tiled', tileM: 32, tileN: 32, ...small, splitK: 1 }

interface Variant {
  readonly name: string
  readonly plan: ConvPlan
  readonly cases: readonly Case[]
  /** Whether Winograd's transform of the filter is made beforehand. */
  readonly storeFilter?: boolean
}

const variants: readonly Variant[] = [
  { name: 'direct', plan: { variant: 'direct' }, cases: [...any, ...divisibleBy4] },
  {
    name: 'subgroup',
    plan: { variant: 'subgroup' },
    cases: [...divisibleBy4.filter(({ w }) => w[0] !== 68), ...partCases],
  },
  {
    name: '8 channels per subgroup',
    plan: { variant: 'narrow', channelsPerLane: 1 },
    cases: [...laneCases, ...divisibleBy4],
  },
  { name: '16 channels per subgroup', plan: { variant: 'narrow', channelsPerLane: 2 }, cases: laneCases.slice(2) },
  {
    name: '32 channels per subgroup',
    plan: { variant: 'narrow', channelsPerLane: 4 },
    cases: [...divisibleBy4, ...partCases.slice(0, 1)],
  },
  { name: 'tiled 32x32', plan: tiled32, cases: divisibleBy4.slice(1, 5) },
  { name: 'tiled 128x8', plan: { ...tiled32, tileM: 128, tileN: 8 }, cases: divisibleBy4.slice(1, 2) },
  { name: 'tiled 64x20', plan: { ...tiled32, tileM: 64, tileN: 20 }, cases: divisibleBy4.slice(1, 2) },
  { name: 'tiled, split in 3', plan: { ...tiled32, splitK: 3 }, cases: divisibleBy4.slice(5, 7) },
  // Every form of the families is forced in forms.slow.test.ts: software adapters compile them slowly.
  ...tileFamily.slice(6, 8).map((tile) => ({
    name: `tiled, ${JSON.stringify(tile)}`,
    plan: { variant: 'tiled', ...tile, splitK: 2 } as const,
    cases: [wide],
  })),
  ...registerFamily.slice(1, 3).map((form) => ({
    name: `registers, ${JSON.stringify(form)}`,
    plan: { variant: 'registers', ...form, splitK: form.pixels / 4 } as const,
    cases: [wide, divisibleBy4[3]].filter((one) => one !== undefined),
  })),
  ...[4, 8].map((lanes) => ({
    name: `shuffle among ${lanes} lanes`,
    plan: { variant: 'shuffle', lanes, splitK: lanes / 4 } as const,
    cases: [wide, divisibleBy4[1]].filter((one) => one !== undefined),
  })),
  {
    name: 'Winograd around tiles',
    plan: { variant: 'winograd', sliceChannels: 64, ...(tileFamily[6] && { products: tileFamily[6] }) },
    cases: winogradCases.slice(2, 3),
  },
  {
    name: 'Winograd in slices',
    plan: { variant: 'winograd', sliceChannels: 64 },
    cases: winogradCases,
  },
  {
    name: 'Winograd with stored filters',
    plan: { variant: 'winograd', sliceChannels: 4096 },
    storeFilter: true,
    cases: winogradCases,
  },
]

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** Lanes that a plan needs, 0 if it passes nothing among them. */
function lanesOf(plan: ConvPlan): number {
  if (plan.variant === 'shuffle') return plan.lanes
  if (plan.variant === 'winograd') return plan.products ? 0 : 4
  if (plan.variant === 'narrow') return 8
  return plan.variant === 'subgroup' ? 4 : 0
}

function passes({ adapter }: Device, lanes: number): boolean {
  return lanes === 0 || (adapter.features.has('subgroups') && adapter.subgroupMinSize >= lanes)
}

async function check(given: Case, { plan, storeFilter = false }: Variant, activation: Activation): Promise<void> {
  const { x, w, ...geometry } = given
  const input = random(`x ${x}`, x)
  const weight = random(`w ${w}`, w, 0.5)
  const epilogue = activation !== 'none'
  // Some sums are above six, too.
  const extra = epilogue
    ? { scale: random(`scale ${w}`, [w[0]], 8), bias: random(`bias ${w}`, [w[0]]), activation }
    : {}
  const plain = reference.conv2d({ input, weight, ...geometry, ...extra, activation: 'none' })
  const residual = epilogue ? random(`residual ${plain.shape}`, plain.shape) : undefined
  const expected = reference.conv2d({ input, weight, ...geometry, ...extra, ...(residual && { residual }) })

  const packed = packConvWeight(device, Float32Array.from(weight.data), w)
  const transformed = storeFilter ? { transformed: await transformFilter(device, packed) } : {}
  const args: Conv2dArgs = {
    input: upload(device, input),
    weight: { ...packed, ...transformed },
    ...geometry,
    ...(plan && { plan }),
    ...(extra.scale && { scale: upload(device, extra.scale), bias: upload(device, extra.bias), activation }),
    ...(residual && { residual: upload(device, residual) }),
  }
  if (!passes(device, lanesOf(plan))) {
    await expect(evaluate(device, (r) => conv2d(r, args))).rejects.toThrow(FeatureError)
  } else {
    expectClose(await evaluate(device, (r) => conv2d(r, args)), expected)
  }
  releaseConvWeight(device, { ...packed, ...transformed })
}

for (const variant of variants) {
  const { name, cases } = variant
  describe(`convolution, ${name}`, () => {
    test('agrees with float64 without an epilogue', () => check((cases[1] ?? cases[0]) as Case, variant, 'none'))
    for (const [index, given] of cases.entries()) {
      const activation = index % 2 === 0 ? 'relu' : 'relu6'
      test(`agrees with float64, scale, bias, residual and ${activation} included: ${JSON.stringify(given)}`, () =>
        check(given, variant, activation))
    }
  })
}

describe('convolution', () => {
  test('reads a part of the channels, as every plan would read all', async () => {
    const [input, weight] = [random('view', [2, 6, 7, 12]), random('view w', [8, 4, 3, 3])]
    const part = Float64Array.from({ length: 2 * 6 * 7 * 4 }, (_, i) => input.data[(i >> 2) * 12 + 8 + (i % 4)] ?? 0)
    const expected = reference.conv2d({ input: { data: part, shape: [2, 6, 7, 4] }, weight, padding: 1 })
    const packed = packConvWeight(device, Float32Array.from(weight.data), weight.shape)
    for (const plan of [
      { variant: 'winograd', sliceChannels: 8 },
      { variant: 'direct' },
      { variant: 'narrow', channelsPerLane: 1 },
      { variant: 'subgroup' },
      tiled32,
    ] as const) {
      if (!passes(device, lanesOf(plan))) continue
      const args = { input: upload(device, input), weight: packed, padding: 1, firstChannel: 8, plan }
      expectClose(await evaluate(device, (r) => conv2d(r, args)), expected)
    }
  })

  test('works with the transformed filter alone, where a plan reads nothing else', async () => {
    if (!passes(device, 8)) return
    const [input, filter] = [random('transformed', [1, 12, 11, 96]), random('transformed w', [96, 96, 3, 3], 0.1)]
    const packed = packConvWeight(device, Float32Array.from(filter.data), filter.shape)
    const transformed = await transformFilter(device, packed)
    const { tensor, ...shape } = packed
    device.release(tensor)
    const weight = { ...shape, transformed }
    const args = { input: upload(device, input), weight, padding: 1 }
    const found = await evaluate(device, (r) => conv2d(r, args))
    expectClose(found, reference.conv2d({ input, weight: filter, padding: 1 }))
    const other = capture(device, (r) => conv2d(r, { ...args, plan: { variant: 'subgroup' } }))
    await expect(other).rejects.toThrow(/reads the packed filter, but `weight.winograd` was kept transformed alone/)
    const view = capture(device, (r) => conv2d(r, { ...args, input: device.empty([1, 12, 11, 99]), firstChannel: 3 }))
    await expect(view).rejects.toThrow(/multiple of 4 channels on, found 3/)
    releaseConvWeight(device, weight)
  })

  test('leaves out the fourth channel of an image', async () => {
    const [input, weight] = [random('image', [1, 17, 15, 3]), random('image w', [8, 3, 7, 7])]
    const packed = packConvWeight(device, Float32Array.from(weight.data), weight.shape, { padInput: 4 })
    const four = Float32Array.from({ length: 17 * 15 * 4 }, (_, i) => input.data[(i >> 2) * 3 + (i % 4)] ?? 0)
    const image = device.tensor(
      four.map((value, i) => (i % 4 === 3 ? 0 : value)),
      [1, 17, 15, 4],
    )
    for (const plan of [{ variant: 'narrow', channelsPerLane: 1 }, { variant: 'subgroup' }] as const) {
      if (!passes(device, 8)) continue
      const found = await evaluate(device, (r) => conv2d(r, { input: image, weight: packed, stride: 2, plan }))
      expectClose(found, reference.conv2d({ input, weight, stride: 2 }))
    }
  })

  test('works in batch slices above the binding limit', async () => {
    const limited = await openDevice({ bindingLimit: 64 * 1024 })
    try {
      const input = random('sliced', [9, 16, 16, 8])
      const weight = random('sliced w', [16, 8, 3, 3])
      const packed = packConvWeight(limited, Float32Array.from(weight.data), weight.shape)
      const result = await evaluate(limited, (r) =>
        conv2d(r, { input: upload(limited, input), weight: packed, padding: 1 }),
      )
      expect(result.dispatches).toBeGreaterThan(1)
      expectClose(result, reference.conv2d({ input, weight, padding: 1 }))
    } finally {
      await limited.close()
    }
  })

  test('refuses a plan that the adapter cannot run', async () => {
    const plain = await openDevice({ hideFeatures: ['subgroups'] })
    try {
      const weight = packConvWeight(plain, new Float32Array(16), [4, 4, 1, 1])
      const input = upload(plain, random('plain', [1, 2, 2, 4]))
      const record = capture(plain, (r) => conv2d(r, { input, weight, plan: { variant: 'subgroup' } }))
      await expect(record).rejects.toThrow(/at least [48] lanes.*no subgroups/)
    } finally {
      await plain.close()
    }
  })

  test('names what does not fit', async () => {
    const input = upload(device, random('bad', [1, 4, 4, 8]), 'features')
    const weight = packConvWeight(device, new Float32Array(4 * 4 * 9), [4, 4, 3, 3])
    const record = (args: Partial<Conv2dArgs>) => capture(device, (r) => conv2d(r, { input, weight, ...args }))
    await expect(record({})).rejects.toThrow(/features.*8 channels.*takes 4/)
    await expect(record({ groups: 2, dilation: 2 })).rejects.toThrow(/smaller than the 3x3 filter with dilation 2/)
    await expect(record({ groups: 2, stride: 0 })).rejects.toThrow(/stride is 0/)
    await expect(record({ groups: 2, bias: input })).rejects.toThrow(ShapeError)
    expect(() => packConvWeight(device, new Float32Array(5), [4, 4, 3, 3])).toThrow(/5 values/)
  })
})
