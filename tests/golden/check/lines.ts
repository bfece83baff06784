// The printed form of a section's result: one line per section, and below it, on demand or on failure, its measurements.

import type { Measurement } from './measure.ts'
import type { SectionReport } from './report.ts'

export type Status = 'PASS' | 'FAIL' | 'LEFT FOR --slow' | 'NOT IN THIS SET'

/** The result of one section, ready to be printed or written as JSON. */
export interface SectionResult {
  readonly name: string
  readonly title: string
  readonly status: Status
  readonly cases: number
  readonly seconds: number
  readonly worst: Measurement | undefined
  readonly failures: readonly Measurement[]
  readonly measurements: readonly Measurement[]
  readonly notCovered: Readonly<Record<string, number>>
  readonly leftForSlow: readonly string[]
  /** Lists of the files that have no entries. */
  readonly empty: readonly string[]
}

export function resultOf(report: SectionReport, { title, seconds }: { title: string; seconds: number }): SectionResult {
  const { name, cases, worst, failures, measurements, notCovered, leftForSlow, empty, passed } = report
  return {
    name,
    title,
    status: passed ? 'PASS' : cases === 0 && leftForSlow.length > 0 ? 'LEFT FOR --slow' : 'FAIL',
    cases,
    seconds,
    worst,
    failures,
    measurements,
    notCovered: Object.fromEntries(notCovered),
    leftForSlow,
    empty,
  }
}

/** A section that was not checked. */
export function emptyResult(name: string, title: string, status: Status): SectionResult {
  const nothing = { cases: 0, seconds: 0, worst: undefined, failures: [], measurements: [] }
  return { name, title, status, ...nothing, notCovered: {}, leftForSlow: [], empty: [] }
}

const titleWidth = 18
const casesWidth = 10
const statusWidth = 6

export function sectionLine(result: SectionResult): string {
  const { name, title, status, cases, seconds } = result
  const head = `${name}  ${title.padEnd(titleWidth)}`
  if (status === 'NOT IN THIS SET') return `${head}  not in this set`
  const facts = [head, count(cases, 'case').padStart(casesWidth), status.padEnd(statusWidth), `${seconds.toFixed(1)} s`]
  return [...facts, [summary(result), ...remainders(result)].join('; ')].join('  ')
}

function summary({ cases, worst, measurements, failures, leftForSlow }: SectionResult): string {
  if (cases === 0) return leftForSlow.length > 0 ? 'nothing was compared' : 'the section has no cases that are covered'
  if (measurements.length === 0) return 'nothing was compared'
  const exact = measurements.filter(({ tolerance }) => tolerance === 0).length
  if (worst === undefined) return `${exact} values equal`
  const over = failures.length > 0 ? `, ${failures.length} of ${measurements.length} comparisons over` : ''
  return `largest error ${deviation(worst)} in ${worst.caseId} (${worst.quantity})${over}`
}

function remainders({ notCovered, leftForSlow, empty }: SectionResult): string[] {
  const missing = Object.entries(notCovered).map(([what, number]) => `${number} ${what}`)
  return [
    ...(empty.length > 0 ? [`empty in this set: ${empty.join(', ')}`] : []),
    ...(leftForSlow.length > 0 ? [`left for --slow: ${leftForSlow.length} (${shorten(leftForSlow)})`] : []),
    ...(missing.length > 0 ? [`not covered yet: ${missing.join(', ')}`] : []),
  ]
}

const shownNames = 3

function shorten(names: readonly string[]): string {
  const rest = names.length - shownNames
  return names.slice(0, shownNames).join(', ') + (rest > 0 ? `, and ${rest} more` : '')
}

/** `3.1e-7 of 1e-5`. */
export function deviation({ error, tolerance }: Measurement): string {
  const found = Number.isFinite(error) ? figures(error) : 'beyond measure'
  return tolerance === 0 ? `${found}, must be equal` : `${found} of ${figures(tolerance)}`
}

const smallest = 1e-3

/** Two figures, such as 0.01, 25, 3.1e-7, 1e-5. */
function figures(value: number): string {
  const short = Number(value.toPrecision(2))
  return short !== 0 && short < smallest ? short.toExponential() : String(short)
}

const shownFailures = 8

/** The failures below a section's line. */
export function failureLines({ failures }: SectionResult): string[] {
  const lines = failures.slice(0, shownFailures).map(measurementLine)
  const rest = failures.length - lines.length
  return rest > 0 ? [...lines, `   ... and ${rest} more`] : lines
}

/** The worst measurement of each case and quantity, for --verbose. */
export function verboseLines({ measurements }: SectionResult): string[] {
  return measurements.map(measurementLine)
}

function measurementLine(one: Measurement): string {
  const note = one.note === undefined ? '' : `: ${one.note}`
  const size = one.tolerance === 0 && one.error === 0 ? 'equal' : deviation(one)
  return `   ${one.caseId}  ${one.quantity}  ${one.note !== undefined && !Number.isFinite(one.error) ? 'differs' : size}${note}`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
