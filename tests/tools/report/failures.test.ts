import { describe, expect, test } from 'vitest'
import { trackMarks } from '../../../tools/benchmarks/types.ts'
import { worstFailures } from '../../../tools/report/failures.ts'
import { trace, traceAll } from '../../../tools/report/traces.ts'
import { frames, madeUp, result, sequence, truth } from './made-up.ts'

describe('traces', () => {
  test('find the first frame on which truth and box do not meet', () => {
    const lost = trace('ope', sequence('a'), result('a', 10))
    expect(lost.lostAt).toBe(10)
    expect(lost.overlaps[9]).toBeCloseTo(1)
    expect(lost.overlaps[10]).toBe(0)
    expect(lost.meanOverlap).toBeCloseTo(9 / 23)
    expect(lost.framesPerSecond).toBeCloseTo(50)
    expect(trace('ope', sequence('a'), result('a')).lostAt).toBeUndefined()
  })

  test('judge no frame that does not show the object', () => {
    const hidden = { ...sequence('a'), visible: Array.from({ length: frames }, (_, frame) => frame < 10) }
    const seen = trace('ope', hidden, result('a', 10))
    expect(seen.lostAt).toBeUndefined()
    expect(seen.overlaps[12]).toBeUndefined()
  })

  test('take the marks of VOT for what they are', () => {
    const { name, regions } = result('a')
    const marks = new Map([
      [0, trackMarks.init],
      [8, trackMarks.failure],
      [9, trackMarks.skipped],
    ])
    const failed = { name, regions: regions.map((region, frame) => marks.get(frame) ?? region) }
    const { lostAt, overlaps } = trace('vot', { ...sequence('a'), size: { width: 160, height: 120 } }, failed)
    expect(lostAt).toBe(8)
    expect(overlaps[8]).toBe(0)
    expect(overlaps[9]).toBeUndefined()
  })
})

describe('the failures that are shown', () => {
  const data = madeUp('/nowhere')
  const failures = worstFailures(traceAll(data.benchmark, data.ours), 6)

  test('are of the videos in which the object is lost, the worst first', () => {
    expect(failures.map(({ trace: { sequence: video } }) => video.name)).toEqual(['lost-early', 'lost-late'])
    expect(worstFailures(traceAll(data.benchmark, data.ours), 1)).toHaveLength(1)
  })

  test('show the last good frame, the loss, and what follows', () => {
    for (const {
      trace: { overlaps },
      lostAt,
      frames: shown,
    } of failures) {
      const first = shown[0] ?? -1
      expect(overlaps[first]).toBeGreaterThan(0.5)
      expect(overlaps.slice(first + 1, lostAt).every((value) => value !== undefined && value < 0.5)).toBe(true)
      expect(shown).toContain(lostAt)
      expect(shown.at(-1)).toBeGreaterThan(lostAt)
      expect(shown).toEqual([...new Set(shown)].toSorted((a, b) => a - b))
      expect(shown.every((frame) => frame >= 0 && frame < frames)).toBe(true)
    }
    expect(failures.map(({ lostAt }) => lostAt)).toEqual([6, 16])
  })

  test('show the way from good to lost in steps', () => {
    const regions = Array.from({ length: frames }, (_, frame) => ({
      ...truth(frame),
      x: truth(frame).x + Math.max(0, frame - 3) * 2,
    }))
    const [slow] = worstFailures([trace('ope', sequence('slow'), { name: 'slow', regions })], 1)
    expect(slow?.lostAt).toBe(13)
    expect(slow?.frames.slice(0, 4)).toEqual([6, 8, 11, 13])
  })
})
