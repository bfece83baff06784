import { describe, expect, it } from 'vitest'
import {
  type ConvAdapter,
  type ConvProblem,
  chooseConv,
  convFlops,
  samplesPerSlice,
} from '../../src/kernels/conv-plan.ts'

const lavapipe: ConvAdapter = {
  kind: 'cpu',
  features: new Set(['subgroups']),
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
  maxBindingBytes: 128 << 20,
  maxWorkgroupInvocations: 1024,
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
  it('leaves groups and odd channel counts to the direct kernel, on any adapter', () => {
    for (const adapter of [lavapipe, gpu]) {
      expect(chooseConv(adapter, conv([256, 10], 1)).variant).toBe('direct')
      expect(chooseConv(adapter, conv([3, 64], 7)).variant).toBe('direct')
      expect(chooseConv(adapter, conv([8, 8], 3, 31, { groups: 2 })).variant).toBe('direct')
    }
  })

  it('takes the subgroup kernel on lavapipe, and Winograd where it saves', () => {
    expect(chooseConv(lavapipe, conv([1024, 256], 1)).variant).toBe('subgroup')
    expect(chooseConv(lavapipe, conv([256, 512], 3, 31, { stride: 2 })).variant).toBe('subgroup')
    expect(chooseConv(lavapipe, conv([64, 64], 3, 63)).variant).toBe('subgroup') // too few channels
    expect(chooseConv(lavapipe, conv([256, 512], 3, 5)).variant).toBe('subgroup') // too few pixels
    expect(chooseConv(lavapipe, conv([256, 256], 3))).toEqual({
      variant: 'winograd',
      sliceChannels: 256,
      storeWeights: true,
    })
  })

  it('transforms large filters slice by slice, in scratch memory of at most 36 MiB', () => {
    const plan = chooseConv(lavapipe, conv([1024, 2048], 3))
    expect(plan).toEqual({ variant: 'winograd', sliceChannels: 512, storeWeights: false })
    expect(16 * 1024 * 512 * 4).toBeLessThanOrEqual(36 << 20)
  })

  it('bounds the samples of a slice so that the scratch tensors can be bound', () => {
    const problem = conv([1024, 2048], 3, 31, { dilation: 2, batch: 28 })
    const samples = samplesPerSlice(lavapipe, chooseConv(lavapipe, problem), problem)
    expect(samples).toBe(8) // 256 tiles x 16 x 1024 channels x 4 bytes = 16 MiB each
    expect(samplesPerSlice(lavapipe, { variant: 'subgroup' }, problem)).toBe(Number.POSITIVE_INFINITY)
    expect(chooseConv({ ...lavapipe, maxBindingBytes: 1 << 20 }, problem).variant).toBe('subgroup')
  })

  it('takes the tiled kernel elsewhere: on GPUs, without subgroups, with other subgroup sizes', () => {
    expect(chooseConv(gpu, conv([256, 256], 3)).variant).toBe('tiled')
    expect(chooseConv({ ...lavapipe, features: new Set() }, conv([256, 256], 3)).variant).toBe('tiled')
    expect(chooseConv({ ...lavapipe, subgroupMinSize: 4, subgroupMaxSize: 4 }, conv([256, 256], 3)).variant).toBe(
      'tiled',
    )
  })

  it('uses large tiles where they fill the GPU, else small ones, and splits a long inner dimension', () => {
    expect(chooseConv(gpu, conv([256, 256], 3, 125))).toMatchObject({ tileM: 64, tileN: 64, splitK: 1 })
    expect(chooseConv(gpu, conv([2048, 512], 1, 15))).toMatchObject({ tileM: 32, tileN: 32, splitK: 2 })
    expect(chooseConv(gpu, conv([512, 512], 3, 7))).toMatchObject({ tileM: 32, splitK: 8 })
    const few = { ...gpu, maxWorkgroupInvocations: 128 }
    expect(chooseConv(few, conv([256, 256], 3, 125))).toMatchObject({ tileM: 32 })
  })

  it('counts two operations per multiply-add', () => {
    expect(convFlops(conv([4, 8], 3, 5))).toBe(2 * 25 * 8 * 9 * 4)
    expect(convFlops(conv([4, 8], 3, 5, { groups: 2, batch: 3 }))).toBe(3 * 25 * 8 * 9 * 4)
  })
})
