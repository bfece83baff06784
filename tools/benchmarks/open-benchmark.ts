// Opens a data set by the name of its layout, or by an annotation file of MMTracking, or by a configuration's `data.test`; and
// finds out which layout a folder has.

import { basename } from 'node:path'
import { isBenchmark, type TestDatasetConfig } from 'siamrpn'
import { DatasetError, DatasetMissingError } from '../datasets/errors.ts'
import { oddImages } from '../frames/odd-images.ts'
import { readCocoBenchmark } from './coco-benchmark.ts'
import { brief } from './findings.ts'
import { folder } from './folder.ts'
import { got10k } from './got10k.ts'
import { readInfos } from './infos.ts'
import { lasot } from './lasot.ts'
import { otb100 } from './otb100.ts'
import { type BenchmarkReader, isFile, isFolder } from './reader.ts'
import { trackingnet } from './trackingnet.ts'
import { type Benchmark, type BenchmarkName, benchmarkNames, type Finding, type Sequence, type Tell } from './types.ts'
import { uav123 } from './uav123.ts'
import { vot2018 } from './vot.ts'

/** In the order in which a folder is asked whether it is one. */
const readers: Record<BenchmarkName, BenchmarkReader> = {
  lasot,
  otb100,
  uav123,
  trackingnet,
  got10k,
  vot2018,
  folder,
}

export interface BenchmarkRequest {
  readonly type: BenchmarkName
  /** The downloaded folder; with `annFile`, what its paths begin from. */
  readonly root: string
  /** MMTracking's annotations: a `.json` file (COCO-VID) or a `.txt` file (infos). Absent: the layout as published. */
  readonly annFile?: string
  /** One of the layout's splits; absent: its first. */
  readonly split?: string
  /** At most so many sequences. */
  readonly limit?: number
  /** Absent: errors are thrown, warnings ignored. */
  readonly tell?: Tell
}

/** What a download looks like and where it comes from; errors print it. */
export const benchmarkLayouts: Readonly<Record<BenchmarkName, string>> = {
  lasot: lasot.layout,
  otb100: otb100.layout,
  uav123: uav123.layout,
  trackingnet: trackingnet.layout,
  got10k: got10k.layout,
  vot2018: vot2018.layout,
  folder: folder.layout,
}

/** By the names of `--split`, the default first. */
export function benchmarkSplits(type: BenchmarkName): readonly string[] {
  return readerOf(type).splits
}

/**
 * Lists a data set's sequences, with their truth; images are looked for, not read.
 *
 * @throws DatasetMissingError (with the layout that is expected and where to get it), DatasetError (split, broken data)
 */
export async function openBenchmark(request: BenchmarkRequest): Promise<Benchmark> {
  const { type, root, annFile, limit = Number.POSITIVE_INFINITY } = request
  const tell = brief(request.tell ?? throwErrors)
  const reader = readerOf(type)
  const [defaultSplit = ''] = reader.splits
  const { split = defaultSplit } = request
  if (!reader.splits.includes(split)) {
    throw new DatasetError(
      `split: found ${JSON.stringify(split)}, expected for ${type} one of ${reader.splits.join(', ')}`,
    )
  }
  if (!(limit >= 1)) throw new DatasetError(`limit: found ${limit}, expected 1 or more sequences`)
  if (!(await isFolder(root))) throw new DatasetMissingError(`no folder ${root}; expected ${reader.layout}`)
  oddImages.countApart(root)
  const { protocol } = reader
  if (annFile === undefined) {
    const sequences = unique(await reader.read(root, { split, limit, tell }), root, tell)
    return { type, title: reader.title(split), protocol, sequences }
  }
  const readFile = /\.json$/i.test(annFile) ? readCocoBenchmark : readInfos
  const sequences = unique(await readFile({ type, file: annFile, root }, { limit, tell }), annFile, tell)
  return { type, title: `${reader.title(split)}, ${basename(annFile)}`, protocol, sequences }
}

/** Results are kept by the sequences' names, so of two with one name the second cannot be used. */
function unique(sequences: readonly Sequence[], place: string, tell: Tell): Sequence[] {
  const names = new Set<string>()
  return sequences.filter(({ name }) => {
    const isNew = !names.has(name)
    if (!isNew)
      tell({ severity: 'error', place, message: `two sequences are called ${name}, expected different names` })
    names.add(name)
    return isNew
  })
}

const typeOfDataset: Partial<Record<TestDatasetConfig['type'], BenchmarkName>> = {
  LaSOTDataset: 'lasot',
  OTB100Dataset: 'otb100',
  UAV123Dataset: 'uav123',
  TrackingNetDataset: 'trackingnet',
  GOT10kDataset: 'got10k',
  VOTDataset: 'vot2018',
}

/**
 * The data set of a configuration's `data.val` or `data.test`: `img_prefix` is its folder and `ann_file` says what of it counts.
 * Where there is no such file, `img_prefix` is read as it was downloaded, with a warning.
 *
 * @throws DatasetError for a data set that is no benchmark; what `openBenchmark` throws
 */
export async function benchmarkOfConfig(
  config: TestDatasetConfig,
  options: Pick<BenchmarkRequest, 'limit' | 'tell'> = {},
): Promise<Benchmark> {
  if (config.type === 'ClipFolder') return await openBenchmark({ ...options, type: 'folder', root: config.path })
  const type = typeOfDataset[config.type]
  if (type === undefined || !isBenchmark(config)) {
    const expected = [...Object.keys(typeOfDataset), 'ClipFolder'].join(', ')
    throw new DatasetError(`${config.type} holds pairs to train on, expected videos to track: ${expected}`)
  }
  const { img_prefix: root, ann_file: annFile, split } = config
  const { splits } = readerOf(type)
  // MMTracking's splits are train, val and test; data sets that have none call theirs otherwise.
  const splitOption = splits.includes('test') ? { split } : {}
  if (await isFile(annFile)) return await openBenchmark({ ...options, ...splitOption, type, root, annFile })
  const tell = options.tell ?? throwErrors
  const message = `no such annotation file; ${root} is read as it is downloaded`
  tell({ severity: 'warning', place: annFile, message })
  return await openBenchmark({ ...options, ...splitOption, type, root })
}

/** The layout that a folder looks like; undefined: none of those that are read. */
export async function detectBenchmark(root: string): Promise<BenchmarkName | undefined> {
  for (const name of benchmarkNames) if (await readers[name].detect(root)) return name
  return undefined
}

/** Ends the reading at the first error. @throws DatasetError */
export function throwErrors({ severity, place, message }: Finding): void {
  if (severity === 'error') throw new DatasetError(`${place}: ${message}`)
}

function readerOf(type: BenchmarkName): BenchmarkReader {
  const reader = Object.hasOwn(readers, type) ? readers[type] : undefined
  if (!reader) throw new DatasetError(`data set: found ${type}, expected one of ${Object.keys(readers).join(', ')}`)
  return reader
}
