// Statistics of a data set: how long its sequences are, how large, how long-drawn and how fast its targets, how often
// they are hidden, and what the data set itself says is hard about it.

import { Column } from '../datasets/columns.ts'
import type { Box } from '../frames/types.ts'
import type { FrameSize } from './frame-sizes.ts'
import { hasArea } from './rows.ts'
import type { Benchmark, Sequence } from './types.ts'

/** How a quantity is spread. All NaN, and no bin filled, where there is no value. */
export interface Distribution {
  readonly count: number
  readonly min: number
  /** The 5th percentile. */
  readonly low: number
  readonly median: number
  readonly mean: number
  /** The 95th percentile. */
  readonly high: number
  readonly max: number
  /** Counts in `histogramBins` bins of equal width from `from` to `to`, on a logarithmic axis where `log` says so. */
  readonly histogram: {
    readonly from: number
    readonly to: number
    readonly log: boolean
    readonly counts: readonly number[]
  }
}

export const histogramBins = 24

/** A name and how often it applies. */
export interface Count {
  readonly name: string
  readonly count: number
}

export interface BenchmarkStats {
  readonly title: string
  readonly sequences: number
  readonly frames: number
  /** Frames that have a box in the data set (test splits keep theirs to themselves). */
  readonly boxes: number
  /** Boxes that show the object and have an area. */
  readonly visible: number
  /** Sequences by the size of their frames, the most frequent first; `unknown` where no image could be read. */
  readonly sizes: readonly Count[]
  /** The quantities below, by their names here. */
  readonly distributions: Readonly<Record<Measure, Distribution>>
  /** Sequences per attribute, the most frequent first. */
  readonly attributes: readonly Count[]
  /** Frames per tag (VOT), the most frequent first. */
  readonly frameTags: readonly Count[]
}

/** Quantities, what each is, and whether ratios matter (a logarithmic axis). */
export const measures = {
  length: { title: 'length', unit: 'frames', log: true },
  side: { title: 'size of the target', unit: 'px', log: true },
  area: { title: 'area of the frame', unit: '%', log: true },
  aspect: { title: 'width / height', unit: '', log: true },
  motion: { title: 'motion per frame', unit: '% of its size', log: true },
  growth: { title: 'change of size', unit: '% per frame', log: true },
  range: { title: 'largest / smallest', unit: 'size in a sequence', log: true },
  shown: { title: 'frames that show it', unit: '% of a sequence', log: false },
} as const

export type Measure = keyof typeof measures

type Columns = Readonly<Record<Measure, Column<Float32Array>>>

/**
 * Counts a data set.
 *
 * @param sizes of the frames, one entry per sequence (all of its frames) or one per frame; what is unknown is left out of `area`
 */
export function benchmarkStats(
  { title, sequences }: Pick<Benchmark, 'title' | 'sequences'>,
  sizes: readonly (readonly (FrameSize | undefined)[])[],
): BenchmarkStats {
  const columns = newColumns()
  const totals = { frames: 0, boxes: 0, visible: 0 }
  for (const [index, sequence] of sequences.entries()) {
    const visible = addSequence(columns, sequence, sizes[index] ?? [])
    totals.frames += sequence.images.length
    totals.boxes += sequence.boxes.length
    totals.visible += visible
  }
  return {
    title,
    sequences: sequences.length,
    ...totals,
    sizes: tally(sequences.map((_, index) => nameOfSize(sizes[index]?.[0]))),
    distributions: eachMeasure((measure) => distribution(columns[measure].finish(), measures[measure].log)),
    attributes: tally(sequences.flatMap(({ attributes }) => attributes)),
    frameTags: countTags(sequences),
  }
}

function newColumns(): Columns {
  return eachMeasure(() => new Column(new Float32Array(0)))
}

