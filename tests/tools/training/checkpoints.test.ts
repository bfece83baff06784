// Checkpoints on disk: complete or absent, readable by others, the right ones kept; and the folder they are in.

import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readCheckpoint } from '../../../src/formats/checkpoint.ts'
import { writeSafetensors } from '../../../src/formats/safetensors.ts'
import { type StateDict, toFloat32 } from '../../../src/formats/state-dict.ts'
import type { Config } from '../../../src/siamrpn/config.ts'
import { LrSchedule } from '../../../src/train/lr-schedule.ts'
import { CheckpointHook, checkpointDefaults, type RunFacts } from '../../../tools/training/checkpoint-hook.ts'
import { TrainingCheckpointError, WorkDirBusyError } from '../../../tools/training/errors.ts'
import { EvaluationHook, evaluatesAfter } from '../../../tools/training/evaluation-hook.ts'
import type { Scores } from '../../../tools/training/runner.ts'
import { type Hook, Runner } from '../../../tools/training/runner.ts'
import { readTrainingCheckpoint, writeTrainingCheckpoint } from '../../../tools/training/training-checkpoint.ts'
import { WorkDir } from '../../../tools/training/work-dir.ts'
import { FakeTrainee, type FakeTraineeOptions, fakeConfig, fakeSource } from './fakes.ts'
import { temporaryFolder } from './helpers.ts'

interface TrainOptions {
  readonly folder: string
  readonly checkpoints?: Partial<Config['checkpoint_config']>
  readonly evaluation?: Partial<NonNullable<Config['evaluation']>>
  readonly scores?: readonly (Scores | Error | undefined)[]
  readonly maxEpochs?: number
  readonly maxIterations?: number
  readonly trainee?: FakeTraineeOptions
  readonly hooks?: readonly Hook[]
  readonly signal?: AbortSignal
}

/** Trains the fake from the last checkpoint of the folder on, three iterations an epoch. */
async function train(options: TrainOptions) {
  const { folder, maxEpochs = 3, maxIterations, hooks = [], signal } = options
  const workDir = await WorkDir.open(folder)
  const last = await workDir.lastCheckpoint()
  const resumed = last === undefined ? undefined : await readTrainingCheckpoint(last)
  const trainer = new FakeTrainee(options.trainee)
  if (resumed) trainer.load(resumed.model, resumed.optimizer)
  const { best = null, scores = null, pendingEvaluation = false } = resumed?.facts ?? {}
  const facts: RunFacts = { seed: 4, best, scores, pendingEvaluation }
  const config = fakeConfig({ checkpoint_config: { ...checkpointDefaults, ...options.checkpoints } })
  const evaluation = { ...config.evaluation!, start: null, ...options.evaluation }
  const measured: number[] = []
  const list = [...(options.scores ?? [])]
  const evaluate = async () => {
    measured.push(trainer.weights[0]!)
    const next = list.shift()
    if (next instanceof Error) throw next
    return next
  }
  const measures = options.scores !== undefined
  const willEvaluate = ({ epoch }: { epoch: number }) => measures && evaluatesAfter(evaluation, epoch)
  const checkpoints = new CheckpointHook({ workDir, config, facts, willEvaluate })
  const evaluating = measures
    ? [new EvaluationHook({ evaluate, config: evaluation, checkpoints, facts, workDir, listeners: [] })]
    : []
  const runner = new Runner({
    trainer,
    source: fakeSource(3),
    schedule: new LrSchedule(undefined),
    hooks: [...hooks, checkpoints, ...evaluating],
    workflow: [['train', 1]],
    maxEpochs,
    maxIterations,
    ...(resumed && { start: resumed.facts }),
    lastCheckpoint: last,
    ...(signal && { signal }),
  })
  try {
    await runner.run()
  } finally {
    await workDir.close()
  }
  return { trainer, runner, measured, names: (await readdir(folder)).sort(), facts }
}

