// The style sheet of the page. Colors come from the palette as custom properties: light, dark by the reader's system or
// choice, and light again on paper.

import { customProperties } from '../palette.ts'

const light = customProperties('light')
const dark = customProperties('dark')

const colors = `
:root { color-scheme: light; ${light} }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { color-scheme: dark; ${dark} } }
:root[data-theme=dark] { color-scheme: dark; ${dark} }
`

const base = `
*, *::before, *::after { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 3.4rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font: 400 15px/1.5 Inter, system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, "DejaVu Sans", sans-serif; }
main, footer { max-width: 1200px; margin: 0 auto; padding: 0 24px; }
h1 { font-size: clamp(1.6rem, 1.1rem + 2.2vw, 2.5rem); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h1 .on { color: var(--faint); font-weight: 400; }
h2 { font-size: 1.35rem; letter-spacing: -.01em; margin: 0 0 .3rem; }
h3 { font-size: .95rem; margin: 0; overflow-wrap: anywhere; }
p { margin: 0; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .88em; overflow-wrap: anywhere; }
a { color: inherit; }
:focus-visible { outline: 2px solid var(--other1); outline-offset: 2px; border-radius: 4px; }
nav { position: sticky; top: 0; z-index: 10; display: flex; gap: 2px; align-items: center; overflow-x: auto; padding: 7px max(16px, calc(50vw - 584px));
  background: color-mix(in srgb, var(--ground) 88%, transparent); backdrop-filter: blur(8px); border-bottom: 1px solid var(--line); scrollbar-width: none; }
nav a { padding: 4px 9px; border-radius: 6px; text-decoration: none; color: var(--muted); font-size: .87rem; white-space: nowrap; }
nav a:hover { background: var(--hairline); color: var(--ink); }
nav button { margin-left: auto; white-space: nowrap; }
button, select, input { font: inherit; font-size: .87rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 4px 9px; }
button { cursor: pointer; }
button:hover { border-color: var(--faint); }
section { margin: 0 0 3rem; }
header { padding: 2.6rem 0 1.2rem; }
footer { padding-bottom: 2rem; color: var(--faint); font-size: .85rem; }
.eyebrow { color: var(--ours); font-weight: 600; font-size: .82rem; letter-spacing: .08em; text-transform: uppercase; margin-bottom: .4rem; }
.facts, .intro, .quiet, figcaption, .meaning, .versus, .hint { color: var(--muted); }
.intro { margin: 0 0 1rem; max-width: 46rem; }
.lead { font-size: 1.12rem; max-width: 48rem; margin-bottom: 1.3rem; }
.hint { font-size: .88rem; margin-top: .9rem; }
.notice { border-left: 3px solid var(--other4); background: var(--card); padding: .5rem .8rem; margin: .8rem 0 0; border-radius: 0 6px 6px 0; font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.ahead { color: var(--good); font-weight: 600; }
.behind { color: var(--bad); font-weight: 600; }
`

const numbers = `
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 14px; }
.number { padding: 16px 18px; }
.number h3 { color: var(--muted); font-weight: 500; font-size: .88rem; }
.value { font-size: 2.5rem; font-weight: 650; line-height: 1.15; letter-spacing: -.03em; font-variant-numeric: tabular-nums; margin: .15rem 0 .3rem; }
.value small { font-size: .95rem; font-weight: 400; letter-spacing: 0; color: var(--muted); margin-left: .25em; white-space: nowrap; }
.number:first-child .value { color: var(--ours); }
.versus { font-size: .88rem; margin-bottom: .35rem; }
.place { color: var(--ink); font-weight: 600; }
.meaning { font-size: .84rem; line-height: 1.42; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); gap: 14px; align-items: start; }
dl { margin: 0; padding: 6px 18px; }
dl div { display: grid; grid-template-columns: 9.5rem 1fr; gap: 12px; padding: 8px 0; border-bottom: 1px solid var(--hairline); }
dl div:last-child { border-bottom: 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
`

