import { describe, expect, test } from 'vitest'
import { type ConvProblem, pixelGrid } from '../../../src/kernels/conv/geometry.ts'
import type { ConvAdapter } from '../../../src/kernels/conv/plan.ts'
import { chooseWeightGradient, gradientSamples, subgroupPlan } from '../../../src/kernels/conv/weight-gradient-plan.ts'

const lavapipe: ConvAdapter = {
  kind: 'cpu',
  features: new Set(['subgroups', 'uniform_buffer_standard_layout']),
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
  maxBindingBytes: 128 << 20,
  maxWorkgroupInvocations: 1024,
  maxWorkgroupBytes: 32 << 10,
  subgroupMatrices: [],
}
const gpu: ConvAdapter = {
  ...lavapipe,
  kind: 'gpu',
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  maxBindingBytes: 2 ** 31,
}

function conv(channels: readonly [number, number], kernel: number, rest: Partial<ConvProblem> = {}): ConvProblem {
  const [inChannels, outChannels] = channels
  return {
    ...{ batch: 1, inHeight: 31, inWidth: 31, outHeight: 31, outWidth: 31, inChannels, outChannels },
    ...{ kernelHeight: kernel, kernelWidth: kernel, stride: 1, paddingY: 0, paddingX: 0, dilation: 1, groups: 1 },
    ...rest,
  }
}

describe("choice of the gradient of a convolution's filter", () => {
  test('leaves groups and odd channel counts to the direct kernel', () => {
    expect(chooseWeightGradient(gpu, conv([256, 10], 1)).variant).toBe('direct')
    expect(chooseWeightGradient(lavapipe, conv([3, 64], 7)).variant).toBe('direct')
    expect(chooseWeightGradient(lavapipe, conv([8, 8], 3, { groups: 2 })).variant).toBe('direct')
  })

  test('takes the subgroup kernel on lavapipe, and Winograd where it saves', () => {
    expect(chooseWeightGradient(lavapipe, conv([256, 1024], 1))).toEqual({ variant: 'subgroup', splits: 1 })
    expect(chooseWeightGradient(lavapipe, conv([256, 512], 3, { stride: 2 })).variant).toBe('subgroup')
    expect(chooseWeightGradient(lavapipe, conv([64, 64], 3)).variant).toBe('subgroup')
    expect(chooseWeightGradient(lavapipe, conv([256, 256], 3))).toEqual({ variant: 'winograd', sliceChannels: 256 })
  })

  test('keeps to what is allowed, and to what the channels that are read allow', () => {
    const problem = conv([256, 256], 3)
    expect(chooseWeightGradient(lavapipe, problem, { allowWinograd: false }).variant).toBe('subgroup')
    expect(chooseWeightGradient(lavapipe, problem, { firstChannel: 8 }).variant).toBe('winograd')
    expect(chooseWeightGradient(lavapipe, problem, { firstChannel: 6 }).variant).toBe('direct')
  })

  test('takes kernels as wide as few output channels need', () => {
    const few = (channels: number) => chooseWeightGradient(lavapipe, conv([64, channels], 1))
    expect(few(8)).toMatchObject({ variant: 'narrow', channelsPerLane: 1 })
    expect(few(10)).toMatchObject({ variant: 'narrow', channelsPerLane: 2 })
    expect(few(16)).toMatchObject({ variant: 'narrow', channelsPerLane: 2 })
    expect(few(32)).toMatchObject({ variant: 'narrow', channelsPerLane: 4 })
    expect(few(17)).toMatchObject({ variant: 'narrow', channelsPerLane: 1 })
    expect(few(128)).toMatchObject({ variant: 'subgroup' })
  })

  test('bounds the samples of a Winograd slice so that the scratch tensors can be bound', () => {
    const problem = conv([1024, 2048], 3, { dilation: 2, batch: 28 })
    const plan = chooseWeightGradient(lavapipe, problem)
    expect(plan).toEqual({ variant: 'winograd', sliceChannels: 512 })
    expect(gradientSamples(lavapipe, plan, problem)).toBe(8)
    expect(chooseWeightGradient({ ...lavapipe, maxBindingBytes: 1 << 20 }, problem).variant).toBe('subgroup')
  })

  test('splits the pixels where there are few tiles, or too many pixels for one sum', () => {
    expect(chooseWeightGradient(lavapipe, conv([16, 16], 3))).toEqual({
      variant: 'narrow',
      channelsPerLane: 2,
      splits: 4,
    })
    const stem = conv([4, 64], 7, { batch: 28, outHeight: 125, outWidth: 125, stride: 2 })
    expect(chooseWeightGradient(lavapipe, stem)).toEqual({ variant: 'subgroup', splits: 54 })
  })

  test('adds up sums of some samples where the filter is too large to split, if views of samples can be bound', () => {
    const problem = conv([1024, 2048], 1, { batch: 28 })
    const plan = chooseWeightGradient(lavapipe, problem)
    expect(plan).toEqual({ variant: 'subgroup', splits: 2 })
    expect(gradientSamples(lavapipe, plan, problem)).toBe(17)
    const odd = { ...problem, outChannels: 2052 }
    expect(gradientSamples(lavapipe, { variant: 'subgroup', splits: 1 }, odd)).toBe(Number.POSITIVE_INFINITY)
    const even = { ...problem, outChannels: 2112 } // 256 bytes divide a pixel's channels in single precision, not in half
    expect(gradientSamples(lavapipe, plan, even)).toBe(17)
    expect(gradientSamples(lavapipe, plan, even, { halfImages: true })).toBe(Number.POSITIVE_INFINITY)
    expect(gradientSamples(lavapipe, plan, problem, { halfImages: true })).toBe(17)
  })

  test('never spends more than 16 MiB on partial sums', () => {
    const problem = conv([1024, 2048], 3, { batch: 64 })
    expect(subgroupPlan(lavapipe, problem)).toEqual({ variant: 'subgroup', splits: 1 })
    expect(subgroupPlan(lavapipe, conv([1024, 1024], 1, { batch: 640 }))).toEqual({ variant: 'subgroup', splits: 4 })
  })
})

