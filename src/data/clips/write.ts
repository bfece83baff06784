// Generated clips as data sets on disk, in the layouts that trackers' tools read: LaSOT, GOT-10k, COCO-VID (MMTracking's
// dialect of it). A folder is complete or absent: it gets its name when the last frame is in it.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { type Pending, pendingFolder } from '../atomic.ts'
import { OutputError } from '../errors.ts'
import type { Box, RgbFrame } from '../types.ts'
import type { GeneratedClip } from './clip.ts'
import type { SyntheticClips } from './clips.ts'

export interface WriteClipsOptions {
  /** JPEG quality, 1..100 (90). */
  readonly quality?: number
  readonly signal?: AbortSignal
  /** Told after each frame. */
  readonly onFrame?: (done: number, total: number) => void
}

/** Name of the class that all targets belong to. */
export const syntheticClass = 'synthetic'

const framesAtOnce = 4
const hiddenBelow = 0.02
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

/**
 * GOT-10k: `GOT-10k_Train_000001/00000001.jpg`, with `groundtruth.txt`, `absence.label`, `cover.label` (0 hidden ... 8 all
 * of it seen) and `cut_by_image.label` beside the images, and `list.txt` with the names of all clips.
 *
 * @throws OutputError; the signal's reason
 */
export async function writeGOT10k(
  clips: SyntheticClips,
  folder: string,
  options: WriteClipsOptions = {},
): Promise<void> {
  const names = Array.from({ length: clips.count }, (_, index) => `GOT-10k_Train_${String(index + 1).padStart(6, '0')}`)
  const isOurs = (name: string) => name === 'list.txt' || /^GOT-10k_Train_\d{6,}$/.test(name)
  await writing(folder, isOurs, async (root) => {
    const truths = await writeFrames(clips, options, (clip, frame) =>
      join(root, names[clip] ?? '', numbered(frame + 1)),
    )
    for (const [clip, truth] of truths.entries()) {
      const place = join(root, names[clip] ?? '')
      const labels = (label: (truth: Truth) => number) => lines(truth.map((entry) => String(label(entry))))
      await writeFile(join(place, 'groundtruth.txt'), lines(truth.map(({ box }) => decimals(box, 4))))
      await writeFile(
        join(place, 'absence.label'),
        labels(({ visibility }) => Number(visibility < hiddenBelow)),
      )
      await writeFile(join(place, 'cover.label'), labels(coverOf))
      await writeFile(
        join(place, 'cut_by_image.label'),
        labels(({ box }) => Number(touchesEdge(box, clips))),
      )
    }
    await writeFile(join(root, 'list.txt'), lines(names))
  })
}

/**
 * COCO-VID: `annotations.json` with videos, images, annotations (one instance per video) and categories, and the frames as
 * `images/synthetic-1/00000000.jpg`; file names in the json begin below `images`.
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

/** The writers by the name of their layout. */
export const layouts = {
  lasot: writeLaSOT,
  got10k: writeGOT10k,
  'coco-vid': writeCocoVid,
} satisfies Record<string, typeof writeLaSOT>

export type LayoutName = keyof typeof layouts

interface Truth {
  readonly box: Box
  readonly visibility: number
}

/** Writes all frames under the names that `fileOf` gives, and returns what is in them, per clip and frame. */
async function writeFrames(
  clips: SyntheticClips,
  options: WriteClipsOptions,
  fileOf: (clip: number, frame: number) => string,
): Promise<readonly (readonly Truth[])[]> {
  const { signal, onFrame, quality = 90 } = options
  const total = clips.count * clips.framesPerClip
  const truths: Truth[][] = []
  let done = 0
  for (let index = 0; index < clips.count; index++) {
    const clip: GeneratedClip = clips.clip(index)
    const truth: Truth[] = []
    await mkdir(join(fileOf(index, 0), '..'), { recursive: true })
    for (let first = 0; first < clip.count; first += framesAtOnce) {
      const writes: Promise<void>[] = []
      for (let frame = first; frame < Math.min(clip.count, first + framesAtOnce); frame++) {
        const rendered = clip.frame(frame)
        truth.push({ box: rendered.box, visibility: rendered.visibility })
        writes.push(writeJpeg(fileOf(index, frame), rendered.frame, quality))
      }
      await settled(writes)
      signal?.throwIfAborted()
      done += writes.length
      onFrame?.(done, total)
    }
    truths.push(truth)
  }
  return truths
}

/** Waits for all, so that nothing is written after the folder is given up; then throws the first error. */
async function settled(writes: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(writes)) {
    if (result.status === 'rejected') throw result.reason
  }
}

async function writeJpeg(file: string, { data, width, height, channels }: RgbFrame, quality: number): Promise<void> {
  await sharp(data, { raw: { width, height, channels } }).jpeg({ quality }).toFile(file)
}

async function writing(
  folder: string,
  isOurs: (name: string) => boolean,
  work: (root: string) => Promise<void>,
): Promise<void> {
  const pending: Pending = await pendingFolder(folder, isOurs)
  try {
    await work(pending.temporary)
    await pending.commit()
  } catch (error) {
    if (error instanceof OutputError || (error instanceof DOMException && error.name === 'AbortError')) throw error
    throw new OutputError(`cannot write ${folder}: ${error instanceof Error ? error.message : error}`, { cause: error })
  } finally {
    await pending.discard()
  }
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

function numbered(frame: number): string {
  return `${String(frame).padStart(8, '0')}.jpg`
}

function decimals({ x, y, width, height }: Box, digits: number): string {
  return [x, y, width, height].map((value) => value.toFixed(digits)).join(',')
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}
