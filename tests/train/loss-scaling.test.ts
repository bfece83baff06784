// Training with a scaled loss, all numbers in single precision: powers of two change no bit, a scale that is too large costs the
// updates it spoils and nothing else.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StateDict } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { FeatureError } from '../../src/gpu/errors.ts'
import type { Config, ConfigInput } from '../../src/siamrpn/config.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import { type StepResult, Trainer, type TrainerOptions } from '../../src/train/trainer.ts'
import { localExchanges } from './local-exchanges.ts'
import {
  bitsOf,
  emptyImages,
  initialState,
  namesThatDiffer,
  rates,
  trainingConfig,
  values,
  withTrainer,
  writeBatch,
} from './trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

type LossScale = NonNullable<ConfigInput['fp16']>['loss_scale']

const scaled = (loss_scale: LossScale, changes: Partial<ConfigInput> = {}) =>
  trainingConfig({ ...changes, fp16: { loss_scale } })

/** Too large for every batch of these tests, and not for a float32. */
const huge = 2 ** 127

/** The first update is spoilt, and no other. */
const spoilsFirst = { init_scale: huge, backoff_factor: 2 ** -117, growth_interval: 1000 }
/** Every third one is: two updates make the scale huge. */
const spoilsThird = { init_scale: 1024, growth_factor: 2 ** 117, backoff_factor: 2 ** -117, growth_interval: 2 }

const adamW: Partial<ConfigInput> = {
  optimizer: { type: 'AdamW', lr: 0.001, weight_decay: 0.05, paramwise_cfg: r50.optimizer.paramwise_cfg },
}
const averaged: Partial<ConfigInput> = {
  custom_hooks: [{ type: 'ExpMomentumEMAHook', momentum: 0.1, total_iter: 3, skip_buffers: true }],
}

interface Outcome {
  readonly results: readonly StepResult[]
  readonly model: StateDict
  readonly optimizer: StateDict
}

/** Steps on these batches, in epochs of so many. @param save writes and loads everything before this step */
async function run(
  config: Config,
  batches: readonly number[],
  { save, ...options }: Partial<TrainerOptions> & { readonly save?: number } = {},
): Promise<Outcome> {
  const results: StepResult[] = []
  let state: Pick<Outcome, 'model' | 'optimizer'> | undefined
  const parts = save === undefined ? [batches] : [batches.slice(0, save), batches.slice(save)]
  for (const part of parts) {
    state = await withTrainer(device, { config, precision: 'f32', ...options }, async ({ trainer, step }) => {
      if (state) trainer.load(state.model, state.optimizer)
      await trainer.startEpoch(10)
      for (const batch of part) results.push(await step(batch))
      return { model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
    })
  }
  return { results, ...state! }
}

/** What trains: running statistics see every batch. */
const trained = (names: readonly string[]) => names.filter((name) => !/running|num_batches|^loss_scaler/.test(name))

function expectSameTraining(found: Outcome, expected: Outcome): void {
  expect(trained(namesThatDiffer(found.model, expected.model))).toEqual([])
  expect(trained(namesThatDiffer(found.optimizer, expected.optimizer))).toEqual([])
}

const skips = ({ results }: Outcome) => results.map(({ scaling }) => scaling!.skipped)

describe('a scale that is a power of two', () => {
  test.each([
    ['SGD', {}],
    ['AdamW', adamW],
    ['a moving average', averaged],
  ] as const)('changes no bit of training, and no norm: %s', async (_, changes) => {
    const plain = await run(trainingConfig(changes), [0, 1, 2])
    const found = await run(scaled(4096, changes), [0, 1, 2])
    expectSameTraining(found, plain)
    expect(found.results.map(({ losses, gradNorm }) => [losses, gradNorm])).toEqual(
      plain.results.map(({ losses, gradNorm }) => [losses, gradNorm]),
    )
    expect(plain.results[0]!.scaling).toBeUndefined()
    expect(found.results.at(-1)!.scaling).toEqual({
      ...{ scale: 4096, nextScale: 4096, skipped: false },
      ...{ skippedUpdates: 0, skippedInARow: 0 },
    })
  })

  test('changes none with gathered gradients, and is not in those that are kept', async () => {
    const plain = await run(trainingConfig(), [0, 1, 2, 3], { cumulativeIters: 2 })
    expectSameTraining(await run(scaled(4096), [0, 1, 2, 3], { cumulativeIters: 2 }), plain)
    const kept = (config: Config) =>
      withTrainer(device, { config, precision: 'f32', keepGradients: true }, async ({ trainer, step }) => {
        await trainer.startEpoch(10)
        await step(0)
        return await trainer.gradients()
      })
    expect(await kept(scaled(4096))).toEqual(await kept(trainingConfig()))
  })
})

test('another scale changes weights by no more than rounding', async () => {
  const [plain, found] = [await run(trainingConfig(), [0, 1, 2]), await run(scaled(1000), [0, 1, 2])]
  for (const name of trained([...plain.model.keys()])) {
    const expected = values(plain.model, name)
    for (const [i, value] of values(found.model, name).entries()) {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected[i]!)))
    }
  }
})

