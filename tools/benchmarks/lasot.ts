// LaSOT (Fan et al., CVPR 2019; extension: IJCV 2021) as downloaded: class folders with sequences, or the sequences alone; boxes
// in groundtruth.txt, images in img/, full_occlusion.txt and out_of_view.txt. The attributes come with the evaluation toolkit
// (annos/att). As in MMTracking's LaSOTDataset, an object that is fully occluded or out of view is not visible.

import { basename, join } from 'node:path'
import { DatasetMissingError } from '../datasets/errors.ts'
import { checkSequence, listImages } from './frame-files.ts'
import { lasotExtensionClasses, lasotTestingSet } from './lasot-names.ts'
import {
  type BenchmarkReader,
  isFile,
  isFolder,
  listed,
  listFolders,
  type ReadOptions,
  readEach,
  readNames,
} from './reader.ts'
import { boxOfRow, hasArea, readFlags, readRequiredFlags, readRows } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

const titles: Readonly<Record<string, string>> = {
  test: 'testing set',
  train: 'training set',
  all: 'all sequences',
  extension: 'extension subset',
}

const layout = `LaSOT as it is downloaded (http://vision.cs.stonybrook.edu/~lasot/, links also at
https://github.com/HengLan/LaSOT_Evaluation_Toolkit), with the class folders or without them:
  ROOT/airplane/airplane-1/groundtruth.txt       left,top,width,height in pixels, a line per image
  ROOT/airplane/airplane-1/full_occlusion.txt    0 or 1 per image
  ROOT/airplane/airplane-1/out_of_view.txt       0 or 1 per image
  ROOT/airplane/airplane-1/img/00000001.jpg ...
  ROOT/testing_set.txt                           optional: other sequences than the 280 of the testing set
  ROOT/annos/att/airplane-1.txt                  optional, from the toolkit: the 14 attributes`

export const lasot: BenchmarkReader = {
  protocol: 'ope',
  splits: ['test', 'train', 'all', 'extension'],
  title: (split) => `LaSOT (${titles[split] ?? split})`,
  layout,
  detect: async (root) => {
    const folder = await dataFolder(root)
    const [first] = await listFolders(folder)
    if (first === undefined) return false
    const [inner = ''] = await listFolders(join(folder, first))
    const places = [join(folder, first), join(folder, first, inner)]
    return (await Promise.all(places.map((place) => isFile(join(place, 'out_of_view.txt'))))).includes(true)
  },
  read,
}

/** Some archives hold the data in a folder of that name. */
async function dataFolder(root: string): Promise<string> {
  for (const name of ['LaSOTBenchmark', 'LaSOTTesting', 'LaSOT_extension_subset']) {
    if (await isFolder(join(root, name))) return join(root, name)
  }
  return root
}

async function read(root: string, { split, limit, tell }: ReadOptions): Promise<Sequence[]> {
  const folder = await dataFolder(root)
  const found = await findSequences(folder)
  if (found.size === 0) throw new DatasetMissingError(`no sequence of LaSOT in ${root}; expected ${layout}`)
  const names = (await namesOf(split, [root, folder], found)).slice(0, limit)
  const missing = names.filter((name) => !found.has(name))
  if (missing.length === names.length) {
    throw new DatasetMissingError(
      `${root} holds ${listed([...found.keys()])}, but no sequence of the ${titles[split]}: ` +
        `choose another split (${lasot.splits.join(', ')}) or name the sequences in ${join(root, 'testing_set.txt')}`,
    )
  }
  if (missing.length > 0) {
    const message =
      `${missing.length} of ${names.length} sequences of the ${titles[split]} are missing: ${listed(missing)}; ` +
      'to do without them, put a testing_set.txt there with the names of the others'
    tell({ severity: 'error', place: root, message })
  }
  const present = names.filter((name) => found.has(name))
  return await readEach(present, { limit, tell }, async (name, tell) => {
    const path = found.get(name) ?? join(folder, name)
    return await readLasotSequence({
      name,
      folder: path,
      attributes: await readLasotAttributes([root, folder], name),
      tell,
    })
  })
}

