// The clip generator: the same bytes everywhere for one key, truth that fits the pixels, and no two clips alike.

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { heldOutSeeds, SyntheticClips } from '../../../tools/clips/clips.ts'
import { collect } from '../frames/helpers.ts'

const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex').slice(0, 16)
const clips = new SyntheticClips({ seed: 7, clips: 40 })
const seeds = Array.from({ length: 40 }, (_, index) => index)

test('a seed gives the same bytes on every machine', () => {
  const frames = [0, 1, 2, 3, 4, 5].map((index) => hash(clips.clip(index).frame(index * 17).frame.data))
  expect(frames).toEqual([
    '7d4301086ef17d3d',
    '5031d63224657552',
    'ebd3db0b59ed496b',
    'e62415428392a726',
    '26fd42b741ddbd4a',
    'b32aefa5917d7e84',
  ])
  expect(hash(new SyntheticClips({ seed: heldOutSeeds }).clip(3).frame(50).frame.data)).toBe('31a6d05417e47769')
})

test('clips differ from each other and from frame to frame, and do not depend on their number', () => {
  const small = new SyntheticClips({ seed: 7, clips: 12, width: 96, height: 80 })
  const hashes = seeds.slice(0, 12).map((index) => hash(small.clip(index).frame(0).frame.data))
  expect(new Set(hashes).size).toBe(12)
  expect(hash(small.clip(4).frame(1).frame.data)).not.toBe(hashes[4])
  const more = new SyntheticClips({ seed: 7, clips: 500, width: 96, height: 80 })
  expect(hash(more.clip(4).frame(0).frame.data)).toBe(hashes[4])
})

test('frames can be rendered in any order, of several clips in turn', () => {
  const [a, b] = [clips.clip(1), clips.clip(2)]
  const first = a.frame(20)
  b.frame(3)
  a.frame(90)
  expect(a.frame(20)).toEqual(first)
  expect(clips.clip(1).frame(20)).toEqual(first)
})

test.each(seeds)('clip %i: the box is the tightest around the target', (index) => {
  const clip = clips.clip(index)
  for (const frame of [0, 40, 99]) {
    const box = clip.box(frame)
    const mask = clip.mask(frame)
    const edges = { left: 1e9, top: 1e9, right: -1, bottom: -1 }
    for (let at = 0; at < mask.length; at++) {
      if (mask[at]! < 1e-3) continue
      const x = at % clip.width
      const y = Math.floor(at / clip.width)
      edges.left = Math.min(edges.left, x)
      edges.top = Math.min(edges.top, y)
      edges.right = Math.max(edges.right, x + 1)
      edges.bottom = Math.max(edges.bottom, y + 1)
    }
    expect(Math.abs(edges.left - box.x)).toBeLessThan(1.5)
    expect(Math.abs(edges.top - box.y)).toBeLessThan(1.5)
    expect(Math.abs(edges.right - box.x - box.width)).toBeLessThan(1.5)
    expect(Math.abs(edges.bottom - box.y - box.height)).toBeLessThan(1.5)
    expect(Math.min(box.width, box.height)).toBeGreaterThan(4)
  }
})

test('the corners are those of a rectangle that lies as the target does and touches it on every side', () => {
  for (const index of seeds.slice(0, 12)) {
    const clip = clips.clip(index)
    const [x1, y1, x2, y2, x3, y3, x4, y4] = clip.corners(30) as [number, number, number, number, ...number[]]
    const [across, down] = [Math.hypot(x2 - x1, y2 - y1), Math.hypot(x3! - x2, y3! - y2)]
    expect([x1 + x3!, y1 + y3!].map((sum) => sum.toFixed(6))).toEqual([x2 + x4!, y2 + y4!].map((sum) => sum.toFixed(6)))
    expect(((x2 - x1) * (x3! - x2) + (y2 - y1) * (y3! - y2)) / (across * down)).toBeCloseTo(0, 9)
    const mask = clip.mask(30)
    const inside: [number, number][] = []
    for (const [at, share] of mask.entries()) {
      if (share < 0.5) continue
      const [dx, dy] = [(at % clip.width) + 0.5 - x1, Math.floor(at / clip.width) + 0.5 - y1]
      inside.push([(dx * (x2 - x1) + dy * (y2 - y1)) / across, (dx * (x3! - x2) + dy * (y3! - y2)) / down])
    }
    const [us, vs] = [inside.map(([u]) => u), inside.map(([, v]) => v)]
    expect(Math.min(...us, ...vs)).toBeGreaterThan(-0.75)
    expect(Math.max(...us)).toBeLessThan(across + 0.75)
    expect(Math.max(...vs)).toBeLessThan(down + 0.75)
    const { x, y, width, height } = clip.box(30)
    if (x <= 0 || y <= 0 || x + width >= clip.width || y + height >= clip.height) continue
    expect(Math.min(...us, ...vs)).toBeLessThan(4)
    expect(across - Math.max(...us)).toBeLessThan(4)
    expect(down - Math.max(...vs)).toBeLessThan(4)
  }
})

