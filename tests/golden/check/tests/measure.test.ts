import { describe, expect, test } from 'vitest'
import { ShapeError } from '../../../../src/gpu/errors.ts'
import { deviation, resultOf, sectionLine } from '../lines.ts'
import { firstMismatch, largestDifference, passes, strain } from '../measure.ts'
import { GoldenDataError } from '../reader.ts'
import { SectionReport } from '../report.ts'

describe('largestDifference', () => {
  test('is infinite for other lengths and for what is not a number', () => {
    expect(largestDifference([1, 2.5], [1, 2])).toBe(0.5)
    expect(largestDifference([], [])).toBe(0)
    for (const found of [[1], [1, 2, 3], [1, Number.NaN], [Number.POSITIVE_INFINITY, 2]]) {
      expect(largestDifference(found, [1, 2])).toBe(Number.POSITIVE_INFINITY)
    }
  })
})

describe('firstMismatch', () => {
  test.each<[string, unknown, unknown, string | undefined]>([
    ['equal plain data', { a: [1, { b: null }] }, { a: [1, { b: null }] }, undefined],
    ['a deep value', { a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, 'a.1.b: found 2, expected 3'],
    ['a missing key', { a: 1 }, { a: 1, b: 2 }, 'b: missing, expected 2'],
    ['one key too many', { a: 1, c: 2 }, { a: 1 }, 'unexpected c, 2'],
    ['a list against a number', [1], 1, 'found [1], expected 1'],
    ['typed arrays', Float32Array.of(1, 2), Float32Array.of(1, 3), '1: found 2, expected 3'],
    ['integers of two kinds', 1n, 1, 'found 1n, expected 1'],
    ['a Map and an object', new Map([['a', 1]]), { a: 1 }, undefined],
    ['zeros of both signs', [-0], [0], undefined],
    ['not a number', Number.NaN, 0, 'found null, expected 0'],
    ['nothing', undefined, [1], 'found nothing, expected [1]'],
  ])('%s', (_, found, expected, mismatch) => {
    expect(firstMismatch(found, expected)).toBe(mismatch)
  })
})

describe('SectionReport', () => {
  test('names the measurement that uses most of its tolerance, whatever its unit', async () => {
    const report = new SectionReport('X')
    await report.check('a', (one) => {
      one.absolute('box', [10.004], [10], 0.01)
      one.relative('map', [100.0005], [100], 1e-5)
      one.exact('index', 7, 7)
    })
    expect(report.passed).toBe(true)
    expect(report.worst).toMatchObject({ caseId: 'a', quantity: 'map', tolerance: 1e-5 })
    expect(strain(report.worst!)).toBeCloseTo(0.5, 3)
    await report.check('b', (one) => one.exact('index', 7, 8))
    expect(report).toMatchObject({ passed: false, cases: 2 })
    expect(report.worst).toMatchObject({ caseId: 'b', note: 'found 7, expected 8' })
  })

  test('measures by a magnitude that the caller may give', async () => {
    const report = new SectionReport('X')
    await report.check('a', (one) => {
      one.relative('of its own', [2, 4.4], [2, 4], 0.11)
      one.relative('of 8', [2, 4.4], [2, 4], 0.04, 8)
      one.relative('of zeros', [0.5], [0], 0.4)
    })
    expect(report.measurements.map(({ error }) => Number(error.toFixed(6)))).toEqual([0.1, 0.05, 0.5])
    expect(report.failures.map(({ quantity }) => quantity)).toEqual(['of 8', 'of zeros'])
  })

  test('turns an error of the library into a failure of the case, but not one of the files', async () => {
    const report = new SectionReport('X')
    await report.check('a', () => Promise.reject(new ShapeError('too small')))
    expect(report.failures).toMatchObject([{ caseId: 'a', quantity: 'ShapeError', note: 'too small' }])
    await expect(report.check('b', () => Promise.reject(new GoldenDataError('no file')))).rejects.toThrow('no file')
    await expect(report.check('c', () => Promise.reject(new TypeError('ours')))).rejects.toThrow(TypeError)
  })

  test('does not pass without cases, or without a comparison', async () => {
    expect(new SectionReport('X').passed).toBe(false)
    const report = new SectionReport('X')
    await report.check('a', () => undefined)
    expect(report.passed).toBe(false)
    expect(sectionLine(resultOf(report, { title: 'test', seconds: 0 }))).toMatch(/1 case .*FAIL .*nothing was compared/)
  })
})

test('a tolerance of zero wants equality', () => {
  const exact = { caseId: 'a', quantity: 'b', tolerance: 0 }
  expect(passes({ ...exact, error: 0 })).toBe(true)
  expect(passes({ ...exact, error: 1e-300 })).toBe(false)
  expect(deviation({ ...exact, error: 2 })).toBe('2, must be equal')
  expect(deviation({ ...exact, error: 0.000123, tolerance: 0.01 })).toBe('1.2e-4 of 0.01')
})
