// Ranks that train together, here in one process: what they exchange, and that it is what one rank with all their batches does.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Device } from '../../src/gpu/device.ts'
import { openDevice } from '../../src/gpu/device.ts'
import { BucketExchange, bucketsOf, type GradientExchange } from '../../src/train/gradient-exchange.ts'
import { namesThatDiffer, withTrainer } from './trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(async () => await device.close())

/** An exchange of each rank. What the ranks give is added up when all have come. */
function localExchanges(ranks: number): GradientExchange[] {
  let waiting: { readonly values: Float32Array; readonly rank: number; readonly done: () => void }[] = []
  const settle = () => {
    const inOrder = waiting.toSorted((a, b) => a.rank - b.rank)
    waiting = []
    const sum = new Float32Array(inOrder[0]!.values.length)
    for (const { values } of inOrder) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + values[i]!
    for (const { values, done } of inOrder) {
      values.set(sum)
      done()
    }
  }
  return Array.from({ length: ranks }, (_, rank) => ({
    ranks,
    sum: (values) =>
      new Promise<void>((done) => {
        waiting.push({ values, rank, done })
        if (waiting.length === ranks) settle()
      }),
  }))
}

test('buckets take consecutive tensors, as many as fit, and a large one alone', () => {
  const sizes = [3, 4, 5, 20, 1, 1].map((bytes) => ({ bytes }))
  const buckets = bucketsOf(sizes, 10).map((bucket) => bucket.map(({ bytes }) => bytes))
  expect(buckets).toEqual([[3, 4], [5], [20], [1, 1]])
})

test('tensors of several buckets get the sums, each its own', async () => {
  const exchange: GradientExchange = {
    ranks: 2,
    async sum(values) {
      values.forEach((value, i) => {
        values[i] = 10 * value
      })
    },
  }
  const tensors = [1, 2, 3].map((n) => device.tensor(new Float32Array(n).fill(n), [n]))
  const buckets = new BucketExchange(device, exchange, tensors, 12)
  await buckets.read()
  await buckets.sum()
  const found = await Promise.all(tensors.map(async (tensor) => [...(await device.readF32(tensor))]))
  expect(found).toEqual([[10], [20, 20], [30, 30, 30]])
  expect(buckets.bytes).toBe(24)
  for (const tensor of tensors) device.release(tensor)
})

test('two ranks do what one does that gathers over both their batches', async () => {
  const steps = 3
  const alone = await withTrainer(device, { cumulativeIters: 2 }, async ({ trainer, step }) => {
    await trainer.startEpoch(0)
    const outcomes = []
    for (let k = 0; k < 2 * steps; k++) outcomes.push(await step(k))
    return { outcomes, model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
  })
  const exchanges = localExchanges(2)
  const both = await Promise.all(
    exchanges.map((exchange, rank) =>
      withTrainer(device, { exchange }, async ({ trainer, step }) => {
        await trainer.startEpoch(0)
        const outcomes = []
        for (let k = 0; k < steps; k++) outcomes.push(await step(2 * k + rank))
        return { outcomes, model: await trainer.modelState(), optimizer: await trainer.optimizerState() }
      }),
    ),
  )
  for (const [rank, { outcomes, model, optimizer }] of both.entries()) {
    expect(outcomes.map(({ losses }) => losses)).toEqual(outcomes.map((_, k) => alone.outcomes[2 * k + rank]!.losses))
    expect(outcomes.map(({ gradNorm }) => gradNorm)).toEqual(
      outcomes.map((_, k) => alone.outcomes[2 * k + 1]!.gradNorm),
    )
    // Halves are exact, so the bits are equal; running statistics are each rank's own.
    expect(namesThatDiffer(model, alone.model).filter((name) => !/running|num_batches/.test(name))).toEqual([])
    expect(namesThatDiffer(optimizer, alone.optimizer)).toEqual([])
  }
})