describe('checkpoints', () => {
  test('are written after every epoch, and one points to the last', async () => {
    const folder = await temporaryFolder()
    const { names } = await train({ folder })
    expect(names).toEqual(
      ['epoch_1', 'epoch_2', 'epoch_3'].map((name) => `${name}.safetensors`).concat('last_checkpoint'),
    )
    expect(await readFile(join(folder, 'last_checkpoint'), 'utf8')).toBe('epoch_3.safetensors\n')
  })

  test.each([
    [{ interval: 2 }, ['epoch_2', 'epoch_3']],
    [{ interval: 2, save_last: false }, ['epoch_2']],
    [{ interval: -1 }, ['epoch_3']],
    [{ interval: 1, max_keep_ckpts: 2 }, ['epoch_2', 'epoch_3']],
    [{ interval: 4, by_epoch: false }, ['epoch_3', 'iter_4', 'iter_8']],
    [{ interval: 2, by_epoch: false, max_keep_ckpts: 2 }, ['epoch_3', 'iter_8']],
  ] as const)('follow %j', async (checkpoints, expected) => {
    const { names } = await train({ folder: await temporaryFolder(), checkpoints })
    expect(names.filter((name) => name.endsWith('.safetensors'))).toEqual(expected.map((name) => `${name}.safetensors`))
  })

  test('hold the model by its names, the optimizer, and where training was', async () => {
    const folder = await temporaryFolder()
    const { trainer } = await train({ folder, maxIterations: 5 })
    const path = join(folder, 'iter_5.safetensors')
    const { model, optimizer, facts } = await readTrainingCheckpoint(path)
    expect(model).toEqual(await trainer.modelState())
    expect(optimizer).toEqual(await trainer.optimizerState())
    expect(facts).toEqual({
      ...{ epoch: 1, iteration: 2, iterationsPerEpoch: 3, batchSize: 2, ranks: 1, seed: 4 },
      ...{ best: null, scores: null, pendingEvaluation: false },
    })
    const plain = readCheckpoint(await readFile(path))
    expect([...plain.stateDict.keys()]).toEqual(['neck.weight'])
    expect(plain.meta).toMatchObject({ epoch: '1', iter: '5', 'siamrpn.anchors': 'mmtracking' })
  })

  test('wait for the update that gathers several batches', async () => {
    const folder = await temporaryFolder()
    const { names } = await train({ folder, trainee: { cumulative: 2 }, maxIterations: 7 })
    expect(names.filter((name) => name.endsWith('.safetensors'))).toEqual(
      ['epoch_2', 'iter_4', 'iter_8'].map((name) => `${name}.safetensors`),
    )
  })

  test('are written when training is interrupted', async () => {
    const folder = await temporaryFolder()
    const controller = new AbortController()
    const hooks = [{ afterIteration: (run: { iteration: number }) => void (run.iteration === 4 && controller.abort()) }]
    const { names } = await train({ folder, hooks, signal: controller.signal, checkpoints: { save_last: false } })
    expect(names).toContain('iter_4.safetensors')
    expect(await readFile(join(folder, 'last_checkpoint'), 'utf8')).toBe('iter_4.safetensors\n')
  })

  test('lead on to the same bits, with gathered gradients too', async () => {
    for (const cumulative of [1, 2]) {
      const whole = await train({ folder: await temporaryFolder(), trainee: { cumulative } })
      const folder = await temporaryFolder()
      for (const maxIterations of [1, 2, 4, 7]) await train({ folder, maxIterations, trainee: { cumulative } })
      const { trainer } = await train({ folder, trainee: { cumulative } })
      expect(trainer.weights).toEqual(whole.trainer.weights)
    }
  })
})