describe('a scale that is too large', () => {
  test.each([
    ['SGD', {}],
    ['AdamW', adamW],
    ['a moving average', averaged],
  ] as const)('costs exactly the updates that it spoils: %s', async (_, changes) => {
    const first = await run(scaled(spoilsFirst, changes), [9, 0, 1])
    expect(skips(first)).toEqual([true, false, false])
    expect(Number.isFinite(first.results[0]!.gradNorm)).toBe(false)
    expect(first.results[0]!.scaling).toMatchObject({ scale: huge, nextScale: 1024, skippedUpdates: 1 })
    expectSameTraining(first, await run(trainingConfig(changes), [0, 1]))

    const third = await run(scaled(spoilsThird, changes), [0, 1, 9, 2, 3])
    expect(skips(third)).toEqual([false, false, true, false, false])
    expectSameTraining(third, await run(trainingConfig(changes), [0, 1, 2, 3]))
  })

  test('that is a number leaves weights, statistics of the optimizer and averages as they were, every time', async () => {
    const config = scaled(huge, { ...adamW, ...averaged })
    const before = await run(config, [])
    const after = await run(config, [0, 1])
    expect(skips(after)).toEqual([true, true])
    expect(after.results[1]!.scaling).toMatchObject({ nextScale: huge, skippedUpdates: 2, skippedInARow: 2 })
    expectSameTraining(after, before)
  })

  test('spoils the whole update that gathers gradients, and the next one begins anew', async () => {
    const found = await run(scaled(spoilsFirst), [9, 8, 0, 1], { cumulativeIters: 2 })
    expect(skips(found)).toEqual([false, true, false, false])
    expectSameTraining(found, await run(trainingConfig(), [0, 1], { cumulativeIters: 2 }))
  })
})

