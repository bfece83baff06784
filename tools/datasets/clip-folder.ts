// A user's own training data: a folder of clips, each a folder with images and one box per line in groundtruth.txt, laid out
// as LaSOT (images in img/, flags in full_occlusion.txt and out_of_view.txt) or GOT-10k (images beside the boxes, flags in
// absence.label and cover.label).

import { readdir, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { naturalSort } from '../frames/folder.ts'
import { type GroundTruth, readGroundTruth } from '../frames/ground-truth.ts'
import { isImageName } from '../frames/image.ts'
import { FileSizeError, mostTextBytes, readBounded } from '../read-bounded.ts'
import { TrackDataset } from './datasets.ts'
import { DatasetError, DatasetMissingError } from './errors.ts'
import type { PairSamplingOptions } from './pair-sampling.ts'
import { type BoxFilter, type TrackTable, TrackTableBuilder, unusable } from './tracks.ts'

const boxFiles = ['groundtruth.txt', 'groundtruth_rect.txt']
const maxDepth = 4
const clipsAhead = 16

const clipSamplingDefaults: PairSamplingOptions = { frame_range: 100, pos_prob: 0.8, filter_key_img: false }

const layout = `
expected a folder of clips like LaSOT (https://vision.cs.stonybrook.edu/~lasot/), class folders between or not:
  FOLDER/clip-1/groundtruth.txt        one line per image: left,top,width,height in pixels
  FOLDER/clip-1/img/00000001.jpg ...
  FOLDER/clip-1/full_occlusion.txt     optional: one 0 or 1 per image
  FOLDER/clip-1/out_of_view.txt        optional: the same
or like GOT-10k (http://got-10k.aitestunion.com):
  FOLDER/clip-1/groundtruth.txt
  FOLDER/clip-1/00000001.jpg ...
  FOLDER/clip-1/absence.label          optional: one 0 or 1 per line
  FOLDER/clip-1/cover.label            optional: 0 (hidden) to 8 per line`

/** Which clips and boxes of a folder count. */
export interface ClipSelection {
  /** Clips whose path in the folder begins with one of these; absent: all. */
  readonly include?: readonly string[] | undefined
  /** Clips whose path begins with one of these do not count. */
  readonly exclude?: readonly string[] | undefined
  readonly box_filter?: BoxFilter | undefined
}

/**
 * Opens a folder of clips for training. Boxes may be separated by commas, tabs or spaces; a box with NaN or without area
 * stands for a frame without the object.
 *
 * @throws DatasetMissingError, DatasetError (images and lines differ in number, no usable box), GroundTruthError
 */
export async function openClipFolder(
  folder: string,
  sampling: Partial<PairSamplingOptions> & ClipSelection = {},
): Promise<TrackDataset> {
  const { include, exclude, box_filter, ...options } = sampling
  const table = await readClips(folder, { include, exclude, box_filter })
  return new TrackDataset(nameOf(folder, sampling), table, 'track', { ...clipSamplingDefaults, ...options })
}

function nameOf(folder: string, { include, exclude = [] }: ClipSelection): string {
  const parts = [...(include ?? []).map((prefix) => `${prefix}*`), ...exclude.map((prefix) => `not ${prefix}*`)]
  return parts.length > 0 ? `${folder} (${parts.join(', ')})` : folder
}

/** The clips of a folder, in natural order of their names, each a video with one track. */
export async function readClips(folder: string, selection: ClipSelection = {}): Promise<TrackTable> {
  const builder = new TrackTableBuilder()
  for await (const clip of openClips(folder, selection)) {
    addClip(builder, clip, { name: clipName(folder, clip.folder), filter: selection.box_filter })
  }
  return builder.finish()
}

function clipName(folder: string, clip: string): string {
  return relative(folder, clip) || basename(folder)
}

function isSelected(name: string, { include, exclude = [] }: ClipSelection): boolean {
  const begins = (prefix: string) => name.startsWith(prefix)
  return (include === undefined || include.some(begins)) && !exclude.some(begins)
}

/** Read a few at a time: all clips of a large data set at once would fill the memory. */
async function* openClips(folder: string, selection: ClipSelection): AsyncGenerator<Clip> {
  const found = await stat(folder).catch(() => undefined)
  if (!found?.isDirectory()) throw new DatasetMissingError(`no folder ${folder};${layout}`)
  const all = await findClips(folder, maxDepth)
  if (all.length === 0) throw new DatasetMissingError(`no clip in ${folder};${layout}`)
  const files = all.filter((clip) => isSelected(clipName(folder, clip.folder), selection))
  if (files.length === 0) {
    const { include, exclude = [] } = selection
    throw new DatasetError(
      `none of the ${all.length} clips in ${folder} is selected by include [${include ?? ''}] and exclude [${exclude}]`,
    )
  }
  for (let start = 0; start < files.length; start += clipsAhead) {
    yield* await Promise.all(files.slice(start, start + clipsAhead).map(readClip))
  }
}

interface ClipFiles {
  readonly folder: string
  /** Name of the file with the boxes. */
  readonly boxes: string
}

async function findClips(folder: string, depth: number): Promise<ClipFiles[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const boxes = boxFiles.find((name) => entries.some((entry) => entry.name === name))
  if (boxes !== undefined) return [{ folder, boxes }]
  if (depth === 0) return []
  const folders = entries.filter((entry) => !entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name)
  const clips: ClipFiles[] = []
  for (const name of naturalSort(folders)) {
    const inner = join(folder, name)
    if ((await stat(inner)).isDirectory()) clips.push(...(await findClips(inner, depth - 1)))
  }
  return clips
}

interface Clip {
  readonly folder: string
  /** Images in order, absolute or relative like the folder. */
  readonly images: readonly string[]
  readonly boxes: GroundTruth
  readonly absent: readonly boolean[]
}

async function readClip({ folder, boxes: boxFile }: ClipFiles): Promise<Clip> {
  const images = await listImages(folder)
  const file = join(folder, boxFile)
  const boxes = await readGroundTruth(file)
  if (images.length !== boxes.length) {
    throw new DatasetError(
      `${folder}: ${images.length} images, but ${boxFile} has ${boxes.length} lines; expected one line per image`,
    )
  }
  const absent: boolean[] = images.map(() => false)
  for (const [name, means] of Object.entries(flagFiles)) {
    const flags = await readFlags(join(folder, name), images.length)
    for (const [k, flag] of flags?.entries() ?? []) if (means(flag)) absent[k] = true
  }
  return { folder, images, boxes, absent }
}

/** Files with a number per image, and whether that number says that the object is not to be seen. */
const flagFiles: Readonly<Record<string, (flag: number) => boolean>> = {
  'full_occlusion.txt': (flag) => flag !== 0,
  'out_of_view.txt': (flag) => flag !== 0,
  'absence.label': (flag) => flag !== 0,
  'cover.label': (flag) => flag === 0,
}

async function listImages(folder: string): Promise<string[]> {
  for (const images of [join(folder, 'img'), folder]) {
    const names = await readdir(images).catch(() => [])
    const found = naturalSort(names.filter((name) => !name.startsWith('.') && isImageName(name)))
    if (found.length > 0) return found.map((name) => `${images}/${name}`)
  }
  throw new DatasetError(`${folder}: boxes, but no image in img/ or beside them;${layout}`)
}

async function readFlags(file: string, count: number): Promise<number[] | undefined> {
  let text: string
  try {
    text = (await readBounded(file, mostTextBytes)).toString()
  } catch (error) {
    if (error instanceof FileSizeError) throw error
    return undefined
  }
  const words = text.split(/[\s,;]+/).filter((word) => word !== '')
  const flags = words.map(Number)
  const wrong = flags.findIndex((flag) => !Number.isInteger(flag))
  if (wrong >= 0) throw new DatasetError(`${file}: entry ${wrong + 1} is ${words[wrong]}, expected a whole number`)
  if (flags.length !== count)
    throw new DatasetError(`${file}: ${flags.length} entries, expected ${count} as there are images`)
  return flags
}

function addClip(
  builder: TrackTableBuilder,
  { images, boxes, absent }: Clip,
  { name, filter }: { readonly name: string; readonly filter: BoxFilter | undefined },
): void {
  builder.video(name)
  for (const [k, image] of images.entries()) {
    const box = boxes[k]
    const reason = box === undefined || absent[k] ? 'absent' : unusable(box, undefined, filter)
    if (box === undefined || reason !== undefined) builder.leftOut[reason ?? 'absent']++
    else builder.frame(k, image, [box.x, box.y, box.x + box.width, box.y + box.height])
  }
}
