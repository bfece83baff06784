// The worst failures, each as a strip of pictures over the course of the overlap.

import type { Box } from '../../frames/types.ts'
import { type FilmStrip, type Tile, tileHeight, tileWidth } from '../film-strip.ts'
import { type Html, html } from '../html.ts'
import { counted, formatOverlap, rounded } from '../numbers.ts'
import { condensed, overlapPaths } from '../sparkline.ts'
import type { Content } from './content.ts'

export function failuresBody({ strips, unseen, data: { ours } }: Content): Html {
  return html`<p class="key"><span class="key-truth">truth</span> <span class="key-ours">${ours.name}</span></p>
${strips.map(stripHtml)}
${unseen > 0 && html`<p class="notice">${counted(unseen, 'failure')} could not be shown: the images of the data set are not where it was read from.</p>`}
`
}

function stripHtml(strip: FilmStrip): Html {
  const { trace, lostAt, tiles } = strip
  const count = trace.overlaps.length
  return html`<article class="card failure">
<h3>${trace.sequence.name}</h3>
<p class="facts">missed for the first time at frame ${lostAt + 1} of ${count} · mean overlap ${formatOverlap(trace.meanOverlap)}</p>
<div class="strip">${tiles.map((tile) => tileHtml(tile, tile.frame === lostAt))}</div>
${timeline(strip)}
</article>
`
}

function tileHtml({ frame, overlap, picture, truth, answer }: Tile, isLoss: boolean): Html {
  const label = `Frame ${frame + 1}, ${overlap === undefined ? 'object not to be seen' : `overlap ${formatOverlap(overlap)}`}`
  return html`<figure class="${isLoss ? 'tile is-loss' : 'tile'}"><svg viewBox="0 0 ${tileWidth} ${tileHeight}" role="img" aria-label="${label}"><image width="${tileWidth}" height="${tileHeight}" href="${picture}"/>${truth && boxHtml(truth, 'truth')}${answer && boxHtml(answer, 'ours')}</svg><figcaption><span>frame ${frame + 1}</span><span>${overlap === undefined ? 'hidden' : formatOverlap(overlap)}</span></figcaption></figure>`
}

/** A box outside of the picture becomes an arrow at its edge. */
function boxHtml({ x, y, width, height }: Box, kind: 'truth' | 'ours'): Html {
  const isSeen = x < tileWidth && y < tileHeight && x + width > 0 && y + height > 0
  if (isSeen) {
    const at = html`x="${rounded(x, 1)}" y="${rounded(y, 1)}" width="${rounded(width, 1)}" height="${rounded(height, 1)}"`
    return html`<rect class="halo" ${at}/><rect class="${kind}" ${at}/>`
  }
  const inside = (value: number, limit: number) => Math.max(14, Math.min(limit - 14, value))
  const [centreX, centreY] = [x + width / 2, y + height / 2]
  const [atX, atY] = [inside(centreX, tileWidth), inside(centreY, tileHeight)]
  const turn = (180 / Math.PI) * Math.atan2(centreY - atY, centreX - atX)
  const place = html`transform="translate(${rounded(atX, 1)} ${rounded(atY, 1)}) rotate(${rounded(turn, 0)})"`
  return html`<path class="arrow ${kind}" d="M9 0L-6 -9L-2 0L-6 9Z" ${place}/>`
}

const timeWidth = 600
const timeHeight = 44
const stretches = 300

/** The overlap over the whole video, with a mark for each picture. */
function timeline({ trace: { overlaps }, tiles, lostAt }: FilmStrip): Html {
  const last = Math.max(1, overlaps.length - 1)
  const { area, line } = overlapPaths(condensed(overlaps, stretches), timeWidth, timeHeight)
  const x = (frame: number) => rounded((frame * timeWidth) / last, 1)
  return html`<svg class="timeline" viewBox="0 0 ${timeWidth} ${timeHeight}" preserveAspectRatio="none" role="img" aria-label="Overlap over the ${overlaps.length} frames of the video"><path class="spark-area" d="${area}"/><path class="spark-line" d="${line}"/>${tiles.map(
    ({ frame }) => html`<path class="${frame === lostAt ? 'mark is-loss' : 'mark'}" d="M${x(frame)} 0V${timeHeight}"/>`,
  )}</svg>
<p class="scale"><span>frame 1</span><span>overlap over the video, lines where the pictures are from</span><span>${overlaps.length}</span></p>
`
}
