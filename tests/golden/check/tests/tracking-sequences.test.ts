// The protocols of the golden sequences, with trackers that need no GPU.

import { describe, expect, test } from 'vitest'
import type { VideoTracker } from '../../../../tools/evaluation/track-video.ts'
import { SectionReport } from '../report.ts'
import { checkSequence, type Sequence } from '../tracking-sequences.ts'

const source = { bytes: Uint8Array.from({ length: 30 * 40 * 3 }, (_, i) => i % 251), height: 30, width: 40 }

/** Follows the first box by one pixel to the right per frame, with score 0.5. */
function drifting() {
  const calls = { starts: [] as number[][], updates: 0, released: 0, firstPixels: [] as number[][] }
  const tracker: VideoTracker = {
    init(frame, { cx, cy, width, height }) {
      calls.starts.push([cx, cy, width, height])
      calls.firstPixels.push([...frame.data.subarray(0, 3)])
      let steps = 0
      return Promise.resolve({
        update() {
          calls.updates++
          steps++
          return Promise.resolve({ center: { cx: cx + steps, cy, width, height }, score: 0.5 })
        },
        release: () => {
          calls.released++
          return Promise.resolve()
        },
      })
    },
  }
  return { tracker, calls }
}

function sequence(mode: 'OPE' | 'VOT', gt: number[][], results: number[][]): Sequence {
  const still = gt.map(() => 2)
  return {
    ...{ mode, model: 'none', source_frame: 0, frame_size_hw: [20, 30], crop_x: still, crop_y: still },
    ...{ gt, track_bboxes_f64: results },
  }
}

async function failuresOf(golden: Sequence, tracker: VideoTracker): Promise<string[]> {
  const report = new SectionReport('G')
  await report.check('s', (one) => checkSequence(golden, tracker, source, one))
  return report.failures.map(({ quantity }) => quantity)
}

describe('one pass', () => {
  const gt = [
    [4, 5, 12, 9],
    [4, 5, 12, 9],
    [4, 5, 12, 9],
  ]

  test('starts from the first box and updates on every other frame, in red, green, blue', async () => {
    const { tracker, calls } = drifting()
    const results = [
      [4, 5, 12, 9, -1],
      [5, 5, 13, 9, 0.5],
      [6, 5, 14, 9, 0.5],
    ]
    expect(await failuresOf(sequence('OPE', gt, results), tracker)).toEqual([])
    const at = (2 * 40 + 2) * 3
    expect(calls).toEqual({
      starts: [[8, 7, 8, 4]],
      updates: 2,
      released: 1,
      firstPixels: [[(at + 2) % 251, (at + 1) % 251, at % 251]],
    })
  })

  test('names the frames that are off', async () => {
    const results = [
      [4, 5, 12, 9, -1],
      [5, 5, 13, 9.02, 0.5],
      [6, 5, 14, 9, 0.5002],
    ]
    expect(await failuresOf(sequence('OPE', gt, results), drifting().tracker)).toEqual([
      'box of frame 1',
      'score of frame 2',
    ])
  })
})

describe("VOT's protocol", () => {
  const near = [4, 5, 12, 5, 12, 9, 4, 9]
  const far = [20, 15, 25, 15, 25, 18, 20, 18]
  const gt = [near, near, far, near, near, near, near, near, near]

  test('starts again five frames after the box and the truth have parted', async () => {
    const { tracker, calls } = drifting()
    const skipped = [0, -1]
    const results = [
      [1, -1],
      [5, 5, 13, 9, 0.5],
      [2, 0.5],
      ...[skipped, skipped, skipped, skipped],
      [1, -1],
      [5, 5, 13, 9, 0.5],
    ]
    expect(await failuresOf(sequence('VOT', gt, results), tracker)).toEqual([])
    expect(calls).toMatchObject({ updates: 3, released: 2 })
    expect(calls.starts).toHaveLength(2)
  })

  test('fails when the states are others', async () => {
    const results = [
      [1, -1],
      [2, 0.5],
      [2, 0.5],
      [0, -1],
      [0, -1],
      [0, -1],
      [0, -1],
      [1, -1],
      [5, 5, 13, 9, 0.5],
    ]
    expect(await failuresOf(sequence('VOT', gt, results), drifting().tracker)).toEqual(['state of frame 1'])
  })
})
