// The order of a run, where it stops, and that any stop can be gone on from to the same bits.

import { describe, expect, test } from 'vitest'
import { TrainingError } from '../../../src/train/errors.ts'
import { LrSchedule } from '../../../src/train/lr-schedule.ts'
import { DivergedError, NonFiniteLossError } from '../../../tools/training/errors.ts'
import { leastScale, mostSkipped, Runner, type RunnerOptions } from '../../../tools/training/runner.ts'
import { type FakeBatch, FakeTrainee, fakeSource, NotingHook } from './fakes.ts'

function makeRunner(options: Partial<RunnerOptions<FakeBatch>> = {}): Runner<FakeBatch> {
  return new Runner({
    trainer: new FakeTrainee(),
    source: fakeSource(3),
    schedule: new LrSchedule(undefined),
    hooks: [],
    workflow: [['train', 1]],
    maxEpochs: 2,
    ...options,
  })
}

describe('a run', () => {
  test('goes through all epochs and iterations, in order, and tells its hooks', async () => {
    const hook = new NotingHook()
    const source = fakeSource(2)
    await makeRunner({ source, hooks: [hook] }).run()
    expect(hook.notes).toEqual([
      'run',
      ...['train 0', '0.1=1', '0.2=2', 'end train 0'],
      ...['train 1', '1.1=3', '1.2=4', 'end train 1'],
      'over',
    ])
    expect(source.asked).toEqual(['0.0', '0.1', '1.0', '1.1'])
  })

  test('trains with the rates of the schedule, one per group', async () => {
    const trainer = new FakeTrainee()
    const step = { type: 'step', start_lr_factor: 1, end_lr_factor: 0.25, end_epoch: 2 } as const
    const schedule = new LrSchedule({ policy: 'SiameseRPN', lr_configs: [step] })
    await makeRunner({ trainer, schedule, source: fakeSource(1) }).run()
    expect(trainer.rates).toEqual([
      [0.1, 0.01],
      [0.05, 0.005],
    ])
  })

  test('follows the workflow, the validation after the last epoch included', async () => {
    const hook = new NotingHook()
    const workflow = [
      ['train', 2],
      ['val', 1],
    ] as const
    const options = { hooks: [hook], source: fakeSource(1), validation: fakeSource(2, 9), maxEpochs: 3 }
    await makeRunner({ ...options, workflow: workflow.map(([mode, count]) => [mode, count]) }).run()
    expect(hook.notes.filter((note) => /^(train|val)/.test(note))).toEqual([
      ...['train 0', 'train 1', 'val 1', 'train 2', 'val 2'],
    ])
    const lacking = makeRunner({
      workflow: [
        ['val', 1],
        ['train', 1],
      ],
    })
    await expect(lacking.run()).rejects.toThrow(/no validation data/)
    await expect(makeRunner({ workflow: [['val', 1]] }).run()).rejects.toThrow(TrainingError)
  })

  test('keeps losses, norm and times in its log', async () => {
    const runner = makeRunner()
    await runner.run()
    expect(Object.keys(runner.log.means(3))).toEqual(['time', 'data_time', 'part', 'loss', 'grad_norm'])
    const { part = 0, loss } = runner.log.means(2)
    expect(loss).toBeCloseTo(2 * part, 12)
  })
})

describe('an early end', () => {
  test('comes after max-iters iterations, in the middle of an epoch', async () => {
    const hook = new NotingHook()
    const runner = makeRunner({ maxIterations: 4, hooks: [hook] })
    await runner.run()
    expect(runner.position).toEqual({ epoch: 1, iteration: 1 })
    expect(hook.notes.slice(-2)).toEqual(['1.1=4', 'over'])
  })

  test('comes after the step under way when the signal is raised', async () => {
    const controller = new AbortController()
    const stop = { afterIteration: () => controller.abort() }
    const runner = makeRunner({ hooks: [stop], signal: controller.signal })
    await runner.run()
    expect([runner.iteration, runner.interrupted]).toEqual([1, true])
  })

  test('waits for the update that gathers several batches', async () => {
    const trainer = new FakeTrainee({ cumulative: 4 })
    const runner = makeRunner({ trainer, maxIterations: 2 })
    await runner.run()
    expect([runner.iteration, trainer.betweenUpdates]).toEqual([4, true])
  })
})

