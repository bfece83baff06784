// Makes values that change over a clip: smooth courses over random knots, as functions of the time in frames.

import type { Random } from 'siamrpn'
import { type Course, follow, wander } from './course.ts'

/** A value at a time, in frames; times may lie between frames. */
export type Track = (time: number) => number

/** A value that stays. */
export function fixed(value: number): Track {
  return () => value
}

/** A smooth way through knots that are `spacing` frames apart. */
export function through(course: Course, spacing: number): Track {
  const last = (course.length - 1) * spacing
  return (time) => follow(course, time / last)
}

export interface Wandering {
  readonly range: readonly [low: number, high: number]
  /** Frames from knot to knot. */
  readonly spacing: number
  /** Largest step from knot to knot as a share of the range. */
  readonly step: number
  readonly frames: number
}

/** A random walk within a range. */
export function wandering(random: Random, { range, spacing, step, frames }: Wandering): Track {
  return through(wander(random, range, knots(frames, spacing), step), spacing)
}

/** A random walk between 1 / `most` and `most`, even in ratios. */
export function swelling(random: Random, most: number, { spacing, step, frames }: Omit<Wandering, 'range'>): Track {
  const course = wander(random, [-1, 1], knots(frames, spacing), step)
  return through(
    course.map((value) => (value < 0 ? 1 / (1 - value * (most - 1)) : 1 + value * (most - 1))),
    spacing,
  )
}

export interface Journey {
  readonly width: number
  readonly height: number
  /** Distance that the way keeps from the edges. */
  readonly margin: number
  /** Largest speed in pixels per frame. */
  readonly speed: number
  readonly spacing: number
  /** Share of the old direction that is kept from knot to knot, 0..1. */
  readonly inertia: number
  /** Chance per knot to stand still until the next one. */
  readonly pause: number
  readonly frames: number
}

/** A way through the picture. */
export function journey(random: Random, plan: Journey): { readonly x: Track; readonly y: Track } {
  const { margin, speed, spacing, inertia, pause } = plan
  const right = Math.max(margin + 1, plan.width - margin)
  const bottom = Math.max(margin + 1, plan.height - margin)
  let x = random.uniform(margin, right)
  let y = random.uniform(margin, bottom)
  let vx = 0
  let vy = 0
  const xs: number[] = []
  const ys: number[] = []
  const count = knots(plan.frames, spacing)
  const reach = speed * spacing
  for (let knot = 0; knot < count; knot++) {
    xs.push(x)
    ys.push(y)
    const still = random.next() < pause
    vx = vx * inertia + random.uniform(-reach, reach) * (1 - inertia * 0.5)
    vy = vy * inertia + random.uniform(-reach, reach) * (1 - inertia * 0.5)
    const length = Math.sqrt(vx * vx + vy * vy)
    if (length > reach) {
      vx *= reach / length
      vy *= reach / length
    }
    if (still) continue
    if (x + vx < margin || x + vx > right) vx = -vx
    if (y + vy < margin || y + vy > bottom) vy = -vy
    x = Math.max(margin, Math.min(right, x + vx))
    y = Math.max(margin, Math.min(bottom, y + vy))
  }
  return { x: through(xs, spacing), y: through(ys, spacing) }
}

function knots(frames: number, spacing: number): number {
  return 3 + Math.ceil(frames / spacing)
}
