// GOT-10k (Huang et al., TPAMI 2019) as downloaded: train, val and test with a list.txt each; boxes, labels and images in one
// folder per sequence; of the test split only the first box is published. Read as got-10k/toolkit does; `visible` is that of
// MMTracking's GOT10kDataset (not absent, cover above 0).

import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatasetMissingError } from '../datasets/errors.ts'
import { checkSequence, listImages } from './frame-files.ts'
import { type BenchmarkReader, isFile, isFolder, listed, type ReadOptions, readEach, readNames } from './reader.ts'
import { boxOfRow, hasArea, readRequiredFlags, readRows, readTextFile, statedSize } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

const splits = ['val', 'test', 'train'] as const

const layout = `GOT-10k as it is downloaded (http://got-10k.aitestunion.com/downloads), with one or more of val, test and train:
  ROOT/val/list.txt                              the names of the sequences
  ROOT/val/GOT-10k_Val_000001/groundtruth.txt    left,top,width,height in pixels, a line per image (test: one line)
  ROOT/val/GOT-10k_Val_000001/absence.label      not in test: 0 or 1 per image
  ROOT/val/GOT-10k_Val_000001/cover.label        not in test: 0 (hidden) to 8 (seen) per image
  ROOT/val/GOT-10k_Val_000001/meta_info.ini      with the resolution
  ROOT/val/GOT-10k_Val_000001/00000001.jpg ...`

export const got10k: BenchmarkReader = {
  protocol: 'got10k',
  splits,
  title: (split) => `GOT-10k (${split})`,
  layout,
  detect: async (root) => {
    for (const split of splits) if (await isFile(join(root, split, 'list.txt'))) return true
    const [first = ''] = (await readNames(join(root, 'list.txt'))) ?? []
    return first.startsWith('GOT-10k') || (first !== '' && (await isFile(join(root, first, 'absence.label'))))
  },
  read,
}

async function read(root: string, { split, limit, tell }: ReadOptions): Promise<Sequence[]> {
  const folder = (await isFolder(join(root, split))) || basename(root) !== split ? join(root, split) : root
  const place = (await isFolder(folder)) ? folder : root
  const list = join(place, 'list.txt')
  const names = await readNames(list)
  if (names === undefined || (place === root && !namesFit(names, split))) {
    const present = (await readdir(root).catch(() => [])).filter((name) => splits.some((known) => known === name))
    const found = present.length > 0 ? ` (found: ${listed(present)})` : ''
    throw new DatasetMissingError(`no ${join(root, split, 'list.txt')}${found}; expected ${layout}`)
  }
  return await readEach(names, { limit, tell }, async (name, tell) =>
    readGot10kSequence({ name, folder: join(place, name), test: split === 'test', tell }),
  )
}

/** Whether the list of a folder that is itself a split belongs to the one that is wanted; other names than GOT-10k's do. */
function namesFit([first = '']: readonly string[], split: string): boolean {
  const named = /^GOT-10k_(Train|Val|Test)_/.exec(first)?.[1]?.toLowerCase()
  return named === undefined || named === split
}

export interface Got10kSequence {
  readonly name: string
  readonly folder: string
  /** Whether it is of the test split: one box, no labels. */
  readonly test: boolean
  readonly tell: Tell
}

async function readGot10kSequence({ name, folder, test, tell }: Got10kSequence): Promise<Sequence | undefined> {
  if (!(await isFolder(folder))) {
    const message = `sequence ${name} is in list.txt, but there is no such folder`
    return void tell({ severity: 'error', place: folder, message })
  }
  const truth = join(folder, 'groundtruth.txt')
  const rows = await readRows(truth, [4], tell)
  if (!rows) return undefined
  const boxes = rows.map(boxOfRow)
  const labels = test ? {} : await readGot10kLabels(folder, rows.length, tell)
  if (!labels) return undefined
  const { absence, cover } = labels
  const visible = boxes.map((box, frame) => hasArea(box) && absence?.[frame] !== 1 && cover?.[frame] !== 0)
  const size = await readResolution(join(folder, 'meta_info.ini'), tell)
  const images = await listImages(folder)
  const sequence = { name, images, boxes, visible, attributes: [], ...(cover && { cover }), ...(size && { size }) }
  return checkSequence(sequence, { truth, folder, start: 1, firstBoxOnly: test, tell })
}

export interface Got10kLabels {
  readonly absence?: readonly number[]
  readonly cover?: readonly number[]
}

/** Undefined after an error that was told. */
export async function readGot10kLabels(folder: string, frames: number, tell: Tell): Promise<Got10kLabels | undefined> {
  const absence = await readRequiredFlags(join(folder, 'absence.label'), frames, tell)
  const cover = await readRequiredFlags(join(folder, 'cover.label'), frames, tell)
  return absence && cover && { absence, cover }
}

/** `resolution: (1920, 1080)`. */
export async function readResolution(file: string, tell: Tell): Promise<Sequence['size']> {
  const text = await readTextFile(file)
  const [, width, height] = /^[ \t]*resolution\s*[:=]\s*\(?\s*(\d+)\s*[,x]\s*(\d+)/m.exec(text ?? '') ?? []
  return statedSize(width, height, file, tell)
}
