// Arithmetic and layout of what the benches print.
import { describe, expect, test } from 'vitest'
import type { CaseResult } from '../../bench/case.ts'
import { peerTable } from '../../bench/peers/compare.ts'
import { relativeError } from '../../bench/peers/contend.ts'
import { rooflineShare } from '../../bench/roofline.ts'
import { detailLines, frameSum, ResultLines, rooflineLine, significant } from '../../bench/table.ts'

const result: CaseResult = {
  name: 'conv',
  variant: 'winograd',
  perFrame: 5,
  samples: 3,
  medianMs: 4,
  minMs: 2,
  cpuMs: 3,
  cost: { flops: 4e6, bytes: 1e6 },
  directFlops: 9e6,
  facts: {},
}
const roofline = {
  flops: 10e9,
  bytes: 1e9,
  probes: [
    { form: 'chains', kind: 'flops', rate: 10e9 },
    { form: 'copy', kind: 'bytes', rate: 1e9 },
  ],
} as const

describe('rooflineShare', () => {
  test('is the time at the peak over the time taken where arithmetic decides', () => {
    expect(rooflineShare({ flops: 10e9, bytes: 1e6 }, 4000, roofline)).toBe(0.25)
  })
  test('is that at full bandwidth where memory decides', () => {
    expect(rooflineShare({ flops: 1e6, bytes: 1e9 }, 2000, roofline)).toBe(0.5)
  })
})

test('rates are those of the fastest sample; direct FLOPs are shown beside those done', () => {
  const lines = new ResultLines(['conv'], roofline)
  const row = lines.row(result)
  expect(lines.head()).toMatch(/^case +variant +x +ms median +ms min +GFLOP\/s +direct +GB\/s +% roofline$/)
  expect(row.trim().split(/\s+/)).toEqual(['conv', 'winograd', '5', '4.00', '2.00', '2.00', '4.50', '0.500', '50.0'])
})

test('what nobody counted stays empty', () => {
  const { cost: _, directFlops: __, perFrame: ___, ...uncounted } = result
  const row = new ResultLines(['conv'], roofline).row(uncounted)
  expect(row.trim().split(/\s+/)).toEqual(['conv', 'winograd', '4.00', '2.00'])
})

test('columns line up', () => {
  const table = new ResultLines(['conv', 'a longer name'], roofline)
  const lines = [table.head(), table.row(result), table.row({ ...result, name: 'a longer name', medianMs: 12345 })]
  expect(new Set(lines.map((line) => line.length)).size).toBe(1)
})

test('facts are lines of their own, bytes in MiB', () => {
  const facts = { dispatches: 93, 'GPU bytes held': 3 * 2 ** 20, 'ms on the GPU': 1.2345 }
  expect(detailLines(result)).toEqual([])
  expect(detailLines({ ...result, facts })).toEqual(['  dispatches 93, GPU bytes held 3.0 MiB, ms on the GPU 1.23'])
})

test('chosen kernels are lines of their own; many are counted', () => {
  const choice = {
    problem: 'forward 1x7x9x8',
    plan: { variant: 'narrow', channelsPerLane: 2 },
    milliseconds: 0.25,
    defaultMilliseconds: 0.5,
    timed: 3,
  } as const
  const as = { ...choice, milliseconds: 0.5, timed: 0 }
  expect(detailLines({ ...result, choices: [choice, as] })).toEqual([
    '  chose narrow 16 (0.250 ms; default 0.500 ms; 3 timed): forward 1x7x9x8',
    '  chose narrow 16 (0.500 ms; default 0.500 ms; remembered): forward 1x7x9x8',
  ])
  expect(detailLines({ ...result, choices: [choice, as, as, choice] })).toEqual([
    '  4 convolutions chosen by measurement, 2 of them not as by default',
  ])
})

test('the kernels of a frame are summed only if all of them were measured', () => {
  const other = { ...result, name: 'pool', perFrame: 1, minMs: 7 }
  const { perFrame: _, ...layer } = result
  expect(frameSum([result, other, { ...layer, name: 'layer' }], ['conv', 'pool'])).toBe(5 * 2 + 7)
  expect(frameSum([result], ['conv', 'pool'])).toBeUndefined()
})

test('the roofline names the probes that reached it', () => {
  expect(rooflineLine(roofline)).toBe('roofline: 10.0 GFLOP/s (chains), 1.00 GB/s (copy)')
})

test.each([
  [0, '0'],
  [1234.5, '1235'],
  [12.345, '12.3'],
  [0.0012345, '0.00123'],
  [Number.NaN, ''],
])('%f is shown as %s', (value, text) => expect(significant(value)).toBe(text))

describe('relativeError', () => {
  test('is the largest difference over the largest magnitude', () => {
    expect(relativeError([1, -4, 2], [1, -5, 2])).toBeCloseTo(0.2)
  })
  test('is not a number for other lengths or values that are none', () => {
    expect(relativeError([1], [1, 2])).toBeNaN()
    expect(relativeError([], [])).toBeNaN()
    expect(relativeError([Number.NaN], [1])).toBeNaN()
  })
})

test('the comparison shows ratios of fastest frames, and why a library has none', () => {
  const base = { version: '1', loadMs: 1000, firstMs: 9000, cpuMs: [8000], error: { cls: 1e-6, bbox: 2e-6 } }
  const text = peerTable({
    model: 'r50',
    rounds: 2,
    ours: { ...base, name: 'siamrpn', framesMs: [5000, 4000] },
    peers: [
      { ...base, name: 'other', framesMs: [20000, 24000] },
      { ...base, name: 'broken', framesMs: [], failure: 'stopped after 1 s\nmore' },
    ],
  })
  const [, own, other, broken] = text.split('\n')
  expect(own).toMatch(/1 : 1\.00$/)
  expect(other).toMatch(/20\.0 +22\.0 .*1 : 5\.00$/)
  expect(broken).toMatch(/failed: stopped after 1 s$/)
})
