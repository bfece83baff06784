// Opens a data set by the name of its layout, or by an annotation file of MMTracking, and finds out which layout a folder has.

import { stat } from 'node:fs/promises'
import { DatasetError, DatasetMissingError } from '../errors.ts'
import { folder } from './folder.ts'
import { got10k } from './got10k.ts'
import { lasot } from './lasot.ts'
import { otb100 } from './otb100.ts'
import type { BenchmarkReader } from './reader.ts'
import { trackingnet } from './trackingnet.ts'
import { type Benchmark, type BenchmarkName, benchmarkNames, type Finding, type Tell } from './types.ts'
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

/** What a download looks like and where it comes from. */
export function benchmarkLayout(type: BenchmarkName): string {
  return readerOf(type).layout
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
  const { type, root, limit = Number.POSITIVE_INFINITY, tell = throwErrors } = request
  const reader = readerOf(type)
  const [defaultSplit = ''] = reader.splits
  const { split = defaultSplit } = request
  if (!reader.splits.includes(split)) {
    throw new DatasetError(
      `split: found ${JSON.stringify(split)}, expected for ${type} one of ${reader.splits.join(', ')}`,
    )
  }
  if (!(limit >= 1)) throw new DatasetError(`limit: found ${limit}, expected 1 or more sequences`)
  const found = await stat(root).catch(() => undefined)
  if (!found?.isDirectory()) throw new DatasetMissingError(`no folder ${root}; expected ${reader.layout}`)
  const sequences = await reader.read(root, { split, limit, tell })
  return { type, title: reader.title(split), protocol: reader.protocol, sequences }
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