describe("the gradient of a convolution's filter on a GPU", () => {
  test('takes the tiled kernel, also without subgroups, with large tiles where the filter fills them', () => {
    expect(chooseWeightGradient(gpu, conv([1024, 2048], 3))).toMatchObject({
      variant: 'tiled',
      tileM: 64,
      tileN: 64,
      splits: 1,
    })
    expect(chooseWeightGradient(gpu, conv([32, 64], 1))).toMatchObject({ variant: 'tiled', tileM: 32 })
    expect(chooseWeightGradient({ ...lavapipe, features: new Set() }, conv([256, 256], 3)).variant).toBe('tiled')
    const few = { ...gpu, maxWorkgroupInvocations: 128 }
    expect(chooseWeightGradient(few, conv([256, 256], 3))).toMatchObject({ tileM: 32 })
  })

  test('splits the pixels until the GPU is full, 256 pixels each at least', () => {
    expect(chooseWeightGradient(gpu, conv([64, 64], 1, { batch: 28 }))).toMatchObject({ splits: 106 })
    expect(chooseWeightGradient(gpu, conv([256, 256], 1))).toMatchObject({ splits: 4 })
    expect(chooseWeightGradient(gpu, conv([256, 10], 1, { batch: 28 }))).toEqual({ variant: 'direct', splits: 7 })
  })
})

describe('the pixels as rows', () => {
  test("are the image's rows, or as many equal ones as splits where pixels correspond one to one", () => {
    expect(pixelGrid(conv([4, 4], 3), 2)).toEqual({ rows: 31, width: 31 })
    expect(pixelGrid(conv([4, 4], 1, { batch: 2 }), 3)).toEqual({ rows: 3, width: 644 })
    expect(pixelGrid(conv([4, 4], 1, { outHeight: 1, outWidth: 5 }), 4)).toEqual({ rows: 2, width: 4 })
  })
})