describe('saved and loaded', () => {
  test.each([1, 2, 3, 4])('training goes on with the same bits, scale included, before step %i', async (save) => {
    const config = scaled(spoilsThird, { ...adamW, ...averaged })
    const batches = [0, 1, 9, 2, 3]
    const [whole, broken] = [await run(config, batches), await run(config, batches, { save })]
    expect(broken.results).toEqual(whole.results)
    expect(bitsOf(broken.model)).toEqual(bitsOf(whole.model))
    expect(bitsOf(broken.optimizer)).toEqual(bitsOf(whole.optimizer))
  })

  test('in half precision it goes on in single, and the other way round', async () => {
    const [single, half] = [trainingConfig(), scaled(2048)]
    const plain = await run(single, [0, 1])
    for (const [before, after] of [
      [single, half],
      [half, single],
    ] as const) {
      const { model, optimizer } = await run(before, [0])
      const found = await withTrainer(device, { config: after, precision: 'f32' }, async ({ trainer, step }) => {
        trainer.load(model, optimizer)
        await trainer.startEpoch(10)
        const results = [await step(1)]
        return { results, model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
      })
      expectSameTraining(found, plain)
    }
  })
})

test('running statistics stay finite, whatever a batch holds', async () => {
  const scratch = trainingConfig({ fp16: { loss_scale: 512 } }, { frozen_stages: -1, norm_eval: false })
  await withTrainer(device, { config: scratch }, async ({ trainer, images, step }) => {
    await trainer.startEpoch(0)
    await step(0)
    const before = await trainer.modelState()
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const batch = writeBatch(device, images, [2, 3])
      device.write(images.search, new Float32Array(4 * 127).fill(value), 127 * 127 * 16)
      const { scaling } = await trainer.step(batch, rates)
      expect(scaling?.skipped).toBe(true)
    }
    const after = await trainer.modelState()
    for (const name of after.keys())
      if (/running/.test(name)) expect(values(after, name).every(Number.isFinite)).toBe(true)
    // The exemplars of that batch were sound.
    expect(namesThatDiffer(before, after)).toContain('backbone.bn1.running_mean')
    expect(trained(namesThatDiffer(before, after))).toEqual([])
    expect((await step(4)).scaling).toMatchObject({ skipped: false, skippedUpdates: 2, skippedInARow: 0 })
  })
})

test('half precision is refused on an adapter without it, which is named, and nothing is left behind', async () => {
  const plain = await openDevice({ hideFeatures: ['shader-f16'] })
  const images = emptyImages(plain, 2)
  const before = plain.memory.bytes
  const config = scaled(512)
  const make = () => new Trainer({ device: plain, config, state: initialState(config), images })
  expect(make).toThrow(FeatureError)
  expect(make).toThrow(
    `fp16 of the configuration needs the feature \`shader-f16\`, which the adapter \`${plain.adapter.description}\` does not have`,
  )
  expect(plain.memory.bytes).toBe(before)
  await plain.close()
})

describe('two ranks', () => {
  const together = (config: Config, batches: readonly (readonly number[])[], spoil?: { rank: number; step: number }) =>
    Promise.all(
      localExchanges(2, 4096).map((exchange, rank) =>
        withTrainer(device, { config, exchange, precision: 'f32' }, async ({ trainer, images }) => {
          await trainer.startEpoch(0)
          const results: StepResult[] = []
          for (const [index, batch] of batches.entries()) {
            const k = batch[rank]!
            const prepared = writeBatch(device, images, [2 * k, 2 * k + 1])
            if (spoil?.rank === rank && spoil.step === index)
              prepared.targets.labelWeights.fill(Number.POSITIVE_INFINITY)
            results.push(await trainer.step(prepared, rates))
          }
          return { results, model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
        }),
      ),
    )

  test('leave out an update for which one of them has no finite gradients, and go on alike', async () => {
    const config = scaled({ init_scale: 4096 }, { ...adamW, ...averaged })
    const [first, second] = await together(
      config,
      [
        [0, 1],
        [8, 9],
        [2, 3],
      ],
      { rank: 1, step: 1 },
    )
    for (const each of [first!, second!]) {
      expect(skips(each)).toEqual([false, true, false])
      expect(each.results[1]!.scaling).toMatchObject({ scale: 4096, nextScale: 2048 })
    }
    expect(first!.results.map(({ scaling }) => scaling)).toEqual(second!.results.map(({ scaling }) => scaling))
    const finite = ({ losses }: StepResult) => Number.isFinite(losses.loss)
    expect([first!, second!].map(({ results }) => results.map(finite))).toEqual([
      [true, true, true],
      [true, false, true],
    ])
    expect(trained(namesThatDiffer(first!.model, second!.model))).toEqual([])
    expect(namesThatDiffer(first!.optimizer, second!.optimizer)).toEqual([])
    const [alike] = await together(trainingConfig({ ...adamW, ...averaged }), [
      [0, 1],
      [2, 3],
    ])
    expectSameTraining(first!, alike!)
  })
})