describe('a checkpoint that cannot be written', () => {
  test('leaves the old one as it was', async () => {
    const folder = await temporaryFolder()
    const { trainer, facts } = await train({ folder, maxIterations: 1 })
    const path = join(folder, 'iter_1.safetensors')
    const before = await readFile(path)
    const broken = new Map([['neck.weight', { dtype: 'f32', shape: [3], data: new Uint8Array(4) } as const]])
    const position = { epoch: 0, iteration: 1, iterationsPerEpoch: 3, batchSize: 2, ranks: 1 }
    const checkpoint = { model: broken, optimizer: await trainer.optimizerState(), facts: { ...facts, ...position } }
    await expect(writeTrainingCheckpoint(path, checkpoint, fakeConfig())).rejects.toThrow(TrainingCheckpointError)
    expect(await readFile(path)).toEqual(before)
    expect(await readdir(folder)).toEqual(['iter_1.safetensors', 'last_checkpoint'])
  })
})

describe('a full disk', () => {
  test('ends training with the reason and the last checkpoint, which survives', async () => {
    const folder = await temporaryFolder()
    const file = await open(join(folder, 'any'), 'w')
    const prototype = Object.getPrototypeOf(file)
    await file.close()
    await rm(join(folder, 'any'))
    await train({ folder, maxEpochs: 1 })
    const full = vi
      .spyOn(prototype, 'appendFile')
      .mockRejectedValue(new Error('ENOSPC: no space left on device, write'))
    onTestFinished(() => full.mockRestore())
    await expect(train({ folder })).rejects.toThrow(
      /cannot write the checkpoint .*epoch_2\.safetensors: ENOSPC: .*; the last one is .*epoch_1\.safetensors/,
    )
    full.mockRestore()
    expect(await readdir(folder)).toEqual(['epoch_1.safetensors', 'last_checkpoint'])
    expect((await readTrainingCheckpoint(join(folder, 'epoch_1.safetensors'))).facts.epoch).toBe(1)
  })
})

describe('reading', () => {
  test('refuses weights without a position, and says what they are good for', async () => {
    const path = join(await temporaryFolder(), 'weights.safetensors')
    await writeFile(path, writeSafetensors(await new FakeTrainee().modelState()))
    await expect(readTrainingCheckpoint(path)).rejects.toThrow(/weights\.safetensors holds weights, but .*--load-from/)
    await expect(readTrainingCheckpoint(`${path}.not`)).rejects.toThrow(TrainingCheckpointError)
  })

  test('names the entry of a position that is wrong', async () => {
    const path = join(await temporaryFolder(), 'odd.safetensors')
    const metadata = { 'siamrpn.training': JSON.stringify({ version: 1, epoch: -1 }) }
    await writeFile(path, writeSafetensors(await new FakeTrainee().modelState(), metadata))
    await expect(readTrainingCheckpoint(path)).rejects.toThrow(/odd\.safetensors: `siamrpn\.training` .* epoch /)
  })

  test.each([
    ['cut', '{"version":1,"seed":', /is no JSON that training writes/],
    ['too deep', '['.repeat(1000), /is no JSON that training writes: .*nests deeper than 100/],
  ])('refuses a position that is %s', async (_, text, message) => {
    const path = join(await temporaryFolder(), 'cut.safetensors')
    await writeFile(path, writeSafetensors(await new FakeTrainee().modelState(), { 'siamrpn.training': text }))
    const reading = readTrainingCheckpoint(path)
    await expect(reading).rejects.toThrow(TrainingCheckpointError)
    await expect(reading).rejects.toThrow(message)
  })
})

