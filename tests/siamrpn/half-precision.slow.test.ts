// The golden sequences with filters in half precision: boxes within half a pixel of those that MMTracking found in single precision.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { goldenFrame } from '../golden/check/frames.ts'
import { GoldenSet } from '../golden/check/golden-set.ts'
import { hashWeights } from '../golden/check/models.ts'
import { trackingSchema } from '../golden/check/tracking.ts'
import { trackSequence } from '../golden/check/tracking-sequences.ts'
import { goldenDirectory } from '../golden-directory.ts'

const set = new GoldenSet(goldenDirectory)
const { json } = await set.section('G', trackingSchema)

let device: Device
let half: SiamRPN
beforeAll(async () => {
  device = await openDevice()
  const { golden, config } = await set.model(json.sequences[0]!.model)
  half = await SiamRPN.create(hashWeights(golden.entries, json.hash_salt), { device, config, precision: 'f16' })
})
afterAll(async () => {
  await half.close()
  await device.close()
})

/** Pixels between corners, at most. */
const mostPixels = 0.5

test.each(json.sequences.map((sequence, index) => ({ index, ...sequence })))(
  'the boxes of golden sequence $index ($mode) are those of single precision within half a pixel',
  async (sequence) => {
    const { key, H, W } = json.frames[sequence.source_frame]!
    const source = goldenFrame(key, H, W)
    const rows = await trackSequence(sequence, half, source)
    expect(rows).toHaveLength(sequence.track_bboxes_f64.length)
    let largest = 0
    for (const [t, golden] of sequence.track_bboxes_f64.entries()) {
      const expected = golden.slice(0, -1)
      expect(rows[t]!.values).toHaveLength(expected.length)
      for (const [i, value] of expected.entries()) largest = Math.max(largest, Math.abs(rows[t]!.values[i]! - value))
    }
    expect(largest).toBeGreaterThan(0)
    expect(largest).toBeLessThanOrEqual(mostPixels)
  },
)
