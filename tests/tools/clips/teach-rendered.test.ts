// Teaching on a clip that this project renders, with the model that ships: four given frames raise the overlap over the others, from the
// first box alone. On real clips: ../training/teach-gain.slow.test.ts.

import { expect, test } from 'vitest'
import { SiamRPN } from '../../../src/siamrpn/tracker.ts'
import { SyntheticClips } from '../../../tools/clips/clips.ts'
import { overlap, toCorners } from '../../../tools/metrics/ope.ts'

const given = [0, 25, 50, 75]
const clip = new SyntheticClips({ seed: 4_000_000, clips: 8, framesPerClip: 100 }).clip(7)
const frames = 100

async function meanOverlap(tracker: SiamRPN): Promise<number> {
  const target = await tracker.init(clip.picture(0), clip.box(0))
  const overlaps: number[] = []
  for (let frame = 1; frame < frames; frame++) {
    const { box } = await target.update(clip.picture(frame))
    if (!given.includes(frame)) overlaps.push(overlap(toCorners(clip.box(frame)), toCorners(box)))
  }
  await target.release()
  return overlaps.reduce((sum, value) => sum + value, 0) / overlaps.length
}

test('four given frames of a rendered clip raise the overlap over the others by a tenth', async () => {
  await using tracker = await SiamRPN.load()
  const examples = given.map((frame) => ({ frame: clip.picture(frame), box: clip.box(frame) }))
  await using taught = await tracker.teach(examples, { steps: 60 })
  const [before, after] = [await meanOverlap(tracker), await meanOverlap(taught)]
  expect(before).toBeGreaterThan(0.5)
  expect(after - before).toBeGreaterThan(0.1)
})
