// Writes results as the benchmarks want them handed in. Lines are `x,y,width,height`. Sources: got-10k/toolkit (three decimals,
// NAME/NAME_001.txt, times with eight), MMTracking's `format_results` (TrackingNet: four decimals, NAME.txt, zipped), pysot and
// the VOT toolkit (baseline/NAME/NAME_001.txt, four decimals, marks alone on a line).

import { join } from 'node:path'
import { zipChunks } from 'siamrpn/formats'
import { pendingFile, writeWhole } from '../../frames/atomic.ts'
import { checkFileName } from '../../frames/file-name.ts'
import type { Benchmark, BenchmarkName, SequenceResult, TrackedRegion } from '../types.ts'

interface SubmissionFormat {
  readonly decimals: number
  /** Path of a sequence's boxes, with `/`. */
  boxes(name: string): string
  /** Path of its times in seconds, where the format has a place for them. */
  times?(name: string): string
  /** Whether the server takes an archive. */
  readonly zipped: boolean
}

const plain: SubmissionFormat = { decimals: 4, boxes: (name) => `${name}.txt`, zipped: false }

/** By benchmark. */
const submissionFormats: Readonly<Record<BenchmarkName, SubmissionFormat>> = {
  lasot: plain,
  otb100: { ...plain, decimals: 3, times: (name) => `times/${name}_time.txt` },
  uav123: plain,
  folder: plain,
  trackingnet: { ...plain, zipped: true },
  got10k: {
    decimals: 3,
    boxes: (name) => `${name}/${name}_001.txt`,
    times: (name) => `${name}/${name}_time.txt`,
    zipped: true,
  },
  vot2018: {
    decimals: 4,
    boxes: (name) => `baseline/${name}/${name}_001.txt`,
    times: (name) => `baseline/${name}/${name}_time.txt`,
    zipped: false,
  },
}

const timeDecimals = 8

/**
 * Writes `folder` in the benchmark's format, and `folder.zip` beside it where the server takes an archive (GOT-10k,
 * TrackingNet). Each file is complete or absent; files that are there already are replaced.
 *
 * @returns the paths of what was written, the archive last
 * @throws OutputError
 */
export async function writeSubmission(
  folder: string,
  benchmark: Benchmark,
  results: ReadonlyMap<string, SequenceResult>,
): Promise<string[]> {
  const format = submissionFormats[benchmark.type]
  const files = new Map<string, string>()
  for (const { name } of benchmark.sequences) {
    const result = results.get(name)
    if (!result) continue
    checkFileName(name)
    files.set(format.boxes(name), regionLines(result.regions, format.decimals))
    if (format.times && result.seconds) files.set(format.times(name), timeLines(result.seconds))
  }
  const written: string[] = []
  for (const [path, text] of files) {
    const target = join(folder, ...path.split('/'))
    await writeWhole(target, text)
    written.push(target)
  }
  if (!format.zipped || files.size === 0) return written
  const archive = `${folder.replace(/[\\/]+$/, '')}.zip`
  await writeZip(archive, files)
  return [...written, archive]
}

/** A line per frame: a box, or a mark of VOT. @param decimals of the coordinates */
export function regionLines(regions: readonly TrackedRegion[], decimals: number): string {
  return regions
    .map((region) => {
      if (typeof region === 'number') return `${region}\n`
      const { x, y, width, height } = region
      return `${[x, y, width, height].map((value) => value.toFixed(decimals)).join(',')}\n`
    })
    .join('')
}

function timeLines(seconds: readonly number[]): string {
  return seconds.map((value) => `${value.toFixed(timeDecimals)}\n`).join('')
}

async function writeZip(path: string, files: ReadonlyMap<string, string>): Promise<void> {
  const entries = [...files].map(([name, text]) => [name, new TextEncoder().encode(text)] as const)
  const file = await pendingFile(path)
  try {
    for (const chunk of zipChunks(entries)) await file.write(chunk)
    await file.commit()
  } finally {
    await file.discard()
  }
}
