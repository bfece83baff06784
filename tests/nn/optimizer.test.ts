// The optimizer as training uses it: groups, state that is born late, saving and going on.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { capture } from '../../src/gpu/program.ts'
import { OptimizerError } from '../../src/nn/errors.ts'
import {
  type AdamWSettings,
  groupOf,
  Optimizer,
  type OptimizerSettings,
  parameterGroups,
  type SgdSettings,
} from '../../src/nn/optimizer.ts'
import { expectClose, random, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/optimizer.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const sgd: SgdSettings = {
  type: 'SGD',
  lr: 0.005,
  momentum: 0.9,
  dampening: 0.25,
  weight_decay: 1e-2,
  nesterov: false,
  paramwise_cfg: {
    custom_keys: {
      backbone: { lr_mult: 0.1, decay_mult: 1 },
      'backbone.layer4': { lr_mult: 0.5, decay_mult: 0 },
    },
  },
}
const adamW: AdamWSettings = { type: 'AdamW', lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.05 }

describe('parameter groups', () => {
  test('follow custom_keys: the longest key wins, the alphabetically first of equals', () => {
    const groups = parameterGroups(sgd)
    expect(groups).toEqual([
      { key: null, lr: 0.005, weightDecay: 1e-2 },
      { key: 'backbone', lr: 0.0005, weightDecay: 1e-2 },
      { key: 'backbone.layer4', lr: 0.0025, weightDecay: 0 },
    ])
    expect(groupOf(groups, 'head.cls_weight')).toBe(0)
    expect(groupOf(groups, 'backbone.layer3.0.conv1.weight')).toBe(1)
    expect(groupOf(groups, 'backbone.layer4.0.conv1.weight')).toBe(2)
    const ties = { lr_mult: 1, decay_mult: 1 }
    const even = parameterGroups({ ...sgd, paramwise_cfg: { custom_keys: { norm: ties, conv: ties } } })
    expect(groupOf(even, 'a.conv.norm')).toBe(2)
  })
})

const amsgrad: AdamWSettings = { ...adamW, amsgrad: true }
const adam: AdamWSettings = { ...adamW, type: 'Adam' }

describe.each([sgd, adamW, amsgrad, adam, { ...adam, amsgrad: true }] as OptimizerSettings[])(
  '$type, $amsgrad',
  (settings) => {
    const names = ['backbone.layer4.weight', 'backbone.conv1.weight', 'neck.weight', 'head.bias']
    const shapes = [[3, 4], [5], [2, 3, 4], [7]]

    /** Runs five steps; the parameters from `late` on have gradients from the third step on only. */
    async function train(maxNorm: number | undefined, resumeAfter = Number.POSITIVE_INFINITY) {
      const parameters = names.map((name, i) => ({ name, data: upload(device, random(name, shapes[i]!)) }))
      const gradients = shapes.map((shape) => device.empty(shape))
      let optimizer = new Optimizer(device, settings, maxNorm)
      const steps = [0, 1, 2, 3, 4]
      const norms: number[] = []
      let program: Awaited<ReturnType<typeof start>> | undefined
      const start = (count: number) => {
        optimizer.prepare(parameters.slice(0, count))
        return capture(device, (r) =>
          optimizer.record(
            r,
            parameters.slice(0, count).map((parameter, i) => ({ parameter, gradient: gradients[i]! })),
          ),
        )
      }
      for (const step of steps) {
        if (step === resumeAfter) {
          const saved = []
          for (const { parameter, step: made, tensors } of optimizer.states()) {
            const values = new Map<string, Float32Array>()
            for (const [kind, tensor] of tensors) values.set(kind, await device.readF32(tensor))
            saved.push({ parameter, made, values })
          }
          optimizer.release()
          optimizer = new Optimizer(device, settings, maxNorm)
          for (const { parameter, made, values } of saved) optimizer.restore(parameter, made, values)
          program?.destroy()
          program = undefined
        }
        if (step === 2 || program === undefined) {
          program?.destroy()
          program = await start(step < 2 ? 2 : names.length)
        }
        for (const [i, gradient] of gradients.entries()) {
          device.write(gradient, Float32Array.from(random(`${i} ${step}`, shapes[i]!).data))
        }
        optimizer.begin(optimizer.groups.map(({ lr }) => lr * (1 + step)))
        program.run()
        norms.push((await device.readF32(program.result))[0]!)
      }
      program?.destroy()
      const values = await Promise.all(parameters.map(({ data }) => device.readF32(data)))
      optimizer.release()
      return { values, norms }
    }

    test.each([undefined, 0.5])(
      'moves each parameter by its own group and its own steps, clipped at %d',
      async (maxNorm) => {
        const { values, norms } = await train(maxNorm)
        const groups = parameterGroups(settings)
        const slots = names.map((name, i) => reference.slot(random(name, shapes[i]!).data))
        for (const step of [0, 1, 2, 3, 4]) {
          const active = names.slice(0, step < 2 ? 2 : names.length)
          const gradients = active.map((_, i) => random(`${i} ${step}`, shapes[i]!).data)
          const norm = reference.gradientNorm(gradients)
          expect(norms[step]! / norm).toBeCloseTo(1, 5)
          const clip = maxNorm === undefined ? 1 : Math.min(1, maxNorm / (norm + 1e-6))
          for (const [i, name] of active.entries()) {
            const group = groups[groupOf(groups, name)]!
            const common = { lr: group.lr * (1 + step), weightDecay: group.weightDecay }
            if (settings.type === 'SGD') reference.sgd(slots[i]!, gradients[i]!, { ...settings, ...common }, clip)
            else {
              const follow = settings.type === 'Adam' ? reference.adam : reference.adamW
              follow(slots[i]!, gradients[i]!, { ...settings, ...common }, clip)
            }
          }
        }
        for (const [i, data] of values.entries()) {
          expectClose({ data, shape: shapes[i]! }, { data: slots[i]!.value, shape: shapes[i]! })
        }
      },
    )

    test.each([1, 3])('goes on from saved state after step %i with the same bits', async (step) => {
      expect(await train(0.5, step)).toEqual(await train(0.5))
    })
  },
)

describe('mistakes', () => {
  test('are refused: unprepared parameters, wrong numbers of rates, foreign state', async () => {
    const optimizer = new Optimizer(device, sgd)
    const parameter = { name: 'neck.weight', data: device.empty([4]) }
    const update = { parameter, gradient: device.empty([4]) }
    await expect(capture(device, (r) => optimizer.record(r, [update]))).rejects.toThrow(/neck\.weight.*prepared/)
    expect(() => optimizer.begin([1])).toThrow(/found 1 learning rates, expected 3/)
    const four = new Float32Array(4)
    expect(() => optimizer.restore(parameter, 1, new Map([['exp_avg', four]]))).toThrow(OptimizerError)
    expect(() => optimizer.restore(parameter, 1, new Map())).toThrow(/momentum_buffer has nothing/)
    expect(() => optimizer.restore(parameter, 1, new Map([['momentum_buffer', new Float32Array(3)]]))).toThrow(
      /3 values/,
    )
    optimizer.release()
  })

  test("refuses Nesterov's momentum with dampening or without momentum, as PyTorch does", () => {
    expect(() => new Optimizer(device, { ...sgd, nesterov: true })).toThrow(/nesterov needs .* dampening 0\.25/)
    expect(() => new Optimizer(device, { ...sgd, nesterov: true, momentum: 0, dampening: 0 })).toThrow(OptimizerError)
  })

  test('SGD without momentum keeps no state', () => {
    const optimizer = new Optimizer(device, { ...sgd, momentum: 0 })
    const parameter = { name: 'neck.weight', data: device.empty([4]) }
    optimizer.prepare([parameter])
    expect(optimizer.stateBytes(parameter)).toBe(0)
    expect([...optimizer.states()].map(({ tensors }) => tensors.size)).toEqual([0])
    optimizer.release()
  })
})
