// The top of the page: what was evaluated on what, the numbers that count and what they mean.

import type { Measure } from '../../metrics/scores.ts'
import type { ReportRun } from '../data.ts'
import { type Html, html } from '../html.ts'
import { counted, formatDate, formatDifference, formatMeasure, formatRate, speedScope, unitSign } from '../numbers.ts'
import { ranked } from '../plots/trackers.ts'
import type { Content } from './content.ts'

const mostCards = 4
const protocols = {
  ope: 'one pass over every video',
  got10k: 'one pass over every video',
  vot: 'started again five frames after every failure',
} as const

export function headerHtml({ data: { benchmark, ours, run } }: Content): Html {
  const { sequences, frames } = ours.scores.overall
  const facts = [counted(sequences, 'video'), counted(frames, 'frame'), protocols[benchmark.protocol]]
  return html`<header>
<p class="eyebrow">Evaluation report</p>
<h1>${ours.name} <span class="on">on</span> ${benchmark.title}</h1>
<p class="facts">${facts.join(' · ')}${run.date !== undefined && html` · <time datetime="${run.date}">${formatDate(run.date)}</time>`}</p>
</header>
`
}

export function summaryHtml(content: Content): Html {
  const { data, trackers } = content
  const { ours, run } = data
  const shown = ours.scores.measures.filter(({ name }) => ours.scores.overall.values[name] !== undefined)
  return html`<section id="summary" aria-label="Summary">
<p class="lead">${lead(content)}</p>
<div class="cards">
${shown.slice(0, mostCards).map((measure) => card(measure, content))}
${run.framesPerSecond !== undefined && speedCard(run.framesPerSecond, run)}
</div>
${notices(content).map((text) => html`<p class="notice">${text}</p>`)}
${trackers.length === 1 && html`<p class="hint">Compare with other trackers: <code>siamrpn report RESULTS --compare NAME=FOLDER</code></p>`}
</section>
`
}

function lead({ traces, data: { ours } }: Content): string {
  const losses = traces.flatMap(({ lostAt }) => lostAt ?? []).toSorted((a, b) => a - b)
  const kept = traces.length - losses.length
  if (traces.length === 0) return `There are no results of ${ours.name}.`
  if (losses.length === 0)
    return `${ours.name} stays on the object to the last frame of all ${counted(kept, 'video')}.`.replace(
      'all 1 video.',
      'its one video.',
    )
  const middle = (losses[Math.floor((losses.length - 1) / 2)] ?? 0) + 1
  const when = losses.length === 1 ? `at frame ${middle}` : `half of these losses come by frame ${middle}`
  const never = kept === 0 ? 'in no video' : `in ${kept} of ${counted(traces.length, 'video')}`
  const lost = kept === 0 ? 'all of them' : losses.length === 1 ? 'the other one' : `the other ${losses.length}`
  const link = losses.length === 1 ? ', for the first time' : ';'
  return `${ours.name} never leaves the object ${never}. In ${lost} its box misses the object at least once${link} ${when}.`
}

function card(measure: Measure, { trackers, data }: Content): Html {
  const value = data.ours.scores.overall.values[measure.name]
  const order = ranked(trackers, measure.name)
  const best = order.find(({ isOurs }) => !isOurs)
  const other = best?.scores.overall.values[measure.name]
  const difference = value === undefined || other === undefined ? undefined : value - other
  const isAhead = difference !== undefined && (measure.better === 'higher' ? difference >= 0 : difference <= 0)
  const place = order.findIndex(({ isOurs }) => isOurs) + 1
  return html`<article class="card number">
<h3>${measure.title}</h3>
<p class="value">${formatMeasure(measure, value)}<small>${unitSign(measure)}</small></p>
${
  best &&
  html`<p class="versus"><span class="place">${ordinal(place)} of ${trackers.length}</span> <span class="${isAhead ? 'ahead' : 'behind'}">${formatDifference(measure, difference)}</span> to ${best.name}</p>`
}
<p class="meaning">${measure.meaning}</p>
</article>
`
}

function ordinal(place: number): string {
  const endings = place % 100 >= 11 && place % 100 <= 13 ? [] : ['th', 'st', 'nd', 'rd']
  return `${place}${endings[place % 10] ?? 'th'}`
}

function speedCard(rate: number, { adapter, videosBefore = 0 }: ReportRun): Html {
  const scope = videosBefore > 0 ? speedScope(videosBefore) : 'all frames that were tracked'
  return html`<article class="card number">
<h3>Speed</h3>
<p class="value">${formatRate(rate)}<small>frames/s</small></p>
<p class="meaning">Over ${scope}, decoding included${adapter !== undefined && html`, on ${adapter}`}.</p>
</article>
`
}

function notices({ data: { ours, others } }: Content): string[] {
  const { leftOut, overall } = ours.scores
  const names = leftOut.slice(0, 5).map(({ name, reason }) => `${name} (${reason})`)
  const more = leftOut.length > names.length ? ` and ${leftOut.length - names.length} more` : ''
  const uneven = others.filter(({ scores }) => scores.overall.sequences !== overall.sequences)
  return [
    ...(leftOut.length > 0
      ? [`In no number of this report: ${counted(leftOut.length, 'video')}: ${names.join(', ')}${more}.`]
      : []),
    ...uneven.map(
      ({ name, scores }) =>
        `${name} has results for ${counted(scores.overall.sequences, 'video')}, ours for ${overall.sequences}: the numbers are not of the same videos.`,
    ),
  ]
}
