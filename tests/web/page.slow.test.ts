// The page in a real browser, on the software adapter: what a person does first, from opening to export, and what they read when
// something is missing or wrong.

import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../../web/src/session/session.ts'
import { buildPage, chromiumPath, type OpenedPage, openPage, serve } from './site.ts'

const path = chromiumPath()
if (!path) console.warn('Skipped: there is no Chromium on this machine; `node scripts/ensure-browser.mjs` installs it.')

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let site: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  if (!path) return
  buildPage()
  site = await serve()
})
afterAll(() => {
  site?.server.close()
})

const bars = { FRAMES: 15, OVERLAP: 0.5 }

/** The session that the page puts on `window`, evaluated there. */
async function inPage<T>(page: OpenedPage['page'], read: (session: Session) => T): Promise<T> {
  return await page.evaluate(`(${read})(window.siamrpnSession)`)
}

async function until(page: OpenedPage['page'], condition: (session: Session) => boolean): Promise<void> {
  await page.waitForFunction(`window.siamrpnSession && (${condition})(window.siamrpnSession)`, undefined, {
    timeout: 110_000,
    polling: 200,
  })
}

/** Problems that axe-core calls serious or critical. */
async function seriousProblems({ page }: OpenedPage): Promise<string[]> {
  await page.addScriptTag({ content: axe }).catch(() => undefined)
  return await page.evaluate(async () => {
    const tool = (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string }[] }> } })
      .axe
    const { violations } = await tool.run()
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id)
  })
}

describe.skipIf(!path)('the page', () => {
  let opened: OpenedPage
  beforeAll(async () => {
    opened = await openPage(site.address, { bypassPolicy: true })
    await until(opened.page, ({ adapter, notice }) => adapter.value !== undefined || notice.value?.kind === 'error')
  })
  afterAll(async () => {
    await opened?.close()
  })

  test('loads the model that ships and names the adapter', async () => {
    expect(await inPage(opened.page, ({ adapter, notice }) => [adapter.value?.description, notice.value])).toEqual([
      expect.stringMatching(/swiftshader/i),
      undefined,
    ])
  })

  test('follows the sample clip', async () => {
    const { page } = opened
    await page.getByTestId('sample').click()
    await until(page, ({ project }) => project.value?.targets.length === 1)
    await page.getByTestId('follow').click()
    await page.waitForFunction(
      `window.siamrpnSession.project.value.targets[0].track.size >= ${bars.FRAMES}`,
      undefined,
      { timeout: 110_000 },
    )
    await page.getByTestId('stop').click()
    await until(page, ({ following }) => !following.value)
    const boxes = await inPage(page, ({ project }) => [...(project.value?.targets[0]?.track ?? [])])
    const truth = await sampleTruth()
    const overlaps = boxes.slice(0, bars.FRAMES).map(([frame, { box }]) => overlap(box, truth[frame]))
    expect(overlaps.reduce((sum, value) => sum + value, 0) / overlaps.length).toBeGreaterThan(bars.OVERLAP)
  })

  test('exports JSON that it imports again', async () => {
    const { page } = opened
    const before = await inPage(page, ({ project }) => project.value?.targets[0]?.track.size)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export' }).click(),
    ])
    const file = await download.path()
    await page.getByRole('button', { name: /^Remove Target 1$/ }).click()
    await until(page, ({ project }) => project.value?.targets.length === 0)
    await page
      .getByTestId('import')
      .setInputFiles({ name: 'again.json', mimeType: 'application/json', buffer: await readFile(file) })
    await until(page, ({ project }) => project.value?.targets.length === 1)
    expect(await inPage(page, ({ project }) => project.value?.targets[0]?.track.size)).toBe(before)
  })

  test('undo takes an edit back', async () => {
    const { page } = opened
    await page.getByRole('button', { name: 'Undo' }).click()
    expect(await inPage(page, ({ project }) => project.value?.targets.length)).toBe(0)
    await page.getByRole('button', { name: 'Redo' }).click()
    expect(await inPage(page, ({ project }) => project.value?.targets.length)).toBe(1)
  })

  test.each([
    ['notes.mp4', 'hello', '"notes.mp4" is no video that this page can read'],
    ['empty.webm', '', '"empty.webm" is empty'],
    ['photo.jpg', 'hello', '"photo.jpg" cannot be decoded as an image'],
    ['clip.zip', 'hello', '"clip.zip" is no zip archive that can be read'],
  ])('refuses %s with a sentence and keeps what is open', async (name, text, message) => {
    const { page } = opened
    await page
      .getByTestId('open')
      .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(text) })
    await until(page, ({ notice }) => notice.value?.kind === 'error')
    expect(await page.getByTestId('notice').innerText()).toContain(message)
    expect(await inPage(page, ({ project }) => project.value?.clip.name)).toBe('sample')
    await page.getByRole('button', { name: 'Close this message' }).click()
  })

  test('weights of another model are refused, and the model in use stays', async () => {
    const { page } = opened
    await page
      .getByTestId('weights')
      .setInputFiles({ name: 'x.safetensors', mimeType: '', buffer: Buffer.from('not weights') })
    await until(page, ({ notice }) => notice.value?.kind === 'error')
    expect(await inPage(page, ({ modelName }) => modelName.value)).toBe('The model that ships')
  })

  test('has no serious problem of accessibility', async () => {
    expect(await seriousProblems(opened)).toEqual([])
  })

  test('asks nothing of any other host and logs no error', async () => {
    expect([...opened.hosts]).toEqual([new URL(site.address).host])
    expect(opened.errors).toEqual([])
  })
})

test.skipIf(!path)('without WebGPU the page says which browsers have it', async () => {
  const opened = await openPage(site.address, { webgpu: false })
  try {
    await until(opened.page, ({ missing }) => missing.value !== undefined)
    expect(await opened.page.getByTestId('missing').innerText()).toMatch(/WebGPU/)
    expect(opened.errors).toEqual([])
  } finally {
    await opened.close()
  }
})

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

async function sampleTruth(): Promise<Box[]> {
  const { unzipSync, strFromU8 } = await import('fflate')
  const files = unzipSync(await readFile(new URL('../../web/public/sample.zip', import.meta.url)))
  const [, text] = Object.entries(files).find(([name]) => name.endsWith('groundtruth.txt')) ?? []
  if (!text) throw new Error('The sample clip has no ground truth')
  const rows = strFromU8(text).trim().split('\n')
  return rows.map((line) => {
    const [x = 0, y = 0, width = 0, height = 0] = line.split(',').map(Number)
    return { x, y, width, height }
  })
}

/** Intersection over union. */
function overlap(a: Box, b: Box | undefined): number {
  if (!b) return 0
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  const shared = Math.max(0, width) * Math.max(0, height)
  return shared / (a.width * a.height + b.width * b.height - shared)
}
