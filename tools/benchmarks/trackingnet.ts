// TrackingNet (Müller et al., ECCV 2018) as its development kit downloads it: chunks TRAIN_0 to TRAIN_11 and TEST with anno and,
// unzipped, frames, whose images are numbered from 0 without leading zeros; of TEST only the first box is published. The object
// is visible wherever its box has an area, as in MMTracking's TrackingNetDataset.

import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatasetMissingError } from '../datasets/errors.ts'
import { checkSequence, listImages } from './frame-files.ts'
import { type BenchmarkReader, isFile, isFolder, listed, listFolders, type ReadOptions, readEach } from './reader.ts'
import { boxOfRow, hasArea, readRows } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

const trainChunks = Array.from({ length: 12 }, (_, index) => `TRAIN_${index}`)
const chunks: Readonly<Record<string, readonly string[]>> = { test: ['TEST'], train: trainChunks }

const layout = `TrackingNet as https://github.com/SilvioGiancola/TrackingNet-devkit downloads and unzips it:
  ROOT/TEST/anno/0-6LB4FqxoE_0.txt            the first box: left,top,width,height in pixels
  ROOT/TEST/frames/0-6LB4FqxoE_0/0.jpg ...
  ROOT/TRAIN_0/anno/-3TIfnTSM6c_2.txt         a box per image; TRAIN_0 to TRAIN_11, or some of them
  ROOT/TRAIN_0/frames/-3TIfnTSM6c_2/0.jpg ...`

export const trackingnet: BenchmarkReader = {
  protocol: 'ope',
  splits: ['test', 'train'],
  title: (split) => `TrackingNet (${split})`,
  layout,
  detect: async (root) => {
    for (const chunk of ['TEST', ...trainChunks, '.']) if (await isChunk(join(root, chunk))) return true
    return false
  },
  read,
}

async function isChunk(folder: string): Promise<boolean> {
  return (
    (await isFolder(join(folder, 'anno'))) &&
    ((await isFolder(join(folder, 'frames'))) || (await isFolder(join(folder, 'zips'))))
  )
}

async function read(root: string, { split, limit, tell }: ReadOptions): Promise<Sequence[]> {
  const folders = await chunkFolders(root, split, tell)
  if (folders.length === 0) {
    const wanted = (chunks[split] ?? []).join(', ')
    throw new DatasetMissingError(`none of ${wanted} with anno and frames in ${root}; expected ${layout}`)
  }
  const found: { readonly name: string; readonly chunk: string }[] = []
  for (const chunk of folders) for (const name of await namesIn(chunk)) found.push({ name, chunk })
  return await readEach(found, { limit, tell }, async ({ name, chunk }, tell) =>
    readTrackingNetSequence({ name, chunk, firstBoxOnly: split === 'test', tell }),
  )
}

async function chunkFolders(root: string, split: string, tell: Tell): Promise<string[]> {
  const wanted = chunks[split] ?? []
  const found: string[] = []
  const missing: string[] = []
  for (const chunk of wanted) ((await isChunk(join(root, chunk))) ? found : missing).push(chunk)
  if (found.length === 0) {
    const isWanted = wanted.includes(basename(root)) || !/^(TEST|TRAIN_\d+)$/.test(basename(root))
    return isWanted && (await isChunk(root)) ? [root] : []
  }
  if (missing.length > 0) {
    tell({ severity: 'warning', place: root, message: `without the chunks ${listed(missing)}; the others are read` })
  }
  return found.map((chunk) => join(root, chunk))
}

/** The names of all sequences with boxes or frames, sorted as MMTracking does. */
async function namesIn(chunk: string): Promise<string[]> {
  const boxes = (await readdir(join(chunk, 'anno'))).filter((name) => name.endsWith('.txt'))
  return [
    ...new Set([...boxes.map((name) => basename(name, '.txt')), ...(await listFolders(join(chunk, 'frames')))]),
  ].sort()
}

export interface TrackingNetSequence {
  readonly name: string
  /** Folder with anno and frames. */
  readonly chunk: string
  readonly firstBoxOnly: boolean
  readonly tell: Tell
}

async function readTrackingNetSequence(sequence: TrackingNetSequence): Promise<Sequence | undefined> {
  const { name, chunk, firstBoxOnly, tell } = sequence
  const truth = join(chunk, 'anno', `${name}.txt`)
  const folder = join(chunk, 'frames', name)
  const rows = await readRows(truth, [4], tell)
  if (!rows) return undefined
  const images = await listImages(folder)
  if (images.length === 0 && (await isFile(join(chunk, 'zips', `${name}.zip`)))) {
    const message = `no images, but ${join(chunk, 'zips', `${name}.zip`)}: unzip it to ${folder}`
    return void tell({ severity: 'error', place: folder, message })
  }
  const boxes = rows.map(boxOfRow)
  return checkSequence(
    { name, images, boxes, visible: boxes.map(hasArea), attributes: [] },
    { truth, folder, start: 0, firstBoxOnly, tell },
  )
}
