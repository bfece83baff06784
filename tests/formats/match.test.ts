// Strict matching of names and shapes, with the tiny golden model as the expectation; what may be absent, and how
// a backbone alone is recognised.

import { describe, expect, test } from 'vitest'
import { BackboneOnlyError, StateDictMismatchError } from '../../src/formats/errors.ts'
import { matchStateDict } from '../../src/formats/match.ts'
import type { StateDict } from '../../src/formats/state-dict.ts'
import { SiamRpnError } from '../../src/gpu/errors.ts'
import { goldenJson, zeros } from './helpers.ts'

interface GoldenA {
  readonly models: { readonly tiny: { readonly entries: { name: string; shape: number[]; dtype: string }[] } }
}

const { entries } = goldenJson<GoldenA>('A.json').models.tiny
const expected = new Map(entries.map(({ name, shape }) => [name, shape]))
const complete = (): StateDict =>
  new Map(entries.map(({ name, shape, dtype }) => [name, zeros(shape, dtype === 'int64' ? 'i64' : 'f32')]))
const backbone = (): StateDict => new Map([...complete()].filter(([name]) => name.startsWith('backbone.')))

const mismatch = (found: StateDict, name?: string): StateDictMismatchError => {
  try {
    matchStateDict(expected, found, name === undefined ? {} : { name })
  } catch (error) {
    if (error instanceof StateDictMismatchError) return error
    throw error
  }
  throw new Error('the state dict was accepted')
}

describe('a state dict that fits', () => {
  test('comes back in the order of the model', () => {
    const shuffled = new Map([...complete()].reverse())
    expect([...matchStateDict(expected, shuffled).keys()]).toEqual([...expected.keys()])
  })

  test('may lack the counters that PyTorch before 0.4.1 did not have', () => {
    const old = new Map([...complete()].filter(([name]) => !name.endsWith('.num_batches_tracked')))
    expect([...matchStateDict(expected, old).keys()]).toEqual([...old.keys()])
  })

  test('may have counters where the model lists its batch norms without them', () => {
    const without = new Map([...expected].filter(([name]) => !name.endsWith('.num_batches_tracked')))
    expect([...matchStateDict(without, complete()).keys()]).toEqual([...without.keys()])
  })
})

describe('a state dict that does not fit', () => {
  test('is refused with all missing, unexpected and mis-shaped names', () => {
    const found = complete()
    found.delete('head.cls_weight')
    found.set('head.extra', zeros([1]))
    found.set('nobody.num_batches_tracked', zeros([], 'i64'))
    found.set('neck.convs.0.conv.weight', zeros([8, 16, 3, 3]))
    const error = mismatch(found, 'epoch_3.pth')
    expect(error).toBeInstanceOf(SiamRpnError)
    expect(error.missing).toEqual(['head.cls_weight'])
    expect(error.unexpected).toEqual(['head.extra', 'nobody.num_batches_tracked'])
    expect(error.misshaped).toEqual([
      { name: 'neck.convs.0.conv.weight', expected: [8, 16, 1, 1], found: [8, 16, 3, 3] },
    ])
    expect(error.message).toBe(
      [
        'epoch_3.pth does not fit the model.',
        '1 missing:',
        '  head.cls_weight',
        '2 unexpected:',
        '  head.extra',
        '  nobody.num_batches_tracked',
        '1 of another shape:',
        '  neck.convs.0.conv.weight: [8, 16, 3, 3], expected [8, 16, 1, 1]',
      ].join('\n'),
    )
  })

  test('shows twelve names of each kind and how many more there are', () => {
    const error = mismatch(new Map([['something', zeros([1])]]))
    const required = [...expected.keys()].filter((name) => !name.endsWith('.num_batches_tracked'))
    expect(error.missing).toEqual(required)
    expect(error.message).toContain(`  ... and ${required.length - 12} more`)
    expect(error.message.split('\n')).toHaveLength(1 + 1 + 12 + 1 + 2)
  })

  test('tells a scalar from a vector of one', () => {
    const found = complete().set('backbone.bn1.num_batches_tracked', zeros([1], 'i64'))
    expect(mismatch(found).misshaped).toHaveLength(1)
  })

  test('is refused when it is empty', () => {
    expect(mismatch(new Map()).missing.length).toBeGreaterThan(0)
  })
})

describe('a backbone', () => {
  test('is not accepted for a tracker, and the message says why', () => {
    const load = () => matchStateDict(expected, backbone(), { name: 'sot_resnet50.model' })
    expect(load).toThrow(BackboneOnlyError)
    expect(load).toThrow(/sot_resnet50.model is only a backbone.*track wrongly.*part: 'backbone'/s)
  })

  test('is accepted when a backbone is asked for, and then just as strictly', () => {
    const matched = matchStateDict(expected, backbone(), { part: 'backbone' })
    expect([...matched.keys()]).toEqual([...backbone().keys()])
    const broken = backbone()
    broken.delete('backbone.conv1.weight')
    expect(() => matchStateDict(expected, broken, { part: 'backbone' })).toThrow(
      /1 missing:\n {2}backbone.conv1.weight/,
    )
  })

  test('can be taken out of a whole tracker', () => {
    expect(matchStateDict(expected, complete(), { part: 'backbone' }).size).toBe(backbone().size)
  })
})
