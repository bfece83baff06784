// Every form of the kernels for GPUs, forced one by one: compiled and compared with float64, forward and for the gradient of the
// filter, on problems larger than a tile, with tiles that are nearly empty, and with splits in turn.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { registerFamily, tileFamily } from '../../../src/kernels/conv/candidates.ts'
import { packConvWeight, releaseConvWeight, unpackConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import type { ConvPlan } from '../../../src/kernels/conv/plan.ts'
import { convWeightGradient } from '../../../src/kernels/conv/weight-gradient.ts'
import type { WeightGradientPlan } from '../../../src/kernels/conv/weight-gradient-plan.ts'
import { evaluate, expectClose, random, upload } from '../../helpers/tensors.ts'
import * as reference from '../../reference/conv2d.ts'
import { conv2dGradients } from '../../reference/conv2d-gradient.ts'

interface Case {
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number, number]
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
}

const cases: readonly Case[] = [
  { x: [2, 9, 8, 36], w: [72, 36, 3, 3], padding: 1 },
  { x: [1, 13, 12, 8], w: [132, 8, 3, 3], padding: 2, dilation: 2, stride: 2 },
  { x: [1, 12, 13, 40], w: [20, 40, 1, 1] },
]

/** Stride 1, 3x3. */
const winogradCase: Case = { x: [2, 13, 10, 36], w: [68, 36, 3, 3], padding: 2, dilation: 2 }

const splits = [1, 2, 4, 8] as const

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

async function checkForward({ x, w, ...window }: Case, plan: ConvPlan): Promise<void> {
  const [input, filter, bias] = [random(`x ${x}`, x), random(`w ${w}`, w, 0.5), random(`b ${w[0]}`, [w[0]])]
  const weight = packConvWeight(device, Float32Array.from(filter.data), w)
  const args = { input: upload(device, input), bias: upload(device, bias), weight, ...window, plan }
  const found = await evaluate(device, (r) => conv2d(r, { ...args, activation: 'relu6' }))
  expectClose(found, reference.conv2d({ input, weight: filter, bias, ...window, activation: 'relu6' }))
  releaseConvWeight(device, weight)
}

async function checkGradient({ x, w, ...window }: Case, plan: WeightGradientPlan): Promise<void> {
  const [input, filter] = [random(`x ${x}`, x), random(`w ${w}`, w, 0.5)]
  const gradient = random('dy', reference.conv2d({ input, weight: filter, ...window }).shape)
  const weight = packConvWeight(device, Float32Array.from(filter.data), w)
  const args = { input: upload(device, input), gradient: upload(device, gradient), weight, ...window, plan }
  const found = await evaluate(device, (r) => convWeightGradient(r, args))
  const data = unpackConvWeight(Float32Array.from(found.data), weight, w)
  expectClose({ data, shape: w }, conv2dGradients({ input, weight: filter, ...window }, gradient).weight)
  releaseConvWeight(device, weight)
}

/** A form takes seconds to compile on a software adapter, so that each gets one of the cases in turn. */
function caseFor(index: number): Case {
  const one = cases[index % cases.length]
  if (!one) throw new Error('there are no cases')
  return one
}

describe.each(tileFamily)('tiles of %o', (tile) => {
  const index = tileFamily.indexOf(tile)
  it('forward', async () => {
    await checkForward(caseFor(index), { variant: 'tiled', ...tile, splitK: splits[index % 4] ?? 1 })
  })
  it('gradient of the filter', async () => {
    await checkGradient(caseFor(index + 1), { variant: 'tiled', ...tile, splits: splits[(index + 1) % 4] ?? 1 })
  })
  it('Winograd around them, forward and for the gradient of the filter', async () => {
    await checkForward(winogradCase, { variant: 'winograd', sliceChannels: 64, products: tile })
    await checkGradient(winogradCase, { variant: 'winograd', sliceChannels: 64, products: tile })
  })
})

describe.each(registerFamily)('no workgroup memory, %o', (form) => {
  it.each(splits)('forward, split in %i', async (splitK) => {
    const one = caseFor(registerFamily.indexOf(form) + splits.indexOf(splitK))
    await checkForward(one, { variant: 'registers', ...form, splitK })
  })
})

it.each([4, 8] as const)('gradient of the filter without workgroup memory, %i channels', async (channels) => {
  for (const one of cases) await checkGradient(one, { variant: 'registers', channels, splits: 2 })
})

describe('values passed among lanes', () => {
  it.each([4, 8, 16, 32])('%i of them, where subgroups are so large', async (lanes) => {
    const { subgroupMinSize, features } = device.adapter
    for (const one of cases) {
      const run = checkForward(one, { variant: 'shuffle', lanes, splitK: 2 })
      if (features.has('subgroups') && subgroupMinSize >= lanes) await run
      else await expect(run).rejects.toThrow(/passes values among/)
    }
  })
})
