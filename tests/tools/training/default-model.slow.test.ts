// The model that ships, on clips that training never saw: followed from the first box to the end, without restarts.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { SiamRPN } from '../../../src/siamrpn/tracker.ts'
import { defaultModel } from '../../../tools/cli/default-model.ts'
import { SyntheticClips } from '../../../tools/clips/clips.ts'
import { overlap, toCorners } from '../../../tools/metrics/ope.ts'

/** Seeds from a million on are kept for measuring. */
const clips = new SyntheticClips({ seed: 1_000_000, clips: 20, framesPerClip: 100 })

let tracker: SiamRPN
beforeAll(async () => {
  tracker = await SiamRPN.load({ checkpoint: defaultModel() })
})
afterAll(() => tracker.close())

test('over 20 held-out clips it tracks as well as the README says: 0.65, and 90 % of the frames above 0.3', async () => {
  const overlaps: number[] = []
  for (let index = 0; index < clips.count; index++) {
    const clip = clips.clip(index)
    const target = await tracker.init(clip.picture(0), clip.box(0))
    for (let frame = 1; frame < clip.count; frame++) {
      const { box } = await target.update(clip.picture(frame))
      overlaps.push(overlap(toCorners(clip.box(frame)), toCorners(box)))
    }
    await target.release()
  }
  expect(overlaps).toHaveLength(20 * 99)
  expect(overlaps.reduce((sum, value) => sum + value, 0) / overlaps.length).toBeGreaterThanOrEqual(0.6)
  expect(overlaps.filter((value) => value > 0.3).length / overlaps.length).toBeGreaterThanOrEqual(0.9)
})
