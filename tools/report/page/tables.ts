// The tables that compare trackers: over everything, and per attribute.

import type { Measure } from '../../metrics/scores.ts'
import { attributeMeaning } from '../attribute-names.ts'
import { type Html, html } from '../html.ts'
import { formatCount, formatDifference, formatMeasure, rounded } from '../numbers.ts'
import { attributeMeasure } from '../plots/attributes.ts'
import { type DrawnTracker, ranked } from '../plots/trackers.ts'
import type { Content } from './content.ts'
import { swatch } from './parts.ts'

/** All trackers by all measures, the best first. */
export function comparisonTable({ trackers, main }: Content): Html {
  const measures = trackers[0]?.scores.measures ?? []
  const order = main ? ranked(trackers, main.name) : trackers
  const best = new Map(measures.map(({ name }) => [name, ranked(trackers, name)[0]?.scores.overall.values[name]]))
  const ours = main && trackers[0]?.scores.overall.values[main.name]
  return html`<div class="card scroll" tabindex="0" role="region" aria-label="Comparison of the trackers"><table class="compare">
<thead><tr><th scope="col" class="rank">#</th><th scope="col">Tracker</th>${measures.map(({ title }) => html`<th scope="col" class="n">${title}</th>`)}${
    main && html`<th scope="col" class="n">To ours</th>`
  }<th scope="col" class="n">Videos</th></tr></thead>
<tbody>
${order.map(
  (
    tracker,
    index,
  ) => html`<tr${tracker.isOurs && html` class="is-ours"`}><td class="rank">${index + 1}</td><th scope="row">${swatch(tracker.color, tracker.isOurs)}${tracker.name}</th>${measures.map(
    (measure) => barCell(measure, tracker, best.get(measure.name)),
  )}${main && html`<td class="n">${toOurs(main, tracker, ours)}</td>`}<td class="n">${formatCount(tracker.scores.overall.sequences)}</td></tr>
`,
)}</tbody>
</table></div>
`
}

function toOurs(measure: Measure, { isOurs, scores }: DrawnTracker, ours: number | undefined): string {
  const value = scores.overall.values[measure.name]
  return isOurs || value === undefined || ours === undefined ? '' : formatDifference(measure, value - ours)
}

function barCell(measure: Measure, { scores }: DrawnTracker, best: number | undefined): Html {
  const value = scores.overall.values[measure.name]
  const full = measure.unit === 'percent' ? 100 : measure.unit === 'ratio' ? 1 : undefined
  const share = value === undefined || full === undefined ? 0 : rounded(100 * Math.max(0, Math.min(1, value / full)), 1)
  const isBest = value !== undefined && value === best
  return html`<td class="n bar" style="--share: ${share}%">${isBest ? html`<strong>${formatMeasure(measure, value)}</strong>` : formatMeasure(measure, value)}</td>`
}

/** One line per attribute, a column per tracker. */
export function attributeTable({ trackers }: Content): Html | undefined {
  const ours = trackers[0]
  const measure = attributeMeasure(ours)
  if (!ours || !measure) return undefined
  const found = (tracker: DrawnTracker, name: string) =>
    tracker.scores.attributes.find((row) => row.name === name)?.values[measure.name]
  return html`<details class="card"><summary>All numbers: ${measure.title}</summary>
<div class="scroll" tabindex="0" role="region" aria-label="${measure.title} by attribute"><table>
<thead><tr><th scope="col">Attribute</th><th scope="col">Meaning</th><th scope="col" class="n">Videos</th>${trackers.map(
    ({ name, color, isOurs }) => html`<th scope="col" class="n">${swatch(color, isOurs)}${name}</th>`,
  )}</tr></thead>
<tbody>
${ours.scores.attributes.map(({ name, sequences }) => {
  const values = trackers.map((tracker) => found(tracker, name))
  const known = values.filter((value) => value !== undefined)
  const best = measure.better === 'higher' ? Math.max(...known) : Math.min(...known)
  return html`<tr><th scope="row">${name}</th><td class="quiet">${attributeMeaning(name)}</td><td class="n">${formatCount(sequences)}</td>${values.map(
    (value) =>
      html`<td class="n">${value === best && known.length > 1 ? html`<strong>${formatMeasure(measure, value)}</strong>` : formatMeasure(measure, value)}</td>`,
  )}</tr>
`
})}</tbody>
</table></div></details>
`
}
