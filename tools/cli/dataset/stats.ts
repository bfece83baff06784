// `siamrpn dataset stats`: what a data set is like, as a table with small histograms, or as numbers in a file.

import { Command } from 'commander'
import { readFrameSizes } from '../../benchmarks/frame-sizes.ts'
import {
  type BenchmarkStats,
  benchmarkStats,
  type Count,
  type Distribution,
  type Measure,
  measures,
} from '../../benchmarks/stats.ts'
import { writeWhole } from '../../frames/atomic.ts'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { fact, note, print, type Terminal } from '../terminal.ts'
import { openSource, plural, type SourceOptions, Stages, withSource } from './source.ts'

interface StatsOptions extends SourceOptions {
  readonly json?: string
}

const details = `
Of every quantity: least, 5th percentile, median, mean, 95th percentile, greatest, and a histogram between the least and the
greatest, on a logarithmic axis except for shares. Boxes count where they show the object; a target's size is the side of a
square of its area. Frames' sizes are those of each sequence's first image, whose header is read.

Examples:
  siamrpn dataset stats --root data/LaSOT
  siamrpn dataset stats --root data/GOT-10k --split train --json got10k-train.json
  siamrpn dataset stats --root data/UAV123 --dataset uav123 --limit 20`

/** Makes the command. */
export function statsCommand(context: CommandContext): Command {
  return withSource(
    new Command('stats').description('Counts a data set: lengths, sizes, motion, visibility, attributes.'),
  )
    .option('--json <file>', 'also write the numbers to a file')
    .option('--quiet', 'show no progress')
    .addHelpText('after', details)
    .action((options: StatsOptions) => interruptible((signal) => run(context, options, signal)))
}

async function run({ terminal }: CommandContext, options: StatsOptions, signal: AbortSignal): Promise<void> {
  let leftOut = 0
  const { benchmark } = await openSource(options, ({ severity }) => {
    if (severity === 'error') leftOut++
  })
  const stages = new Stages(terminal, { headers: 'headers' }, options.quiet === true)
  let unreadable = 0
  try {
    const sizes = await readFrameSizes(benchmark.sequences, {
      trustStated: true,
      signal,
      onFile: (done, total) => stages.update('headers', done, total),
      onError: () => unreadable++,
    })
    stages.stop()
    const stats = benchmarkStats(benchmark, sizes)
    printStats(terminal, stats)
    if (options.json !== undefined) {
      await writeWhole(options.json, `${JSON.stringify(stats, undefined, 2)}\n`)
      print(terminal)
      print(terminal, fact('wrote', options.json))
    }
  } finally {
    stages.stop()
  }
  if (leftOut + unreadable > 0) {
    note(terminal, `${plural(leftOut + unreadable, 'error')} on the way; siamrpn dataset check lists them`)
  }
}

function printStats(terminal: Terminal, stats: BenchmarkStats): void {
  const { title, sequences, frames, boxes, visible, sizes, distributions, attributes, frameTags } = stats
  print(terminal, fact('data set', title))
  print(terminal, fact('sequences', String(sequences)))
  const withBox = boxes === frames ? '' : `, ${boxes} with a box`
  print(terminal, fact('frames', `${frames}${withBox}; ${percent(visible, boxes)} of the boxes show the object`))
  const shownSizes = sizes.slice(0, 6).map(({ name, count }) => `${name} (${count})`)
  const rest = sizes.length > shownSizes.length ? ` and ${sizes.length - shownSizes.length} other sizes` : ''
  print(terminal, fact('size', `${shownSizes.join(', ')}${rest}`))
  print(terminal)
  for (const line of table(distributions)) print(terminal, line)
  printCounts(terminal, 'attributes', attributes, sequences)
  printCounts(terminal, 'frames tagged', frameTags, frames)
}

const headings = ['least', '5 %', 'median', 'mean', '95 %', 'greatest']

function table(distributions: BenchmarkStats['distributions']): string[] {
  const names = Object.keys(measures) as Measure[]
  const rows = names.flatMap((name) => {
    const { title, unit } = measures[name]
    const found = distributions[name]
    if (found.count === 0) return []
    const { min, low, median, mean, high, max } = found
    const values = [min, low, median, mean, high, max].map((value) => number(value))
    return [{ title: unit === '' ? title : `${title} (${unit})`, values, graph: sparkline(found) }]
  })
  const first = Math.max(...rows.map(({ title }) => title.length))
  const line = (title: string, values: readonly string[], graph: string) =>
    `${title.padEnd(first)} ${values.map((value) => value.padStart(9)).join('')}  ${graph}`.trimEnd()
  return [line('', headings, 'histogram'), ...rows.map(({ title, values, graph }) => line(title, values, graph))]
}

/** About four digits. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  return value.toFixed(size >= 1000 || Number.isInteger(value) ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3)
}

const blocks = ' ▁▂▃▄▅▆▇█'

/** A bar per bin; whatever is not empty is to be seen. */
function sparkline({ histogram: { counts } }: Distribution): string {
  const most = Math.max(1, ...counts)
  const bars = counts.map((count) => blocks[count === 0 ? 0 : Math.max(1, Math.round((count / most) * 8))])
  return `|${bars.join('')}|`
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`
}

function printCounts(terminal: Terminal, title: string, counts: readonly Count[], total: number): void {
  if (counts.length === 0) return
  const first = Math.max(title.length, ...counts.map(({ name }) => name.length))
  const most = Math.max(...counts.map(({ count }) => count))
  print(terminal)
  print(terminal, title)
  for (const { name, count } of counts) {
    const bar = '█'.repeat(Math.max(count > 0 ? 1 : 0, Math.round((24 * count) / most)))
    print(
      terminal,
      `${name.padEnd(first)} ${String(count).padStart(9)} ${percent(count, total).padStart(8)}  ${bar}`.trimEnd(),
    )
  }
}
