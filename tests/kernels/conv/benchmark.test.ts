// Choosing kernels by measurement: what is measured, what is taken, and what is remembered.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { ShapeError } from '../../../src/gpu/errors.ts'
import { capture } from '../../../src/gpu/program.ts'
import { Recorder } from '../../../src/gpu/recorder.ts'
import { version } from '../../../src/gpu/version.ts'
import { benchmarkConvs, type ChoiceStore } from '../../../src/kernels/conv/benchmark.ts'
import { convCandidates, planKey, tileFamily, weightGradientCandidates } from '../../../src/kernels/conv/candidates.ts'
import { ConvChoices, type ConvQuestion, questionKey } from '../../../src/kernels/conv/choices.ts'
import { packConvWeight, releaseConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import type { ConvProblem } from '../../../src/kernels/conv/geometry.ts'
import { type ConvAdapter, chooseConv } from '../../../src/kernels/conv/plan.ts'
import { planName } from '../../../src/kernels/conv/plan-name.ts'
import { forwardTrial, gradientTrial, measureCandidates } from '../../../src/kernels/conv/trial.ts'
import { chooseWeightGradient } from '../../../src/kernels/conv/weight-gradient-plan.ts'
import { add, convert, fill, relu } from '../../../src/kernels/elementwise.ts'
import { evaluate, expectClose, random, upload } from '../../helpers/tensors.ts'
import * as reference from '../../reference/conv2d.ts'

const gpu: ConvAdapter = {
  kind: 'gpu',
  features: new Set(['subgroups']),
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  maxBindingBytes: 2 ** 31,
  maxWorkgroupInvocations: 1024,
  maxWorkgroupBytes: 32 << 10,
  subgroupMatrices: [],
}

function problem(channels: readonly [number, number], size: number, rest: Partial<ConvProblem> = {}): ConvProblem {
  const [inChannels, outChannels] = channels
  return {
    ...{ batch: 1, inHeight: size, inWidth: size, outHeight: size, outWidth: size, inChannels, outChannels },
    ...{ kernelHeight: 3, kernelWidth: 3, stride: 1, paddingY: 1, paddingX: 1, dilation: 1, groups: 1 },
    ...rest,
  }
}

/** A store that is a map, and counts. */
function memoryStore(): ChoiceStore & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>()
  return {
    texts,
    read: async (key) => texts.get(key),
    write: async (key, text) => {
      texts.set(key, text)
    },
  }
}

