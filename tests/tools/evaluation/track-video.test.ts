// One video: where tracking begins, when VOT's protocol begins anew, what is decoded, what stops it.

import { describe, expect, test } from 'vitest'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { EvaluationError } from '../../../tools/evaluation/errors.ts'
import { FramesAhead } from '../../../tools/evaluation/frames-ahead.ts'
import { type ReadFrame, sequenceResult, sequenceVideo } from '../../../tools/evaluation/sequence-video.ts'
import { trackVideo } from '../../../tools/evaluation/track-video.ts'
import { FrameSizeError } from '../../../tools/frames/errors.ts'
import { blankFrame, box, FakeTracker, nothing, readBlank, sequenceOf } from './fakes.ts'

/** A truth that stands still for so many frames. */
const still = (frames: number) => Array.from({ length: frames }, () => box(10))

describe('one pass', () => {
  test('begins with the first box and answers every frame', async () => {
    const sequence = sequenceOf('a', still(4))
    const tracker = new FakeTracker()
    const steps = await trackVideo(tracker, sequenceVideo(sequence, 'ope', readBlank))
    const { regions, scores, seconds } = sequenceResult(sequence, 'ope', steps)
    expect(tracker.begun).toEqual([{ cx: 15, cy: 14, width: 10, height: 8 }])
    expect(regions).toEqual([box(10), box(11), box(12), box(13)])
    expect(scores).toEqual([1, 0.5, 0.5, 0.5])
    expect(seconds).toHaveLength(4)
    expect(tracker.held).toBe(0)
  })

  test('goes on where the target is far off, hidden or without truth', async () => {
    const sequence = sequenceOf('a', [box(10), nothing, box(60), box(10)])
    const steps = await trackVideo(new FakeTracker(30), sequenceVideo(sequence, 'got10k', readBlank))
    expect(steps.map(({ region }) => region)).toEqual([1, box(40), box(70), box(100)])
  })

  test('passes over frames that no tracker can begin from', async () => {
    const sequence = sequenceOf('a', [nothing, box(10, 10, 0, 8), box(200), box(20), box(21)])
    const steps = await trackVideo(new FakeTracker(), sequenceVideo(sequence, 'ope', readBlank))
    const empty = box(0, 0, 0, 0)
    expect(sequenceResult(sequence, 'ope', steps).regions).toEqual([empty, empty, empty, box(20), box(21)])
  })

  test('names a video that cannot begin at all', async () => {
    const video = sequenceVideo(sequenceOf('bird-3', [nothing, nothing]), 'ope', readBlank)
    await expect(trackVideo(new FakeTracker(), video)).rejects.toThrow(
      new EvaluationError('bird-3: no frame has a box inside of the picture to begin from'),
    )
  })

  test('begins with the upright box of a polygon', async () => {
    const corners = [[10, 20, 20, 10, 30, 20, 20, 30]]
    const sequence = sequenceOf('a', [box(10, 10, 20, 20)], { corners })
    const tracker = new FakeTracker()
    const steps = await trackVideo(tracker, sequenceVideo(sequence, 'ope', readBlank))
    const side = Math.fround(Math.sqrt(200))
    expect(tracker.begun[0]).toMatchObject({ cx: 20, cy: 20 })
    expect(tracker.begun[0]?.width).toBeCloseTo(side, 4)
    const [first] = sequenceResult(sequence, 'ope', steps).regions
    expect(first).toMatchObject({ width: tracker.begun[0]?.width })
  })
})

