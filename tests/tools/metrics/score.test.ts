// Scores of benchmarks: rows of sequences and attributes, frames that are not to be seen, results that cannot be judged.

import { describe, expect, test } from 'vitest'
import type { Benchmark, Sequence, SequenceResult, TrackedRegion } from '../../../tools/benchmarks/types.ts'
import type { Box } from '../../../tools/frames/types.ts'
import { frameOverlaps, score } from '../../../tools/metrics/score.ts'

const box: Box = { x: 10, y: 10, width: 40, height: 30 }
const far: Box = { x: 200, y: 200, width: 40, height: 30 }
const none: Box = { x: 0, y: 0, width: 0, height: 0 }
const nan: Box = { x: Number.NaN, y: Number.NaN, width: Number.NaN, height: Number.NaN }

function sequence(name: string, boxes: readonly Box[], more: Partial<Sequence> = {}): Sequence {
  return {
    name,
    images: boxes.map((_, frame) => `${name}/${frame}.jpg`),
    boxes,
    visible: boxes.map(() => true),
    attributes: [],
    ...more,
  }
}

function ope(...sequences: Sequence[]): Benchmark {
  return { type: 'lasot', title: 'some', protocol: 'ope', sequences }
}

function results(entries: Readonly<Record<string, readonly TrackedRegion[]>>): Map<string, SequenceResult> {
  return new Map(Object.entries(entries).map(([name, regions]) => [name, { name, regions }]))
}

describe('one-pass evaluation', () => {
  const benchmark = ope(
    sequence('a', [box, box, box, box], { attributes: ['OV', 'IV'] }),
    sequence('b', [box, box], { attributes: ['IV'] }),
  )
  const found = results({ a: [box, box, far, far], b: [box, box] })

  test('sequences weigh the same whatever their length', () => {
    const { overall, sequences, measures, axes } = score(benchmark, found)
    expect(overall).toMatchObject({ name: 'all', sequences: 2, frames: 6 })
    expect(overall.values.precision).toBeCloseTo(75)
    expect(overall.values.normPrecision).toBeCloseTo(75)
    expect(overall.values.success).toBeCloseTo((75 * 20) / 21)
    expect(overall.values.meanOverlap).toBeCloseTo(0.75)
    expect(sequences.map(({ name, frames, values }) => [name, frames, values.precision])).toEqual([
      ['a', 4, 50],
      ['b', 2, 100],
    ])
    expect(measures.map(({ name }) => name)).toEqual(['success', 'normPrecision', 'precision', 'meanOverlap'])
    for (const { name, thresholds } of axes) expect(overall.curves[name]).toHaveLength(thresholds.length)
  })

  test('attributes are means over the sequences that have them', () => {
    const { attributes } = score(benchmark, found)
    expect(attributes.map(({ name, sequences, values }) => [name, sequences, values.precision])).toEqual([
      ['IV', 2, 75],
      ['OV', 1, 50],
    ])
  })

  test('frames that do not show the object count as failures only if asked for', () => {
    const hidden = ope(sequence('a', [box, box, none, nan], { visible: [true, false, true, true] }))
    const answers = results({ a: [box, box, box, box] })
    const asTheyAre = score(hidden, answers)
    const visible = score(hidden, answers, { onlyEvalVisible: true })
    expect(asTheyAre.overall.values.precision, 'no true centre is a hit').toBe(100)
    expect(asTheyAre.overall.values.success).toBeCloseTo((50 * 20) / 21)
    expect(visible.overall.values.precision).toBe(25)
    expect(visible.overall.values.success).toBeCloseTo((25 * 20) / 21)
    expect(visible.overall.frames).toBe(4)
  })

  test('what cannot be judged is left out and named', () => {
    const many = ope(...['a', 'b', 'c', 'd'].map((name) => sequence(name, [box, box])))
    const { overall, leftOut } = score(many, results({ a: [box, box], b: [box], d: [1, box] }))
    expect(overall.sequences).toBe(1)
    expect(leftOut).toEqual([
      { name: 'b', reason: '1 results, expected 2' },
      { name: 'c', reason: 'no result' },
      { name: 'd', reason: 'frame 0 is the mark 1 of VOT, expected a box' },
    ])
  })

  test('without any result there are no numbers', () => {
    const { overall, sequences, attributes } = score(benchmark, new Map())
    expect(overall).toEqual({ name: 'all', sequences: 0, frames: 0, values: {}, curves: {} })
    expect([sequences, attributes]).toEqual([[], []])
  })

  test('overlaps per frame are NaN where there is no true box', () => {
    const hidden = sequence('a', [box, box, none, nan])
    expect([...frameOverlaps('ope', hidden, { regions: [box, far, box, box] })]).toEqual([1, 0, Number.NaN, Number.NaN])
  })
})