describe('candidates', () => {
  test('begin with the default and are distinct', () => {
    for (const one of [problem([256, 256], 31), problem([16, 12], 31), problem([8, 8], 9, { groups: 8 })]) {
      const forward = convCandidates(gpu, one)
      expect(forward[0]).toEqual(chooseConv(gpu, one))
      expect(new Set(forward.map(planKey)).size).toBe(forward.length)
      const gradient = weightGradientCandidates(gpu, one)
      expect(gradient[0]).toEqual(chooseWeightGradient(gpu, one))
      expect(new Set(gradient.map(planKey)).size).toBe(gradient.length)
    }
  })

  test('cover every family on a GPU, splits only where there are few workgroups', () => {
    const variants = (one: ConvProblem) => new Set(convCandidates(gpu, one).map(({ variant }) => variant))
    expect(variants(problem([256, 256], 31))).toEqual(new Set(['tiled', 'shuffle', 'registers', 'winograd']))
    const large = convCandidates(gpu, problem([256, 256], 31, { batch: 28 }))
    const splits = large.flatMap((plan) => (plan.variant === 'tiled' ? [plan.splitK] : []))
    expect(new Set(splits)).toEqual(new Set([1]))
    const small = convCandidates(gpu, problem([512, 512], 7))
    expect(small.some((plan) => plan.variant === 'tiled' && plan.splitK === 8)).toBe(true)
  })

  test('keep to the adapter and the limits', () => {
    const one = problem([256, 256], 31)
    const few = convCandidates({ ...gpu, maxWorkgroupInvocations: 64, maxWorkgroupBytes: 16 << 10 }, one).slice(1)
    for (const plan of few) {
      if (plan.variant !== 'tiled') continue
      expect((plan.tileM * plan.tileN) / (plan.rows * plan.channels)).toBeLessThanOrEqual(64)
    }
    const plain = convCandidates({ ...gpu, features: new Set() }, one, { allowWinograd: false })
    expect(plain.some(({ variant }) => variant === 'shuffle' || variant === 'winograd')).toBe(false)
    expect(convCandidates(gpu, one, { firstChannel: 2 })).toEqual([{ variant: 'direct' }])
    expect(convCandidates(gpu, problem([3, 8], 31))).toEqual([{ variant: 'direct' }])
  })

  test('have tiles from 128x64 down to 32x32, with 4 or 8 rows and channels per invocation, one or two buffers', () => {
    const found = (pick: (tile: (typeof tileFamily)[number]) => unknown) => new Set(tileFamily.map(pick))
    expect(found(({ rows, channels }) => `${rows}x${channels}`)).toEqual(new Set(['4x4', '4x8', '8x4', '8x8']))
    expect(found(({ buffers }) => buffers)).toEqual(new Set([1, 2]))
    expect(found(({ tileM, tileN }) => `${tileM}x${tileN}`)).toEqual(
      new Set(['128x64', '64x64', '64x32', '32x64', '32x32']),
    )
  })
})

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe('measuring', () => {
  const trial = (record: (r: Recorder, plan: string) => ReturnType<typeof fill>) => {
    let released = 0
    return { tolerance: 1e-4, record, release: () => void released++, count: () => released }
  }

  test('leaves out plans that are wrong or cannot run, and releases the operands', async () => {
    const one = trial((r, plan) => {
      if (plan === 'impossible') throw new ShapeError('impossible')
      const ones = fill(r, [64], plan === 'wrong' ? 1.1 : 1)
      return plan === 'longer' ? relu(r, relu(r, ones)) : relu(r, ones)
    })
    const plans = ['default', 'wrong', 'impossible', 'longer']
    const leftOut: string[] = []
    const note = (index: number, reason: string) => void leftOut.push(`${plans[index]}: ${reason}`)
    const timings = await measureCandidates(device, one, plans, 20_000, note)
    expect(leftOut).toEqual(['wrong: its result is not that of the first', 'impossible: impossible'])
    expect(timings.map(({ index }) => plans[index])).toEqual(['default', 'longer'])
    for (const { milliseconds } of timings) expect(milliseconds).toBeGreaterThan(0)
    expect(one.count()).toBe(1)
  })

  test('computes on images in half precision, forward and for the gradient of a filter', async () => {
    const limits = { halfImages: true }
    const one = problem([8, 12], 5)
    const left: string[] = []
    const note = (index: number, reason: string) => void left.push(`${index}: ${reason}`)
    const forward = forwardTrial(device, { kind: 'forward', problem: one, limits })
    const plans = [{ variant: 'direct' }, { variant: 'subgroup' }] as const
    expect(await measureCandidates(device, forward, plans, 60_000, note)).toHaveLength(2)
    const gradient = gradientTrial(device, { kind: 'weight gradient', problem: one, limits })
    const gradientPlans = [
      { variant: 'direct', splits: 1 },
      { variant: 'subgroup', splits: 2 },
    ] as const
    expect(await measureCandidates(device, gradient, gradientPlans, 60_000, note)).toHaveLength(2)
    expect(left).toEqual([])
  })

  test('fails with the default, and still releases', async () => {
    const one = trial(() => {
      throw new ShapeError('broken')
    })
    await expect(measureCandidates(device, one, ['default'], 1000)).rejects.toThrow('broken')
    expect(one.count()).toBe(1)
  })

  test('stops when its time is over, but not before the default', async () => {
    const one = trial((r) => relu(r, fill(r, [8], 1)))
    expect((await measureCandidates(device, one, ['a', 'b', 'c'], 0)).map(({ index }) => index)).toEqual([0])
  })
})

