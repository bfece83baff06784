// Sharing a time budget, with a clock that the test moves.
import { expect, test } from 'vitest'
import { type Planned, Schedule, type ScheduleOptions } from '../../bench/schedule.ts'

interface Pretended extends Planned {
  /** Seconds that it really takes up to its first sample. */
  readonly takes: number
}

/** A case that takes `slower` times what it says. */
function planned(name: string, seconds: number, slower = 1): Pretended {
  return { name, expected: { seconds }, takes: seconds * slower }
}

/** Runs cases that use all the time they get. @returns what ran, for how long it could sample, what was left out, when it ended */
function play(cases: readonly Pretended[], options: Partial<ScheduleOptions> = {}) {
  let time = 5000
  const schedule = new Schedule(cases, { seconds: 100, flops: 1e9, now: () => time, ...options })
  const ran: string[] = []
  const sampled: number[] = []
  for (let turn = schedule.next(); turn; turn = schedule.next()) {
    time += 1000 * turn.planned.takes
    schedule.sampled(turn.planned)
    time += turn.sampleMs
    ran.push(turn.planned.name)
    sampled.push(turn.sampleMs / 1000)
  }
  return { ran, sampled, leftOut: schedule.leftOut.map(({ name }) => name), seconds: (time - 5000) / 1000 }
}

test('what is left over goes into samples, the same for each', () => {
  const { ran, sampled, leftOut, seconds } = play([planned('a', 10), planned('b', 20), planned('c', 30)])
  expect(ran).toEqual(['a', 'b', 'c'])
  for (const one of sampled) expect(one).toBeCloseTo(40 / 3)
  expect(leftOut).toEqual([])
  expect(seconds).toBeCloseTo(100)
})

test('without need, no case takes longer than a limit', () => {
  const { sampled, seconds } = play([planned('a', 10), planned('b', 20)], { mostSampleMs: 1500 })
  expect(sampled).toEqual([1.5, 1.5])
  expect(seconds).toBe(33)
})

test('what does not fit is left out, the most expensive first', () => {
  const { ran, leftOut } = play([planned('a', 50), planned('b', 30), planned('c', 90), planned('d', 60)])
  expect(leftOut).toEqual(['c', 'd'])
  expect(ran).toEqual(['a', 'b'])
})

test('arithmetic counts by the rate of the device', () => {
  const cases = [{ name: 'large', expected: { seconds: 0, flops: 200e9 }, takes: 0 }, planned('b', 1)]
  expect(play(cases, { flops: 1e9 }).ran).toEqual(['b'])
  expect(play(cases, { flops: 1e12 }).ran).toEqual(['large', 'b'])
})

test('on a machine that is slower than expected the budget holds, and cheap cases are kept', () => {
  const cheap = Array.from({ length: 40 }, (_, k) => planned(`cheap ${k}`, 1, 3))
  const { ran, leftOut, seconds } = play([...cheap, planned('dear', 40, 3)], { seconds: 150, mostSampleMs: 500 })
  expect(leftOut).toEqual(['dear'])
  expect(ran).toHaveLength(40)
  expect(seconds).toBeLessThanOrEqual(151)
})

test('a case that takes far longer than it says costs later ones, not the budget', () => {
  const { ran, seconds } = play([planned('a', 10, 8), ...Array.from({ length: 9 }, (_, k) => planned(`${k}`, 5))])
  expect(ran[0]).toBe('a')
  expect(ran.length).toBeLessThan(10)
  expect(seconds).toBeLessThan(105)
})

test('a single case runs, however long it takes, and once', () => {
  expect(play([planned('a', 500)])).toEqual({ ran: ['a'], sampled: [0], leftOut: [], seconds: 500 })
})

test('a case that says nothing counts half a second', () => {
  expect(play(Array.from({ length: 300 }, (_, k) => ({ name: `${k}`, takes: 0.5 }))).ran).toHaveLength(200)
})
