// TrackingNet's layout: parts TRAIN_0 ... TRAIN_11 and TEST, each with frames/NAME/0.jpg (numbers from 0, not padded)
// and anno/NAME.txt, which holds the first box alone in TEST.

import { join } from 'node:path'
import type { SyntheticClips } from './clips.ts'
import { decimals, lines, type WriteClipsOptions, writeShots, writeText, writing } from './write-frames.ts'

const trainParts = 12

/**
 * TrackingNet: every second clip is in TEST, the others go to TRAIN_0, TRAIN_1 and so on. Names are like those of the
 * data set: eleven characters of YouTube and the object's number.
 *
 * @throws OutputError; the signal's reason
 */
export async function writeTrackingNet(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions = {},
): Promise<void> {
  const isOurs = (name: string) => name === 'TEST' || /^TRAIN_\d+$/.test(name)
  await writing(folder, isOurs, async (root) => {
    const places = Array.from({ length: clips.count }, (_, index) => ({
      part: index % 2 === 0 ? `TRAIN_${(index / 2) % trainParts}` : 'TEST',
      name: `${index % 3 === 1 ? '-' : 's'}ynthetic${String(index).padStart(2, '0')}_${index % 4}`,
    }))
    const shots = places.map(({ part, name }, index) => ({
      clips: [index],
      file: (frame: number) => join(root, part, 'frames', name, `${frame}.jpg`),
    }))
    const truths = await writeShots(clips, shots, options)
    for (const [index, { part, name }] of places.entries()) {
      const boxes = (truths[index]?.[0] ?? []).map(({ box }) => decimals(box, 2))
      await writeText(join(root, part, 'anno', `${name}.txt`), lines(part === 'TEST' ? boxes.slice(0, 1) : boxes))
    }
  })
}