const plots = `
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 350px), 1fr)); gap: 14px; align-items: start; }
figure { margin: 0; }
.plot { padding: 14px 14px 12px; margin-bottom: 14px; }
.plots .plot { margin-bottom: 0; }
.plot h3 { padding: 0 4px 6px; }
.plot figcaption { font-size: .84rem; line-height: 1.42; padding: 8px 4px 0; }
.drawing { position: relative; aspect-ratio: var(--ratio); width: 100%; }
.static svg { display: block; width: 100%; height: auto; }
.live { display: none; position: absolute; inset: 0; }
.is-live .static { visibility: hidden; position: absolute; inset: 0; overflow: hidden; }
.is-live .live { display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; margin: 4px 0 0; padding: 0 4px; font-size: .84rem; font-variant-numeric: tabular-nums; }
.legend .is-ours { font-weight: 650; }
.legend button { all: unset; cursor: pointer; overflow-wrap: anywhere; }
.legend button:focus-visible { outline: 2px solid var(--other1); outline-offset: 2px; }
.legend button[aria-pressed=false] { opacity: .4; text-decoration: line-through; }
.tip { font-variant-numeric: tabular-nums; }
.tip b { display: block; margin-bottom: 3px; font-weight: 600; }
.tip div { display: flex; gap: 7px; align-items: center; }
.tip i { width: 10px; height: 10px; border-radius: 3px; flex: none; }
.tip em { font-style: normal; margin-left: auto; padding-left: 14px; font-weight: 600; }
.swatch { display: inline-block; width: 18px; height: 3px; border-radius: 2px; background: var(--tint); vertical-align: middle; margin-right: 8px; }
.swatch.is-ours { height: 6px; }
@media (max-width: 560px) { .is-live .drawing { aspect-ratio: auto; height: min(var(--tall), 400px); }
  .is-live[data-plot=attributes] .drawing { height: var(--tall); } }
`

const tables = `
.scroll { overflow-x: auto; }
.tall { max-height: 76vh; overflow-y: auto; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; text-align: left; border-bottom: 1px solid var(--hairline); vertical-align: middle; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; z-index: 2; background: var(--card); color: var(--muted); font-weight: 500; font-size: .82rem; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead button { all: unset; cursor: pointer; border-radius: 3px; }
thead button:hover { color: var(--ink); }
thead button:focus-visible { outline: 2px solid var(--other1); outline-offset: 2px; }
thead button::after { content: "\\2195"; padding-left: 3px; opacity: .3; font-size: .8em; }
th[aria-sort] button { color: var(--ink); font-weight: 600; }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
tbody th { font-weight: 500; }
tbody th small { display: block; color: var(--faint); font-weight: 400; font-size: .78rem; line-height: 1.3; }
.n { text-align: right; white-space: nowrap; }
.rank { width: 2.6rem; color: var(--faint); }
tbody tr:hover > * { background: var(--hairline); }
tr.is-ours > * { font-weight: 650; background: color-mix(in srgb, var(--ours) 7%, var(--card)); }
.bar { background-image: linear-gradient(to right, color-mix(in srgb, var(--other1) 16%, transparent) var(--share), transparent var(--share)); }
tr.is-ours .bar { background-image: linear-gradient(to right, color-mix(in srgb, var(--ours) 24%, transparent) var(--share), transparent var(--share)); }
details { padding: 10px 16px; }
summary { cursor: pointer; font-size: .9rem; color: var(--muted); }
.filters { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; margin-bottom: 10px; font-size: .88rem; color: var(--muted); }
.filters[hidden] { display: none; }
.filters output { margin-left: auto; font-variant-numeric: tabular-nums; }
.filters input[type=search] { width: 11rem; }
.check { display: inline-flex; gap: 6px; align-items: center; }
#video-table tbody th { min-width: 9rem; overflow-wrap: anywhere; }
.spark { display: block; }
.spark-area { fill: color-mix(in srgb, var(--other1) 18%, transparent); }
.spark-line { fill: none; vector-effect: non-scaling-stroke; stroke: var(--other1); stroke-width: 1.3; stroke-linejoin: round; }
.spark-lost { stroke: var(--bad); stroke-width: 1.4; }
`

