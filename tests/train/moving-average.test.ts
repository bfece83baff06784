// The average of the weights: its formula, and what of it a checkpoint has.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { averageMomentum } from '../../src/train/moving-average.ts'
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
