// VOT's measures against the real toolkit's and MMTracking's numbers (golden section I), and their conventions one by one.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  expectedAverageOverlap,
  expectedOverlaps,
  votAccuracy,
  votFailures,
  votFragments,
  votOverlaps,
} from '../../../tools/metrics/vot.ts'
import { votOverlap } from '../../../tools/metrics/vot-overlap.ts'
import { goldenDirectory } from '../../golden-directory.ts'

interface OverlapCase {
  a_xywh: number[]
  b: number[]
  bounds: [number, number]
  overlap_bounded: number
  overlap_unbounded: number
}

interface VotCase {
  results: number[][][]
  annotations: number[][][]
  videos_wh: [number, number][]
  interval: [number, number]
  overlaps: number[][]
  eao: number
  accuracy: number
  num_fails: number
}

const golden = JSON.parse(readFileSync(join(goldenDirectory, 'I.json'), 'utf8'))
const overlapCases: OverlapCase[] = golden.vot_overlap.cases
const votCases: VotCase[] = golden.vot.cases

test('overlaps equal the toolkit in every golden case, inside the image and without borders', () => {
  expect(overlapCases).toHaveLength(80)
  for (const { a_xywh, b, bounds, overlap_bounded, overlap_unbounded } of overlapCases) {
    const [width, height] = bounds
    expect(votOverlap(a_xywh, b, { width, height })).toBe(overlap_bounded)
    expect(votOverlap(a_xywh, b)).toBe(overlap_unbounded)
  }
})

describe('equals MMTracking', () => {
  test.each(votCases.map((value, index) => [index, value] as const))('in golden case %i', (_, one) => {
    const videos = one.results.map((answers, video) => {
      const [width, height] = one.videos_wh[video]!
      return { answers, overlaps: votOverlaps(answers, one.annotations[video]!, { width, height }) }
    })
    for (const [video, { overlaps }] of videos.entries()) expect([...overlaps]).toEqual(one.overlaps[video])
    const curve = expectedOverlaps(videos.flatMap((video) => votFragments(video)))
    expect(expectedAverageOverlap(curve, one.interval)).toBeCloseTo(one.eao, 6)
    const frames = videos.reduce((sum, { answers }) => sum + answers.length, 0)
    const accuracy = videos.reduce((sum, video) => sum + (votAccuracy(video) ?? 0) * video.answers.length, 0) / frames
    expect(accuracy).toBeCloseTo(one.accuracy, 12)
    expect(videos.reduce((sum, video) => sum + votFailures(video), 0)).toBe(one.num_fails)
  })
})

describe('overlap', () => {
  test('a rectangle covers as many pixels as it is wide; a polygon covers its outline', () => {
    const rectangle = [10, 20, 4, 5]
    expect(votOverlap(rectangle, rectangle)).toBe(1)
    const same = [10, 20, 13, 20, 13, 24, 10, 24]
    expect(votOverlap(rectangle, same)).toBe(1)
    const corners = [10, 20, 14, 20, 14, 25, 10, 25]
    expect(votOverlap(rectangle, corners)).toBe(20 / 30)
  })

  test('coordinates are rounded half to even', () => {
    expect(votOverlap([0.5, 0, 10, 10], [0, 0, 10, 10])).toBe(1)
    expect(votOverlap([1.5, 0, 10, 10], [2, 0, 10, 10])).toBe(1)
    expect(votOverlap([2.5, 0, 10, 10], [2, 0, 10, 10])).toBe(1)
  })

  test('what lies outside the image does not count', () => {
    const size = { width: 20, height: 20 }
    expect(votOverlap([10, 10, 10, 10], [10, 10, 100, 100], size)).toBe(1)
    expect(votOverlap([30, 30, 10, 10], [30, 30, 10, 10], size)).toBe(0)
  })

  test('a region that is no number overlaps nothing', () => {
    expect(votOverlap([Number.NaN, 0, 10, 10], [0, 0, 10, 10])).toBe(0)
    expect(
      votOverlap(
        [0, 0, 10, 10],
        Array.from({ length: 8 }, () => Number.NaN),
      ),
    ).toBe(0)
  })

  test('a rectangle without area overlaps nothing', () => {
    expect(votOverlap([5, 5, 0, 0], [0, 0, 10, 10])).toBe(0)
  })
})

