// A track against a plain map: what is set, taken out and asked, and that a long one shares its blocks with the one before.

import { describe, expect, test } from 'vitest'
import { emptyProject, type Project, setTracked, type TrackedTarget } from '../../web/src/model/project.ts'
import { packed, unpacked } from '../../web/src/model/saved.ts'
import { Track, type Tracked } from '../../web/src/model/track.ts'

const at = (x: number): Tracked => ({ box: { x, y: 1, width: 2, height: 3 }, score: 0.5 })
const trackOf = (frames: readonly number[]) => Track.from(frames.map((frame) => [frame, at(frame)] as const))
const framesOf = (track: Track) => [...track.keys()]

describe('a track', () => {
  test('holds what was set, over the seams of its blocks, in the order of frames', () => {
    const frames = [700, 0, 255, 256, 511, 512]
    const track = frames.reduce((made, frame) => made.with(frame, at(frame)), Track.empty)
    const sorted = frames.toSorted((a, b) => a - b)
    expect([...track]).toEqual(sorted.map((frame) => [frame, at(frame)]))
    expect([track.size, track.has(255), track.has(254), track.get(512)]).toEqual([6, true, false, at(512)])
    expect(track).toEqual(trackOf(frames))
  })

  test('replaces what stood in a frame, and leaves the track before as it was', () => {
    const before = trackOf([3, 4])
    const after = before.with(3, at(99))
    expect([after.size, after.get(3), before.get(3)]).toEqual([2, at(99), at(3)])
  })

  test.each([
    [0, 0],
    [255, 256],
    [100, 600],
    [-5, 2000],
    [601, 700],
    [300, 299],
  ])('without frames %i to %i', (from, to) => {
    const frames = Array.from({ length: 200 }, (_, index) => index * 4)
    const track = trackOf(frames).without(from, to)
    const kept = frames.filter((frame) => frame < from || frame > to)
    expect([framesOf(track), track.size]).toEqual([kept, kept.length])
  })

  test('of 100,000 frames shares all blocks but one with the track of one frame more', () => {
    const before = trackOf(Array.from({ length: 100_000 }, (_, frame) => frame))
    const known = new Set(before.blocks)
    expect([...before.with(50_000, at(1)).blocks].filter((block) => !known.has(block))).toHaveLength(1)
    expect([...before.without(50_000, 50_000).blocks].filter((block) => !known.has(block))).toHaveLength(1)
  })
})

describe('saved', () => {
  const clip = { name: 'dog.mp4', width: 640, height: 360, frameCount: 600, frameRate: 25 }
  const box = { x: 1.25, y: 2.5, width: 30, height: 40 }
  const target: TrackedTarget = {
    ...{ id: 1, name: 'Dog', color: '#d55e00' },
    marks: new Map([
      [0, { kind: 'box', box }],
      [300, { kind: 'absent' }],
    ]),
    track: trackOf([1, 2, 299]),
  }
  const project: Project = setTracked({ ...emptyProject(clip), targets: [target] }, 301, new Map([[1, at(301)]]))

  test('a project comes back as it was, through what the storage can hold', () => {
    expect(unpacked(structuredClone(packed(project)))).toEqual(project)
  })

  test('a project that was saved with maps of frames comes back, too', () => {
    const old = { clip, targets: [{ ...target, track: new Map(target.track) }] }
    expect(unpacked(structuredClone(old))).toEqual({ clip, targets: [target] })
  })
})