describe('the choice', () => {
  const input = random('benchmark x', [1, 7, 9, 8])
  const filter = random('benchmark w', [12, 8, 3, 3])

  async function open() {
    const own = await openDevice()
    const weight = packConvWeight(own, Float32Array.from(filter.data), filter.shape)
    const x = upload(own, input)
    const record = (r: Recorder) => {
      const y = conv2d(r, { input: x, weight, padding: 1 })
      return add(r, { a: y, b: conv2d(r, { input: x, weight, padding: 1 }) })
    }
    const close = async () => {
      releaseConvWeight(own, weight)
      await own.close()
    }
    return { own, record, close }
  }

  test('is measured once, taken, and remembered for the next device', async () => {
    const store = memoryStore()
    const first = await open()
    const steps: (readonly [number, number])[] = []
    const found = await benchmarkConvs(first.own, first.record, { store, onProgress: (...step) => steps.push(step) })
    expect(found).toHaveLength(1) // two equal convolutions are one problem
    const [choice] = found
    expect(choice?.problem).toBe('forward 1x7x9x8 to 7x9x12, filter 3x3, stride 1, padding 1,1, dilation 1')
    expect(choice?.timed).toBeGreaterThan(0)
    expect(choice?.milliseconds).toBeLessThanOrEqual(choice?.defaultMilliseconds ?? 0)
    expect(steps).toEqual([
      [0, 1],
      [1, 1],
    ])
    const y = reference.conv2d({ input, weight: filter, padding: 1 })
    expectClose(await evaluate(first.own, first.record), { ...y, data: y.data.map((value) => 2 * value) })
    expect(await benchmarkConvs(first.own, first.record, { store })).toEqual([{ ...choice, timed: 0 }])
    await first.close()

    const [key = ''] = store.texts.keys()
    expect(key).toContain(first.own.adapter.description)
    expect(key).toContain(`siamrpn ${version}`) // another version measures again
    const second = await open()
    expect(await benchmarkConvs(second.own, second.record, { store, seconds: 0 })).toEqual([{ ...choice, timed: 0 }])
    const [question] = second.own.attached(ConvChoices).questions(() => second.record(new Recorder(second.own)))
    expect(question && questionKey(question)).toBe(choice?.problem)
    if (question) {
      const { problem: asked, limits } = question
      const taken = second.own.attached(ConvChoices).forward(second.own.adapter, asked, limits)
      expect(planKey(taken)).toBe(planKey(choice?.plan))
    }
    await second.close()
  })

  test('is one of its own where images are in half precision', async () => {
    const { own, record, close } = await open()
    const weight = packConvWeight(own, Float32Array.from(random('second', [4, 12, 1, 1]).data), [4, 12, 1, 1])
    const half = (r: Recorder) => conv2d(r, { input: convert(r, record(r), 'f16'), weight })
    const found = await benchmarkConvs(own, half)
    const [choice] = found.filter(({ problem }) => problem.endsWith('dilation 1, images in half precision'))
    expect(choice?.problem).toMatch(/^forward 1x7x9x12 to 7x9x4/)
    expect(choice?.timed).toBeGreaterThan(1)
    releaseConvWeight(own, weight)
    await close()
  })

  test('is named in the profile', async () => {
    const { own, record, close } = await open()
    const [choice] = await benchmarkConvs(own, record)
    const program = await capture(own, record)
    const [conv, , sum] = (await program.profile()).entries.filter(({ kernel }) => kernel !== 'fill.wgsl')
    expect(conv?.form).toBe(choice && planName(choice.plan))
    expect(sum?.form).toBeUndefined()
    program.destroy()
    await close()
  })

  test('stays the default where there is no time, and where the store holds nonsense', async () => {
    const { own, record, close } = await open()
    expect(await benchmarkConvs(own, record, { seconds: 0 })).toEqual([])
    for (const text of ['{', '[{"problem": 3}]', 'null']) {
      const store: ChoiceStore = { read: async () => text, write: async () => {} }
      expect(await benchmarkConvs(own, record, { store, seconds: 0 })).toEqual([])
    }
    const plan = JSON.stringify([
      { ...choiceOf({ variant: 'tiled', tileM: 3 }), milliseconds: 1, defaultMilliseconds: 2 },
    ])
    const store: ChoiceStore = { read: async () => plan, write: async () => {} }
    expect(await benchmarkConvs(own, record, { store, seconds: 0 })).toEqual([]) // no candidate any more
    await close()
  })
})

function choiceOf(plan: unknown) {
  return { problem: 'forward 1x7x9x8 to 7x9x12, filter 3x3, stride 1, padding 1,1, dilation 1', plan }
}

describe('what a choice depends on', () => {
  test('is said in words', () => {
    const question: ConvQuestion = {
      kind: 'weight gradient',
      problem: problem([8, 16], 9, { groups: 2, stride: 2 }),
      limits: { allowWinograd: false, firstChannel: 4 },
    }
    expect(questionKey(question)).toBe(
      'weight gradient 1x9x9x8 to 9x9x16, filter 3x3, stride 2, padding 1,1, dilation 1, groups 2, no Winograd, from channel 4',
    )
  })
})
