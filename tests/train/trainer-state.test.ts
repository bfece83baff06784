// Training is a function of its state: equal bits twice, and after saving and loading. A batch that spoils it is kept out.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import type { Config } from '../../src/siamrpn/config.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import type { StepResult } from '../../src/train/trainer.ts'
import {
  bitsOf,
  config,
  emptyImages,
  initialState,
  namesThatDiffer,
  rates,
  releaseImages,
  trainingConfig,
  withTrainer,
  writeBatch,
} from './trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const adamW = trainingConfig({
  optimizer: { type: 'AdamW', lr: 0.001, weight_decay: 0.05, paramwise_cfg: r50.optimizer.paramwise_cfg },
})

const averaged = trainingConfig({ custom_hooks: [{ type: 'ExpMomentumEMAHook', momentum: 0.1, total_iter: 3 }] })

/** Epochs of four steps: the backbone is released after the second. */
const schedule = [9, 9, 10, 10]

/** All that a run of the schedule leaves behind, saved and loaded into a new trainer before the steps given. */
async function run(of: Config, reloadBefore: readonly number[] = []) {
  const results: StepResult[] = []
  const images = emptyImages(device, 2)
  const options = { config: of, images }
  let state = initialState(of)
  let optimizer: typeof state | undefined
  let at = 0
  for (const end of [...reloadBefore, schedule.length]) {
    await withTrainer(device, { ...options, state: initialState(of) }, async ({ trainer, step }) => {
      trainer.load(state, optimizer)
      for (; at < end; at++) {
        await trainer.startEpoch(schedule[at]!)
        results.push(await step(at))
      }
      state = await trainer.modelState()
      optimizer = await trainer.optimizerState()
    })
  }
  releaseImages(device, images)
  return { results, model: bitsOf(state), optimizer: bitsOf(optimizer!) }
}

describe.each([
  ['SGD', config],
  ['AdamW', adamW],
  ['a moving average', averaged],
] as const)('%s', (_, of) => {
  test('gives the same bits twice, and after saving and loading in either phase and between them', async () => {
    const first = await run(of)
    expect(await run(of)).toEqual(first)
    expect(await run(of, [1, 2, 3])).toEqual(first)
  })
})

describe('a batch that gives no finite gradients', () => {
  const scratch = trainingConfig({}, { frozen_stages: -1, norm_eval: false })
  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    '(pixels are %d) moves no parameter and says so; the next batch trains on',
    async (value) => {
      await withTrainer(device, { config: scratch }, async ({ trainer, images, step }) => {
        await trainer.startEpoch(0)
        await step(0)
        const before = await trainer.modelState()
        const batch = writeBatch(device, images, [2, 3])
        device.write(images.search, new Float32Array(4 * 127).fill(value), 127 * 127 * 16)
        const { losses, gradNorm } = await trainer.step(batch, rates)
        expect([gradNorm, losses.loss].every(Number.isFinite)).toBe(false)
        const moved = namesThatDiffer(before, await trainer.modelState())
        // Running statistics have seen the batch, as in PyTorch.
        expect(moved.filter((name) => !/running|num_batches/.test(name))).toEqual([])
        const next = await step(4)
        expect([next.gradNorm, next.losses.loss].every(Number.isFinite)).toBe(true)
      })
    },
  )
})