describe('going on', () => {
  test.each([1, 2, 3, 4, 5])('from iteration %i gives the same bits', async (stop) => {
    const whole = new FakeTrainee()
    await makeRunner({ trainer: whole }).run()
    const first = new FakeTrainee()
    const runner = makeRunner({ trainer: first, maxIterations: stop })
    await runner.run()
    const second = new FakeTrainee()
    second.load(await first.modelState(), await first.optimizerState())
    const source = fakeSource(3)
    const later = makeRunner({ trainer: second, source, start: runner.position })
    await later.run()
    expect(second.weights).toEqual(whole.weights)
    expect(second.momentum).toEqual(whole.momentum)
    expect(source.asked).toHaveLength(6 - stop)
    expect(later.iteration).toBe(6)
  })

  test('starts the epoch it is in, not the ones before', async () => {
    const trainer = new FakeTrainee()
    await makeRunner({ trainer, start: { epoch: 1, iteration: 2 } }).run()
    expect(trainer.epochs).toEqual([1])
    expect(trainer.rates).toHaveLength(1)
  })
})

describe('gradients that are not finite in half precision', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => i + 2)
  const source = fakeSource(100)

  test('are left out, and the run goes on with means of the others', async () => {
    const trainer = new FakeTrainee({ skipped: [2, 3, 5] })
    const runner = makeRunner({ trainer, source: fakeSource(3) })
    await runner.run()
    expect(runner.iteration).toBe(6)
    expect(runner.scaling).toMatchObject({ scale: 8, skipped: false, skippedUpdates: 3, skippedInARow: 0 })
    const { part = Number.NaN, loss = Number.NaN, grad_norm } = runner.log.means(3)
    expect([part, loss, grad_norm].every(Number.isFinite)).toBe(true)
  })

  test(`end it after ${mostSkipped} in a row`, async () => {
    const trainer = new FakeTrainee({ skipped: many(mostSkipped) })
    const runner = makeRunner({ trainer, source, lastCheckpoint: 'work/epoch_1.safetensors' })
    const error = await runner.run().catch((reason) => reason)
    expect(error).toBeInstanceOf(DivergedError)
    expect(error.message).toBe(
      'training has diverged: epoch 1, iteration 31 of 100 (31 in all): 30 updates in a row had gradients that are not finite, ' +
        'the last one with a loss scale of 8 (fp16.loss_scale); the last good checkpoint is work/epoch_1.safetensors. A lower ' +
        'learning rate or gradient clipping (optimizer_config.grad_clip) may help',
    )
    const enough = new FakeTrainee({ skipped: many(mostSkipped - 1) })
    await makeRunner({ trainer: enough, source, maxEpochs: 1 }).run()
  })

  test('end it when they have brought a dynamic scale too low, but not one that began there', async () => {
    const loss_scale = {
      ...{ init_scale: 4 * leastScale, growth_interval: 100, growth_factor: 2, backoff_factor: 0.4 },
      enabled: true as const,
    }
    const trainer = new FakeTrainee({ skipped: [2, 4], loss_scale })
    await expect(makeRunner({ trainer, source }).run()).rejects.toThrow(
      /iteration 4 of 100 .*: the loss scale has fallen to 0\.00006.*, expected 0\.0001 or more .*no checkpoint yet/,
    )
    const low = new FakeTrainee({ skipped: [2], loss_scale: leastScale / 2 })
    await makeRunner({ trainer: low, source: fakeSource(3) }).run()
  })
})

describe('a loss that is no number', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('ends the run: %d', async (loss) => {
    const hook = new NotingHook()
    const trainer = new FakeTrainee({ badStep: { step: 5, loss } })
    const runner = makeRunner({ trainer, hooks: [hook], lastCheckpoint: 'work/epoch_1.safetensors' })
    const error = await runner.run().catch((reason) => reason)
    expect(error).toBeInstanceOf(NonFiniteLossError)
    expect(error.message).toMatch(/epoch 2, iteration 2 of 3 \(5 in all\): loss is (NaN|Infinity); the last good/)
    expect(error.message).toMatch(/work\/epoch_1\.safetensors\. The batch:\n {2}sample 1\.1$/)
    expect(hook.notes.at(-1)).toBe('1.1=4')
  })

  test('says so where there is no checkpoint yet', async () => {
    const trainer = new FakeTrainee({ badStep: { step: 1, loss: Number.NaN } })
    await expect(makeRunner({ trainer }).run()).rejects.toThrow(/there is no checkpoint yet/)
  })
})
