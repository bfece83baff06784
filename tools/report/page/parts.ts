// Parts that several sections of the page share.

import { Html, html } from '../html.ts'
import { themed } from '../palette.ts'
import type { Plot } from '../plots/plot.ts'
import { plotSvg } from '../plots/render.ts'

export interface Section {
  readonly id: string
  readonly title: string
  /** A sentence under the heading. */
  readonly intro?: string | Html
  readonly body: Html
}

export function sectionHtml({ id, title, intro, body }: Section): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${intro !== undefined && html`<p class="intro">${intro}</p>`}
${body}
</section>
`
}

/** The drawn plot, and room for the interactive one. */
export function plotFigure(plot: Plot): Html {
  const svg = plotSvg(plot).replace('<svg ', '<svg aria-hidden="true" focusable="false" ')
  return html`<figure class="plot card" data-plot="${plot.id}" style="--ratio: ${plot.width} / ${plot.height}; --tall: ${plot.height}px">
<h3 id="plot-${plot.id}">${plot.title}</h3>
<div class="drawing" role="img" aria-labelledby="plot-${plot.id}" aria-describedby="about-${plot.id}"><div class="static">${new Html(svg)}</div><div class="live"></div></div>
${plot.legend.length > 1 && legendList(plot)}
<figcaption id="about-${plot.id}">${plot.caption}</figcaption>
</figure>`
}

/** In the order of the plot; the page's script makes each entry a switch. */
function legendList({ legend }: Plot): Html {
  return html`<ul class="legend">${legend.map(
    ({ name, color, isOurs }) =>
      html`<li${isOurs && html` class="is-ours"`} data-series="${name}">${swatch(color, isOurs)}${name}</li>`,
  )}</ul>`
}

/** A dot in a tracker's color, given in the light palette. */
export function swatch(color: string, isOurs: boolean): Html {
  return html`<span class="${isOurs ? 'swatch is-ours' : 'swatch'}" style="--tint: ${themed(color)}" aria-hidden="true"></span>`
}
