import { expect, test } from 'vitest'
import type { ConvPlan } from '../../../src/kernels/conv/plan.ts'
import { planName } from '../../../src/kernels/conv/plan-name.ts'
import type { WeightGradientPlan } from '../../../src/kernels/conv/weight-gradient-plan.ts'

const tile = { tileM: 64, tileN: 32, tileK: 16, rows: 8, channels: 4, buffers: 2 } as const

test.each<[ConvPlan | WeightGradientPlan, string]>([
  [{ variant: 'direct' }, 'direct'],
  [{ variant: 'direct', splits: 3 }, 'direct, split 3'],
  [{ variant: 'subgroup' }, 'subgroup'],
  [{ variant: 'narrow', channelsPerLane: 2 }, 'narrow 16'],
  [{ variant: 'narrow', channelsPerLane: 4, splits: 2 }, 'narrow 32, split 2'],
  [{ variant: 'tiled', ...tile, splitK: 4 }, 'tiled 64x32x16, 8x4, 2 buffers, split 4'],
  [{ variant: 'tiled', ...tile, buffers: 1, splits: 1 }, 'tiled 64x32x16, 8x4'],
  [{ variant: 'registers', pixels: 8, channels: 4, splitK: 1 }, 'registers 8x4'],
  [{ variant: 'registers', channels: 8, splits: 2 }, 'registers 4x8, split 2'],
  [{ variant: 'shuffle', lanes: 16, splitK: 2 }, 'shuffle 16 lanes, split 2'],
  [{ variant: 'matrices', rows: 16, columns: 8, depth: 16, splitK: 2 }, 'matrices 16x8x16, split 2'],
  [{ variant: 'winograd', sliceChannels: 64 }, 'winograd, slices of 64'],
  [{ variant: 'winograd', sliceChannels: 64, products: tile }, 'winograd of 64x32x16, 8x4, 2 buffers, slices of 64'],
  [{ variant: 'depthwise', strip: 4, rows: 8 }, 'depthwise 4x8'],
  [{ variant: 'depthwise', strip: 4, rows: 8, samples: 2 }, 'depthwise 4x8x2'],
])('%o is called %s', (plan, name) => expect(planName(plan)).toBe(name))
