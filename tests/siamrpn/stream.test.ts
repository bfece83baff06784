// Streams of frames: the same results as one update after the other, whatever comes in between.

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ArgumentError } from '../../src/gpu/errors.ts'
import { FrameError } from '../../src/siamrpn/errors.ts'
import { FrameBuffer, type PixelFrame } from '../../src/siamrpn/frame.ts'
import type { TrackResult } from '../../src/siamrpn/target.ts'
import type { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { boxes, clipFrame, firstBox, microTracker } from './helpers.ts'

let device: Device
let tracker: SiamRPN
beforeAll(async () => {
  device = await openDevice()
  tracker = await microTracker(device)
})
afterAll(async () => {
  await tracker.close()
  await device.close()
})

const frames = Array.from({ length: 7 }, (_, index) => clipFrame(index))
const [first, ...others] = frames as [PixelFrame, ...PixelFrame[]]

async function byUpdate(start = firstBox): Promise<TrackResult[]> {
  const target = await tracker.init(first, start)
  const results: TrackResult[] = []
  for (const frame of others) results.push(await target.update(frame))
  await target.release()
  return results
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

async function* decoded(list: readonly PixelFrame[], milliseconds = 3): AsyncGenerator<PixelFrame> {
  for (const frame of list) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    yield frame
  }
}

test.each([
  ['from memory', () => others],
  ['as they are decoded', () => decoded(others)],
  ['that come late', () => decoded(others, 300)],
])('frames %s give the boxes of updates', async (_, make) => {
  const target = await tracker.init(first, firstBox)
  const results = await collect(target.stream(make()))
  expect(results).toEqual(await byUpdate())
  expect(target.center).toEqual(results.at(-1)?.center)
  await target.release()
})

test('each frame but the first is uploaded ahead of its turn, once', async () => {
  const write = vi.spyOn(FrameBuffer.prototype, 'write')
  const ahead = vi.spyOn(FrameBuffer.prototype, 'writeAhead')
  const target = await tracker.init(first, firstBox)
  write.mockClear()
  await collect(target.stream(others))
  expect(write).toHaveBeenCalledTimes(others.length)
  expect(ahead).toHaveBeenCalledTimes(others.length - 1)
  vi.restoreAllMocks()
  await target.release()
})

test('two streams and updates of a third target share the tracker', async () => {
  const [a, b, c] = await Promise.all([
    tracker.init(first, firstBox),
    tracker.init(first, boxes),
    tracker.init(first, firstBox),
  ])
  const updates = async () => {
    const results: TrackResult[] = []
    for (const frame of others) results.push(await c.update(frame))
    return results
  }
  const [one, group, third] = await Promise.all([
    collect(a.stream(others)),
    collect(b.stream(decoded(others))),
    updates(),
  ])
  const expected = await byUpdate()
  expect(one).toEqual(expected)
  expect(third).toEqual(expected)
  expect(group).toHaveLength(others.length)
  const alone = await tracker.init(first, boxes)
  expect(group).toEqual(await collect(alone.stream(others)))
  for (const target of [a, b, c, alone]) await target.release()
})

test('whoever leaves early ends the source, and the target is where the last result says', async () => {
  const target = await tracker.init(first, firstBox)
  let ended = false
  async function* source() {
    try {
      yield* decoded(others)
    } finally {
      ended = true
    }
  }
  let last: TrackResult | undefined
  let seen = 0
  for await (const result of target.stream(source())) {
    last = result
    if (++seen === 3) break
  }
  expect(ended).toBe(true)
  expect(target.center).toEqual(last?.center)
  const rest = await collect(target.stream(others.slice(3)))
  expect(rest).toEqual((await byUpdate()).slice(3))
  await target.release()
})

test('a frame that has changed after the stream was left is read again', async () => {
  const target = await tracker.init(first, firstBox)
  const [one, two] = [1, 2].map((index) => clipFrame(index)) as [PixelFrame, PixelFrame]
  for await (const _ of target.stream([one, two])) break
  ;(two.data as Uint8Array).set(clipFrame(5).data)
  const found = await target.update(two)
  const other = await tracker.init(first, firstBox)
  await other.update(one)
  expect(found).toEqual(await other.update(clipFrame(5)))
  await target.release()
  await other.release()
})

test('errors come in their turn: of a frame, of the source, of what is no source', async () => {
  const target = await tracker.init(first, firstBox)
  const results: TrackResult[] = []
  const odd = async () => {
    for await (const result of target.stream([...others.slice(0, 2), clipFrame(0, { width: 80, height: 60 })]))
      results.push(result)
  }
  await expect(odd()).rejects.toThrow(FrameError)
  expect(results).toHaveLength(2)
  expect(target.center).toEqual(results[1]?.center)
  async function* broken() {
    yield others[2] as PixelFrame
    throw new Error('the file ends here')
  }
  await expect(collect(target.stream(broken()))).rejects.toThrow('the file ends here')
  await expect(collect(target.stream(7 as never))).rejects.toThrow(ArgumentError)
  await target.release()
  await expect(collect(target.stream(others))).rejects.toThrow('released')
})
