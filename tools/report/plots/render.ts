// Draws plots without a browser: ECharts to SVG, sharp to PNG. Only the parts of ECharts that the plots need are loaded.

import { LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import sharp from 'sharp'
import { color, themed } from '../palette.ts'
import { fontFamily, type Plot } from './plot.ts'
import { withLegend } from './trackers.ts'

use([LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, TooltipComponent, SVGRenderer])

/** An SVG whose colors follow the page. */
export function plotSvg(plot: Plot): string {
  return themed(draw(plot))
}

const titleHeight = 34
const pictureWidth = 1400

/** A PNG on white, with the plot's title, 1400 pixels wide. */
export async function plotPng(bare: Plot): Promise<Uint8Array> {
  const plot = withLegend(bare)
  const inner = draw(plot).replace('<svg ', `<svg y="${titleHeight}" `)
  const height = plot.height + titleHeight
  const title = withoutControls(plot.title).replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${plot.width}" height="${height}" viewBox="0 0 ${plot.width} ${height}">
<rect width="100%" height="100%" fill="${color('card')}"/>
<text x="${plot.width / 2}" y="24" text-anchor="middle" font-size="16" font-weight="600" font-family="${fontFamily}" fill="${color('ink')}">${title}</text>
${inner}</svg>`
  const density = (72 * pictureWidth) / plot.width
  return await sharp(Buffer.from(svg), { density })
    .resize({ width: pictureWidth })
    .png({ compressionLevel: 9, palette: true })
    .toBuffer()
}

function draw({ option, width, height }: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption(option)
    return compact(withoutControls(chart.renderToSVGString()))
  } finally {
    chart.dispose() // Its clock would keep the process alive.
  }
}

/** XML has no control characters, but names of trackers and sequences may. */
function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t\n\r]/gu, '\ufffd')
}

/** Leaves out what is for pointers only: a drawn plot has none. */
function compact(svg: string): string {
  return svg
    .replace(/<style\s*>[\s\S]*?<\/style>/g, '')
    .replace(/ (?:class="zr[^"]*"|pointer-events="[^"]*"|ecmeta_[a-z_]+="[^"]*")/g, '')
    .replace(/>\s+</g, '><')
}
