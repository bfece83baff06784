import { describe, expect, test } from 'vitest'
import type { SamplerConfig } from '../../src/siamrpn/config.ts'
import { Random } from '../../src/siamrpn/random.ts'
import { createSampler, type Draws } from '../../src/siamrpn/sampler.ts'

type RandomSamplerConfig = Extract<SamplerConfig, { type: 'RandomSampler' }>

const seed: RandomSamplerConfig = {
  type: 'RandomSampler',
  num: 64,
  pos_fraction: 0.25,
  neg_pos_ub: -1,
  add_gt_as_proposals: false,
}

/** Assignment with these numbers of positives, negatives and ignored anchors, in turn. */
function assignment(positives: number, negatives: number, ignored = 0) {
  const left = [positives, negatives, ignored]
  const values: number[] = []
  for (let turn = 0; left.some((count) => count > 0); turn = (turn + 1) % 3) {
    if (left[turn]! > 0) values.push([1, 0, -1][turn]!)
    left[turn]!--
  }
  const gtIndices = Int32Array.from(values)
  return { gtIndices, maxOverlaps: new Float32Array(gtIndices.length) }
}

function sample(config: Partial<RandomSamplerConfig>, one = assignment(40, 200, 30), key = 1) {
  return createSampler({ ...seed, ...config }).sample(one, 1, new Random('sampler', key))
}

describe('RandomSampler', () => {
  test('takes a quarter of positives, and fills up with negatives', () => {
    const one = assignment(40, 200, 30)
    const { positive, negative } = sample({}, one)
    expect([positive.length, negative.length]).toEqual([16, 48])
    expect([...positive].every((i) => one.gtIndices[i] === 1)).toBe(true)
    expect([...negative].every((i) => one.gtIndices[i] === 0)).toBe(true)
    const few = sample({}, assignment(9, 200))
    expect([few.positive.length, few.negative.length]).toEqual([9, 55])
    const none = sample({}, assignment(0, 30))
    expect([none.positive.length, none.negative.length]).toEqual([0, 30])
  })

  test('returns each index once, ascending, and another choice for another key', () => {
    const [first, again, other] = [sample({}), sample({}), sample({}, undefined, 2)]
    expect(again).toEqual(first)
    expect(other.negative).not.toEqual(first.negative)
    for (const list of [first.positive, first.negative]) {
      expect([...list]).toEqual([...new Set(list)].sort((a, b) => a - b))
    }
  })

  test('chooses every anchor about equally often', () => {
    const counts = new Map<number, number>()
    for (let key = 0; key < 500; key++) {
      for (const i of sample({ num: 8 }, assignment(0, 16), key).negative) counts.set(i, (counts.get(i) ?? 0) + 1)
    }
    expect(counts.size).toBe(16)
    for (const count of counts.values()) expect(Math.abs(count - 250)).toBeLessThan(60)
  })

  test('draws only where there is something to choose', () => {
    const never: Draws = {
      choose() {
        throw new Error('drawn')
      },
    }
    const found = createSampler(seed).sample(assignment(16, 48), 1, never)
    expect([found.positive.length, found.negative.length]).toEqual([16, 48])
  })

  test('neg_pos_ub bounds the negatives per positive; one positive is counted where there is none', () => {
    expect(sample({ neg_pos_ub: 2 }, assignment(5, 200)).negative).toHaveLength(10)
    expect(sample({ neg_pos_ub: 2.5 }, assignment(0, 200)).negative).toHaveLength(2)
    expect(sample({ neg_pos_ub: 0 }, assignment(5, 200)).negative).toHaveLength(0)
    expect(sample({ neg_pos_ub: 100 }, assignment(5, 200)).negative).toHaveLength(59)
  })

  test('ground truth among the proposals stands before the anchors', () => {
    const { gtIndices, maxOverlaps } = assignment(2, 3)
    const sampler = createSampler({ ...seed, add_gt_as_proposals: true })
    const { positive, negative, proposals } = sampler.sample({ gtIndices, maxOverlaps }, 1, new Random())
    expect(proposals).toBe(1)
    expect(positive[0]).toBe(0)
    expect([...positive].slice(1).map((i) => gtIndices[i - 1])).toEqual([1, 1])
    expect([...negative].map((i) => gtIndices[i - 1])).toEqual([0, 0, 0])
  })
})

describe('PseudoSampler', () => {
  test('takes every anchor that is assigned', () => {
    const one = assignment(40, 200, 30)
    const { positive, negative } = createSampler({ type: 'PseudoSampler' }).sample(one, 1, new Random())
    expect([positive.length, negative.length]).toEqual([40, 200])
  })
})
