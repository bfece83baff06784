// Training with `fp16`: maps in half precision and a scaled loss, against training in single precision.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import type { Config, ConfigInput } from '../../src/siamrpn/config.ts'
import { localExchanges } from './local-exchanges.ts'
import { bitsOf, namesThatDiffer, trainingConfig, values, withTrainer } from './trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

type LossScale = NonNullable<ConfigInput['fp16']>['loss_scale']

const single = trainingConfig()
const half = (loss_scale: LossScale) => trainingConfig({ fp16: { loss_scale } })

/** Two batches in turn, the backbone released. */
async function run(config: Config, steps: number) {
  return await withTrainer(device, { config, epochs: 20 }, async ({ trainer, step }) => {
    const plans = await trainer.plan()
    await trainer.startEpoch(10)
    const losses: number[] = []
    const scalings = []
    for (let k = 0; k < steps; k++) {
      const { losses: found, scaling } = await step(k % 2)
      losses.push(found.loss)
      scalings.push(scaling)
    }
    return { plans, losses, scalings, model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
  })
}

test('lowers the loss as single precision does, in less memory, with the same bits twice', async () => {
  const steps = 12
  const [expected, found] = [await run(single, steps), await run(half(512), steps)]
  for (const [k, loss] of found.losses.entries()) expect(Math.abs(loss / expected.losses[k]! - 1)).toBeLessThan(0.02)
  expect(found.losses).not.toEqual(expected.losses)
  for (const { losses } of [expected, found]) expect(losses.at(-1)! / losses[1]!).toBeLessThan(0.9)
  expect(found.scalings.map((each) => each!.skipped)).toEqual(Array.from({ length: steps }, () => false))
  // This model's maps have so few channels that images and parameters are a large part of it.
  const released = [found, expected].map(({ plans }) => plans.find(({ name }) => name === 'unfrozen')!)
  expect(released[0]!.arenaBytes / released[1]!.arenaBytes).toBeLessThan(0.9)
  expect(released[0]!.stateBytes).toBe(released[1]!.stateBytes)
  expect(new Set([...found.model.values()].map(({ dtype }) => dtype))).toEqual(new Set(['f32', 'i64']))
  const again = await run(half(512), steps)
  expect(bitsOf(again.model)).toEqual(bitsOf(found.model))
  expect(bitsOf(again.optimizer)).toEqual(bitsOf(found.optimizer))
})

test('finds a scale that half precision can hold, and no weight or statistic is ever spoilt', async () => {
  const { losses, scalings, model } = await run(half({ init_scale: 2 ** 30 }), 24)
  const skipped = scalings.map((each) => each!.skipped)
  const first = skipped.indexOf(false)
  expect(first).toBeGreaterThan(2)
  expect(skipped.slice(0, first).every(Boolean)).toBe(true)
  expect(skipped.at(-1)).toBe(false)
  expect(losses.every(Number.isFinite)).toBe(true)
  expect(losses.at(-1)).toBeLessThan(losses[1]!)
  for (const [name, { dtype }] of model)
    if (dtype === 'f32') expect(values(model, name).every(Number.isFinite)).toBe(true)
})

test('two ranks do what one does that gathers over both their batches', async () => {
  const steps = 3
  const config = half({ init_scale: 2 ** 24 })
  const alone = await withTrainer(device, { config, cumulativeIters: 2 }, async ({ trainer, step }) => {
    await trainer.startEpoch(0)
    const scalings = []
    for (let k = 0; k < 2 * steps; k++) scalings.push((await step(k)).scaling!)
    return { scalings, model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
  })
  const both = await Promise.all(
    localExchanges(2, 4096).map((exchange, rank) =>
      withTrainer(device, { config, exchange }, async ({ trainer, step }) => {
        await trainer.startEpoch(0)
        const scalings = []
        for (let k = 0; k < steps; k++) scalings.push((await step(2 * k + rank)).scaling!)
        return { scalings, model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
      }),
    ),
  )
  expect(alone.scalings.at(-1)!.skippedUpdates).toBeGreaterThan(0)
  for (const { scalings, model, optimizer } of both) {
    expect(scalings).toEqual(scalings.map((_, k) => alone.scalings[2 * k + 1]))
    expect(namesThatDiffer(model, alone.model).filter((name) => !/running|num_batches/.test(name))).toEqual([])
    expect(namesThatDiffer(optimizer, alone.optimizer)).toEqual([])
  }
})