test('the pixels inside the mask are those that change when the target moves on', () => {
  let hits = 0
  for (const index of [0, 3, 5, 8]) {
    const clip = clips.clip(index)
    const [before, after] = [clip.frame(10).frame.data, clip.frame(60).frame.data]
    const [now, then] = [clip.mask(10), clip.mask(60)]
    const change = { inside: 0, outside: 0 }
    const count = { inside: 0, outside: 0 }
    for (let at = 0; at < now.length; at++) {
      const place =
        now[at]! > 0.9 && then[at]! < 0.1 ? 'inside' : now[at]! < 0.1 && then[at]! < 0.1 ? 'outside' : undefined
      if (place === undefined) continue
      count[place]++
      for (let c = 0; c < 3; c++) change[place] += Math.abs(before[at * 3 + c]! - after[at * 3 + c]!)
    }
    if (change.inside / count.inside > change.outside / count.outside) hits++
  }
  expect(hits).toBeGreaterThanOrEqual(3)
})

test('the first frame shows the target; later some targets are partly hidden, and few for long', () => {
  let hidden = 0
  let long = 0
  for (const index of seeds) {
    const clip = clips.clip(index)
    const seen = Array.from({ length: 20 }, (_, step) => clip.visibility(step * 5))
    expect(seen[0]).toBeGreaterThan(0.5)
    if (seen.some((share) => share < 0.7)) hidden++
    if (seen.filter((share) => share < 0.3).length > 4) long++
  }
  expect(hidden).toBeGreaterThan(3)
  expect(long).toBeLessThan(3)
})

test('targets are of many sizes and shapes, and most move', () => {
  const first = seeds.map((index) => clips.clip(index).box(0))
  const last = seeds.map((index) => clips.clip(index).box(60))
  const sizes = first.map(({ width, height }) => Math.sqrt(width * height)).sort((a, b) => a - b)
  expect(sizes[4]!).toBeLessThan(35)
  expect(sizes[35]!).toBeGreaterThan(75)
  const aspects = first.map(({ width, height }) => width / height)
  expect(Math.min(...aspects)).toBeLessThan(0.6)
  expect(Math.max(...aspects)).toBeGreaterThan(1.6)
  const moved = first.filter(({ x, y, width, height }, index) => {
    const then = last[index]!
    return Math.abs(then.x + then.width / 2 - x - width / 2) + Math.abs(then.y + then.height / 2 - y - height / 2) > 8
  })
  expect(moved.length).toBeGreaterThan(20)
})

test('a window shows the pixels of the whole frame', () => {
  for (const index of [0, 1, 2, 3, 4, 5]) {
    const clip = clips.clip(index)
    const whole = clip.picture(5)
    const part = clip.picture(5, { x: 83, y: 55, width: 130, height: 99 })
    let different = 0
    for (let y = 80; y < 130; y++) {
      for (let at = (y * 320 + 110) * 3; at < (y * 320 + 190) * 3; at++)
        if (part.data[at] !== whole.data[at]) different++
    }
    expect(different, `clip ${index}`).toBeLessThan(40)
    expect(part.data.subarray(0, 3)).toEqual(part.data.subarray(-3))
  }
})

test('as a source it yields its frames, and none after close', async () => {
  const source = new SyntheticClips({ width: 64, height: 64, framesPerClip: 3 }).clip(0).source()
  expect(source).toMatchObject({ width: 64, height: 64, fps: 25, count: 3 })
  expect((await collect(source)).length).toBe(3)
  await source.close()
  expect(await collect(source)).toEqual([])
})

test('what cannot be rendered is refused by name', () => {
  expect(() => new SyntheticClips({ width: 12 })).toThrow(/width is 12, expected a whole number of at least 64/)
  expect(() => clips.clip(40)).toThrow(/clip 40 asked for, expected a whole number from 0 to 39/)
  expect(() => clips.clip(0).frame(100)).toThrow(/frame 100 asked for, expected a whole number from 0 to 99/)
})
