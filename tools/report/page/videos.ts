// The table of all videos, complete without scripts; the page's script sorts and filters it.

import type { Measure, SequenceRow } from '../../metrics/scores.ts'
import { type Html, html } from '../html.ts'
import { counted, formatCount, formatDifference, formatMeasure, formatOverlap } from '../numbers.ts'
import type { DrawnTracker } from '../plots/trackers.ts'
import { sparkline } from '../sparkline.ts'
import type { Trace } from '../traces.ts'
import type { Content } from './content.ts'

interface Column {
  readonly title: string
  readonly hint?: string
  /** What sorting by this column means first. */
  readonly first: 'ascending' | 'descending'
  readonly isNumber: boolean
  readonly cell: (video: Video) => { readonly shown: Html | string; readonly key: string | number | undefined }
}

interface Video {
  readonly row: SequenceRow
  readonly trace: Trace | undefined
}

export function videosBody(content: Content): Html {
  const { scores } = content.data.ours
  const traces = new Map(content.traces.map((trace) => [trace.sequence.name, trace]))
  const videos = scores.sequences.map((row) => ({ row, trace: traces.get(row.name) }))
  const columns = columnsOf(content)
  const attributes = [...new Set(videos.flatMap(({ row }) => row.attributes))].toSorted()
  return html`<div class="filters" role="search" hidden>
<label>Name <input type="search" id="filter-name" autocomplete="off" spellcheck="false" placeholder="part of a name"></label>
${
  attributes.length > 0 &&
  html`<label>Attribute <select id="filter-attribute"><option value="">all</option>${attributes.map((name) => html`<option>${name}</option>`)}</select></label>`
}
<label class="check"><input type="checkbox" id="filter-lost"> only those that were lost</label>
<output id="filter-count">${counted(videos.length, 'video')}</output>
</div>
<div class="card scroll tall" tabindex="0" role="region" aria-label="All videos"><table id="video-table">
<thead><tr>${columns.map(
    ({ title, hint, first, isNumber }) =>
      html`<th scope="col"${isNumber && html` class="n"`} data-first="${first}"${hint !== undefined && html` title="${hint}"`}>${title}</th>`,
  )}</tr></thead>
<tbody>
${videos.map(
  (
    video,
  ) => html`<tr data-attributes="${video.row.attributes.join(' ')}"${video.trace?.lostAt !== undefined && html` data-lost`}>${columns.map((column, index) => cell(column, video, index === 0))}</tr>
`,
)}</tbody>
</table></div>
`
}

function cell({ cell: of, isNumber }: Column, video: Video, isName: boolean): Html {
  const { shown, key } = of(video)
  if (isName) return html`<th scope="row" data-key="${key}">${shown}</th>`
  return html`<td${isNumber && html` class="n"`} data-key="${key ?? ''}">${shown}</td>`
}

function columnsOf({ data: { ours }, main, trackers, traces }: Content): Column[] {
  const measures = ours.scores.measures.filter(({ name }) =>
    ours.scores.sequences.some(({ values }) => values[name] !== undefined),
  )
  const isTimed = traces.some(({ framesPerSecond }) => framesPerSecond !== undefined)
  const hasOverlap = measures.some(({ name }) => name === 'meanOverlap')
  const ranking = measures.find(({ name }) => name === main?.name) ?? measures[0]
  return [
    {
      title: 'Video',
      first: 'ascending',
      isNumber: false,
      cell: ({ row }) => ({
        shown: html`${row.name}${row.attributes.length > 0 && html`<small>${row.attributes.join(' ')}</small>`}`,
        key: row.name,
      }),
    },
    {
      title: 'Overlap over time',
      hint: 'Of truth and box, 0 to 1; the red line is where they miss each other for the first time. Sorts by the mean.',
      first: 'ascending',
      isNumber: false,
      cell: ({ trace }) => ({ shown: trace ? sparkline(trace) : '', key: trace?.meanOverlap?.toFixed(5) }),
    },
    ...measures.map(measureColumn),
    ...(hasOverlap ? [] : [overlapColumn]),
    ...(ranking && trackers.length > 1 ? [differenceColumn(ranking, trackers)] : []),
    lostColumn,
    {
      title: 'Frames',
      first: 'descending',
      isNumber: true,
      cell: ({ row }) => ({ shown: formatCount(row.frames), key: row.frames }),
    },
    ...(isTimed ? [speedColumn] : []),
  ]
}

function measureColumn(measure: Measure): Column {
  return {
    title: measure.title,
    hint: measure.meaning,
    first: measure.better === 'higher' ? 'ascending' : 'descending',
    isNumber: true,
    cell: ({ row }) => {
      const value = row.values[measure.name]
      return { shown: formatMeasure(measure, value), key: value?.toFixed(6) }
    },
  }
}

const overlapColumn: Column = {
  title: 'Mean overlap',
  first: 'ascending',
  isNumber: true,
  cell: ({ trace }) => ({ shown: formatOverlap(trace?.meanOverlap), key: trace?.meanOverlap?.toFixed(5) }),
}

const lostColumn: Column = {
  title: 'Lost at',
  hint: 'The first frame on which truth and box do not meet, counted from 1.',
  first: 'ascending',
  isNumber: true,
  cell: ({ trace }) => ({
    shown: trace?.lostAt === undefined ? html`<span class="quiet">never</span>` : formatCount(trace.lostAt + 1),
    key: trace?.lostAt === undefined ? undefined : trace.lostAt + 1,
  }),
}

const speedColumn: Column = {
  title: 'Frames/s',
  first: 'ascending',
  isNumber: true,
  cell: ({ trace }) => ({
    shown: trace?.framesPerSecond === undefined ? '–' : trace.framesPerSecond.toFixed(1),
    key: trace?.framesPerSecond?.toFixed(3),
  }),
}

/** Ours minus the best of the others on this video. */
function differenceColumn(measure: Measure, trackers: readonly DrawnTracker[]): Column {
  const others = trackers
    .filter(({ isOurs }) => !isOurs)
    .map(({ scores }) => new Map(scores.sequences.map(({ name, values }) => [name, values[measure.name]])))
  return {
    title: 'To best other',
    hint: `${measure.title}: ours minus the best of the others on this video.`,
    first: 'ascending',
    isNumber: true,
    cell: ({ row }) => {
      const value = row.values[measure.name]
      const known = others.flatMap((values) => values.get(row.name) ?? [])
      const best = measure.better === 'higher' ? Math.max(...known) : Math.min(...known)
      const difference = value === undefined || known.length === 0 ? undefined : value - best
      const isAhead = difference !== undefined && (measure.better === 'higher' ? difference >= 0 : difference <= 0)
      const text = formatDifference(measure, difference)
      const shown = difference === undefined ? text : html`<span class="${isAhead ? 'ahead' : 'behind'}">${text}</span>`
      return { shown, key: difference?.toFixed(6) }
    },
  }
}
