// OTB100's layout with its oddities: commas, tabs or spaces between whole numbers, files from a DOS machine, sequences
// that do not begin at image 1, images beyond the ground truth, five digits in one sequence, two targets in one folder,
// an empty file.

import { join } from 'node:path'
import { otbSequences } from '../benchmarks/otb100-names.ts'
import type { SyntheticClips } from './clips.ts'
import {
  lines,
  numbered,
  type Truth,
  tooMany,
  type WriteClipsOptions,
  writeShots,
  writeText,
  writing,
} from './write-frames.ts'

/** Where a sequence differs from `NAME/img/0001.jpg` with one box per image in `groundtruth_rect.txt`. */
interface Oddity {
  /** Number of the first image (1). */
  readonly start?: number
  readonly digits?: number
  /** Images that come before and after those with a box. */
  readonly before?: number
  readonly after?: number
  readonly truths?: readonly string[]
  /** Written without a line. */
  readonly empty?: string
  readonly end?: string
  /** The last box is 0, 0, 0, 0. */
  readonly emptyLast?: boolean
  /** A line with another separator than the others. */
  readonly oddLine?: boolean
}

const oddities: Readonly<Record<string, Oddity>> = {
  BlurCar1: { start: 247, oddLine: true },
  BlurCar3: { start: 3 },
  BlurCar4: { start: 18 },
  Board: { digits: 5, emptyLast: true },
  David: { start: 298, before: 2, end: '\r\n' },
  Diving: { after: 1 },
  Football1: { after: 1 },
  Freeman3: { after: 1 },
  Freeman4: { after: 1 },
  Human4: { truths: ['groundtruth_rect.2.txt'], empty: 'groundtruth_rect.1.txt' },
  Jogging: { truths: ['groundtruth_rect.1.txt', 'groundtruth_rect.2.txt'] },
  Skating2: { truths: ['groundtruth_rect.1.txt', 'groundtruth_rect.2.txt'] },
  Twinnings: { emptyLast: true },
}

/** Those with oddities come first, so that a few clips show them. */
const first = ['Basketball', 'BlurCar1', 'Jogging', 'David', 'Football1', 'Board', 'Human4', 'Tiger1']
const folders = [...new Set([...first, ...otbSequences.map(({ folder }) => folder)])]
const separators = [',', '\t', ' ']

/**
 * OTB100: `Basketball/img/0001.jpg` and `Basketball/groundtruth_rect.txt` (left, top, width, height in whole pixels)
 * under the benchmark's own names; Jogging and Skating2 take two clips, which stand side by side.
 *
 * @throws OutputError, also for more clips than the benchmark has targets; the signal's reason
 */
export async function writeOTB100(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions = {},
): Promise<void> {
  const plan = deal(clips)
  await writing(
    folder,
    (name) => folders.includes(name),
    async (root) => {
      const shots = plan.map(({ name, clips }) => {
        const { start = 1, digits = 4 } = oddities[name] ?? {}
        return { clips, file: (frame: number) => join(root, name, 'img', numbered(start + frame, digits)) }
      })
      const truths = await writeShots(clips, shots, options)
      for (const [index, { name }] of plan.entries()) {
        const separator = separators[index % separators.length] ?? ','
        await writeTruths(join(root, name), oddities[name] ?? {}, separator, truths[index] ?? [])
      }
    },
  )
}

interface Part {
  readonly name: string
  readonly clips: readonly number[]
}

/**
 * Which sequence shows which clips. One that would need more clips than are left is passed over, and so is Tiger1,
 * whose first five frames do not count, with clips that are not longer than that.
 */
function deal({ count, framesPerClip }: SyntheticClips): Part[] {
  const parts: Part[] = []
  let next = 0
  for (const name of folders) {
    const takes = oddities[name]?.truths?.length ?? 1
    if (next + takes > count || (name === 'Tiger1' && framesPerClip < 7)) continue
    parts.push({ name, clips: Array.from({ length: takes }, (_, place) => next + place) })
    next += takes
  }
  if (next < count) throw tooMany(count, next, 'otb100')
  return parts
}

async function writeTruths(
  place: string,
  oddity: Oddity,
  separator: string,
  targets: readonly (readonly Truth[])[],
): Promise<void> {
  const { before = 0, after = 0, truths = ['groundtruth_rect.txt'], empty, end, emptyLast, oddLine } = oddity
  for (const [target, file] of truths.entries()) {
    const truth = targets[target] ?? []
    const beginning = truth.length > before + after ? before : 0
    const boxes = truth
      .slice(beginning, Math.max(beginning + 1, truth.length - after))
      .map(({ box }) => wholePixels(box))
    if (emptyLast && boxes.length > 1) boxes[boxes.length - 1] = [0, 0, 0, 0]
    const texts = boxes.map((box, line) => box.join(oddLine && line === 1 ? ' ' : separator))
    await writeText(join(place, file), lines(texts, end))
  }
  if (empty !== undefined) await writeText(join(place, empty), '')
}

function wholePixels({ x, y, width, height }: Truth['box']): number[] {
  return [Math.round(x), Math.round(y), Math.max(1, Math.round(width)), Math.max(1, Math.round(height))]
}
