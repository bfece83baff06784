// The average of the weights: its formula, and what of it a checkpoint has.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { averageMomentum, averagesAfter } from '../../src/train/moving-average.ts'
import { initialState, namesThatDiffer, trainingConfig, values, withTrainer } from './trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const hook = { type: 'ExpMomentumEMAHook', momentum: 0.1, total_iter: 3 } as const
const config = trainingConfig({ custom_hooks: [hook] })

test('counts early weights more', () => {
  expect(averageMomentum(hook, 0)).toBeCloseTo(0.9 * Math.exp(-1 / 3) + 0.1, 14)
  expect(averageMomentum(hook, 1000)).toBeCloseTo(0.1, 14)
})

test('follows mmdet’s linear momentum and mmcv’s hook, which count iterations from one and from zero', () => {
  const linear = { type: 'LinearMomentumEMAHook', momentum: 0.1, interval: 2, warm_up: 100 } as const
  const mmcv = { ...linear, type: 'EMAHook' } as const
  for (const each of [linear, mmcv]) {
    expect(averageMomentum(each, 500)).toBe(0.1 ** 2)
    expect(averageMomentum({ ...each, interval: 1 }, 0)).toBe(1 / 100)
    expect(averageMomentum({ ...each, interval: 1 }, 5)).toBe(6 / 105)
    expect(averageMomentum({ ...each, interval: 1 }, 500)).toBe(0.1)
  }
  const taken = (each: typeof linear | typeof mmcv) => [0, 1, 2, 3].filter((step) => averagesAfter(each, step))
  expect(taken(linear)).toEqual([1, 3])
  expect(taken(mmcv)).toEqual([0, 2])
})

test('of mmcv’s hook has the parameters, every second time, and the statistics as they are', async () => {
  const [weight, mean] = ['neck.convs.0.bn.weight', 'neck.convs.0.bn.running_mean']
  const own = { type: 'EMAHook', momentum: 0.5, interval: 2, warm_up: 1 } as const
  const config = trainingConfig({ custom_hooks: [own] })
  await withTrainer(device, { config }, async ({ trainer, step }) => {
    const average = Float64Array.from(values(initialState(config), weight))
    await trainer.startEpoch(0)
    for (let k = 0; k < 2; k++) {
      await step(k)
      const current = values(await trainer.model.stateDict(), weight)
      if (k === 0) for (let i = 0; i < average.length; i++) average[i] = 0.75 * average[i]! + 0.25 * current[i]!
      const state = await trainer.modelState()
      for (const [i, value] of values(state, weight).entries()) expect(value).toBeCloseTo(average[i]!, 5)
      expect(values(state, mean)).toEqual(values(await trainer.model.stateDict(), mean))
    }
  })
})

test('is what the model’s state has, of parameters and statistics that change', async () => {
  const names = ['head.cls_heads.0.search_convs.conv.weight', 'neck.convs.0.bn.running_mean', 'neck.convs.0.bn.weight']
  await withTrainer(device, { config }, async ({ trainer, step }) => {
    const averages = new Map(names.map((name) => [name, Float64Array.from(values(initialState(config), name))]))
    await trainer.startEpoch(0)
    for (let k = 0; k < 3; k++) {
      await step(k)
      const [current, state] = [await trainer.model.stateDict(), await trainer.modelState()]
      const momentum = averageMomentum(hook, k)
      for (const [name, average] of averages) {
        const weights = values(current, name)
        for (let i = 0; i < average.length; i++) average[i] = (1 - momentum) * average[i]! + momentum * weights[i]!
        for (const [i, value] of values(state, name).entries()) expect(value).toBeCloseTo(average[i]!, 5)
      }
    }
    const apart = namesThatDiffer(await trainer.model.stateDict(), await trainer.modelState())
    expect(apart).toEqual(expect.arrayContaining(names))
    expect(apart.filter((name) => name.startsWith('backbone.layer1'))).toEqual([])
  })
})