describe('a trajectory with a failure', () => {
  const box = [10, 10, 20, 20]
  const answers = [[1], box, box, [2], [0], [0], [0], [0], [1], box, box]
  const video = { answers, overlaps: [0, 0.8, 0.6, 0, 0, 0, 0, 0, 0, 0.4, 0.2] }

  test('has two fragments, of which the first has failed', () => {
    expect(votFragments(video)).toEqual([
      { overlaps: [0, 0.8, 0.6], failed: true, weight: 1 },
      { overlaps: [0, 0.4, 0.2], failed: false, weight: 1 },
    ])
  })

  test('loses the frames after each start to the burn-in', () => {
    expect(votAccuracy(video)).toBeUndefined()
    expect(votAccuracy(video, { burnin: 2 })).toBeCloseTo((0.6 + 0.2) / 2)
    expect(votAccuracy(video, { burnin: 1 })).toBeCloseTo((0.8 + 0.6 + 0.4 + 0.2) / 4)
    expect(votAccuracy(video, { burnin: 1, ignoreSkipped: false })).toBeCloseTo(2 / 8)
  })

  test('counts failed fragments as overlap zero beyond their end, others only up to it', () => {
    const curve = expectedOverlaps([
      { overlaps: [0, 0.8, 0.6], failed: true, weight: 1 },
      { overlaps: [0, 0.5, 0.5, 0.5, 0.5], failed: false, weight: 1 },
      { overlaps: [0, 0.9], failed: false, weight: 1 },
    ])
    expect(curve).toHaveLength(5)
    expect(curve[1]).toBeCloseTo((0.8 + 0.5 + 0.9) / 3)
    expect(curve[2]).toBeCloseTo((0.7 + 0.5) / 2)
    expect(curve[4]).toBeCloseTo((1.4 / 4 + 0.5) / 2)
  })

  test('weighs fragments by the share of frames that pass the filter', () => {
    const isLate = (frame: number) => frame >= 9
    expect(votFragments(video, isLate).map(({ weight }) => weight)).toEqual([0, 2 / 3])
    expect(votAccuracy(video, { burnin: 1, filter: isLate })).toBeCloseTo(0.3)
    expect(votFailures(video, isLate)).toBe(0)
    expect(votFailures(video, (frame) => frame === 3)).toBe(1)
  })

  test('has no EAO over lengths that nothing reaches', () => {
    expect(expectedAverageOverlap(expectedOverlaps(votFragments(video)), [100, 356])).toBeUndefined()
    expect(expectedOverlaps([])).toEqual([])
  })
})

test('regions far larger than any image take no time, and rows between edges count as if each were looked at', () => {
  const start = performance.now()
  expect(votOverlap([0, 0, 100, 1e9], [0, 0, 100, 5e8])).toBeCloseTo(0.5, 6)
  expect(votOverlap([-1e30, -1e30, 1e31, 1e31], [0, 0, 10, 10])).toBeCloseTo(0, 6)
  expect(votOverlap([0, 0, 1e38, 1e38], [0, 0, 10, 0, 10, 10, 0, 10])).toBeCloseTo(0, 6)
  for (const far of [1e308, Number.POSITIVE_INFINITY]) expect(votOverlap([far, 0, 10, far], [0, 0, 10, 10])).toBe(0)
  expect(performance.now() - start).toBeLessThan(1000)
  // 20 rows of 10 pixels, of which 10 are shared with the upper half, 5 rows below a gap of none.
  expect(votOverlap([0, 0, 10, 20], [0, 10, 10, 15])).toBe(100 / 250)
})
