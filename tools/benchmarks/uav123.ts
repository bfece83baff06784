// UAV123, UAV20L and UAV123@10fps (Mueller et al., ECCV 2016) as downloaded: annotations apart from the images,
// sequences that are segments of a longer video. configSeqs.m, which comes with them, says where a segment begins;
// without it the numbers below do, which are those of MMTracking's uav123_infos.txt.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatasetMissingError } from '../datasets/errors.ts'
import { naturalSort } from '../frames/folder.ts'
import { checkSequence, frameNumber, listImages } from './frame-files.ts'
import { type BenchmarkReader, isFolder, listed, type ReadOptions, readEach } from './reader.ts'
import { boxOfRow, hasArea, readFlags, readRows, readTextFile } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

/**
 * The order of the flags in att/*.txt: scale variation, aspect ratio change, low resolution, fast motion, full and
 * partial occlusion, out of view, background clutter, illumination variation, viewpoint change, camera motion, similar
 * object.
 */
export const uavAttributes = ['SV', 'ARC', 'LR', 'FM', 'FOC', 'POC', 'OV', 'BC', 'IV', 'VC', 'CM', 'SOB'] as const

interface Version {
  readonly title: string
  /** Below anno/ and data_seq/. */
  readonly annotations: string
  readonly images: string
  /** How many frames of the videos at 30 frames per second are one here. */
  readonly every: number
  readonly sequences: number
  /** The list in configSeqs.m. */
  readonly list: string
}

const versions: Readonly<Record<string, Version>> = {
  uav123: {
    title: 'UAV123',
    annotations: 'UAV123',
    images: 'UAV123',
    every: 1,
    sequences: 123,
    list: 'seqUAV123',
  },
  uav20l: {
    title: 'UAV20L',
    annotations: 'UAV20L',
    images: 'UAV123',
    every: 1,
    sequences: 20,
    list: 'seqUAV20L',
  },
  '10fps': {
    title: 'UAV123@10fps',
    annotations: 'UAV123_10fps',
    images: 'UAV123_10fps',
    every: 3,
    sequences: 123,
    list: 'seqUAV123_10fps',
  },
}

const layout = `UAV123 as it is downloaded (https://cemse.kaust.edu.sa/ivul/uav123):
  ROOT/anno/UAV123/bike1.txt             left,top,width,height in pixels; NaN where the object is not to be seen
  ROOT/anno/UAV123/att/bike1.txt         twelve flags 0 or 1, the attributes
  ROOT/data_seq/UAV123/bike1/000001.jpg ...
  ROOT/configSeqs.m                      optional: the first and last frames of the sequences
UAV20L has anno/UAV20L instead, UAV123@10fps anno/UAV123_10fps and data_seq/UAV123_10fps`

/** First frames of the segments after the first, at 30 frames per second. */
const segmentStarts: Readonly<Record<string, readonly number[]>> = {
  bird1: [775, 1573],
  car1: [751, 1627],
  car6: [487, 1807, 2953, 3925],
  car8: [1357],
  car16: [415],
  group1: [1333, 2515, 3925],
  group2: [907, 1771],
  group3: [1567, 2827, 4369],
  person2: [1189],
  person4: [1501],
  person5: [877],
  person7: [1249],
  person8: [1075],
  person12: [601],
  person14: [847, 1813],
  person17: [1501],
  person19: [1243, 2791],
  truck4: [577],
  uav1: [1555, 2473],
}

export const uav123: BenchmarkReader = {
  protocol: 'ope',
  splits: Object.keys(versions),
  title: (split) => versions[split]?.title ?? split,
  layout,
  detect: async (root) => {
    if (!(await isFolder(join(root, 'data_seq')))) return false
    for (const { annotations } of Object.values(versions))
      if (await isFolder(join(root, 'anno', annotations))) return true
    return false
  },
  read,
}

