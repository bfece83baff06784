// Ranks that train together, here in one process: what they exchange, and that it is what one rank with all their batches does.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Device } from '../../src/gpu/device.ts'
import { openDevice } from '../../src/gpu/device.ts'
import { BucketExchange, bucketsOf, type GradientExchange } from '../../src/train/gradient-exchange.ts'
import { localExchanges } from './local-exchanges.ts'
import { namesThatDiffer, withTrainer } from './trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(async () => await device.close())

test('buckets take consecutive gradients, as many as fit, and a large one alone', () => {
  const sizes = [3, 4, 5, 20, 1, 1].map((bytes) => ({ tensor: { bytes } }))
  const buckets = bucketsOf(sizes, 10).map((bucket) => bucket.map(({ tensor }) => tensor.bytes))
  expect(buckets).toEqual([[3, 4], [5], [20], [1, 1]])
})

test('tensors of several buckets get the sums, each its own', async () => {
  const exchange: GradientExchange = {
    ranks: 2,
    bucketBytes: 12,
    async sum(values) {
      values.forEach((value, i) => {
        values[i] = 10 * value
      })
    },
  }
  const tensors = [1, 2, 3].map((n) => device.tensor(new Float32Array(n).fill(n), [n]))
  const gathered = tensors.map((tensor, index) => ({ tensor, dispatches: 2 * index + 1 }))
  const buckets = new BucketExchange(device, exchange, gathered)
  const parts: (number | undefined)[][] = []
  await buckets.run({ run: (...part) => void parts.push(part) })
  expect(parts).toEqual([[0, 3], [3, 5], [5]])
  const found = await Promise.all(tensors.map(async (tensor) => [...(await device.readF32(tensor))]))
  expect(found).toEqual([[10], [20, 20], [30, 30, 30]])
  expect(buckets.bytes).toBe(24)
  for (const tensor of tensors) device.release(tensor)
})

test('a bucket is under way before the step has ended, and buckets begin in their order', async () => {
  const events: string[] = []
  const reads: ((values: ArrayBuffer) => void)[] = []
  const slow = {
    readAll: () => new Promise<ArrayBuffer>((resolve) => reads.push(resolve)),
    write: () => undefined,
  } as unknown as Device
  const exchange: GradientExchange = {
    ranks: 2,
    bucketBytes: 4,
    sum: async ([value]) => void events.push(`sum ${value}`),
  }
  const tensors = [1, 2, 3].map((n) => device.tensor(Float32Array.of(n), [1]))
  const gathered = tensors.map((tensor, index) => ({ tensor, dispatches: index + 1 }))
  const ended = new BucketExchange(slow, exchange, gathered).run({
    run: (from, to) => void events.push(`run ${from} to ${to ?? 'the end'}`),
  })
  expect(events).toEqual(['run 0 to 1', 'run 1 to 2', 'run 2 to 3', 'run 3 to the end'])
  const tick = () => new Promise((resolve) => setTimeout(resolve, 1))
  reads[0]!(Float32Array.of(1).buffer)
  await tick()
  expect(events.at(-1)).toBe('sum 1')
  reads[2]!(Float32Array.of(3).buffer)
  await tick()
  expect(events.at(-1)).toBe('sum 1')
  reads[1]!(Float32Array.of(2).buffer)
  await ended
  expect(events.slice(-3)).toEqual(['sum 1', 'sum 2', 'sum 3'])
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
  const exchanges = localExchanges(2, 4096)
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
  expect(exchanges[0]!.sums).toBe(5 * steps)
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
