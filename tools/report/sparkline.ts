// Draws a video's overlap over time as a small curve within a table cell. Long videos are drawn by the mean of each
// stretch.

import { type Html, html } from './html.ts'
import { counted, formatOverlap, rounded } from './numbers.ts'
import type { Trace } from './traces.ts'

const width = 120
const height = 26
const stretches = 70

/** Means over at most `count` stretches of equal length; undefined where a stretch has nothing to judge. */
export function condensed(values: readonly (number | undefined)[], count: number): (number | undefined)[] {
  const length = Math.min(count, values.length)
  return Array.from({ length }, (_, index) => {
    const from = Math.floor((index * values.length) / length)
    const to = Math.floor(((index + 1) * values.length) / length)
    const known = values.slice(from, to).filter((value) => value !== undefined)
    return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length
  })
}

/** SVG paths of values 0..1 over a width; where there is no value, there is a gap. */
export function overlapPaths(
  points: readonly (number | undefined)[],
  width: number,
  height: number,
): { readonly line: string; readonly area: string } {
  const x = (index: number) => (points.length < 2 ? 0 : rounded((index * width) / (points.length - 1), 1))
  const y = (value: number) => rounded(1 + (1 - value) * (height - 2), 1)
  const runs = runsOf(points).map((run) => ({
    path: run.map(({ index, value }) => `${x(index)} ${y(value)}`).join('L'),
    from: x(run[0]?.index ?? 0),
    to: x(run.at(-1)?.index ?? 0),
  }))
  return {
    line: runs.map(({ path }) => `M${path}`).join(''),
    area: runs.map(({ path, from, to }) => `M${from} ${height}L${path}L${to} ${height}Z`).join(''),
  }
}

/** Overlap 0 at the foot, 1 at the head; a tick where the object is lost for the first time. */
export function sparkline({ overlaps, lostAt, meanOverlap }: Trace): Html {
  const { line, area } = overlapPaths(condensed(overlaps, stretches), width, height)
  const tick = lostAt === undefined ? undefined : rounded((lostAt * width) / Math.max(1, overlaps.length - 1), 1)
  const lost = lostAt === undefined ? 'never lost' : `lost for the first time at frame ${lostAt + 1}`
  const label = `Overlap over ${counted(overlaps.length, 'frame')}: mean ${formatOverlap(meanOverlap)}, ${lost}`
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}"><path class="spark-area" d="${area}"/><path class="spark-line" d="${line}"/>${
    tick !== undefined && html`<path class="spark-lost" d="M${tick} 0V${height}"/>`
  }</svg>`
}

function runsOf(points: readonly (number | undefined)[]): { index: number; value: number }[][] {
  const runs: { index: number; value: number }[][] = []
  for (const [index, value] of points.entries()) {
    if (value === undefined) continue
    const last = runs.at(-1)
    if (last && last.at(-1)?.index === index - 1) last.push({ index, value })
    else runs.push([{ index, value }])
  }
  return runs
}