describe('training that diverges', () => {
  test.each(['model', 'statistics', 'optimizer'] as const)(
    'writes no checkpoint with %s that are not finite, and keeps the last good one',
    async (where) => {
      const folder = await temporaryFolder()
      await train({ folder, maxEpochs: 1, checkpoints: { max_keep_ckpts: 1 } })
      const good = await readFile(join(folder, 'epoch_1.safetensors'))
      const spoil = (state: StateDict): StateDict => {
        const [name, tensor] = [...state].find(([, { dtype }]) => dtype === 'f32')!
        const spoilt = { ...tensor, data: new Uint8Array(tensor.data) }
        new DataView(spoilt.data.buffer).setFloat32(
          0,
          where === 'optimizer' ? Number.NaN : Number.NEGATIVE_INFINITY,
          true,
        )
        return new Map([...state, [where === 'statistics' ? 'backbone.bn1.running_var' : name, spoilt]])
      }
      const method = where === 'optimizer' ? 'optimizerState' : 'modelState'
      const real = FakeTrainee.prototype[method]
      vi.spyOn(FakeTrainee.prototype, method).mockImplementation(async function (this: FakeTrainee) {
        return spoil(await real.call(this))
      })
      onTestFinished(() => void vi.restoreAllMocks())
      await expect(train({ folder, checkpoints: { max_keep_ckpts: 1 } })).rejects.toThrow(
        /diverged: .* not finite after iteration 6; no checkpoint was written, the last good one is .*epoch_1/,
      )
      expect((await readdir(folder)).filter((name) => name.endsWith('.safetensors'))).toEqual(['epoch_1.safetensors'])
      expect(await readFile(join(folder, 'epoch_1.safetensors'))).toEqual(good)
      expect(await readFile(join(folder, 'last_checkpoint'), 'utf8')).toBe('epoch_1.safetensors\n')
    },
  )
})

describe('the work folder', () => {
  test('is locked by a process that lives', async () => {
    const folder = await temporaryFolder()
    const first = await WorkDir.open(folder)
    await expect(WorkDir.open(folder)).rejects.toThrow(WorkDirBusyError)
    await expect(WorkDir.open(folder)).rejects.toThrow(new RegExp(`process ${process.pid} on .* trains in ${folder}`))
    await first.close()
    await (await WorkDir.open(folder)).close()
    expect(await readdir(folder)).toEqual([])
  })

  test.each([
    ['a process that is gone', { pid: 2 ** 22 + 1, host: hostname(), birth: '1' }],
    ['an earlier process of the same number', { pid: process.pid, host: hostname(), birth: '1' }],
    ['something else', 'nonsense'],
    ['null', null],
    ['a list', []],
    ['the number of every process', { pid: -1, host: hostname(), birth: null }],
    ['the number of a group of processes', { pid: 0, host: hostname(), birth: null }],
    ['a number that no process has', { pid: 2 ** 53, host: hostname(), birth: null }],
    ['half a number', { pid: process.pid + 0.5, host: hostname(), birth: null }],
  ])('is taken over from %s', async (_, owner) => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'training.lock'), JSON.stringify(owner))
    await (await WorkDir.open(folder)).close()
  })

  test('is taken over by exactly one of those that find it', async () => {
    const folder = await temporaryFolder()
    for (const left of [JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), birth: '1' }), 'nonsense', '']) {
      await writeFile(join(folder, 'training.lock'), left)
      const opened = await Promise.allSettled(Array.from({ length: 12 }, () => WorkDir.open(folder)))
      const taken = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      expect(taken).toHaveLength(1)
      for (const one of opened) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(WorkDirBusyError)
      await taken[0]!.close()
      expect(await readdir(folder)).toEqual([])
    }
  })

  test("stays another machine's", async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'training.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', birth: null }))
    await expect(WorkDir.open(folder)).rejects.toThrow(/process 1 on elsewhere .*delete .*training\.lock/)
  })

  test('is cleared of files that a killed run was writing', async () => {
    const folder = await temporaryFolder()
    for (const name of ['.epoch_1.safetensors.0123abcd.tmp', 'notes.tmp']) await writeFile(join(folder, name), '')
    await (await WorkDir.open(folder)).close()
    expect(await readdir(folder)).toEqual(['notes.tmp'])
  })

  test('finds the furthest checkpoint where the pointer is gone', async () => {
    const folder = await temporaryFolder()
    for (const name of ['epoch_2', 'epoch_10', 'best_success_epoch_2'])
      await writeFile(join(folder, `${name}.safetensors`), '')
    const workDir = await WorkDir.open(folder)
    expect(await workDir.lastCheckpoint()).toBe(join(folder, 'epoch_10.safetensors'))
    await workDir.pointTo('epoch_2')
    expect(await workDir.lastCheckpoint()).toBe(join(folder, 'epoch_2.safetensors'))
    await workDir.close()
  })
})

