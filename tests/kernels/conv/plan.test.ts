import { describe, expect, test } from 'vitest'
import { type ConvProblem, convFlops, filterRow } from '../../../src/kernels/conv/geometry.ts'
import { type ConvAdapter, chooseConv, filterForms, samplesPerSlice } from '../../../src/kernels/conv/plan.ts'

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

function conv(
  channels: readonly [number, number],
  kernel: number,
  size = 31,
  rest: Partial<ConvProblem> = {},
): ConvProblem {
  const [inChannels, outChannels] = channels
  return {
    ...{ batch: 1, inHeight: size, inWidth: size, outHeight: size, outWidth: size, inChannels, outChannels },
    ...{ kernelHeight: kernel, kernelWidth: kernel, stride: 1, paddingY: 0, paddingX: 0, dilation: 1, groups: 1 },
    ...rest,
  }
}

describe('choice of a convolution', () => {
  test('leaves groups and odd channel counts to the direct kernel', () => {
    expect(chooseConv(gpu, conv([256, 10], 1)).variant).toBe('direct')
    for (const adapter of [lavapipe, gpu]) {
      expect(chooseConv(adapter, conv([3, 64], 7)).variant).toBe('direct')
      expect(chooseConv(adapter, conv([8, 8], 3, 31, { groups: 2 })).variant).toBe('direct')
    }
  })

  test('takes the subgroup kernel on lavapipe, and Winograd where it saves', () => {
    expect(chooseConv(lavapipe, conv([1024, 256], 1)).variant).toBe('subgroup')
    expect(chooseConv(lavapipe, conv([256, 512], 3, 31, { stride: 2 })).variant).toBe('subgroup')
    expect(chooseConv(lavapipe, conv([64, 64], 3, 63)).variant).toBe('subgroup') // too few channels
    expect(chooseConv(lavapipe, conv([256, 512], 3, 5)).variant).toBe('subgroup') // too few pixels
    expect(chooseConv(lavapipe, conv([64, 128], 3)).variant).toBe('winograd')
    expect(chooseConv(lavapipe, conv([32, 256], 3)).variant).not.toBe('winograd')
    expect(chooseConv(lavapipe, conv([256, 256], 3))).toEqual({
      variant: 'winograd',
      sliceChannels: 256,
    })
  })

  test('takes a kernel for few output channels on lavapipe, as wide as they are', () => {
    const width = (channels: readonly [number, number], kernel: number, rest: Partial<ConvProblem> = {}) => {
      const plan = chooseConv(lavapipe, conv(channels, kernel, 31, rest))
      return plan.variant === 'narrow' ? plan.channelsPerLane : plan.variant
    }
    expect(width([4, 8], 7, { stride: 2 })).toBe(1)
    expect(width([32, 8], 1)).toBe(1)
    expect(width([16, 16], 3)).toBe(2)
    expect(width([16, 16], 3, { stride: 2 })).toBe(2)
    expect(width([32, 32], 3, { dilation: 2 })).toBe(4)
    expect(width([32, 10], 1)).toBe(2) // not divisible by 4
    expect(width([32, 13], 1)).toBe(1)
    expect(width([32, 20], 1)).toBe(4)
    expect(width([32, 64], 1)).toBe('subgroup')
    expect(width([32, 40], 3)).toBe('subgroup')
    expect(width([32, 50], 1)).toBe(2)
    expect(width([256, 10], 1)).toBe(2)
    expect(width([256, 20], 1)).toBe('subgroup')
    expect(width([128, 128], 1)).toBe('subgroup')
  })

  test('takes the kernel for few channels where the other would leave half of its last tile empty', () => {
    const variant = (outChannels: number) => chooseConv(lavapipe, conv([24, outChannels], 1)).variant
    expect([32, 64, 96, 128, 144, 160, 192].map(variant)).toEqual([
      'narrow',
      'subgroup',
      'narrow',
      'subgroup',
      'narrow',
      'narrow',
      'subgroup',
    ])
    expect(chooseConv(lavapipe, conv([384, 96], 1)).variant).toBe('subgroup') // its window is too small
  })

  test('shares what is loaded among the taps of a filter row', () => {
    const row = (kernel: number, rest: Partial<ConvProblem> = {}) => filterRow(conv([4, 8], kernel, 31, rest))
    expect(row(1)).toEqual({ taps: 1, passes: 1, tapStep: 1, phases: 1 })
    expect(row(3)).toEqual({ taps: 3, passes: 1, tapStep: 1, phases: 1 })
    expect(row(3, { dilation: 4 })).toEqual({ taps: 3, passes: 1, tapStep: 1, phases: 4 })
    expect(row(3, { stride: 2 })).toEqual({ taps: 1, passes: 3, tapStep: 1, phases: 1 })
    expect(row(3, { stride: 2, dilation: 2 })).toEqual({ taps: 3, passes: 1, tapStep: 1, phases: 1 })
    expect(row(7, { stride: 2 })).toEqual({ taps: 4, passes: 2, tapStep: 2, phases: 1 })
    expect(row(5)).toEqual({ taps: 3, passes: 2, tapStep: 1, phases: 1 })
  })

  test('keeps to what is allowed, and to what the channels that are read allow', () => {
    const problem = conv([256, 256], 3)
    expect(chooseConv(lavapipe, problem, { allowWinograd: false }).variant).toBe('subgroup')
    expect(chooseConv(lavapipe, problem, { firstChannel: 8 }).variant).toBe('winograd')
    for (const adapter of [lavapipe, gpu]) {
      expect(chooseConv(adapter, problem, { firstChannel: 6 }).variant).toBe('direct')
    }
    // Few pixels, but nothing else can read the filter.
    expect(chooseConv(lavapipe, conv([256, 256], 3, 5), { transformedOnly: true }).variant).toBe('winograd')
  })

  test('says in which forms a filter is to be kept, for the problems that are known', () => {
    const [large, small] = [conv([256, 256], 3, 31), conv([256, 256], 3, 5)]
    expect(filterForms(lavapipe, [large])).toEqual({ packed: false, transformed: true })
    expect(filterForms(lavapipe, [large, small])).toEqual({ packed: true, transformed: true })
    expect(filterForms(lavapipe, [small])).toEqual({ packed: true, transformed: false })
    expect(filterForms(lavapipe, [])).toEqual({ packed: true, transformed: false })
    expect(filterForms(lavapipe, [conv([1024, 2048], 3)])).toEqual({ packed: true, transformed: false })
    // In one slice, but too large to be kept.
    expect(filterForms(lavapipe, [conv([512, 1024], 3, 31)])).toEqual({ packed: true, transformed: false })
    expect(filterForms(gpu, [large])).toEqual({ packed: true, transformed: false })
  })

  test('transforms large filters slice by slice, in scratch memory of at most 36 MiB', () => {
    const plan = chooseConv(lavapipe, conv([1024, 2048], 3))
    expect(plan).toEqual({ variant: 'winograd', sliceChannels: 512 })
    expect(16 * 1024 * 512 * 4).toBeLessThanOrEqual(36 << 20)
  })

  test('bounds the samples of a slice so that the scratch tensors can be bound', () => {
    const problem = conv([1024, 2048], 3, 31, { dilation: 2, batch: 28 })
    const samples = samplesPerSlice(lavapipe, chooseConv(lavapipe, problem), problem)
    expect(samples).toBe(8) // 256 tiles x 16 x 1024 channels x 4 bytes = 16 MiB each
    expect(samplesPerSlice(lavapipe, { variant: 'subgroup' }, problem)).toBe(Number.POSITIVE_INFINITY)
    // 31 x 31 x 2048 sums of 4 bytes, rounded to half precision afterwards
    expect(samplesPerSlice(lavapipe, { variant: 'subgroup' }, problem, { halfImages: true })).toBe(17)
    expect(chooseConv({ ...lavapipe, maxBindingBytes: 1 << 20 }, problem).variant).toBe('subgroup')
  })

  test('takes the tiled kernel elsewhere: on GPUs, without subgroups, with other subgroup sizes', () => {
    expect(chooseConv(gpu, conv([256, 256], 3)).variant).toBe('tiled')
    expect(chooseConv({ ...lavapipe, features: new Set() }, conv([256, 256], 3)).variant).toBe('tiled')
  })

  test('takes the wide subgroup kernel for all that it reads, and Winograd, on an adapter with subgroups of 4', () => {
    const swiftShader = { ...lavapipe, subgroupMinSize: 4, subgroupMaxSize: 4 }
    expect(chooseConv(swiftShader, conv([256, 256], 3)).variant).toBe('winograd')
    expect(chooseConv(swiftShader, conv([256, 256], 3), { allowWinograd: false }).variant).toBe('subgroup')
    expect(chooseConv(swiftShader, conv([4, 8], 7)).variant).toBe('subgroup')
    expect(chooseConv(swiftShader, conv([64, 10], 1)).variant).toBe('direct')
    expect(chooseConv(swiftShader, conv([64, 44], 1)).variant).toBe('tiled') // no panel of at most 32 channels
    expect(chooseConv({ ...swiftShader, kind: 'gpu' }, conv([256, 256], 3)).variant).toBe('tiled')
  })

  test('leaves filters that suit no window to the kernels for all adapters', () => {
    expect(chooseConv(lavapipe, conv([64, 32], 3))).toEqual({ variant: 'subgroup' })
    expect(chooseConv(lavapipe, conv([1024, 44], 1)).variant).toBe('tiled')
    expect(chooseConv(lavapipe, conv([1024, 66], 1)).variant).toBe('direct')
    expect(chooseConv(lavapipe, conv([64, 44], 1)).variant).toBe('narrow')
  })

  test('uses large tiles where they fill the GPU, else small ones, and splits a long inner dimension', () => {
    expect(chooseConv(gpu, conv([256, 256], 3, 125))).toMatchObject({ tileM: 64, tileN: 64, splitK: 1 })
    expect(chooseConv(gpu, conv([2048, 512], 1, 15))).toMatchObject({ tileM: 32, tileN: 32, splitK: 2 })
    expect(chooseConv(gpu, conv([512, 512], 3, 7))).toMatchObject({ tileM: 32, splitK: 8 })
    const few = { ...gpu, maxWorkgroupInvocations: 128 }
    expect(chooseConv(few, conv([256, 256], 3, 125))).toMatchObject({ tileM: 32 })
  })

  test('makes tiles no wider than few output channels, and no higher than fills the GPU', () => {
    expect(chooseConv(gpu, conv([32, 8], 1, 125, { batch: 4 }))).toMatchObject({ tileM: 128, tileN: 8 })
    expect(chooseConv(gpu, conv([8, 32], 1, 31, { batch: 28 }))).toMatchObject({ tileM: 64, tileN: 32 })
    expect(chooseConv(gpu, conv([32, 20], 1, 25))).toMatchObject({ tileM: 32, tileN: 20 })
    expect(chooseConv(gpu, conv([32, 8], 1, 25))).toMatchObject({ tileM: 64, tileN: 8 })
    const few = { ...gpu, maxWorkgroupInvocations: 128 }
    expect(chooseConv(few, conv([32, 32], 1, 255))).toMatchObject({ tileM: 64, tileN: 32 })
  })

  test('counts two operations per multiply-add', () => {
    expect(convFlops(conv([4, 8], 3, 5))).toBe(2 * 25 * 8 * 9 * 4)
    expect(convFlops(conv([4, 8], 3, 5, { groups: 2, batch: 3 }))).toBe(3 * 25 * 8 * 9 * 4)
  })
})