async function read(root: string, { split, limit, tell }: ReadOptions): Promise<Sequence[]> {
  const version = versions[split]
  const annotations = join(root, 'anno', version?.annotations ?? '')
  const files = await readdir(annotations).catch(() => [])
  const names = naturalSort(files.flatMap((name) => (name.endsWith('.txt') ? [name.slice(0, -4)] : [])))
  if (version === undefined || names.length === 0) {
    throw new DatasetMissingError(`no annotations of ${version?.title ?? split} in ${annotations}; expected ${layout}`)
  }
  if (names.length < version.sequences) {
    const message = `${names.length} sequences, ${version.title} has ${version.sequences}: found ${listed(names)}`
    tell({ severity: 'warning', place: annotations, message })
  }
  const configured = await readConfig(root, version)
  const images = join(root, 'data_seq', version.images)
  return await readEach(names, { limit, tell }, async (name, tell) => {
    const segment = configured.get(name) ?? (await segmentOf(name, images, version))
    return await readUavSequence({ name, annotations, images, segment, tell })
  })
}

interface Segment {
  /** Folder of the images. */
  readonly video: string
  /** Number of the first image. */
  readonly start: number
}

/** What configSeqs.m says: `struct('name','bird1_2','path',...'bird1\'...,'startFrame',775,'endFrame',1477,...)`. */
async function readConfig(root: string, { list }: Version): Promise<ReadonlyMap<string, Segment>> {
  const text = (await readTextFile(join(root, 'configSeqs.m'))) ?? ''
  const begin = text.search(new RegExp(`\\b${list}\\s*=\\s*\\{`))
  const found = new Map<string, Segment>()
  if (begin < 0) return found
  const end = text.indexOf('};', begin)
  for (const entry of text
    .slice(begin, end < 0 ? undefined : end)
    .split('struct(')
    .slice(1)) {
    const [, name] = /^'name','([^']+)','path',/.exec(entry) ?? []
    const at = entry.indexOf(startFrame)
    const [start] = /^\d+/.exec(entry.slice(at + startFrame.length)) ?? []
    const video = at < 0 ? undefined : folderOf(entry.slice(0, at))
    if (name !== undefined && video !== undefined && start !== undefined)
      found.set(name, { video, start: Number(start) })
  }
  return found
}

const startFrame = "'startFrame',"

/** The last folder of the first quoted path that ends with a slash of either kind. */
function folderOf(entry: string): string | undefined {
  const path = entry.split("'").find((part) => /[\\/]$/.test(part))
  return path?.split(/[\\/]/).findLast((folder) => folder !== '')
}

async function segmentOf(name: string, images: string, { every }: Version): Promise<Segment> {
  const [, video = name, number] = /^(.*)_(\d+)$/.exec(name) ?? []
  if (number === undefined || (await isFolder(join(images, name)))) return { video: name, start: 1 }
  const start = segmentStarts[video]?.[Number(number) - 2] ?? 1
  return { video, start: (start - 1) / every + 1 }
}

interface UavFiles {
  readonly name: string
  readonly annotations: string
  readonly images: string
  readonly segment: Segment
  readonly tell: Tell
}

async function readUavSequence({ name, annotations, images, segment, tell }: UavFiles): Promise<Sequence | undefined> {
  const truth = join(annotations, `${name}.txt`)
  const folder = join(images, segment.video)
  const rows = await readRows(truth, [4], tell)
  if (!rows) return undefined
  const boxes = rows.map(boxOfRow)
  const attributes = await readAttributes(join(annotations, 'att', `${name}.txt`), tell)
  const { start } = segment
  const end = start + boxes.length
  const within = (await listImages(folder)).filter((image) => {
    const number = frameNumber(image) ?? start
    return number >= start && number < end
  })
  return checkSequence(
    { name, images: within, boxes, visible: boxes.map(hasArea), attributes },
    { truth, folder, start, tell },
  )
}

async function readAttributes(file: string, tell: Tell): Promise<string[]> {
  const flags = await readFlags(file, uavAttributes.length, () => undefined)
  if (flags) return uavAttributes.filter((_, index) => flags[index] === 1)
  const message = `not there or not ${uavAttributes.length} flags; the sequence counts in no attribute`
  tell({ severity: 'warning', place: file, message })
  return []
}
