// Synthetic clips: the same bytes everywhere for one seed, ground truth that fits the pixels, and the promised events.

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { follow, wander } from '../../src/data/course.ts'
import { Random } from '../../src/data/random.ts'
import { SyntheticClip } from '../../src/data/synthetic.ts'
import { collect } from './helpers.ts'

const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex').slice(0, 16)

test('a seed gives the same bytes on every machine', () => {
  const clip = new SyntheticClip({ seed: 1 })
  expect(hash(clip.render(0).frame.data)).toBe('1b08aceea9738f12')
  expect(hash(clip.render(37).frame.data)).toBe('561d6822206c4a42')
  expect(hash(new SyntheticClip({ seed: 2 }).render(0).frame.data)).not.toBe('1b08aceea9738f12')
})

test('frames can be rendered in any order', () => {
  const forwards = new SyntheticClip({ seed: 5, width: 96, height: 64, frames: 9 })
  const first = forwards.render(2)
  forwards.render(7)
  expect(forwards.render(2)).toEqual(first)
})

test.each([1, 2, 3, 4, 5])(
  'seed %i: the target stays inside, moves, changes its size, and is partly hidden',
  (seed) => {
    const clip = new SyntheticClip({ seed })
    const boxes = Array.from({ length: clip.count }, (_, index) => clip.box(index))
    for (const { x, y, width, height } of boxes) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0)
      expect(x + width).toBeLessThanOrEqual(clip.width)
      expect(y + height).toBeLessThanOrEqual(clip.height)
    }
    const range = (values: number[]) => Math.max(...values) - Math.min(...values)
    expect(range(boxes.map(({ x, width }) => x + width / 2))).toBeGreaterThan(60)
    const areas = boxes.map(({ width, height }) => width * height)
    expect(Math.max(...areas) / Math.min(...areas)).toBeGreaterThan(1.15)
    const seen = [0, 30, 36, 40, 42, 44, 48, 52].map((index) => clip.render(index).visibility)
    expect(seen[0], 'the first frame shows all of it').toBe(1)
    expect(Math.min(...seen)).toBeLessThan(0.85)
    expect(Math.min(...seen), 'never all hidden').toBeGreaterThan(0.1)
  },
)

test('the box is where the pixels of the target are', () => {
  const options = { seed: 3, width: 120, height: 90, frames: 5, distractors: 0, occluders: 0, noise: 0 }
  const clip = new SyntheticClip(options)
  const { frame, box } = clip.render(0)
  const moved = clip.render(4)
  const changed = { left: 1e9, right: -1, top: 1e9, bottom: -1 }
  // The object differs from the ground by far more than the ground's slow drift between neighbouring pixels.
  const inside = (x: number, y: number, b: typeof box) =>
    x >= b.x - 1 && x <= b.x + b.width && y >= b.y - 1 && y <= b.y + b.height
  for (let y = 0; y < frame.height; y++) {
    for (let x = 1; x < frame.width; x++) {
      const at = (y * frame.width + x) * 3
      const jump = [0, 1, 2].some((c) => Math.abs(frame.data[at + c]! - frame.data[at + c - 3]!) > 45)
      if (!jump) continue
      expect(inside(x, y, box), `${x},${y}`).toBe(true)
      changed.left = Math.min(changed.left, x)
      changed.right = Math.max(changed.right, x)
      changed.top = Math.min(changed.top, y)
      changed.bottom = Math.max(changed.bottom, y)
    }
  }
  expect(changed.right - changed.left).toBeGreaterThan(0.6 * box.width)
  expect(changed.bottom - changed.top).toBeGreaterThan(0.6 * box.height)
  expect(moved.box).not.toEqual(box)
})

test('as a source it yields its frames, and none after close', async () => {
  const source = new SyntheticClip({ width: 64, height: 48, frames: 4 }).source()
  expect(source).toMatchObject({ width: 64, height: 48, fps: 25, count: 4 })
  expect((await collect(source)).length).toBe(4)
  await source.close()
  expect(await collect(source)).toEqual([])
})

test('random numbers depend on their whole key, and lie where they should', () => {
  const draw = (...key: (string | number)[]) => new Random(...key).next()
  expect(draw('a', 1, 2)).toBe(draw('a', 1, 2))
  expect(new Set([draw('a', 1, 2), draw('a', 12), draw('a', 2, 1), draw('b', 1, 2)]).size).toBe(4)
  const random = new Random('spread')
  const values = Array.from({ length: 4000 }, () => random.next())
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...values)).toBeLessThan(1)
  expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(0.5, 1)
  expect(new Set(Array.from({ length: 100 }, () => random.integer(5)))).toEqual(new Set([0, 1, 2, 3, 4]))
  expect(['x', 'y']).toContain(random.pick(['x', 'y']))
})

test('a course is smooth and never leaves its range', () => {
  const random = new Random('course')
  const course = wander(random, [10, 20], 8)
  const values = Array.from({ length: 701 }, (_, index) => follow(course, index / 700))
  expect(Math.min(...values)).toBeGreaterThanOrEqual(10)
  expect(Math.max(...values)).toBeLessThanOrEqual(20)
  for (const [index, value] of values.entries()) {
    if (index > 0) expect(Math.abs(value - values[index - 1]!)).toBeLessThan(0.1)
  }
})