describe("VOT's protocol", () => {
  test('begins anew five frames after the target was lost', async () => {
    const sequence = sequenceOf('a', still(12))
    const tracker = new FakeTracker(5)
    const steps = await trackVideo(tracker, sequenceVideo(sequence, 'vot', readBlank))
    // At 20 the answer has no pixel in common with 10..19.
    expect(steps.map(({ region }) => region)).toEqual([1, box(15), 2, 0, 0, 0, 0, 1, box(15), 2, 0, 0])
    expect(steps.map(({ score }) => score)).toEqual([1, 0.5, 0.5, 0, 0, 0, 0, 1, 0.5, 0.5, 0, 0])
    expect(tracker.held).toBe(0)
  })

  test('judges inside of the picture alone', async () => {
    const truth = [box(50, 10, 20, 8), box(62, 10, 20, 8), box(66, 10, 20, 8)]
    const steps = await trackVideo(new FakeTracker(12), sequenceVideo(sequenceOf('a', truth), 'vot', readBlank))
    // The pictures are 64 wide: the last answer and the last truth share pixels, but none that are seen.
    expect(steps.map(({ region }) => region)).toEqual([1, box(62, 10, 20, 8), 2])
  })

  test('takes a frame without truth for a failure, and begins with the next frame that has one', async () => {
    const truth = [box(10), nothing, box(10), box(10), box(10), box(10), nothing, box(200), box(12), box(13)]
    const tracker = new FakeTracker(1)
    const steps = await trackVideo(tracker, sequenceVideo(sequenceOf('a', truth), 'vot', readBlank))
    expect(steps.map(({ region }) => region)).toEqual([1, 2, 0, 0, 0, 0, 0, 0, 1, box(13)])
    expect(tracker.begun.map(({ cx }) => cx)).toEqual([15, 17])
  })

  test('measures against the polygon, not what encloses it', async () => {
    const quad = [0, 20, 20, 0, 21, 1, 1, 21] // A thin diagonal.
    const corners = [[0, 0, 3, 0, 3, 3, 0, 3], quad]
    const boxes = [box(0, 0, 4, 4), box(0, 0, 22, 22)]
    const steps = await trackVideo(
      new FakeTracker(0),
      sequenceVideo(sequenceOf('a', boxes, { corners }), 'vot', readBlank),
    )
    expect(steps[1]?.region).toBe(2)
  })
})

describe('frames', () => {
  test('of another size end the video, naming the file', async () => {
    const sequence = sequenceOf('a', still(4))
    const read: ReadFrame = async (_, index) => blankFrame(index === 2 ? { width: 32, height: 24 } : undefined)
    const tracker = new FakeTracker()
    await expect(trackVideo(tracker, sequenceVideo(sequence, 'ope', read))).rejects.toThrow(
      new FrameSizeError('a/2.jpg', '32x24', '64x48 (a/0.jpg)'),
    )
    expect(tracker.held).toBe(0)
  })

  test('are decoded ahead, each once, and not for frames that are skipped', async () => {
    const reads: number[] = []
    const read = async (index: number): Promise<RgbFrame> => {
      reads.push(index)
      return blankFrame()
    }
    const frames = new FramesAhead(20, read, 2)
    await frames.at(0)
    expect(reads).toEqual([0, 1, 2])
    await frames.at(1)
    await frames.at(8)
    await frames.at(19)
    expect(reads).toEqual([0, 1, 2, 3, 8, 9, 10, 19])
  })

  test('that fail ahead of time fail when they are asked for, not before', async () => {
    const read = (index: number) => (index === 1 ? Promise.reject(new Error('broken')) : Promise.resolve(blankFrame()))
    const frames = new FramesAhead(3, read)
    await expect(frames.at(0)).resolves.toBeDefined()
    await expect(frames.at(1)).rejects.toThrow('broken')
    await expect(frames.at(2)).resolves.toBeDefined()
  })
})

test('stops between two frames when the signal is raised', async () => {
  const controller = new AbortController()
  const tracker = new FakeTracker(1, (updates) => {
    if (updates === 3) controller.abort()
  })
  const video = sequenceVideo(sequenceOf('a', still(10)), 'ope', readBlank)
  await expect(trackVideo(tracker, video, { signal: controller.signal })).rejects.toThrow('abort')
  expect(tracker.updates).toBe(3)
  expect(tracker.held).toBe(0)
})
