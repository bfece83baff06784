// Smooth courses of a value over time: uniform cubic B-splines over random control values. A B-spline never leaves the
// range of its control values, so that a target that must stay in the frame does.

import type { Random } from 'siamrpn'

/** Control values at equal distances in time. */
export type Course = readonly number[]

/** A random walk of `count` control values in [low, high] whose steps are at most `step` of that range. */
export function wander(
  random: Random,
  range: readonly [low: number, high: number],
  count: number,
  step = 0.35,
): Course {
  const [low, high] = range
  const reach = (high - low) * step
  const values = [random.uniform(low, high)]
  for (let value = values[0] ?? low; values.length < count; values.push(value)) {
    const next = value + random.uniform(-reach, reach)
    value = next < low ? 2 * low - next : next > high ? 2 * high - next : next
  }
  return values
}

/** The value at `time` in 0..1. */
export function follow(course: Course, time: number): number {
  const last = course.length - 1
  const position = Math.max(0, Math.min(1, time)) * last
  const index = Math.min(last - 1, Math.floor(position))
  const t = position - index
  const at = (k: number) => course[Math.max(0, Math.min(last, k))] ?? 0
  const s = 1 - t
  const before = s * s * s * at(index - 1)
  const here = (3 * t * t * t - 6 * t * t + 4) * at(index)
  const next = (3 * s * s * s - 6 * s * s + 4) * at(index + 1)
  return (before + here + next + t * t * t * at(index + 2)) / 6
}