describe('VOT', () => {
  const shown = { ...box, width: 39.4 }
  const tags = { occlusion: [false, false, true, true, false, false, false, false, false, false] }
  const boxes = Array.from({ length: 10 }, () => box)
  const benchmark: Benchmark = {
    type: 'vot2018',
    title: 'some',
    protocol: 'vot',
    sequences: [
      sequence('a', boxes, { frameTags: tags, size: { width: 320, height: 240 }, attributes: ['occlusion'] }),
      sequence('b', boxes, { frameTags: { occlusion: boxes.map(() => false) }, size: { width: 320, height: 240 } }),
    ],
  }
  const found = results({
    a: [1, box, shown, 2, 0, 0, 0, 0, 1, box],
    b: [1, ...boxes.slice(1)],
  })
  const options = { burnin: 1, interval: [1, 5] as const }

  test('accuracy, robustness and EAO of all sequences', () => {
    const { overall, sequences, axes } = score(benchmark, found, options)
    expect(overall.values.failures).toBe(1)
    expect(overall.values.robustness).toBe(5)
    expect(overall.values.accuracy).toBeCloseTo(((1 + 39 / 40 + 1) / 3 + 1) / 2, 12)
    const failed = [1, 1.975 / 2, 1.975 / 3, 1.975 / 4, 1.975 / 5]
    const curve = [0, (failed[0]! + 2) / 3, ...failed.slice(1).map((value) => (value + 1) / 2)]
    expect(overall.curves.expectedOverlap!.slice(0, 6)).toEqual(curve.map((value) => expect.closeTo(value, 12)))
    expect(overall.values.eao).toBeCloseTo(curve.slice(1).reduce((sum, value) => sum + value, 0) / 5, 12)
    expect(axes[0]!.thresholds).toHaveLength(10)
    expect(sequences.map(({ name, values }) => [name, values.failures, values.robustness, values.eao])).toEqual([
      ['a', 1, 10, undefined],
      ['b', 0, 0, undefined],
    ])
  })

  test('tags count the frames that carry them; frames without any are `empty`', () => {
    const { attributes } = score(benchmark, found, options)
    const [occlusion, empty] = attributes
    expect(attributes).toHaveLength(2)
    expect(occlusion).toMatchObject({ name: 'occlusion', sequences: 1, frames: 2 })
    expect(occlusion!.values).toMatchObject({ failures: 1, robustness: 50 })
    expect(occlusion!.values.accuracy).toBeCloseTo(39 / 40, 12)
    expect(empty).toMatchObject({ name: 'empty', sequences: 2, frames: 18, values: { failures: 0, accuracy: 1 } })
  })

  test('a trajectory that does not begin with a start is left out', () => {
    const { leftOut } = score(benchmark, results({ a: boxes }), options)
    expect(leftOut).toEqual([
      { name: 'a', reason: 'the first frame is not the mark 1 of a start' },
      { name: 'b', reason: 'no result' },
    ])
  })

  test('overlaps per frame are NaN at marks', () => {
    const overlaps = frameOverlaps('vot', benchmark.sequences[0]!, found.get('a')!)
    expect([...overlaps].map((value) => (Number.isNaN(value) ? 'mark' : value))).toEqual([
      'mark',
      1,
      39 / 40,
      ...Array.from({ length: 6 }, () => 'mark'),
      1,
    ])
  })

  test('polygons are what is overlapped, where a data set has them', () => {
    const corners = boxes.map(() => [10, 10, 29, 10, 29, 39, 10, 39])
    const half = sequence('a', boxes, { corners, size: { width: 320, height: 240 } })
    expect(frameOverlaps('vot', half, { regions: [1, ...boxes.slice(1)] })[1]).toBeCloseTo(0.5, 12)
  })
})
