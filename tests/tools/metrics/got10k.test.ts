// GOT-10k's measures against the formulas of the official toolkit, written out frame by frame in float64.

import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import type { Benchmark, SequenceResult } from '../../../tools/benchmarks/types.ts'
import type { Box } from '../../../tools/frames/types.ts'
import { got10kOverlap, got10kOverlaps, got10kTally, got10kThresholds } from '../../../tools/metrics/got10k.ts'
import { score } from '../../../tools/metrics/score.ts'

const size = { width: 640, height: 360 }

/** rect_iou with bounds, row by row. */
function rectIou(first: Box, second: Box): number {
  const clip = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)
  const bounded = ({ x, y, width, height }: Box) => {
    const left = clip(x, 0, size.width)
    const top = clip(y, 0, size.height)
    return [left, top, clip(width, 0, size.width - left), clip(height, 0, size.height - top)] as const
  }
  const [ax, ay, aw, ah] = bounded(first)
  const [bx, by, bw, bh] = bounded(second)
  const shared =
    Math.max(Math.min(ax + aw, bx + bw) - Math.max(ax, bx), 0) *
    Math.max(Math.min(ay + ah, by + bh) - Math.max(ay, by), 0)
  return clip(shared / (aw * ah + bw * bh - shared + 2 ** -52), 0, 1)
}

function video(seed: number, length: number) {
  const random = new Random(seed)
  const box = (x: number, y: number) => ({
    x: x + random.uniform(-40, 40),
    y: y + random.uniform(-40, 40),
    width: random.uniform(40, 120),
    height: random.uniform(40, 120),
  })
  const truth = Array.from({ length }, (_, frame) => box(520 - frame, 10 + frame))
  return {
    truth,
    results: truth.map(({ x, y }) => box(x, y)),
    cover: truth.map(() => random.integer(9)),
  }
}

const videos = [video(1, 60), video(2, 45), video(3, 7)]
const benchmark: Benchmark = {
  type: 'got10k',
  title: 'three videos',
  protocol: 'got10k',
  sequences: videos.map(({ truth, cover }, index) => ({
    name: `v${index}`,
    images: truth.map((_, frame) => `${frame}.jpg`),
    boxes: truth,
    visible: cover.map((value) => value > 0),
    attributes: index < 2 ? ['fast'] : [],
    cover,
    size,
  })),
}
const results = new Map<string, SequenceResult>(
  videos.map((one, index) => [`v${index}`, { name: `v${index}`, regions: one.results }]),
)
const ious = videos.map(({ truth, results: boxes, cover }) =>
  boxes.flatMap((box, frame) => (frame > 0 && cover[frame]! > 0 ? [rectIou(box, truth[frame]!)] : [])),
)

test('average overlap and success rates are means over the frames of all sequences', () => {
  const all = ious.flat()
  const share = (threshold: number) => all.filter((value) => value > threshold).length / all.length
  const { overall, sequences, axes, attributes, leftOut } = score(benchmark, results)
  expect(overall.frames).toBe(all.length)
  expect(overall.values.ao).toBeCloseTo(all.reduce((sum, value) => sum + value, 0) / all.length, 12)
  expect(overall.values.sr50).toBeCloseTo(share(0.5), 12)
  expect(overall.values.sr75).toBeCloseTo(share(0.75), 12)
  expect(overall.curves.success).toHaveLength(101)
  for (const [index, threshold] of got10kThresholds.entries()) {
    expect(overall.curves.success![index]).toBeCloseTo(share(threshold), 12)
  }
  expect(axes[0]).toMatchObject({ name: 'success', thresholds: got10kThresholds, measure: 'ao' })
  expect(sequences.map(({ values }) => values.ao)).toEqual(
    ious.map((list) => expect.closeTo(list.reduce((sum, value) => sum + value, 0) / list.length, 12)),
  )
  expect(attributes).toMatchObject([{ name: 'fast', sequences: 2, frames: ious[0]!.length + ious[1]!.length }])
  expect(leftOut).toEqual([])
})

test('the first frame and hidden objects do not count', () => {
  const box = { x: 10, y: 10, width: 20, height: 20 }
  const overlaps = got10kOverlaps({ results: [box, box, box], truth: [box, box, box], cover: [8, 0, 1] })
  expect([...overlaps].map(Number.isNaN)).toEqual([true, true, false])
  expect(got10kTally(overlaps)).toMatchObject({ frames: 1, above50: 1, above75: 1 })
  expect(got10kOverlaps({ results: [box, box], truth: [box, box] })[1]).toBeCloseTo(1, 12)
})

test('boxes are cut at the border, so that what leaves the image costs nothing', () => {
  const truth = { x: 600, y: 100, width: 40, height: 40 }
  expect(got10kOverlap({ x: 600, y: 100, width: 80, height: 40 }, truth, size)).toBeCloseTo(1, 12)
  expect(got10kOverlap({ x: 600, y: 100, width: 80, height: 40 }, truth)).toBeCloseTo(0.5, 12)
  expect(got10kOverlap({ x: 700, y: 100, width: 80, height: 40 }, truth, size)).toBe(0)
})

test('NaN overlaps nothing', () => {
  const truth = { x: 0, y: 0, width: 40, height: 40 }
  expect(got10kOverlap({ x: Number.NaN, y: 0, width: 40, height: 40 }, truth, size)).toBe(0)
})

test('thresholds are exceeded strictly', () => {
  const { above, above50, above75 } = got10kTally(Float64Array.of(Number.NaN, 0.5, 0.75, 1, 0))
  expect([above50, above75]).toEqual([2, 1])
  expect([above[0], above[50], above[75], above[99], above[100]]).toEqual([3, 2, 1, 1, 0])
})

test('the test split, whose truth is not published, is left out', () => {
  const [first] = benchmark.sequences
  const hidden: Benchmark = {
    ...benchmark,
    sequences: [{ ...first!, boxes: first!.boxes.slice(0, 1), visible: [true] }],
  }
  const { overall, leftOut } = score(hidden, results)
  expect(overall).toEqual({ name: 'all', sequences: 0, frames: 0, values: {}, curves: {} })
  expect(leftOut).toEqual([{ name: 'v0', reason: 'the data set keeps its truth to itself' }])
})
