// The section that says how the numbers came about: model, checkpoint, adapter, and how each measure is computed.

import { type Html, html } from '../html.ts'
import { formatCount, formatDate, formatRate, speedScope } from '../numbers.ts'
import type { Content } from './content.ts'

export function factsBody({ data: { benchmark, ours, run } }: Content): Html {
  const { checkpoint } = run
  const rows: (readonly [string, string | Html | undefined])[] = [
    ['Tracker', ours.name],
    ['Configuration', run.config],
    ['Checkpoint', checkpoint?.name],
    ['SHA-256', checkpoint?.sha256 === undefined ? undefined : html`<code>${checkpoint.sha256}</code>`],
    ['Parameters', run.parameters === undefined ? undefined : formatCount(run.parameters)],
    ['Adapter', run.adapter],
    ['Speed', run.framesPerSecond === undefined ? undefined : `${formatRate(run.framesPerSecond)} frames per second`],
    ['Speed is of', run.framesPerSecond === undefined || !run.videosBefore ? undefined : speedScope(run.videosBefore)],
    ['Date', run.date === undefined ? undefined : formatDate(run.date)],
    ['Data set', benchmark.title],
    ['Videos', formatCount(ours.scores.overall.sequences)],
    ['Frames', formatCount(ours.scores.overall.frames)],
    [
      'Hidden objects',
      ours.scores.protocol === 'ope'
        ? ours.scores.onlyEvalVisible
          ? 'frames without the object count as failures'
          : 'all frames are judged'
        : undefined,
    ],
    ...Object.entries(run.facts ?? {}),
  ]
  return html`<div class="columns">
<dl class="card run">${rows.map(([name, value]) => value !== undefined && html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
<dl class="card measures">${ours.scores.measures.map(({ title, meaning }) => html`<div><dt>${title}</dt><dd>${meaning}</dd></div>`)}</dl>
</div>
`
}
