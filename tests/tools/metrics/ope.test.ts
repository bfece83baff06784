// One-pass evaluation against MMTracking's own numbers (golden section I), and its conventions one by one.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Corners } from '../../../src/siamrpn/boxes.ts'
import { evaluateOpe, meanOverlap, overlap } from '../../../tools/metrics/ope.ts'
import { goldenDirectory } from '../../golden-directory.ts'

interface OpeCase {
  results: Corners[][]
  annotations: Corners[][]
  visible: boolean[][] | null
  per_video: { success: number[]; precision: number[]; norm_precision: number[] }[]
  success: number
  precision: number
  norm_precision: number
}

const cases: OpeCase[] = JSON.parse(readFileSync(join(goldenDirectory, 'I.json'), 'utf8')).ope.cases

describe('equals MMTracking', () => {
  test.each(cases.map((value, index) => [index, value] as const))('in golden case %i', (_, golden) => {
    const scores = evaluateOpe(
      golden.results.map((results, video) => {
        const visible = golden.visible?.[video]
        return { results, groundTruth: golden.annotations[video]!, ...(visible ? { visible } : {}) }
      }),
    )
    expect(scores.success).toBeCloseTo(golden.success, 10)
    expect(scores.precision).toBeCloseTo(golden.precision, 10)
    expect(scores.normPrecision).toBeCloseTo(golden.norm_precision, 10)
    for (const [video, curves] of golden.per_video.entries()) {
      expect(scores.perVideo[video]).toEqual({
        success: curves.success,
        precision: curves.precision,
        normPrecision: curves.norm_precision,
      })
    }
  })
})

test('a perfect track succeeds at every threshold but 1, because the comparison is strict', () => {
  const boxes: Corners[] = [
    [10, 10, 20, 20],
    [12, 10, 22, 20],
  ]
  const { success, precision, normPrecision } = evaluateOpe([{ results: boxes, groundTruth: boxes }])
  expect(success).toBeCloseTo((100 * 20) / 21, 10)
  expect(precision).toBe(100)
  expect(normPrecision).toBe(100)
})

test('frames that are masked out stay in the denominator', () => {
  const boxes: Corners[] = [
    [10, 10, 20, 20],
    [12, 10, 22, 20],
  ]
  const masked = evaluateOpe([{ results: boxes, groundTruth: boxes, visible: [true, false] }])
  expect(masked.precision).toBe(50)
  expect(masked.success).toBeCloseTo((50 * 20) / 21, 10)
})

test('a distance of exactly 20 pixels is precise', () => {
  const truth: Corners = [10, 10, 20, 20]
  const at = (dx: number): Corners => [10 + dx, 10, 20 + dx, 20]
  expect(evaluateOpe([{ results: [at(20)], groundTruth: [truth] }]).precision).toBe(100)
  expect(evaluateOpe([{ results: [at(20.001)], groundTruth: [truth] }]).precision).toBe(0)
})

test('overlap is intersection over union', () => {
  expect(overlap([0, 0, 10, 10], [5, 0, 15, 10])).toBeCloseTo(1 / 3, 6)
  expect(overlap([0, 0, 10, 10], [10, 0, 20, 10])).toBe(0)
  expect(overlap([0, 0, 10, 10], [0, 0, 10, 10])).toBe(1)
  expect(overlap([0, 0, 0, 0], [0, 0, 0, 0]), 'no division by zero').toBe(0)
})

test('the mean overlap counts frames without ground truth as zero', () => {
  const box = { x: 1, y: 2, width: 10, height: 10 }
  expect(meanOverlap([box, box], [box, undefined])).toBe(0.5)
  expect(meanOverlap([box], [{ x: 0, y: 0, width: 0, height: 0 }])).toBe(0)
  expect(meanOverlap([], [])).toBe(0)
})
