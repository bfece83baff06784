// Choosing and measuring cases, with cases that only pretend to work.
import { describe, expect, test } from 'vitest'
import { type BenchCase, type BenchContext, measureCase, type Running, variantName } from '../../bench/case.ts'
import { convCases, layerCases } from '../../bench/cases/convs.ts'
import { operationCases } from '../../bench/cases/operations.ts'
import { searchNetwork } from '../../bench/network.ts'
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
    const result = await measureCase({ ...benchCase, perFrame: 4 }, context, 1)
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
    await expect(measureCase(benchCase, context, 1)).rejects.toThrow('lost')
    expect(log).toEqual(['disposed'])
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

test('a variant names each kernel once, and Winograd as a whole', () => {
  expect(variantName(['conv2d_tiled.wgsl', 'conv2d_reduce.wgsl', 'conv2d_tiled.wgsl'])).toBe('tiled + reduce')
  expect(variantName(['winograd_input.wgsl', 'conv2d_subgroup.wgsl', 'winograd_output.wgsl'])).toBe('winograd')
})
