// OTB100 (Wu et al., TPAMI 2015) as downloaded, with its oddities: separators that differ by sequence, first images
// that are not number 1, images beyond the ground truth, two targets in one folder. Frame ranges as in MMTracking's
// otb100_infos.txt and got-10k/toolkit; boxes are taken as they are printed, as both of them do.

import { join } from 'node:path'
import { DatasetMissingError } from '../datasets/errors.ts'
import { checkSequence, frameNumber, listImages } from './frame-files.ts'
import { type OtbSequence, otbSequences } from './otb100-names.ts'
import { type BenchmarkReader, isFile, isFolder, listed, type ReadOptions, readEach } from './reader.ts'
import { boxOfRow, hasArea, readRows } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

const titles: Readonly<Record<string, string>> = { otb100: 'OTB100', otb50: 'OTB50', otb2013: 'OTB2013' }

const layout = `OTB100 as it is downloaded (http://cvlab.hanyang.ac.kr/tracker_benchmark/datasets.html), unzipped:
  ROOT/Basketball/groundtruth_rect.txt    left, top, width, height in pixels; commas, tabs or spaces; a line per image
  ROOT/Basketball/img/0001.jpg ...
  ROOT/Jogging/groundtruth_rect.1.txt     and groundtruth_rect.2.txt: two targets; so Skating2; of Human4 the second`

/** Numbers of the first images, if not 1. David's video begins earlier, but the face comes out of the dark at 300. */
const firstImages: Readonly<Record<string, number>> = { BlurCar1: 247, BlurCar3: 3, BlurCar4: 18, David: 300 }

/** Where the ground truth ends before the images do, and that is how it is published. */
const endsEarly = new Set(['Diving', 'Football1', 'Freeman3', 'Freeman4'])

/** Lines that trackers are not to start from (the toolkit's initOmit/tiger1.txt); the sequence begins after them. */
const skipped: Readonly<Record<string, number>> = { Tiger1: 5 }

export const otb100: BenchmarkReader = {
  protocol: 'ope',
  splits: ['otb100', 'otb50', 'otb2013'],
  title: (split) => titles[split] ?? split,
  layout,
  detect: async (root) => (await findSequences(root, 'otb100')).length > 0,
  read,
}

interface Place {
  readonly sequence: OtbSequence
  readonly folder: string
}

async function read(root: string, { split, limit, tell }: ReadOptions): Promise<Sequence[]> {
  const wanted = otbSequences.filter((sequence) => isIn(sequence, split))
  const found = await findSequences(root, split)
  if (found.length === 0)
    throw new DatasetMissingError(`no sequence of ${titles[split]} in ${root}; expected ${layout}`)
  const present = new Set(found.map(({ sequence }) => sequence))
  const missing = wanted.filter((sequence) => !present.has(sequence)).map(({ name }) => name)
  if (missing.length > 0) {
    const message = `${missing.length} of ${wanted.length} sequences are missing: ${listed(missing)}`
    tell({ severity: 'warning', place: root, message })
  }
  return await readEach(found, { limit, tell }, readOtbSequence)
}

function isIn(sequence: OtbSequence, split: string): boolean {
  return split === 'otb100' || (split === 'otb50' || split === 'otb2013' ? sequence.in.has(split) : false)
}

/** Those with a folder, in order; MMTracking's users keep the folders in `data`, pysot's a folder per target. */
async function findSequences(root: string, split: string): Promise<Place[]> {
  const places = await Promise.all(
    otbSequences
      .filter((sequence) => isIn(sequence, split))
      .map(async (sequence) => {
        for (const folder of new Set([sequence.folder, sequence.name])) {
          for (const place of [join(root, folder), join(root, 'data', folder)]) {
            if (await isSequence(place)) return { sequence, folder: place }
          }
        }
        return undefined
      }),
  )
  return places.filter((place) => place !== undefined)
}

async function isSequence(folder: string): Promise<boolean> {
  if (!(await isFolder(folder))) return false
  for (const name of ['groundtruth_rect.txt', 'groundtruth_rect.1.txt', 'groundtruth_rect.2.txt']) {
    if (await isFile(join(folder, name))) return true
  }
  return await isFolder(join(folder, 'img'))
}

async function readOtbSequence({ sequence, folder }: Place, tell: Tell): Promise<Sequence | undefined> {
  const { name, attributes } = sequence
  const truth = join(folder, sequence.truth)
  const imageFolder = join(folder, 'img')
  const all = await readRows(truth, [4], tell)
  if (!all) return undefined
  const skip = skipped[sequence.folder] ?? 0
  const boxes = all.slice(skip).map(boxOfRow)
  const start = (firstImages[sequence.folder] ?? 1) + skip
  const numbered = (await listImages(imageFolder)).filter((image) => (frameNumber(image) ?? start) >= start)
  const images = endsEarly.has(sequence.folder) ? numbered.slice(0, boxes.length) : numbered
  return checkSequence(
    { name, images, boxes, visible: boxes.map(hasArea), attributes },
    { truth, folder: imageFolder, start, tell },
  )
}