const failures = `
.key { display: flex; gap: 20px; margin-bottom: 10px; font-size: .9rem; }
.key span::before { content: ""; display: inline-block; width: 15px; height: 11px; border: 2.5px solid; border-radius: 2px; margin-right: 7px; vertical-align: -1px; }
.key-truth::before { border-color: var(--truth) !important; }
.key-ours::before { border-color: var(--ours) !important; border-style: dashed !important; }
.failure { padding: 14px 16px 10px; margin-bottom: 14px; }
.failure .facts { font-size: .86rem; margin: 1px 0 10px; }
.strip { display: grid; grid-template-columns: repeat(6, 1fr); gap: 8px; margin-bottom: 10px; }
.tile svg { display: block; width: 100%; height: auto; border-radius: 6px; background: var(--hairline); }
.tile.is-loss svg { outline: 2.5px solid var(--bad); }
.tile figcaption { display: flex; justify-content: space-between; font-size: .78rem; font-variant-numeric: tabular-nums; padding: 3px 2px 0; }
.tile.is-loss figcaption { color: var(--bad); font-weight: 600; }
.tile rect { fill: none; stroke-width: 3.5; }
.tile .halo { stroke: #000; stroke-opacity: .45; stroke-width: 6; }
.tile .truth { stroke: #40d65b; }
.tile .ours { stroke: #ff7a1a; stroke-dasharray: 9 5; }
.tile .arrow { stroke: #000; stroke-width: 1.2; stroke-dasharray: none; }
.tile .arrow.truth { fill: #40d65b; }
.tile .arrow.ours { fill: #ff7a1a; }
.timeline { display: block; width: 100%; height: 36px; background: var(--hairline); border-radius: 4px; }
.mark { stroke: var(--muted); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.mark.is-loss { stroke: var(--bad); stroke-width: 2.5; }
.scale span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.scale span:not(:nth-child(2)) { flex: none; }
.scale { display: flex; justify-content: space-between; gap: 10px; font-size: .76rem; color: var(--faint); padding-top: 3px; }
@media (max-width: 900px) { .strip { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 560px) { .strip { grid-template-columns: repeat(2, 1fr); } main, footer { padding: 0 14px; }
  dl div { grid-template-columns: 1fr; gap: 0; } .cards { grid-template-columns: repeat(2, 1fr); gap: 10px; } .number { padding: 12px 13px; } .value { font-size: 1.8rem; } .value small { font-size: .8rem; }
  section { margin-bottom: 2.2rem; } th, td { padding: 6px 9px; } header { padding-top: 1.6rem; } }
`

const paper = `
@media print {
  :root, :root[data-theme], :root:not([data-theme=light]) { color-scheme: light; ${light} --ground: #ffffff; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 11px; }
  nav, .filters, .hint, footer { display: none; }
  main { max-width: none; padding: 0; }
  header { padding-top: 0; }
  .is-live .static { visibility: visible; position: static; }
  .is-live .live { display: none; }
  .plots { grid-template-columns: repeat(2, 1fr); }
  .plot .drawing { aspect-ratio: auto !important; height: auto !important; }
  .plot, .failure, .number, tr, dl div { break-inside: avoid; }
  h2 { break-after: avoid; }
  .tall { max-height: none; }
  .scroll { overflow: visible; }
  thead th { position: static; }
  th, td { padding: 4px 7px; }
  .cards { grid-template-columns: repeat(4, 1fr); }
  .strip { grid-template-columns: repeat(6, 1fr); }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
`

/** The whole style sheet. */
export function styleSheet(): string {
  return [colors, base, numbers, plots, tables, failures, paper].join('')
}
