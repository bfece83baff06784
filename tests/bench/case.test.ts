// Choosing and measuring cases, with cases that only pretend to work.
import { describe, expect, test } from 'vitest'
import { type BenchCase, type BenchContext, measureCase, type Running, variantName } from '../../bench/case.ts'
import { convCases, layerCases } from '../../bench/cases/convs.ts'
import { operationCases } from '../../bench/cases/operations.ts'
import { searchNetwork } from '../../bench/network.ts'
import { runCases } from '../../bench/run-cases.ts'
import { Schedule } from '../../bench/schedule.ts'
import { selectCases } from '../../bench/select.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'

const context = {} as BenchContext

/** A case whose samples take these times. */
function pretend(times: readonly number[], more: Partial<Running> = {}): { benchCase: BenchCase; log: string[] } {
  const log: string[] = []
  let next = 0
  const running: Running = {
    variant: 'v',
    async sample() {
      const ms = times[next++ % times.length]!
      return { ms, cpuMs: 2 * ms }
    },
    async dispose() {
      log.push('disposed')
    },
    ...more,
  }
  return { benchCase: { name: 'pretended', samples: times.length, start: async () => running }, log }
}

describe('measureCase', () => {
  test('reports the fastest and the median sample, CPU time, cost and facts', async () => {
    const { benchCase, log } = pretend([5, 3, 9], { cost: { flops: 10, bytes: 20 }, facts: () => ({ dispatches: 7 }) })
    const result = await measureCase({ ...benchCase, perFrame: 4 }, context, { time: 1 })
    expect(result).toEqual({
      name: 'pretended',
      variant: 'v',
      perFrame: 4,
      samples: 3,
      medianMs: 5,
      minMs: 3,
      cpuMs: 6,
      cost: { flops: 10, bytes: 20 },
      facts: { dispatches: 7 },
    })
    expect(log).toEqual(['disposed'])
  })

  test('disposes of a case that fails, and passes its error on', async () => {
    const { benchCase, log } = pretend([1], {
      sample: async () => {
        throw new Error('lost')
      },
    })
    await expect(measureCase(benchCase, context, { time: 1 })).rejects.toThrow('lost')
    expect(log).toEqual(['disposed'])
  })
})

describe('measureCase, limited', () => {
  test('takes one sample where there is no time, and tells when it is there', async () => {
    const { benchCase } = pretend([7])
    let first = 0
    const { samples: _, ...limited } = benchCase
    const result = await measureCase(limited, context, { time: 0, onFirst: () => void first++ })
    expect(result).toMatchObject({ samples: 1, medianMs: 7 })
    expect(first).toBe(1)
  })

  test('ends after the sample under way, with what there is', async () => {
    const ending = new AbortController()
    let samples = 0
    const { benchCase, log } = pretend([], {
      sample: async () => {
        if (++samples === 3) ending.abort()
        return { ms: samples, cpuMs: 1 }
      },
    })
    const { samples: _, ...limited } = benchCase
    const result = await measureCase(limited, context, { time: 1e9, signal: ending.signal })
    expect(result).toMatchObject({ minMs: 1, medianMs: 2 })
    expect(samples).toBe(3)
    expect(log).toEqual(['disposed'])
  })

  test('without a sample has no result, and disposes', async () => {
    const { benchCase, log } = pretend([1])
    expect(await measureCase(benchCase, context, { time: 1, signal: AbortSignal.abort() })).toBeUndefined()
    expect(log).toEqual(['disposed'])
  })
})

describe('runCases', () => {
  test('tells of each result before the next case begins, and stops when it is interrupted', async () => {
    const ending = new AbortController()
    const log: string[] = []
    const cases = ['a', 'b', 'c'].map((name) => ({ ...pretend([1]).benchCase, name }))
    const schedule = new Schedule<BenchCase>(cases, { seconds: 1000, flops: 1 })
    await runCases({
      schedule,
      context,
      signal: ending.signal,
      onCase: ({ name }) => log.push(`begins ${name}`),
      onResult: ({ name }) => {
        log.push(`has ${name}`)
        if (name === 'b') ending.abort()
      },
    })
    expect(log).toEqual(['begins a', 'has a', 'begins b', 'has b'])
  })

  test('names the case that fails', async () => {
    const { benchCase } = pretend([1], { sample: () => Promise.reject(new Error('lost')) })
    const schedule = new Schedule<BenchCase>([benchCase], { seconds: 1000, flops: 1 })
    const run = { schedule, context, signal: new AbortController().signal, onCase: () => {}, onResult: () => {} }
    await expect(runCases(run)).rejects.toThrow('Case `pretended`: lost')
  })
})

describe('selectCases', () => {
  const cases = ['conv 1x1', 'conv 3x3', 'Max pool'].map((name) => ({ name }))
  const names = (texts: string[]) => selectCases(cases, texts).map(({ name }) => name)

  test('without texts takes all', () => expect(names([])).toEqual(['conv 1x1', 'conv 3x3', 'Max pool']))
  test('takes those that contain any of the texts, in their own order, whatever the letters', () => {
    expect(names(['max', '3X3'])).toEqual(['conv 3x3', 'Max pool'])
    expect(names(['nothing'])).toEqual([])
  })
})

describe('the cases', () => {
  test('have different names', () => {
    const names = [...layerCases(), ...convCases(), ...operationCases()].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  test('cover every convolution of a frame; the two branches of a level share one', () => {
    const { nodes } = searchNetwork(namedConfig('r50').model)
    const convs = nodes.filter((node) => node.op === 'conv')
    const shared = convs.filter(({ spec }) => spec.name.includes('search_convs')).length / 2
    const perFrame = convCases().reduce((sum, benchCase) => sum + (benchCase.perFrame ?? 0), 0)
    expect(perFrame).toBe(convs.length - shared)
  })
})

test('a variant names the forms of convolutions and other kernels, each once', () => {
  const step = (name: string, form?: string) =>
    ({ kernel: { name }, form }) as Parameters<typeof variantName>[0][number]
  expect(variantName([step('conv2d_tiled.wgsl', 'tiled 8x8'), step('sum.wgsl', 'tiled 8x8'), step('relu.wgsl')])).toBe(
    'tiled 8x8 + relu',
  )
})
