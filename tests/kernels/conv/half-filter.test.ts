// Filters in half precision: every kernel that reads them gives the bits that it gives for the same rounded numbers in single
// precision, because every sum is one of single precision; and float64 agrees.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toFloat32 } from '../../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { PrecisionError } from '../../../src/gpu/errors.ts'
import { toHalf } from '../../../src/gpu/half.ts'
import { specialise } from '../../../src/gpu/shader.ts'
import { convCandidates, registerFamily } from '../../../src/kernels/conv/candidates.ts'
import { packConvWeight, releaseConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import { convProblem } from '../../../src/kernels/conv/geometry.ts'
import { type ConvAdapter, type ConvPlan, chooseConv } from '../../../src/kernels/conv/plan.ts'
import { kernel } from '../../../src/kernels/launch.ts'
import { evaluate, expectClose, random, upload } from '../../helpers/tensors.ts'
import * as reference from '../../reference/conv2d.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

interface Case {
  readonly name: string
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number, number]
  readonly plan?: ConvPlan
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
}

/** Four of the inner dimension at a time: a software adapter compiles the loop over them unrolled. */
const tile = { tileM: 32, tileN: 32, tileK: 4, rows: 4, channels: 4, buffers: 2 } as const
const image = { x: [2, 9, 7, 8], w: [12, 8, 3, 3], padding: 2, dilation: 2 } as const

const cases: readonly Case[] = [
  { name: 'the plan that is chosen', ...image },
  { name: 'tiles, the inner dimension split', ...image, plan: { variant: 'tiled', ...tile, splitK: 2 } },
  { name: 'several panels', x: [1, 5, 5, 16], w: [96, 16, 1, 1], plan: { variant: 'tiled', ...tile, splitK: 1 } },
  { name: 'registers', ...image, plan: { variant: 'registers', ...registerFamily[0], splitK: 1 } },
  { name: 'one element at a time', ...image, plan: { variant: 'direct' } },
  { name: 'an odd number of channels', x: [1, 6, 7, 5], w: [9, 5, 3, 3], stride: 2 },
  { name: 'groups', x: [1, 6, 7, 6], w: [8, 3, 3, 3], padding: 1, groups: 2 },
  { name: 'a filter per channel, in fours', x: [1, 9, 8, 12], w: [12, 1, 3, 3], padding: 1, groups: 12 },
  { name: 'a filter per channel, one by one', x: [1, 9, 8, 6], w: [6, 1, 3, 3], padding: 1, stride: 2, groups: 6 },
  {
    name: 'Winograd around tiles',
    ...{ x: [1, 8, 8, 8], w: [16, 8, 3, 3], padding: 1 },
    plan: { variant: 'winograd', sliceChannels: 16, products: tile },
  },
]

describe('a convolution by', () => {
  test.each(cases)('$name', async ({ x, w, plan, ...window }) => {
    const host = random(`weights ${w}`, w, 0.2)
    const rounded = toFloat32({
      dtype: 'f16',
      shape: w,
      data: new Uint8Array(toHalf(Float32Array.from(host.data)).buffer),
    })
    const input = random(`input ${x}`, x)
    const bias = random('bias', [w[0]])
    const [tensor, summand] = [upload(device, input), upload(device, bias)]
    const half = packConvWeight(device, Float32Array.from(host.data), w, { precision: 'f16' })
    const single = packConvWeight(device, rounded, w)
    expect(half.tensor.dtype).toBe('f16')
    expect(half.tensor.bytes * 2).toBe(single.tensor.bytes)
    const common = { input: tensor, bias: summand, activation: 'relu', ...window } as const
    const found = await evaluate(device, (r) => conv2d(r, { ...common, weight: half, ...(plan && { plan }) }))
    const problem = convProblem({ input: tensor, weight: half, ...window })
    const same = plan ?? chooseConv(device.adapter, problem, { halfFilter: true })
    const twin = await evaluate(device, (r) => conv2d(r, { ...common, weight: single, plan: same }))
    expect(found.data).toEqual(twin.data)
    const exact = reference.conv2d({ input, weight: { data: rounded, shape: w }, bias, activation: 'relu', ...window })
    expectClose(found, exact)
    for (const used of [tensor, summand]) device.release(used)
    for (const filter of [half, single]) releaseConvWeight(device, filter)
  })
})

test('the kernel that passes inputs among lanes compiles with such a filter', async () => {
  await device.kernels.create(device.kernels.prepare(kernel('conv2d_shuffle', { Filter: 'vec4h' })))
})

test('a type of half precision enables the extension, on the line where the module begins', () => {
  const source = '// A kernel.\nalias Filter = vec4f;\n'
  expect(specialise(source, { Filter: 'vec4h' })).toBe('enable f16; // A kernel.\nalias Filter = vec4h;\n')
  expect(specialise(source, {})).toBe(source)
})

test('no plan reads such a filter through windows of single precision', () => {
  const software: ConvAdapter = { ...device.adapter, kind: 'cpu' }
  const graphics: ConvAdapter = { ...device.adapter, kind: 'gpu' }
  const input = { shape: [1, 31, 31, 256], dtype: 'f32', label: 'input' } as const
  const shapes = [
    { w: [256, 256, 3, 3], padding: 1 },
    { w: [20, 256, 1, 1], padding: 0 },
  ]
  for (const { w, padding } of shapes) {
    const [outChannels = 0, inChannels = 0, kernelHeight = 0, kernelWidth = 0] = w
    const weight = { panel: 4, outChannels, inChannels, kernelHeight, kernelWidth }
    const problem = convProblem({ input, weight, padding })
    expect(chooseConv(software, problem, { halfFilter: true })).toEqual({ variant: 'direct' })
    expect(chooseConv(graphics, problem, { halfFilter: true })).toEqual(chooseConv(graphics, problem))
    const plans = convCandidates(software, problem, { halfFilter: true })
    expect(plans.every(({ variant }) => ['registers', 'direct'].includes(variant))).toBe(true)
  }
})

test('a number that no half can hold is told, with the filter’s name', () => {
  const values = Float32Array.of(1, -70_000, 3, 4)
  expect(() => packConvWeight(device, values, [1, 4, 1, 1], { precision: 'f16', label: 'backbone.conv1' })).toThrow(
    PrecisionError,
  )
  expect(() => packConvWeight(device, values, [1, 4, 1, 1], { precision: 'f16', label: 'backbone.conv1' })).toThrow(
    /`backbone\.conv1` has a value of -70000; in half precision it must be at most 65504/,
  )
})
