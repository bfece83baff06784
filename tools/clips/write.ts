// Generated clips as data sets on disk, in the layouts that trackers' tools read: LaSOT, GOT-10k, COCO-VID
// (MMTracking's dialect of it), a plain folder of clips, and the benchmarks that have a file of their own here. A
// folder is complete or absent: it gets its name when the last frame is in it.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Box } from '../frames/types.ts'
import type { SyntheticClips } from './clips.ts'
import {
  decimals,
  hiddenBelow,
  hundredths,
  lines,
  numbered,
  type Truth,
  type WriteClips,
  type WriteClipsOptions,
  writeShots,
  writeText,
  writing,
} from './write-frames.ts'
import { writeOTB100 } from './write-otb100.ts'
import { writeTrackingNet } from './write-trackingnet.ts'
import { writeUAV123 } from './write-uav123.ts'
import { writeVOT2018 } from './write-vot2018.ts'

export type { WriteClipsOptions } from './write-frames.ts'

/** Name of the class that all targets belong to. */
const syntheticClass = 'synthetic'

const coverSteps = 8

/**
 * LaSOT: `synthetic/synthetic-1/img/00000001.jpg`, with `groundtruth.txt` (left, top, width, height per line),
 * `full_occlusion.txt` and `out_of_view.txt` beside img/, and `testing_set.txt` with the names of all clips.
 *
 * @throws OutputError; the signal's reason
 */
export async function writeLaSOT(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions = {},
): Promise<void> {
  const names = Array.from({ length: clips.count }, (_, index) => `${syntheticClass}-${index + 1}`)
  const isOurs = (name: string) => name === syntheticClass || name === 'testing_set.txt'
  await writing(folder, isOurs, async (root) => {
    const truths = await writeFrames(clips, options, (clip, frame) =>
      join(root, syntheticClass, names[clip] ?? '', 'img', numbered(frame + 1)),
    )
    for (const [clip, truth] of truths.entries()) {
      const place = join(root, syntheticClass, names[clip] ?? '')
      await writeFile(join(place, 'groundtruth.txt'), lines(truth.map(({ box }) => decimals(box, 2))))
      const hidden = truth.map(({ visibility }) => Number(visibility < hiddenBelow))
      await writeFile(join(place, 'full_occlusion.txt'), lines([hidden.join(',')]))
      await writeFile(join(place, 'out_of_view.txt'), lines([truth.map(() => 0).join(',')]))
    }
    await writeFile(join(root, 'testing_set.txt'), lines(names))
  })
}

export const got10kSplits = ['train', 'val', 'test'] as const

export type Got10kSplit = (typeof got10kSplits)[number]

/**
 * One split of GOT-10k: `GOT-10k_Train_000001/00000001.jpg`, with `groundtruth.txt`, `absence.label`, `cover.label` (0
 * hidden ... 8 all of it seen), `cut_by_image.label` and `meta_info.ini` beside the images, and `list.txt` with the
 * names of all clips. Of the test split the first box is all that is told.
 *
 * @throws OutputError; the signal's reason
 */
export async function writeGOT10k(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions & { /** (train) */ readonly split?: Got10kSplit } = {},
): Promise<void> {
  const { split = 'train' } = options
  const prefix = `GOT-10k_${split[0]?.toUpperCase()}${split.slice(1)}_`
  const names = Array.from({ length: clips.count }, (_, index) => prefix + String(index + 1).padStart(6, '0'))
  const isOurs = (name: string) => name === 'list.txt' || /^GOT-10k_(Train|Val|Test)_\d{6,}$/.test(name)
  await writing(folder, isOurs, async (root) => {
    const truths = await writeFrames(clips, options, (clip, frame) =>
      join(root, names[clip] ?? '', numbered(frame + 1)),
    )
    for (const [clip, truth] of truths.entries()) {
      const place = join(root, names[clip] ?? '')
      const boxes = truth.map(({ box }) => decimals(box, 4))
      await writeFile(join(place, 'groundtruth.txt'), lines(split === 'test' ? boxes.slice(0, 1) : boxes))
      await writeFile(join(place, 'meta_info.ini'), metaInfo(clips))
      if (split !== 'test') await writeLabels(place, truth, clips)
    }
    await writeFile(join(root, 'list.txt'), lines(names))
  })
}

async function writeLabels(place: string, truth: readonly Truth[], clips: SyntheticClips): Promise<void> {
  const write = (name: string, label: (truth: Truth) => number) =>
    writeFile(join(place, `${name}.label`), lines(truth.map((entry) => String(label(entry)))))
  await write('absence', ({ visibility }) => Number(visibility < hiddenBelow))
  await write('cover', coverOf)
  await write('cut_by_image', ({ box }) => Number(touchesEdge(box, clips)))
}

