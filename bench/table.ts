// Results as text. Rates and the share of the roofline are those of the fastest sample: the others were disturbed.

import type { ConvChoice } from '../src/kernels/conv/benchmark.ts'
import { planName } from '../src/kernels/conv/plan-name.ts'
import type { CaseResult } from './case.ts'
import { type Roofline, rooflineShare } from './roofline.ts'

/** Columns of text under their titles; the first `left` columns are aligned to the left. */
export function textTable(titles: readonly string[], rows: readonly (readonly string[])[], left = 1): string {
  const widths = titles.map((title, k) => Math.max(title.length, ...rows.map((row) => row[k]?.length ?? 0)))
  const align = (text: string, k: number) => (k < left ? text.padEnd(widths[k] ?? 0) : text.padStart(widths[k] ?? 0))
  return [titles, ...rows].map((row) => row.map(align).join('  ').trimEnd()).join('\n')
}

const titles = ['case', 'variant', 'x', 'ms median', 'ms min', 'GFLOP/s', 'direct', 'GB/s', '% roofline']

const variantWidth = 40

/** Lines that are printed one by one, as results come: the columns are wide enough for what these cases can give. */
export class ResultLines {
  readonly #widths: readonly number[]
  readonly #roofline: Roofline | undefined

  /** @param names of all cases; the roofline is not always measured */
  constructor(names: readonly string[], roofline?: Roofline) {
    const [first = '', , ...numbers] = titles
    const longest = Math.max(first.length, ...names.map(({ length }) => length))
    this.#widths = [longest, variantWidth, ...numbers.map(({ length }) => Math.max(length, 7))]
    this.#roofline = roofline
  }

  head(): string {
    return this.#line(titles)
  }

  row(result: CaseResult): string {
    return this.#line(resultRow(result, this.#roofline))
  }

  #line(cells: readonly string[]): string {
    const align = (text: string, k: number) =>
      k < 2 ? text.padEnd(this.#widths[k] ?? 0) : text.padStart(this.#widths[k] ?? 0)
    return cells.map(align).join('  ').trimEnd()
  }
}

function resultRow(result: CaseResult, roofline: Roofline | undefined): string[] {
  const { name, variant, perFrame, medianMs, minMs, cost, directFlops } = result
  const giga = (perRun: number | undefined) => (perRun ? significant(perRun / minMs / 1e6) : '')
  const share = cost && roofline ? (100 * rooflineShare(cost, minMs, roofline)).toFixed(1) : ''
  return [
    name,
    shorten(variant, variantWidth),
    perFrame ? String(perFrame) : '',
    significant(medianMs),
    significant(minMs),
    giga(cost?.flops),
    giga(directFlops),
    giga(cost?.bytes),
    share,
  ]
}

/** Lines below a case's: the numbers that are no times, and the kernels that measurement chose. */
export function detailLines({ facts, choices = [] }: CaseResult): string[] {
  const shown = Object.entries(facts).map(([fact, value]) => `${fact} ${factValue(fact, value)}`)
  const changed = choices.filter(({ milliseconds, defaultMilliseconds }) => milliseconds < defaultMilliseconds)
  const sum = `${choices.length} convolutions chosen by measurement, ${changed.length} of them not as by default`
  const chosen = choices.length > shownChoices ? [sum] : choices.map(choiceLine)
  return [...(shown.length > 0 ? [shown.join(', ')] : []), ...chosen].map((line) => `  ${line}`)
}

/** More choices than this are counted. */
const shownChoices = 3

/** `chose narrow 16 (0.21 ms; default 0.34 ms; 5 timed): forward 1x31x31x16 to ...` */
export function choiceLine({ problem, plan, milliseconds, defaultMilliseconds, timed }: ConvChoice): string {
  const source = timed > 0 ? `${timed} timed` : 'remembered'
  const times = `${significant(milliseconds)} ms; default ${significant(defaultMilliseconds)} ms; ${source}`
  return `chose ${planName(plan)} (${times}): ${problem}`
}

/** Milliseconds that a frame's kernels take one by one; undefined unless all of `names`, the kernels of a frame, were measured. */
export function frameSum(results: readonly CaseResult[], names: readonly string[]): number | undefined {
  const counted = results.filter(({ perFrame }) => perFrame)
  if (names.length === 0 || names.some((name) => counted.every((result) => result.name !== name))) return undefined
  return counted.reduce((sum, { perFrame = 0, minMs }) => sum + perFrame * minMs, 0)
}

function factValue(fact: string, value: number): string {
  if (/bytes/i.test(fact)) return `${(value / 2 ** 20).toFixed(1)} MiB`
  return Number.isInteger(value) ? String(value) : significant(value)
}

/** The roofline in one line. */
export function rooflineLine({ flops, bytes, probes }: Roofline): string {
  const form = (kind: 'flops' | 'bytes', rate: number) =>
    probes.find((probe) => probe.kind === kind && probe.rate === rate)?.form ?? ''
  const compute = `${significant(flops / 1e9)} GFLOP/s (${form('flops', flops)})`
  return `roofline: ${compute}, ${significant(bytes / 1e9)} GB/s (${form('bytes', bytes)})`
}

/** Three significant digits, or all digits before the point. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return ''
  if (value === 0) return '0'
  const digits = 2 - Math.floor(Math.log10(Math.abs(value)))
  return value.toFixed(Math.max(0, Math.min(digits, 6)))
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
