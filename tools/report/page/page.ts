// The page: one file that needs no network, in light and dark, for screens of any width and for paper.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Html, html, scriptJson } from '../html.ts'
import { counted } from '../numbers.ts'
import { darkColors } from '../palette.ts'
import { allPlots, type Content } from './content.ts'
import { factsBody } from './facts.ts'
import { failuresBody } from './failures.ts'
import { plotFigure, type Section, sectionHtml } from './parts.ts'
import { styleSheet } from './style.ts'
import { headerHtml, summaryHtml } from './summary.ts'
import { attributeTable, comparisonTable } from './tables.ts'
import { videosBody } from './videos.ts'

/** The whole document. */
export async function pageHtml(content: Content): Promise<string> {
  const { benchmark, ours } = content.data
  const [library, script] = await Promise.all([
    readFile(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8'),
    readFile(new URL('./page-script.js', import.meta.url), 'utf8'),
  ])
  const sections = sectionsOf(content)
  const plots = allPlots(content).map(({ id, option, digits }) => ({ id, option, digits }))
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="siamrpn">
<title>${ours.name} on ${benchmark.title}: evaluation report</title>
<style>${new Html(styleSheet())}</style>
</head>
<body>
<nav aria-label="Sections"><a href="#summary">Summary</a>${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}<button type="button" id="theme" hidden>Theme</button></nav>
<main>
${headerHtml(content)}
${summaryHtml(content)}
${sections.map(sectionHtml)}
</main>
<footer><p>Made by <code>siamrpn report</code>. This page holds everything it shows and loads nothing.</p></footer>
<script type="application/json" id="plot-data">${scriptJson({ plots, dark: darkColors })}</script>
<script>${new Html(library)}</script>
<script type="module">${new Html(script)}</script>
</body>
</html>
`.text
}

function sectionsOf(content: Content): Section[] {
  const { curves, attributes, training, strips, unseen, trackers, data } = content
  const table = attributeTable(content)
  const videos = data.ours.scores.sequences.length
  const failures = strips.length + unseen
  return [
    ...(curves.length > 0
      ? [{ id: 'plots', title: 'Plots', body: html`<div class="plots">${curves.map(plotFigure)}</div>` }]
      : []),
    ...(trackers.length > 1 ? [{ id: 'comparison', title: 'Comparison', body: comparisonTable(content) }] : []),
    ...(attributes
      ? [{ id: 'attributes', title: 'Attributes', body: html`<div>${plotFigure(attributes)}${table}</div>` }]
      : []),
    ...(failures > 0
      ? [
          {
            id: 'failures',
            title: 'Failures',
            intro: `${failures === 1 ? 'The video' : `The ${failures} videos`} with the least overlap among those in which the object is lost: the last good frame, the way to the loss (red), and what came of it.`,
            body: failuresBody(content),
          },
        ]
      : []),
    {
      id: 'videos',
      title: 'Videos',
      intro: `${counted(videos, 'video')}. Sort by the heads of the columns.`,
      body: videosBody(content),
    },
    ...(training.length > 0
      ? [{ id: 'training', title: 'Training', body: html`<div class="plots">${training.map(plotFigure)}</div>` }]
      : []),
    { id: 'run', title: 'About', body: factsBody(content) },
  ]
}
