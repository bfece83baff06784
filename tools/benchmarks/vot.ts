// VOT2018 (Kristan et al., ECCV workshops 2018) as its toolkit downloads it: list.txt, per sequence a folder of images,
// polygons in groundtruth.txt and a tag file per attribute. As in MMTracking's VOTDataset, corners are taken as they
// are printed, a box becomes its four corners, and the object counts as visible throughout.

import { join } from 'node:path'
import { show } from 'siamrpn/gpu'
import { DatasetMissingError } from '../datasets/errors.ts'
import { linesOf } from '../frames/number-rows.ts'
import { checkSequence, listImages } from './frame-files.ts'
import { checkCorners, cornersOf } from './polygon.ts'
import { type BenchmarkReader, isFile, isFolder, listFolders, type ReadOptions, readEach, readNames } from './reader.ts'
import { boxOfRow, enclosingBox, readRows, readTextFile, statedSize } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

/** The attributes, by the names of their files. */
export const votTags = ['camera_motion', 'illum_change', 'motion_change', 'occlusion', 'size_change'] as const

export type VotTag = (typeof votTags)[number]

const layout = `VOT2018 as the VOT toolkit downloads it (https://www.votchallenge.net/vot2018/dataset.html):
  ROOT/list.txt                    the names of the sequences
  ROOT/ants1/groundtruth.txt       x1,y1,x2,y2,x3,y3,x4,y4 in pixels, a line per image
  ROOT/ants1/color/00000001.jpg    or beside groundtruth.txt
  ROOT/ants1/occlusion.tag         optional: 0 or 1 per line; also camera_motion.tag, illum_change.tag,
                                   motion_change.tag, size_change.tag`

export const vot2018: BenchmarkReader = {
  protocol: 'vot',
  splits: ['vot2018'],
  title: () => 'VOT2018',
  layout,
  detect: async (root) => {
    const { folder, names } = await findList(root)
    const [first] = names ?? []
    if (folder === undefined || first === undefined) return false
    if (!(await isFile(join(folder, first, 'groundtruth.txt')))) return false
    if (await isFolder(join(folder, first, 'color'))) return true
    for (const tag of votTags) if (await isFile(join(folder, first, `${tag}.tag`))) return true
    return false
  },
  read,
}

/** The folder with the sequences: the root, MMTracking's `data` or the newer toolkit's `sequences`. */
async function findList(root: string): Promise<{ readonly folder?: string; readonly names?: readonly string[] }> {
  for (const folder of [root, join(root, 'data'), join(root, 'sequences')]) {
    const names = await readNames(join(folder, 'list.txt'))
    if (names) return { folder, names }
  }
  return {}
}

async function read(root: string, { limit, tell }: ReadOptions): Promise<Sequence[]> {
  const { folder, names } = await findList(root)
  if (folder === undefined || names === undefined) {
    const found = (await listFolders(root)).slice(0, 3)
    const present = found.length > 0 ? ` (found: ${found.join(', ')})` : ''
    throw new DatasetMissingError(`no ${join(root, 'list.txt')}${present}; expected ${layout}`)
  }
  return await readEach(names, { limit, tell }, async (name, tell) => readVotSequence(name, join(folder, name), tell))
}

async function readVotSequence(name: string, folder: string, tell: Tell): Promise<Sequence | undefined> {
  if (!(await isFolder(folder))) {
    const message = `sequence ${name} is in list.txt, but there is no such folder`
    return void tell({ severity: 'error', place: folder, message })
  }
  const truth = join(folder, 'groundtruth.txt')
  const rows = await readRows(truth, [4, 8], tell)
  if (!rows) return undefined
  const corners = rows.map((row) => (row.length === 4 ? cornersOf(boxOfRow(row)) : row))
  if (!checkCorners(corners, truth, tell)) return undefined
  const boxes = corners.map(enclosingBox)
  const imageFolder = (await isFolder(join(folder, 'color'))) ? join(folder, 'color') : folder
  const frameTags = await readTags(folder, rows.length, tell)
  const size = await readSize(join(folder, 'sequence'), tell)
  const sequence = {
    name,
    images: await listImages(imageFolder),
    boxes,
    visible: boxes.map(({ x }) => !Number.isNaN(x)),
    corners,
    attributes: votTags.filter((tag) => frameTags[tag]?.includes(true)),
    frameTags,
    ...(size && { size }),
  }
  return checkSequence(sequence, { truth, folder: imageFolder, start: 1, tell })
}

/** Frames that a file does not speak of have not the tag, as in the toolkits. */
export async function readTags(folder: string, frames: number, tell: Tell): Promise<Record<string, boolean[]>> {
  const tags: Record<string, boolean[]> = {}
  for (const tag of votTags) {
    const file = join(folder, `${tag}.tag`)
    const text = await readTextFile(file)
    if (text === undefined) continue
    const flags = linesOf(text).map((line) => line.trim())
    const wrong = flags.findIndex((flag) => flag !== '0' && flag !== '1')
    if (wrong >= 0) {
      const message = `found ${show(flags[wrong])}, expected 0 or 1; counts as 0`
      tell({ severity: 'warning', place: `${file}:${wrong + 1}`, message })
    }
    if (flags.length > frames) {
      const message = `${flags.length} lines, expected ${frames} as in groundtruth.txt; the others are ignored`
      tell({ severity: 'warning', place: file, message })
    }
    tags[tag] = Array.from({ length: frames }, (_, frame) => flags[frame] === '1')
  }
  return tags
}

/** `width=640` and `height=480` in the toolkit's `sequence` file, which older downloads lack. */
async function readSize(file: string, tell: Tell): Promise<Sequence['size']> {
  const text = (await readTextFile(file)) ?? ''
  const [, width] = /^width=(\d+)\s*$/m.exec(text) ?? []
  const [, height] = /^height=(\d+)\s*$/m.exec(text) ?? []
  return statedSize(width, height, file, tell)
}