async function namesOf(
  split: string,
  roots: readonly string[],
  found: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const all = [...found.keys()]
  const classOf = (name: string) => name.slice(0, name.lastIndexOf('-'))
  const testing = (await firstNames(roots, 'testing_set.txt')) ?? lasotTestingSet
  switch (split) {
    case 'test':
      return testing
    case 'train': {
      const list = await firstNames(roots, 'training_set.txt')
      const held = new Set(testing)
      return list ?? all.filter((name) => !held.has(name) && !lasotExtensionClasses.has(classOf(name)))
    }
    case 'extension':
      return all.filter((name) => lasotExtensionClasses.has(classOf(name)))
    default:
      return all
  }
}

async function firstNames(roots: readonly string[], file: string): Promise<readonly string[] | undefined> {
  for (const root of roots) {
    for (const place of [join(root, file), join(root, 'sequence_evaluation_config', file)]) {
      const names = await readNames(place)
      if (names) return names
    }
  }
  return undefined
}

/** The folders of the sequences by name, class by class. */
async function findSequences(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const isSequence = async (path: string) =>
    (await isFile(join(path, 'groundtruth.txt'))) || (await isFolder(join(path, 'img')))
  const inClasses = await Promise.all(
    (await listFolders(folder)).map(async (name) => {
      const path = join(folder, name)
      if (await isSequence(path)) return [path]
      const inner = (await listFolders(path)).filter((sequence) => sequence.startsWith(`${name}-`))
      return inner.sort((a, b) => numberOf(a) - numberOf(b)).map((sequence) => join(path, sequence))
    }),
  )
  for (const path of inClasses.flat()) found.set(basename(path), path)
  return found
}

function numberOf(name: string): number {
  return Number(/\d+$/.exec(name)?.[0] ?? 0)
}

/** The toolkit's order of the columns. */
const attributeNames = [
  'IV',
  'POC',
  'DEF',
  'MB',
  'CM',
  'ROT',
  'BC',
  'VC',
  'SV',
  'FOC',
  'FM',
  'OV',
  'LR',
  'ARC',
] as const

export async function readLasotAttributes(roots: readonly string[], name: string): Promise<string[]> {
  for (const root of roots) {
    for (const place of ['annos', 'LaSOT_Evaluation_Toolkit/annos', '.']) {
      const flags = await readFlags(join(root, place, 'att', `${name}.txt`), attributeNames.length, () => undefined)
      if (flags) return attributeNames.filter((_, index) => flags[index] === 1)
    }
  }
  return []
}

export interface LasotSequence {
  readonly name: string
  /** With groundtruth.txt and img/. */
  readonly folder: string
  readonly attributes?: readonly string[]
  readonly tell: Tell
}

/** One sequence; the number of lines of ground truth decides, as in the toolkit (monkey-17 has images beyond them). */
async function readLasotSequence({
  name,
  folder,
  attributes = [],
  tell,
}: LasotSequence): Promise<Sequence | undefined> {
  const truth = join(folder, 'groundtruth.txt')
  const imageFolder = join(folder, 'img')
  const rows = await readRows(truth, [4], tell)
  const hidden = rows && (await readLasotFlags(folder, rows.length, tell))
  if (!rows || !hidden) return undefined
  const boxes = rows.map(boxOfRow)
  const visible = boxes.map((box, frame) => hasArea(box) && !hidden[frame])
  const sequence = { name, images: await listImages(imageFolder), boxes, visible, attributes }
  return checkSequence(sequence, { truth, folder: imageFolder, start: 1, tell })
}

/** Whether the object is fully occluded or out of view, per frame; undefined after an error that was told. */
export async function readLasotFlags(folder: string, frames: number, tell: Tell): Promise<boolean[] | undefined> {
  const hidden: boolean[] = Array.from({ length: frames }, () => false)
  for (const name of ['full_occlusion.txt', 'out_of_view.txt']) {
    const file = join(folder, name)
    const flags = await readRequiredFlags(file, frames, tell)
    if (flags === undefined) return undefined
    for (const [frame, flag] of flags.entries()) if (flag !== 0) hidden[frame] = true
  }
  return hidden
}
