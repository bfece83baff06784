// VOT2018's layout, as the toolkit downloads it: list.txt, a folder of images per sequence, polygons, and a tag file
// per attribute with a flag for every frame.

import { join } from 'node:path'
import type { VotTag } from '../benchmarks/vot.ts'
import type { GeneratedClip } from './clip.ts'
import type { SyntheticClips } from './clips.ts'
import { lines, type Truth, type WriteClipsOptions, writeShots, writeText, writing } from './write-frames.ts'

/**
 * VOT2018: `synthetic1/color/00000001.jpg`, `synthetic1/groundtruth.txt` (a rotated rectangle per line: x1, y1 ... x4,
 * y4), `synthetic1/occlusion.tag` and the other tags, `synthetic1/sequence`, and `list.txt` with the names of all
 * clips.
 *
 * @throws OutputError; the signal's reason
 */
export async function writeVOT2018(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions = {},
): Promise<void> {
  const names = Array.from({ length: clips.count }, (_, index) => `synthetic${index + 1}`)
  await writing(
    folder,
    (name) => name === 'list.txt' || /^synthetic\d+$/.test(name),
    async (root) => {
      const shots = names.map((name, index) => ({
        clips: [index],
        file: (frame: number) => join(root, name, 'color', `${String(frame + 1).padStart(8, '0')}.jpg`),
      }))
      const truths = await writeShots(clips, shots, options)
      for (const [index, name] of names.entries()) {
        const truth = truths[index]?.[0] ?? []
        const polygons = truth.map(({ corners }) => corners.map((value) => value.toFixed(3)).join(','))
        await writeText(join(root, name, 'groundtruth.txt'), lines(polygons))
        for (const [tag, flags] of Object.entries(tagsOf(clips.clip(index), truth))) {
          await writeText(join(root, name, `${tag}.tag`), lines(flags.map((flag) => String(Number(flag)))))
        }
        await writeText(join(root, name, 'sequence'), sequenceFile(name, clips))
      }
      await writeText(join(root, 'list.txt'), lines(names))
    },
  )
}

function sequenceFile(name: string, { width, height }: SyntheticClips): string {
  return lines(
    ['channels.color=color/%08d.jpg', 'format=default', 'fps=25', `height=${height}`, `name=${name}`, `width=${width}`],
    '\r\n',
  )
}

function tagsOf(clip: GeneratedClip, truth: readonly Truth[]): Readonly<Record<VotTag, readonly boolean[]>> {
  const changes = truth.map((_, frame) => clip.changes(frame))
  const before = (frame: number) => truth[Math.max(0, frame - 1)]?.box ?? { x: 0, y: 0, width: 1, height: 1 }
  return {
    camera_motion: changes.map(({ shift, zoom }) => shift > 0.5 || Math.abs(zoom - 1) > 0.002),
    illum_change: changes.map(({ light }) => Math.abs(light - 1) > 0.005),
    motion_change: truth.map(({ box }, frame) => {
      const { x, y, width, height } = before(frame)
      return Math.hypot(box.x - x, box.y - y) > 0.1 * Math.sqrt(width * height)
    }),
    occlusion: truth.map(({ visibility }) => visibility < 0.9),
    size_change: truth.map(({ box }, frame) => {
      const { width, height } = before(frame)
      return Math.abs(Math.log((box.width * box.height) / (width * height))) > 0.01
    }),
  }
}
