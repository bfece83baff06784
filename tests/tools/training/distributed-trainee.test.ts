// Losses of several ranks, one of which has none that is finite.

import { expect, test } from 'vitest'
import type { StepResult, TrainBatch, Trainer } from '../../../src/train/trainer.ts'
import { PeerError } from '../../../tools/distributed/errors.ts'
import { DistributedTrainee } from '../../../tools/training/distributed-trainee.ts'
import { localCollectives } from '../distributed/local-collective.ts'

const batch = {} as TrainBatch
const bad = Number.NaN

/** What the ranks get of a step with these losses. */
async function step(losses: readonly number[], rest: Omit<StepResult, 'losses'>) {
  const collectives = localCollectives(losses.length)
  const steps = losses.map(async (loss, rank) => {
    const trainer = { step: async () => ({ losses: { loss }, ...rest }) } as unknown as Trainer
    const trainee = new DistributedTrainee(trainer, collectives[rank]!, new AbortController().signal)
    return await trainee.step(batch, [])
  })
  return await Promise.allSettled(steps)
}

test('in single precision the rank with the loss says what is wrong, and the other that it is another', async () => {
  const [sound, spoilt] = await step([1, bad], { gradNorm: bad, scaling: undefined })
  expect(sound).toMatchObject({ status: 'rejected', reason: expect.any(PeerError) })
  expect(spoilt).toMatchObject({ status: 'fulfilled', value: { losses: { loss: bad } } })
})

const scaling = { scale: 8, nextScale: 4, skipped: true, skippedUpdates: 1, skippedInARow: 1 }

test.each([
  ['whose update is left out', { gradNorm: bad, scaling }],
  ['that only gathers gradients', { gradNorm: undefined, scaling: { ...scaling, skipped: false } }],
])('in half precision a step %s goes on on all ranks', async (_, rest) => {
  const expected = { status: 'fulfilled', value: { losses: { loss: bad }, ...rest } }
  expect(await step([1, bad], rest)).toEqual([expected, expected])
})

test('in half precision a loss that is not finite, with gradients that are, is as wrong as ever', async () => {
  const [sound] = await step([1, bad], { gradNorm: 1, scaling: { ...scaling, skipped: false } })
  expect(sound).toMatchObject({ status: 'rejected', reason: expect.any(PeerError) })
})
