// MMTracking 0.14's `*_infos.txt`: after a heading, a line per sequence with the folder of the images, the file of the boxes and
// the numbers of the first and the last image (TrackingNet's lines begin with the chunk). Paths begin below `img_prefix`.
// Source: mmtrack/datasets/*_dataset.py (load_data_infos), tools/convert_datasets/*/gen_*_infos.py.

import { basename, dirname, isAbsolute, join } from 'node:path'
import { DatasetError, DatasetMissingError } from '../datasets/errors.ts'
import { linesOf } from '../frames/number-rows.ts'
import { attributesOf } from './attributes.ts'
import { checkSequence, frameNumber, listImages } from './frame-files.ts'
import { readGot10kLabels, readResolution } from './got10k.ts'
import { readLasotFlags } from './lasot.ts'
import { checkCorners, cornersOf } from './polygon.ts'
import { isFile, type ReadOptions, readEach } from './reader.ts'
import { boxOfRow, enclosingBox, hasArea, readRows, readTextFile } from './rows.ts'
import type { BenchmarkName, Sequence, Tell } from './types.ts'
import { readTags, votTags } from './vot.ts'

export interface AnnotationFile {
  readonly type: BenchmarkName
  readonly file: string
  /** `img_prefix`: what the file's paths begin from. */
  readonly root: string
}

/** A line of the file. */
interface Entry {
  /** `file:line` */
  readonly place: string
  readonly images: string
  readonly truth: string
  /** Numbers of the first and the last image. */
  readonly start: number
  readonly end: number
}

/** @throws DatasetMissingError without the file, DatasetError without a line; what `tell` throws */
export async function readInfos(source: AnnotationFile, options: Omit<ReadOptions, 'split'>): Promise<Sequence[]> {
  const text = await readTextFile(source.file)
  if (text === undefined) throw new DatasetMissingError(`no annotation file ${source.file}`)
  const [heading = '', ...lines] = linesOf(text)
  if (parseEntry(heading, source) !== undefined) {
    const message =
      'looks like a sequence, but the first line counts as the heading; as MMTracking does, it is left out'
    options.tell({ severity: 'warning', place: `${source.file}:1`, message })
  }
  const entries = lines.map((line, index) => ({ line, place: `${source.file}:${index + 2}` }))
  if (entries.length === 0) {
    throw new DatasetError(`${source.file}: no sequence, expected ${lineFormat} on the lines after the heading`)
  }
  return await readEach(entries, options, async ({ line, place }, tell) => {
    const entry = parseEntry(line, source)
    if (entry) return await readEntry({ ...entry, place }, source, tell)
    const message = `found ${JSON.stringify(line.slice(0, 120))}, expected ${lineFormat}`
    return void tell({ severity: 'error', place, message })
  })
}

const lineFormat = '(chunk,)video_path,annotation_path,start_frame_id,end_frame_id'

function parseEntry(line: string, { root }: AnnotationFile): Omit<Entry, 'place'> | undefined {
  const words = line.split(',').map((word) => word.trim())
  const [images, truth, start, end] = words.slice(-4)
  const isEntry = words.length >= 4 && words.length <= 5 && /^\d+$/.test(start ?? '') && /^\d+$/.test(end ?? '')
  if (!isEntry || !images || !truth) return undefined
  const below = (path: string) => (isAbsolute(path) ? path : join(root, path))
  return { images: below(images), truth: below(truth), start: Number(start), end: Number(end) }
}

