// The page as readers and browsers get it: complete, self-contained, unbroken by names.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { trackMarks } from '../../../tools/benchmarks/types.ts'
import type { ReportData } from '../../../tools/report/data.ts'
import { palette, themed } from '../../../tools/report/palette.ts'
import { type WrittenReport, writeReport } from '../../../tools/report/write-report.ts'
import { benchmarkOf, frames, madeUp, result, sequence, tracker, writeFrames } from './made-up.ts'

let folder: string
let images: string
let data: ReportData
let written: WrittenReport
let page: string

/** The page without the library's code. */
const own = (text: string) => text.replace(/<script>[\s\S]*?<\/script>/, '')
const title = (id: string) => `<h2 id="${id}-title">`
const row = (text: string, name: string) =>
  text.split('<tr data-attributes').find((part) => part.includes(`data-key="${name}"`))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'siamrpn-report-'))
  images = join(folder, 'images')
  await writeFrames(images)
  const steps = Array.from({ length: 4 }, (_, index) => ({ epoch: index, values: { loss: 1 / (index + 1), lr: 0.01 } }))
  data = { ...madeUp(images), training: { train: steps, held: [], iterationsPerEpoch: 1 } }
  written = await writeReport(join(folder, 'out'), data)
  page = readFileSync(written.page, 'utf8')
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the page', () => {
  test('has all its sections, linked from its head', () => {
    for (const id of ['plots', 'comparison', 'attributes', 'failures', 'videos', 'training', 'run']) {
      expect(page).toContain(title(id))
      expect(page).toContain(`<a href="#${id}">`)
    }
    expect(page).toContain('Ours &amp; co <span class="on">on</span> Made-up clips')
    expect(page).toContain('never leaves the object in 1 of 3 videos')
    expect(page).toContain('1,234,567')
    expect(page).toContain('2 January 2026, 03:04 UTC')
    expect(page).toContain('ab'.repeat(32))
  })

  test('has every id once', () => {
    const ids = [...own(page).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(ids).toEqual([...new Set(ids)])
  })

  test('loads nothing', () => {
    const text = own(page).replaceAll(/http:\/\/www\.w3\.org\/(2000\/svg|1999\/xlink)/g, '')
    expect(/https?:\/\/|<link|@import|<iframe|\ssrc="|url\((?!#)/.exec(text)?.[0]).toBeUndefined()
    const targets = [...text.matchAll(/href="([^"]{1,40})/g)].map(([, to]) => to)
    expect(targets.filter((to) => !/^(#|data:image\/webp;base64,)/.test(to ?? ''))).toEqual([])
  })

  test('shows names as text', () => {
    const text = own(page)
    expect(text.includes('<img')).toBe(false)
    expect(text.includes('&lt;img src=x onerror=alert(1)&gt;')).toBe(true)
    expect(text.includes('\\u003cimg')).toBe(true)
  })

  test('has the scores of every video, to sort by', () => {
    for (const { name, values } of data.ours.scores.sequences) {
      expect(row(page, name)).toContain(`data-key="${values.success?.toFixed(6)}"`)
    }
    expect(row(page, 'lost-early')).toMatch(/data-lost[\s\S]*data-key="7">7</)
    expect(row(page, 'kept')).toContain('never')
    expect(row(page, 'kept')).not.toContain('data-lost')
    expect(page.match(/class="spark"/g)).toHaveLength(3)
  })

  test('has film strips of both failures, the loss marked', () => {
    expect(page.match(/class="card failure"/g)).toHaveLength(2)
    expect(page.match(/class="tile is-loss"/g)).toHaveLength(2)
    expect(page).toContain('aria-label="Frame 7, overlap 0.00"')
    expect(page).toContain('missed for the first time at frame 17 of 24')
  })

  test('carries its plots as data, with the curves of the scores', () => {
    const json = /<script type="application\/json" id="plot-data">(.*?)<\/script>/.exec(page)?.[1] ?? ''
    const { plots, dark } = JSON.parse(json)
    expect(plots.map(({ id }: { id: string }) => id)).toEqual(written.pictures.map((file) => basename(file, '.png')))
    expect(Object.keys(dark)).toHaveLength(Object.keys(palette).length)
    const [success] = plots
    const names = success.option.series.map(({ name }: { name: string }) => name)
    expect(names.map((name: string) => name.replace(/^\[[\d.]+\] /, ''))).toEqual([
      '<img src=x onerror=alert(1)>',
      'Ours & co',
      'Worse',
    ])
    const curve = data.ours.scores.overall.curves.success ?? []
    expect(success.option.series[1].data.map(([, y]: [number, number]) => y)).toEqual(
      curve.map((y) => Number(y.toFixed(4))),
    )
    expect(success.option.series[1].lineStyle.width).toBeGreaterThan(success.option.series[0].lineStyle.width)
    for (const { id } of plots) expect(page).toContain(`data-plot="${id}"`)
  })

  test('has a rank by every measure', () => {
    expect(page).toContain('<span class="place">2nd of 3</span>')
    expect(page.match(/<tr class="is-ours">/g)).toHaveLength(1)
  })

  test('is small beside its library', () => {
    expect(statSync(written.page).size).toBeLessThan(1_200_000)
  })
})

test('the pictures are PNG files of the same width', async () => {
  expect(written.pictures.map((file) => basename(file))).toEqual([
    'success.png',
    'precision.png',
    'norm-precision.png',
    'attributes.png',
    'training-loss.png',
    'training-rate.png',
  ])
  for (const file of written.pictures) {
    expect(await sharp(file).metadata()).toMatchObject({ format: 'png', width: 1400 })
    const { channels } = await sharp(file).stats()
    expect(channels[0]?.stdev).toBeGreaterThan(5) // Not blank.
  }
})

test('light colors of drawn plots follow the page', () => {
  expect(themed(`<path stroke="${palette.ours.light}" fill="#123456"/>`)).toBe(
    '<path stroke="var(--ours)" fill="#123456"/>',
  )
  expect(new Set(Object.values(palette).map(({ light }) => light)).size).toBe(Object.keys(palette).length)
})

test('without images, other trackers, attributes and log there is less to see, and no gap', async () => {
  const benchmark = benchmarkOf([sequence('a'), sequence('b')])
  const report: ReportData = { benchmark, ours: tracker('Ours', benchmark, [result('a', 9)]), others: [], run: {} }
  const { page: file, pictures } = await writeReport(join(folder, 'least'), report)
  const text = readFileSync(file, 'utf8')
  for (const id of ['comparison', 'attributes', 'training']) expect(text).not.toContain(title(id))
  expect(text).toContain('1 failure could not be shown')
  expect(text).toContain('b (no result)')
  expect(text).not.toMatch(/undefined|NaN(?!\()/.exec(own(text).replace(/<script[\s\S]*<\/script>/, ''))?.[0] ?? '\0')
  expect(pictures).toHaveLength(3)
  expect(existsSync(join(folder, 'least', 'plots', 'success.png'))).toBe(true)
})

test('VOT has its own numbers and plots', async () => {
  const video = { ...sequence('a', images), size: { width: 160, height: 120 } }
  const benchmark = benchmarkOf([video, { ...video, name: 'b' }], 'vot')
  const marks = (name: string, lost: number) => {
    const { regions } = result(name)
    return {
      name,
      regions: regions.map((region, frame) => {
        if (frame === 0 || frame === lost + 5) return trackMarks.init
        if (frame === lost) return trackMarks.failure
        return frame > lost && frame < lost + 5 ? trackMarks.skipped : region
      }),
    }
  }
  const ours = tracker('Ours', benchmark, [marks('a', 15), marks('b', frames)])
  const { page: file, pictures } = await writeReport(join(folder, 'vot'), { benchmark, ours, others: [], run: {} })
  const names = pictures.map((picture) => basename(picture))
  expect(names).toContain('expected-overlap.png')
  expect(names).toContain('accuracy-robustness.png')
  const text = readFileSync(file, 'utf8')
  expect(text).toContain('missed for the first time at frame 16 of 24')
  expect(text).toContain('Robustness')
})
