// One's own clips: any folder, at most four folders deep, with groundtruth.txt (or groundtruth_rect.txt) and images in img/ or
// beside it; LaSOT's and GOT-10k's flags are read where they are. A clip begins with the first frame that shows the object.

import { readdir } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { DatasetMissingError } from '../datasets/errors.ts'
import { naturalSort } from '../frames/folder.ts'
import { checkSequence, frameNumber, listImages } from './frame-files.ts'
import { type BenchmarkReader, isFile, isFolder, listFolders, type ReadOptions, readEach } from './reader.ts'
import { boxOfRow, enclosingBox, hasArea, readFlags, readRows } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

const truthNames = ['groundtruth.txt', 'groundtruth_rect.txt']
const maxDepth = 4

const layout = `a folder of clips, with folders between or not:
  ROOT/clip-1/groundtruth.txt        a line per image: left,top,width,height in pixels, or the corners of a polygon
  ROOT/clip-1/img/00000001.jpg ...   or beside groundtruth.txt
  ROOT/clip-1/full_occlusion.txt     optional, also out_of_view.txt and absence.label: one 0 or 1 per image
  ROOT/clip-1/cover.label            optional: 0 (hidden) to 8 (seen) per image`

export const folder: BenchmarkReader = {
  protocol: 'ope',
  splits: ['all'],
  title: () => 'Own clips',
  layout,
  detect: async (root) => (await findClips(root, maxDepth, 1)).length > 0,
  read,
}

interface ClipPlace {
  readonly folder: string
  /** Name of the file with the boxes. */
  readonly truth: string
}

async function read(root: string, { limit, tell }: ReadOptions): Promise<Sequence[]> {
  if (!(await isFolder(root))) throw new DatasetMissingError(`no folder ${root}; expected ${layout}`)
  const clips = await findClips(root, maxDepth, Number.POSITIVE_INFINITY)
  if (clips.length === 0) throw new DatasetMissingError(`no clip in ${root}; expected ${layout}`)
  const nameOf = naming(
    root,
    clips.map((clip) => clip.folder),
  )
  return await readEach(clips, { limit, tell }, async (clip, tell) =>
    readClip({ ...clip, name: nameOf(clip.folder), tell }),
  )
}

/** The folders' own names; with those in between where that is not enough to tell the clips apart. */
function naming(root: string, folders: readonly string[]): (folder: string) => string {
  const unique = new Set(folders.map((folder) => basename(folder))).size === folders.length
  return (folder) => (unique ? basename(folder) : relative(root, folder).replaceAll(/[\\/]/g, '_')) || basename(root)
}

async function findClips(place: string, depth: number, limit: number): Promise<ClipPlace[]> {
  const names = await readdir(place).catch((): string[] => [])
  const truth = truthNames.find((name) => names.includes(name))
  if (truth !== undefined) return [{ folder: place, truth }]
  if (depth === 0) return []
  const clips: ClipPlace[] = []
  for (const name of naturalSort(await listFolders(place))) {
    clips.push(...(await findClips(join(place, name), depth - 1, limit - clips.length)))
    if (clips.length >= limit) break
  }
  return clips
}

/** Files with a number per image, and whether that number says that the object is not to be seen. */
const flagFiles: Readonly<Record<string, (flag: number) => boolean>> = {
  'full_occlusion.txt': (flag) => flag !== 0,
  'out_of_view.txt': (flag) => flag !== 0,
  'absence.label': (flag) => flag !== 0,
  'cover.label': (flag) => flag === 0,
}

async function readClip({
  folder,
  truth: truthName,
  name,
  tell,
}: ClipPlace & { readonly name: string; readonly tell: Tell }): Promise<Sequence | undefined> {
  const truth = join(folder, truthName)
  const rows = await readRows(truth, [4, 8], tell)
  if (!rows) return undefined
  const boxes = rows.map((row) => (row.length === 8 ? enclosingBox(row) : boxOfRow(row)))
  const visible = boxes.map(hasArea)
  for (const [file, means] of Object.entries(flagFiles)) {
    const path = join(folder, file)
    const flags = await readFlags(path, boxes.length, tell)
    if (!flags && (await isFile(path))) return undefined
    for (const [frame, flag] of flags?.entries() ?? []) if (means(flag)) visible[frame] = false
  }
  const inner = await listImages(join(folder, 'img'))
  const images = inner.length > 0 ? inner : await listImages(folder)
  return fromFirstVisible(
    { name, images, boxes, visible, attributes: [] },
    { truth, folder: inner.length > 0 ? join(folder, 'img') : folder, tell },
  )
}

interface ClipFiles {
  readonly truth: string
  readonly folder: string
  readonly tell: Tell
}

function fromFirstVisible(clip: Sequence, { truth, folder, tell }: ClipFiles): Sequence | undefined {
  const start = clip.visible.indexOf(true)
  if (start < 0) {
    const message = `none of the ${clip.boxes.length} lines holds a box of a visible object, expected one or more`
    return void tell({ severity: 'error', place: truth, message })
  }
  const number = frameNumber(clip.images[0] ?? '') ?? 0
  // The first box that a tracker can start from is not on line 1, so the check looks at the clip as it will be used.
  const whole = checkSequence(
    { ...clip, boxes: clip.boxes.with(0, clip.boxes[start] ?? emptyBox) },
    { truth, folder, start: number, tell },
  )
  if (!whole || start === 0) return whole
  const message = `the object is first seen on this line; the ${start} frames before are left out`
  tell({ severity: 'warning', place: `${truth}:${start + 1}`, message })
  return {
    ...clip,
    images: whole.images.slice(start),
    boxes: clip.boxes.slice(start),
    visible: whole.visible.slice(start),
  }
}

const emptyBox = { x: Number.NaN, y: Number.NaN, width: Number.NaN, height: Number.NaN }
