// The training step, phase by phase. That its numbers are MMTracking's is checked by golden sections D and E.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { OutOfMemoryError, ShapeError } from '../../src/gpu/errors.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { OptimizerError } from '../../src/nn/errors.ts'
import { TrainerError } from '../../src/train/errors.ts'
import { Trainer } from '../../src/train/trainer.ts'
import {
  bitsOf,
  config,
  emptyImages,
  initialState,
  namesThatDiffer,
  rates,
  releaseImages,
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

describe('phases', () => {
  test('train more from the epoch on that releases the backbone, from the same parameters', async () => {
    await withTrainer(device, {}, async ({ trainer, step }) => {
      const initial = await trainer.modelState()
      await trainer.startEpoch(0)
      const frozen = trainer.stats
      await step(0)
      await trainer.startEpoch(9)
      expect(trainer.stats).toBe(frozen)
      const before = await trainer.modelState()
      const changed = namesThatDiffer(initial, before)
      expect(changed.filter((name) => name.startsWith('backbone.'))).toEqual([])
      expect(changed).toContain('neck.convs.0.conv.weight')
      expect(changed).toContain('head.reg_heads.0.head_convs.1.conv.bias')

      await trainer.startEpoch(10)
      expect(trainer.stats!.dispatches).toBeGreaterThan(frozen!.dispatches)
      expect(namesThatDiffer(before, await trainer.modelState())).toEqual([])
      const momenta = await trainer.optimizerState()
      expect([...momenta.keys()].filter((name) => name.startsWith('backbone.'))).toEqual([])
      await step(1)
      const released = namesThatDiffer(before, await trainer.modelState()).filter((name) =>
        name.startsWith('backbone.'),
      )
      expect(released.filter((name) => !name.startsWith('backbone.layer2.'))).toEqual([])
      expect(released).toContain('backbone.layer2.3.conv2.weight')
      expect(released).toContain('backbone.layer2.3.bn2.running_var')
      expect((await trainer.optimizerState()).has('backbone.layer2.0.conv1.weight.momentum_buffer')).toBe(true)
    })
  })

  test('count the batches of batch norms that train: two a step, templates and search images', async () => {
    await withTrainer(device, {}, async ({ trainer, step }) => {
      for (const epoch of [9, 10]) {
        await trainer.startEpoch(epoch)
        await trainer.plan()
        await step(epoch)
      }
      const state = await trainer.modelState()
      const count = (name: string) =>
        new DataView(state.get(`${name}.num_batches_tracked`)!.data.buffer).getInt32(0, true)
      expect(['neck.convs.0.bn', 'backbone.layer2.0.bn1', 'backbone.layer1.0.bn1'].map(count)).toEqual([4, 2, 0])
      expect(count('head.cls_heads.0.search_convs.bn')).toBe(2)
    })
  })

  test('are one where the hook has nothing to release', async () => {
    const scratch = trainingConfig({}, { frozen_stages: -1, norm_eval: false })
    await withTrainer(device, { config: scratch }, async ({ trainer }) => {
      expect((await trainer.plan()).map(({ name }) => name)).toEqual(['unfrozen'])
      await trainer.startEpoch(0)
      const { stats } = trainer
      await trainer.startEpoch(10)
      expect(trainer.stats).toBe(stats)
    })
  })
})

describe('plan', () => {
  test.each([1, 2])('is what the programs then take, %i steps an update', async (cumulativeIters) => {
    await withTrainer(device, { cumulativeIters }, async ({ trainer }) => {
      const before = device.memory.bytes
      const plans = await trainer.plan()
      expect(device.memory.bytes).toBe(before)
      expect(plans.map(({ name }) => name)).toEqual(['frozen', 'unfrozen'])
      for (const [epoch, { arenaBytes, stateBytes, dispatches, flops }] of [
        [0, plans[0]!],
        [10, plans[1]!],
      ] as const) {
        await trainer.startEpoch(epoch)
        const stats = trainer.stats!
        expect([dispatches, flops]).toEqual([stats.dispatches, stats.flops])
        const uniforms = device.memory.bytes - before - arenaBytes - stateBytes
        expect(uniforms).toBeGreaterThanOrEqual(stats.parameterBytes)
        expect(uniforms - stats.parameterBytes).toBeLessThan(cumulativeIters === 1 ? 1 : 40_000) // those of the update
      }
      expect(plans[1]!.stateBytes).toBeGreaterThan(plans[0]!.stateBytes)
    })
  })

  test('covers the epochs that will be trained', async () => {
    await withTrainer(device, { epochs: 10 }, async ({ trainer }) => {
      expect((await trainer.plan()).map(({ name }) => name)).toEqual(['frozen'])
    })
  })

  test('does not disturb the phase that runs', async () => {
    const losses = (plans: boolean) =>
      withTrainer(device, {}, async ({ trainer, step }) => {
        await trainer.startEpoch(0)
        const results = [await step(0)]
        if (plans) await trainer.plan()
        results.push(await step(1))
        return { results, state: bitsOf(await trainer.modelState()), steps: bitsOf(await trainer.optimizerState()) }
      })
    expect(await losses(true)).toEqual(await losses(false))
  })

  test('tells at the start that a later phase will not fit', async () => {
    await withTrainer(device, {}, async ({ trainer }) => {
      const [frozen, unfrozen] = (await trainer.plan()).map((each) => each.arenaBytes + each.stateBytes)
      const before = device.memory.bytes
      const create = device.memory.create.bind(device.memory)
      const limit = before + (frozen! + unfrozen!) / 2
      vi.spyOn(device.memory, 'create').mockImplementation((bytes, usage, label) => {
        if (device.memory.bytes + bytes > limit) throw new OutOfMemoryError(`no room for ${label}`)
        return create(bytes, usage, label)
      })
      try {
        await expect(trainer.plan()).rejects.toThrow(OutOfMemoryError)
        const message = `phase \`unfrozen\` needs ${unfrozen} bytes beyond the ${before} in use; a smaller batch`
        await expect(trainer.plan()).rejects.toThrow(message)
      } finally {
        vi.restoreAllMocks()
      }
      expect(device.memory.bytes).toBe(before)
    })
  })
})

describe('gradients gathered over two steps', () => {
  test('of the same batch are that batch’s', async () => {
    const update = (cumulativeIters: number) =>
      withTrainer(device, { cumulativeIters }, async ({ trainer, step }) => {
        await trainer.startEpoch(10)
        let norm: number | undefined
        for (let k = 0; k < cumulativeIters; k++) norm = (await step(0)).gradNorm
        return { norm, state: await trainer.modelState(), optimizer: bitsOf(await trainer.optimizerState()) }
      })
    const [once, twice] = [await update(1), await update(2)]
    expect(twice.norm).toBe(once.norm)
    expect(twice.optimizer).toEqual(once.optimizer)
    const differing = namesThatDiffer(once.state, twice.state)
    expect(differing.filter((name) => !/running|num_batches/.test(name))).toEqual([])
  })

  test('are averaged, and move nothing before the last', async () => {
    await withTrainer(device, { cumulativeIters: 2, keepGradients: true }, async ({ trainer, step }) => {
      await trainer.startEpoch(10)
      const before = await trainer.modelState()
      expect((await step(0)).gradNorm).toBeUndefined()
      expect(trainer.betweenUpdates).toBe(false)
      const first = await trainer.gradients()
      const moved = namesThatDiffer(before, await trainer.modelState())
      expect(moved.filter((name) => !/running|num_batches/.test(name))).toEqual([])
      const { gradNorm = Number.NaN } = await step(1)
      expect(trainer.betweenUpdates).toBe(true)
      const second = await trainer.gradients()
      const average = new Map(
        [...first].map(([name, a]) => [name, a.map((value, i) => (value + second.get(name)![i]!) / 2)]),
      )
      const norm = Math.hypot(...[...average.values()].flatMap((gradient) => [...gradient]))
      expect(gradNorm / norm).toBeCloseTo(1, 5)
      const after = await trainer.modelState()
      for (const [name, gradient] of average) {
        const lr = rates[name.startsWith('backbone.') ? 1 : 0]!
        const clip = Math.min(1, 10 / (norm + 1e-6))
        const old = values(before, name)
        const moved = Float64Array.from(gradient, (value, i) => -lr * (clip * value + 1e-4 * old[i]!))
        const found = values(after, name).map((value, i) => value - old[i]!)
        const rounding = 1e-7 * Math.max(...old.map(Math.abs))
        for (const [i, value] of moved.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(rounding + 1e-8)
      }
      expect((await step(2)).gradNorm).toBeUndefined()
    })
  })
})

describe('losses', () => {
  test('are those of the running statistics, whatever trains', async () => {
    await withTrainer(device, {}, async ({ trainer, images, step }) => {
      await trainer.startEpoch(10)
      await step(0)
      const { targets } = writeBatch(device, images, [2, 3])
      const { labels, labelWeights, boxTargets, boxWeights } = targets
      const tensor = (data: Float32Array, elements: number[] = []) => device.tensor(data, [2, 405, ...elements])
      const tensors = {
        ...{ labels: tensor(labels), labelWeights: tensor(labelWeights) },
        ...{ boxTargets: tensor(boxTargets, [4]), boxWeights: tensor(boxWeights, [4]) },
      }
      const mode = { trains: () => false, usesBatch: () => false }
      const program = await runOnce(device, (r) => {
        return trainer.model.forwardTrain(new Tape(r), images, tensors, mode).total.data
      })
      const [expected] = await device.readF32(program.result)
      const { loss } = await trainer.losses({ ids: [], targets })
      expect(loss / expected!).toBeCloseTo(1, 5)
      program.destroy()
      for (const each of Object.values(tensors)) device.release(each)
    })
  })

  test('change nothing, neither weights nor what the next step does, and give their memory back', async () => {
    const outcome = (asks: boolean) =>
      withTrainer(device, {}, async ({ trainer, images, step }) => {
        await trainer.startEpoch(0)
        await step(0)
        const before = device.memory.bytes
        if (asks) {
          const batch = writeBatch(device, images, [6, 7])
          expect(await trainer.losses(batch)).toEqual(await trainer.losses(batch))
          expect(device.memory.bytes).toBeGreaterThan(before)
        }
        await trainer.startEpoch(1)
        expect(device.memory.bytes).toBe(before)
        return { result: await step(1), state: bitsOf(await trainer.modelState()) }
      })
    expect(await outcome(true)).toEqual(await outcome(false))
  })
})

describe('memory', () => {
  test('is all given back', async () => {
    const use = () =>
      withTrainer(device, { cumulativeIters: 2, keepGradients: true }, async ({ trainer, images, step }) => {
        await trainer.plan()
        await trainer.startEpoch(9)
        await step(0)
        await trainer.losses(writeBatch(device, images, [0, 1]))
        await trainer.startEpoch(10)
        await step(0)
        await step(0)
        trainer.load(await trainer.modelState(), await trainer.optimizerState())
      })
    await use() // small buffers for reading back are kept
    const before = device.memory.bytes
    await use()
    expect(device.memory.bytes).toBe(before)
  })
})

describe('mistakes', () => {
  test('are refused', async () => {
    await withTrainer(device, {}, async ({ trainer, images, step }) => {
      await expect(step(0)).rejects.toThrow('no epoch has been started')
      await expect(trainer.profile()).rejects.toThrow(TrainerError)
      await trainer.startEpoch(0)
      await expect(trainer.gradients()).rejects.toThrow('no gradients were kept')
      const three = writeBatch(device, emptyImages(device, 3), [0, 1, 2])
      await expect(trainer.step(three, rates)).rejects.toThrow('Targets have 1215 labels, expected 810')
      await expect(trainer.losses(three)).rejects.toThrow(ShapeError)
      await expect(trainer.step(writeBatch(device, images, [0, 1]), [1])).rejects.toThrow(OptimizerError)
      const state = new Map(await trainer.modelState()).set(
        'head.cls_weight',
        (await trainer.modelState()).get('head.reg_weight')!,
      )
      state.delete('neck.convs.0.bn.bias')
      expect(() => trainer.load(state)).toThrow('`neck.convs.0.bn.bias` is missing')
    })
  })

  test('of the configuration or the images are told before anything is made', () => {
    const before = device.memory.bytes
    const { optimizer: _, ...rest } = config
    const [two, three] = [emptyImages(device, 2), emptyImages(device, 3)]
    const state = initialState()
    const mixed = { template: two.template, search: three.search }
    expect(() => new Trainer({ device, config, state, images: mixed })).toThrow('2 templates, 3 search images')
    expect(() => new Trainer({ device, config: rest, state, images: two })).toThrow('no `optimizer`')
    const other = initialState(trainingConfig({}, { stem_channels: 8 }))
    expect(() => new Trainer({ device, config, state: other, images: two })).toThrow(
      '`backbone.conv1.weight` of the state dict is [8,3,7,7], expected [4,3,7,7]',
    )
    for (const images of [two, three]) releaseImages(device, images)
    expect(device.memory.bytes).toBe(before)
  })
})
