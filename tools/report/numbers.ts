// Formats numbers and dates the same way everywhere in the report.

import type { Measure } from '../metrics/scores.ts'

const missing = '–'

/** A measure's value with the digits that are worth showing. */
export function formatMeasure(measure: Measure, value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? missing : value.toFixed(measure.digits)
}

/** A difference, with its sign. */
export function formatDifference(measure: Measure, difference: number | undefined): string {
  if (difference === undefined || !Number.isFinite(difference)) return missing
  const text = Math.abs(difference).toFixed(measure.digits)
  if (Number(text) === 0) return `±${text}`
  return difference > 0 ? `+${text}` : `−${text}`
}

/** What stands behind a value: `%`, or nothing where the measure has no unit worth a sign. */
export function unitSign(measure: Measure): string {
  if (measure.unit === 'percent') return '%'
  return measure.unit === 'per 100 frames' ? '/ 100 frames' : ''
}

/** `0.73` */
export function formatOverlap(overlap: number | undefined): string {
  return overlap === undefined ? missing : overlap.toFixed(2)
}

/** `685,360` */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `1 video`, `280 videos` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** `22 November 2026, 20:07 UTC`; the text itself where it is no date. */
export function formatDate(text: string): string {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) return text
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`
}

/** How a frame rate is written everywhere. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond >= 10 ? perSecond.toFixed(1) : perSecond.toFixed(2)
}

/** What the speed of a resumed evaluation is measured over. */
export function speedScope(videosBefore: number): string {
  return `the frames of the last run alone, without the ${counted(videosBefore, 'video')} of an earlier one`
}

/** So many significant digits as a plot can show. */
export function rounded(value: number, digits = 4): number {
  return Number(value.toFixed(digits))
}