describe('evaluation', () => {
  test('is due from start on, every interval', () => {
    const due = (start: number | null, interval: number) =>
      [0, 1, 2, 3, 4, 5].filter((epoch) => evaluatesAfter({ ...fakeConfig().evaluation!, start, interval }, epoch))
    expect(due(null, 2)).toEqual([1, 3, 5])
    expect(due(3, 1)).toEqual([2, 3, 4, 5])
    expect(due(3, 2)).toEqual([2, 4])
    expect(due(0, 3)).toEqual([2, 5])
  })

  test('keeps the best, and the one before goes', async () => {
    const folder = await temporaryFolder()
    const { names, facts } = await train({ folder, scores: [{ success: 10 }, { success: 30 }, { success: 20 }] })
    expect(names.filter((name) => name.startsWith('best'))).toEqual(['best_success_epoch_2.safetensors'])
    expect(facts.best).toEqual({ measure: 'success', value: 30, file: 'best_success_epoch_2' })
    expect((await readTrainingCheckpoint(join(folder, 'epoch_3.safetensors'))).facts).toMatchObject({
      ...{ best: facts.best, scores: { success: 20 }, pendingEvaluation: false },
    })
  })

  test('keeps the least with the rule less', async () => {
    const scores = [{ success: 10 }, { success: 30 }, { success: 5 }]
    const { facts } = await train({ folder: await temporaryFolder(), scores, evaluation: { rule: 'less' } })
    expect(facts.best?.file).toBe('best_success_epoch_3')
  })

  test('refuses a measure that there is none of', async () => {
    const run = train({ folder: await temporaryFolder(), scores: [{ other: 1 }] })
    await expect(run).rejects.toThrow(/save_best is success, but the evaluation gave other/)
  })

  test('that the user interrupts is made up for by the next run', async () => {
    const folder = await temporaryFolder()
    const controller = new AbortController()
    const scores = [{ success: 50 }, undefined]
    const hooks = [{ afterEpoch: (run: { epoch: number }) => void (run.epoch === 1 && controller.abort()) }]
    const { names } = await train({ folder, scores, hooks, signal: controller.signal })
    expect(names).toContain('epoch_2.safetensors')
    const broken = await readTrainingCheckpoint(join(folder, 'epoch_2.safetensors'))
    expect(broken.facts).toMatchObject({ epoch: 2, iteration: 0, pendingEvaluation: true })
    expect((await train({ folder, scores: [{ success: 40 }, { success: 45 }] })).measured).toHaveLength(2)
  })

  test('that broke off is made up for by the next run, which knows the best so far', async () => {
    const folder = await temporaryFolder()
    await expect(train({ folder, scores: [{ success: 50 }, new Error('out of memory')] })).rejects.toThrow(
      'out of memory',
    )
    const broken = await readTrainingCheckpoint(join(folder, 'epoch_2.safetensors'))
    expect(broken.facts).toMatchObject({ epoch: 2, iteration: 0, pendingEvaluation: true, best: { value: 50 } })
    const { measured, names, facts } = await train({ folder, scores: [{ success: 60 }, { success: 55 }] })
    expect(measured).toHaveLength(2)
    expect(measured[0]).toBe(toFloat32(broken.model.get('neck.weight')!)[0])
    expect(names.filter((name) => name.startsWith('best'))).toEqual(['best_success_epoch_2.safetensors'])
    expect(facts.best?.value).toBe(60)
  })
})
