// Following through a clip with a stand-in for the tracker: which frames each target is followed through, and where it stops.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ClipSource, Picture } from '../../web/src/media/clip-source.ts'
import { addTarget, emptyProject, setMark, type TrackedTarget } from '../../web/src/model/project.ts'
import {
  backwardStretch,
  type Follower,
  followBackward,
  followForward,
  forwardStretches,
} from '../../web/src/session/follow.ts'

const clip = { name: 'clip', width: 64, height: 48, frameCount: 12, frameRate: 25 }
const box = { x: 1, y: 2, width: 3, height: 4 }
let open = 0

/** A picture that counts how many are open. */
function picture(index: number): Picture {
  open++
  return { index, close: () => open--, clone: () => picture(index) } as unknown as Picture
}

const source: ClipSource = {
  facts: clip,
  frame: async (index) => picture(index),
  async *frames(from) {
    for (let index = from; index < clip.frameCount; index++) yield picture(index)
  },
  close: () => undefined,
}

/** Notes what it is asked; `scores` by frame, 0.9 elsewhere. */
function follower(scores: Readonly<Record<number, number>> = {}) {
  const calls: string[] = []
  const index = (lent: Picture) => (lent as unknown as { index: number }).index
  const made: Follower = {
    async start(key, lent) {
      calls.push(`start ${key} in ${index(lent)}`)
    },
    async step(keys, lent) {
      calls.push(`step ${keys.join('+')} in ${index(lent)}`)
      return keys.map(() => ({ box, score: scores[index(lent)] ?? 0.9 }))
    },
    async stop() {},
  }
  return { made, calls }
}

function targetWith(marks: readonly number[], absent: readonly number[] = []): TrackedTarget {
  let { project } = addTarget(emptyProject(clip), marks[0] ?? 0, box)
  for (const frame of marks) project = setMark(project, 1, frame, { kind: 'box', box })
  for (const frame of absent) project = setMark(project, 1, frame, { kind: 'absent' })
  const [target] = project.targets
  if (!target) throw new Error('no target')
  return target
}

const hooks = (lowScore = 0.3) => ({
  onFrame: vi.fn(),
  onLow: vi.fn(),
  signal: new AbortController().signal,
  lowScore,
})

beforeEach(() => {
  open = 0
  vi.stubGlobal('createImageBitmap', async (from: { index: number }) => picture(from.index))
})

afterEach(() => {
  vi.unstubAllGlobals()
  expect(open).toBe(0) // every picture was closed
})

describe('stretches', () => {
  test('each box mark is followed to the frame before the next mark, the last one to the end', () => {
    const stretches = forwardStretches(targetWith([2, 6], [9]), 0, 12)
    expect(stretches.map(({ from, to }) => [from, to])).toEqual([
      [2, 5],
      [6, 8],
    ])
  })

  test('marks before the start are left alone, and neighbours have nothing between them', () => {
    expect(forwardStretches(targetWith([2, 3, 6]), 3, 12).map(({ from, to }) => [from, to])).toEqual([
      [3, 5],
      [6, 11],
    ])
    expect(forwardStretches(targetWith([10, 11]), 0, 12)).toEqual([])
  })

  test('backwards to the mark before, or to the first frame', () => {
    expect(backwardStretch(targetWith([2, 6]), 6)).toMatchObject({ from: 6, to: 3 })
    expect(backwardStretch(targetWith([4]), 4)).toMatchObject({ from: 4, to: 0 })
    expect(backwardStretch(targetWith([0]), 0)).toBeUndefined()
  })
})

describe('followForward', () => {
  test('starts at each mark and steps through the frames between', async () => {
    const { made, calls } = follower()
    await followForward(source, made, forwardStretches(targetWith([1, 4], [6]), 0, 12), hooks())
    expect(calls).toEqual(['start 1 in 1', 'step 1 in 2', 'step 1 in 3', 'start 1 in 4', 'step 1 in 5'])
  })

  test('several targets share a frame', async () => {
    const { made, calls } = follower()
    const first = { id: 1, from: 0, to: 3, box }
    const second = { id: 2, from: 1, to: 2, box }
    await followForward(source, made, [first, second], hooks())
    expect(calls).toEqual(['start 1 in 0', 'step 1 in 1', 'start 2 in 1', 'step 1+2 in 2', 'step 1 in 3'])
  })

  test('a low score ends the target there and says where', async () => {
    const { made, calls } = follower({ 3: 0.2 })
    const watch = hooks()
    await followForward(source, made, [{ id: 1, from: 0, to: 11, box }], watch)
    expect(calls.at(-1)).toBe('step 1 in 3')
    expect(watch.onLow).toHaveBeenCalledExactlyOnceWith(1, 3, 0.2)
  })
})

test('followBackward goes down to the mark before, and stops at a low score', async () => {
  const { made, calls } = follower()
  await followBackward(source, made, { id: 1, from: 5, to: 2, box }, hooks())
  expect(calls).toEqual(['start 1 in 5', 'step 1 in 4', 'step 1 in 3', 'step 1 in 2'])
  const low = follower({ 4: 0.1 })
  await followBackward(source, low.made, { id: 1, from: 5, to: 0, box }, hooks())
  expect(low.calls).toEqual(['start 1 in 5', 'step 1 in 4'])
})