async function readEntry(entry: Entry, { type, root }: AnnotationFile, tell: Tell): Promise<Sequence | undefined> {
  const { place, truth, start, end } = entry
  const all = await readRows(truth, type === 'vot2018' || type === 'folder' ? [4, 8] : [4], tell)
  const images = await readImages(entry, tell)
  if (!all || !images) return undefined
  // Of Tiger1 the ground truth begins with image 1, but the sequence with image 6.
  const rows = start > 1 && all.length === end ? all.slice(start - 1) : all
  const firstBoxOnly = rows.length === 1 && (type === 'got10k' || type === 'trackingnet')
  const count = end - start + 1
  if (rows.length !== count && !firstBoxOnly) {
    const message = `images ${start} to ${end} are ${count}, but ${truth} has ${rows.length} lines, expected as many`
    return void tell({ severity: 'error', place, message })
  }
  const name = nameOf(type, entry)
  const details = await readDetails(type, entry, { rows, tell })
  if (!details) return undefined
  const sequence = { name, images, attributes: await attributesOf(type, name, [root, dirname(truth)]), ...details }
  return checkSequence(sequence, { truth, folder: entry.images, start, firstBoxOnly, tell })
}

/** The images of the entry's range, by their numbers. */
async function readImages({ place, images, start, end }: Entry, tell: Tell): Promise<string[] | undefined> {
  const byNumber = new Map((await listImages(images)).map((image) => [frameNumber(image), image]))
  const found: string[] = []
  for (let number = start; number <= end; number++) {
    const image = byNumber.get(number)
    if (image === undefined) {
      const message = `no image ${number} in ${images} (${byNumber.size} images), expected ${start} to ${end}`
      return void tell({ severity: 'error', place, message })
    }
    found.push(image)
  }
  if (found.length > 0) return found
  return void tell({ severity: 'error', place, message: `images ${start} to ${end} are none, expected one or more` })
}

/** The benchmark's own name for a sequence, as result files carry it. */
function nameOf(type: BenchmarkName, { truth }: Entry): string {
  const folder = basename(dirname(truth))
  if (type === 'trackingnet' || type === 'uav123') return basename(truth, '.txt')
  if (type !== 'otb100') return folder
  const target = /^groundtruth_rect\.(\d+)\.txt$/.exec(basename(truth))?.[1]
  return target === undefined ? folder : `${folder}-${target}`
}

interface Truth {
  readonly rows: readonly (readonly number[])[]
  readonly tell: Tell
}

type Details = Omit<Sequence, 'name' | 'images' | 'attributes'> & { readonly attributes?: readonly string[] }

/** Boxes and what each benchmark says of visibility; undefined after an error that was told. */
async function readDetails(type: BenchmarkName, entry: Entry, { rows, tell }: Truth): Promise<Details | undefined> {
  const boxes = rows.map((row) => (row.length === 8 ? enclosingBox(row) : boxOfRow(row)))
  const visible = boxes.map(hasArea)
  switch (type) {
    case 'lasot': {
      const hidden = await readLasotFlags(dirname(entry.images), rows.length, tell)
      return hidden && { boxes, visible: visible.map((seen, frame) => seen && !hidden[frame]) }
    }
    case 'got10k': {
      const labelled = rows.length > 1 || (await isFile(join(entry.images, 'cover.label')))
      const labels = labelled ? await readGot10kLabels(entry.images, rows.length, tell) : {}
      const size = await readResolution(join(entry.images, 'meta_info.ini'), tell)
      if (!labels) return undefined
      const { absence, cover } = labels
      const seen = visible.map((seen, frame) => seen && absence?.[frame] !== 1 && cover?.[frame] !== 0)
      return { boxes, visible: seen, ...(cover && { cover }), ...(size && { size }) }
    }
    case 'vot2018': {
      const corners = rows.map((row) => (row.length === 8 ? row : cornersOf(boxOfRow(row))))
      if (!checkCorners(corners, entry.truth, tell)) return undefined
      const frameTags = await readTags(dirname(entry.truth), rows.length, tell)
      const attributes = votTags.filter((tag) => frameTags[tag]?.includes(true))
      return { boxes, visible: boxes.map(({ x }) => !Number.isNaN(x)), corners, frameTags, attributes }
    }
    default:
      return { boxes, visible }
  }
}