function metaInfo({ width, height }: SyntheticClips): string {
  return lines([
    '[METAINFO]',
    'anno_fps: 10Hz',
    `object_class: ${syntheticClass}`,
    'motion_class: moving',
    'major_class: object',
    'root_class: object',
    'motion_adverb: slowly',
    `resolution: (${width}, ${height})`,
  ])
}

/**
 * COCO-VID: `annotations.json` with videos, images, annotations (one instance per video) and categories, and the frames
 * as `images/synthetic-1/00000000.jpg`; file names in the json begin below `images`.
 *
 * @throws OutputError; the signal's reason
 */
export async function writeCocoVid(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions = {},
): Promise<void> {
  const { width, height, framesPerClip } = clips
  const nameOf = (clip: number) => `${syntheticClass}-${clip + 1}`
  const fileOf = (clip: number, frame: number) => `${nameOf(clip)}/${numbered(frame)}`
  const isOurs = (name: string) => name === 'images' || name === 'annotations.json'
  await writing(folder, isOurs, async (root) => {
    const truths = await writeFrames(clips, options, (clip, frame) => join(root, 'images', fileOf(clip, frame)))
    const flat = truths.flatMap((truth, clip) => truth.map((entry, frame) => ({ ...entry, clip, frame })))
    const coco = {
      videos: truths.map((_, clip) => ({ id: clip + 1, name: nameOf(clip), width, height, fps: 25 })),
      images: flat.map(({ clip, frame }) => ({
        id: clip * framesPerClip + frame + 1,
        file_name: fileOf(clip, frame),
        width,
        height,
        video_id: clip + 1,
        frame_id: frame,
      })),
      annotations: flat.map(({ clip, frame, box, visibility }) => ({
        id: clip * framesPerClip + frame + 1,
        image_id: clip * framesPerClip + frame + 1,
        video_id: clip + 1,
        instance_id: clip + 1,
        category_id: 1,
        bbox: [box.x, box.y, box.width, box.height].map(hundredths),
        area: hundredths(box.width * box.height),
        iscrowd: 0,
        occluded: visibility < 0.5,
        visibility: hundredths(visibility),
      })),
      categories: [{ id: 1, name: syntheticClass }],
    }
    await writeFile(join(root, 'annotations.json'), JSON.stringify(coco))
  })
}

/**
 * The simple layout: `synthetic-1/img/00000001.jpg` with `synthetic-1/groundtruth.txt` (left, top, width, height per
 * line).
 *
 * @throws OutputError; the signal's reason
 */
async function writeFolder(clips: SyntheticClips, folder: string, options: WriteClipsOptions = {}): Promise<void> {
  const nameOf = (clip: number) => `${syntheticClass}-${clip + 1}`
  const isOurs = (name: string) => /^synthetic-\d+$/.test(name)
  await writing(folder, isOurs, async (root) => {
    const truths = await writeFrames(clips, options, (clip, frame) =>
      join(root, nameOf(clip), 'img', numbered(frame + 1)),
    )
    for (const [clip, truth] of truths.entries()) {
      await writeText(join(root, nameOf(clip), 'groundtruth.txt'), lines(truth.map(({ box }) => decimals(box, 2))))
    }
  })
}

/** The writers by the name of their layout. */
export const layouts = {
  lasot: writeLaSOT,
  got10k: writeGOT10k,
  trackingnet: writeTrackingNet,
  otb100: writeOTB100,
  uav123: writeUAV123,
  vot2018: writeVOT2018,
  folder: writeFolder,
  'coco-vid': writeCocoVid,
} satisfies Record<string, WriteClips>

export type LayoutName = keyof typeof layouts

/** Writes all frames under the names that `fileOf` gives, and returns what is in them, per clip and frame. */
async function writeFrames(
  clips: SyntheticClips,
  options: WriteClipsOptions,
  fileOf: (clip: number, frame: number) => string,
): Promise<readonly (readonly Truth[])[]> {
  const shots = Array.from({ length: clips.count }, (_, index) => ({
    clips: [index],
    file: (frame: number) => fileOf(index, frame),
  }))
  return (await writeShots(clips, shots, options)).map(([truth = []]) => truth)
}

function coverOf({ visibility }: Truth): number {
  return visibility < hiddenBelow ? 0 : Math.max(1, Math.round(visibility * coverSteps))
}

function touchesEdge(
  { x, y, width, height }: Box,
  frame: { readonly width: number; readonly height: number },
): boolean {
  return x <= 0 || y <= 0 || x + width >= frame.width || y + height >= frame.height
}