function eachMeasure<T>(make: (measure: Measure) => T): Record<Measure, T> {
  return {
    length: make('length'),
    side: make('side'),
    area: make('area'),
    aspect: make('aspect'),
    motion: make('motion'),
    growth: make('growth'),
    range: make('range'),
    shown: make('shown'),
  }
}

function nameOfSize(size: FrameSize | undefined): string {
  return size === undefined ? 'unknown' : `${size.width}x${size.height}`
}

/** Returns how many of its boxes show the object. */
function addSequence(columns: Columns, sequence: Sequence, sizes: readonly (FrameSize | undefined)[]): number {
  const { images, boxes, visible } = sequence
  columns.length.push(images.length)
  let shown = 0
  let smallest = Number.POSITIVE_INFINITY
  let largest = 0
  let previous: Box | undefined
  for (const [frame, box] of boxes.entries()) {
    const usable = visible[frame] === true && hasArea(box)
    if (usable) {
      const side = Math.sqrt(box.width * box.height)
      smallest = Math.min(smallest, side)
      largest = Math.max(largest, side)
      shown++
      addBox(columns, box, sizes.length > 1 ? sizes[frame] : sizes[0])
      if (previous) addStep(columns, previous, box)
    }
    previous = usable ? box : undefined
  }
  if (boxes.length > 1 && shown > 0) columns.range.push(largest / smallest)
  if (boxes.length > 1) columns.shown.push((100 * shown) / boxes.length)
  return shown
}

function addBox({ side, area, aspect }: Columns, { width, height }: Box, frame: FrameSize | undefined): void {
  side.push(Math.sqrt(width * height))
  aspect.push(width / height)
  if (frame) area.push((100 * width * height) / (frame.width * frame.height))
}

function addStep({ motion, growth }: Columns, from: Box, to: Box): void {
  const side = Math.sqrt(from.width * from.height)
  const dx = to.x + to.width / 2 - (from.x + from.width / 2)
  const dy = to.y + to.height / 2 - (from.y + from.height / 2)
  motion.push((100 * Math.hypot(dx, dy)) / side)
  const ratio = Math.sqrt(to.width * to.height) / side
  growth.push(100 * (Math.max(ratio, 1 / ratio) - 1))
}

/** How values are spread; sorts them in place. */
export function distribution(values: Float32Array, log: boolean): Distribution {
  values.sort()
  const count = values.length
  const at = (share: number) => values[Math.min(count - 1, Math.floor(share * count))] ?? Number.NaN
  const mean = count === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / count
  const summary = { count, min: at(0), low: at(0.05), median: at(0.5), mean, high: at(0.95), max: at(1) }
  return { ...summary, histogram: histogram(values, log) }
}

/** A logarithmic axis starts at the smallest value above zero, but spans four powers of ten at most; below is the first bin. */
function histogram(sorted: Float32Array, log: boolean): Distribution['histogram'] {
  const counts: number[] = Array.from({ length: histogramBins }, () => 0)
  const to = sorted.at(-1) ?? Number.NaN
  const positive = log ? (sorted.find((value) => value > 0) ?? Number.NaN) : Number.NaN
  const from = log ? Math.max(positive, to / 1e4) : (sorted[0] ?? Number.NaN)
  const scale = (value: number) => (log ? Math.log(Math.max(value, from) / from) : value - from)
  const span = scale(to)
  for (const value of sorted) {
    const bin = span > 0 ? Math.min(histogramBins - 1, Math.floor((scale(value) / span) * histogramBins)) : 0
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { from, to, log, counts }
}

function countTags(sequences: readonly Sequence[]): Count[] {
  const counts = new Map<string, number>()
  for (const { frameTags = {} } of sequences) {
    for (const [name, flags] of Object.entries(frameTags)) {
      counts.set(name, (counts.get(name) ?? 0) + flags.filter(Boolean).length)
    }
  }
  return sortCounts(counts)
}

function tally(names: readonly string[]): Count[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return sortCounts(counts)
}

function sortCounts(counts: ReadonlyMap<string, number>): Count[] {
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
}
