// The page in a real browser, on the software adapter: what a person does, from opening to export, and what they read when
// something is missing or wrong. One visit serves all of it; the tests follow each other.

import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Download } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromFloat32, writeSafetensors } from '../../src/index.ts'
import type { ExportKind } from '../../web/src/session/export.ts'
import type { Session } from '../../web/src/session/session.ts'
import { type Box, overlap, readSample, type Sample, writeCamera } from './sample.ts'
import { buildPage, chromiumPath, type OpenedPage, openPage, serve } from './site.ts'

const path = chromiumPath()
if (!path) console.warn('Skipped: there is no Chromium on this machine; `node scripts/ensure-browser.mjs` installs it.')

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const bars = { FRAMES: 15, OVERLAP: 0.5 }
const outOfTime = 600_000

let folder: string
let site: Awaited<ReturnType<typeof serve>>
let sample: Sample
beforeAll(async () => {
  if (!path) return
  folder = await mkdtemp(join(tmpdir(), 'siamrpn-page-'))
  buildPage()
  site = await serve()
  sample = await readSample(new URL('../../web/public/sample.zip', import.meta.url))
  await writeCamera(join(folder, 'camera.mjpeg'), sample)
})
afterAll(async () => {
  site?.server.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

/** The session that the page puts on `window`, evaluated there. */
async function inPage<T>({ page }: OpenedPage, read: (session: Session) => T): Promise<Awaited<T>> {
  return await page.evaluate(`(${read})(window.siamrpnSession)`)
}

/** Waits for something in the page. Asked from outside: the page's policy forbids to evaluate texts there. */
async function until(opened: OpenedPage, condition: string | ((session: Session) => boolean)): Promise<void> {
  const asked = `Boolean(window.siamrpnSession && (${condition})(window.siamrpnSession))`
  const end = Date.now() + outOfTime
  while (!(await opened.page.evaluate(asked))) {
    if (Date.now() > end)
      throw new Error(`Waited in vain for ${condition}; ${await opened.page.locator('main').innerText()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const idle = (opened: OpenedPage) => until(opened, ({ workspace }) => !workspace.activity.busy.value)
const modelIsThere = (opened: OpenedPage) =>
  until(
    opened,
    ({ model, workspace }) => Boolean(model.adapter.value ?? workspace.notice.value) && !model.loading.value,
  )
const projectOf = (opened: OpenedPage) =>
  inPage(opened, ({ workspace }) => {
    const project = workspace.project.value
    return (
      project && {
        ...project,
        targets: project.targets.map((t) => ({ ...t, marks: [...t.marks], track: [...t.track] })),
      }
    )
  })
const noticeOf = async ({ page }: OpenedPage) => await page.getByTestId('notice').innerText()

/** Follows until so many frames are there, then pauses. */
async function followFor(opened: OpenedPage, frames: number): Promise<void> {
  await opened.page.getByTestId('follow').click()
  await until(opened, `({ workspace }) => workspace.project.value.targets[0].track.size >= ${frames}`)
  await pause(opened)
}

async function pause(opened: OpenedPage): Promise<void> {
  await inPage(opened, ({ workspace }) => workspace.activity.stop())
}

/** Drags on the stage, in frame pixels. */
async function drag(opened: OpenedPage, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  const corner = ([x, y]: readonly [number, number]): Promise<[number, number]> =>
    opened.page.evaluate(`(() => {
      const canvas = document.querySelector('canvas.stage')
      const { left, top, width, height } = canvas.getBoundingClientRect()
      const scale = Math.min(width / canvas.width, height / canvas.height)
      return [left + width / 2 + (${x} - canvas.width / 2) * scale, top + height / 2 + (${y} - canvas.height / 2) * scale]
    })()`)
  await opened.page.mouse.move(...(await corner(from)))
  await opened.page.mouse.down()
  await opened.page.mouse.move(...(await corner([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2])))
  await opened.page.mouse.move(...(await corner(to)))
  await opened.page.mouse.up()
}

async function openSample(opened: OpenedPage): Promise<void> {
  await opened.page.getByRole('navigation').getByRole('button', { name: 'Sample' }).click()
  await until(opened, ({ workspace }) => workspace.project.value?.clip.name === 'sample')
  await idle(opened)
}

async function exported(opened: OpenedPage, kind: ExportKind): Promise<string> {
  await opened.page.getByLabel('Format to export').selectOption(kind)
  const waiting = opened.page.waitForEvent('download', { timeout: outOfTime })
  await opened.page.getByRole('button', { name: 'Export', exact: true }).click()
  const file: Download = await waiting
  const target = join(folder, file.suggestedFilename())
  await file.saveAs(target)
  return target
}

async function choose(opened: OpenedPage, id: 'open' | 'import' | 'weights', name: string, bytes: Uint8Array | string) {
  const buffer = Buffer.from(bytes as Uint8Array)
  await opened.page.getByTestId(id).setInputFiles({ name, mimeType: 'application/octet-stream', buffer })
}

/** Drops a file onto the page. */
async function drop({ page }: OpenedPage, name: string, bytes: Uint8Array): Promise<void> {
  const data = await page.evaluateHandle(
    ([fileName, text]) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], fileName))
      return transfer
    },
    [name, Buffer.from(bytes).toString('base64')] as const,
  )
  await page.dispatchEvent('main', 'drop', { dataTransfer: data })
}

/** Problems that axe-core calls serious or critical. */
async function seriousProblems({ page }: OpenedPage): Promise<string[]> {
  await page.evaluate(axe)
  return await page.evaluate(async () => {
    const tool = (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string }[] }> } })
      .axe
    const { violations } = await tool.run()
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id)
  })
}

/** A video that the page exported. */
let video: string

describe.skipIf(!path)('the page', () => {
  let opened: OpenedPage
  /** Of the sample's frames. */
  let small: number[][]
  beforeAll(async () => {
    opened = await openPage(site.address, { camera: join(folder, 'camera.mjpeg') })
    await modelIsThere(opened)
  })
  afterAll(async () => {
    await opened?.close()
  })

  test('loads the model that ships and names the adapter', async () => {
    const found = await inPage(opened, ({ model, workspace }) => [model.adapter.value, workspace.notice.value])
    expect(found).toEqual([{ description: expect.stringMatching(/swiftshader/i), software: true }, undefined])
  })

  test('follows the sample clip', async () => {
    const { page } = opened
    await page.getByTestId('sample').click()
    await until(opened, ({ workspace }) => workspace.project.value?.targets.length === 1)
    await idle(opened)
    small = await allThumbnails(opened)
    await followFor(opened, bars.FRAMES)
    const track = (await projectOf(opened))?.targets[0]?.track ?? []
    const overlaps = track.slice(0, bars.FRAMES).map(([frame, { box }]) => overlap(box, sample.truth[frame]))
    expect(overlaps.reduce((sum, value) => sum + value, 0) / overlaps.length).toBeGreaterThan(bars.OVERLAP)
    expect(await page.getByTestId('speed').innerText()).toMatch(/^\d+ ms, \d+\.\d frames\/s$/)
  })

  test('a box drawn with the mouse lies where it was drawn, and is followed beside the first', async () => {
    await inPage(opened, ({ workspace }) => workspace.seek(2))
    const { x, y, width, height } = sample.truth[2] as Box
    const away = { x: x > 160 ? 20 : 250, y: y > 120 ? 20 : 180, width: 40, height: 30 }
    await drag(opened, [away.x, away.y], [away.x + away.width, away.y + away.height])
    await until(opened, ({ workspace }) => (workspace.project.value?.targets[1]?.track.size ?? 0) >= 1)
    await pause(opened)
    const second = (await projectOf(opened))?.targets[1]
    expect(second?.marks).toHaveLength(1)
    const [[frame, mark] = []] = second?.marks ?? []
    expect([frame, mark?.kind]).toEqual([2, 'box'])
    expect(mark?.kind === 'box' && overlap(mark.box, away)).toBeGreaterThan(0.9)
    expect([width, height].every((size) => size > 0)).toBe(true)
    await opened.page.getByRole('button', { name: 'Remove Target 2' }).click()
  })

  test('a dragged box corrects the track from that frame on, and leaves what was before', async () => {
    const before = (await projectOf(opened))?.targets[0]?.track ?? []
    await inPage(opened, async ({ workspace }) => {
      workspace.selected.value = 1
      await workspace.seek(8)
    })
    const { box } = new Map(before).get(8) as { box: Box }
    const middle = [box.x + box.width / 2, box.y + box.height / 2] as const
    await drag(opened, middle, [middle[0] + 6, middle[1] + 4])
    await until(opened, ({ workspace }) => (workspace.project.value?.targets[0]?.track.get(10)?.score ?? 0) > 0)
    await pause(opened)
    const target = (await projectOf(opened))?.targets[0]
    expect(target?.marks.map(([frame]) => frame)).toEqual([0, 8])
    const [, mark] = target?.marks[1] ?? []
    expect(mark).toEqual({
      kind: 'box',
      box: { ...box, x: expect.closeTo(box.x + 6, 0), y: expect.closeTo(box.y + 4, 0) },
    })
    const after = target?.track ?? []
    expect(after.filter(([frame]) => frame < 8)).toEqual(before.filter(([frame]) => frame < 8))
    expect(after.filter(([frame]) => frame > 8)).not.toEqual(before.filter(([frame]) => frame > 8))
  })

  test('undo takes the correction back, with the track', async () => {
    await opened.page.keyboard.press('Control+z')
    expect((await projectOf(opened))?.targets[0]?.marks.map(([frame]) => frame)).toEqual([0])
    await opened.page.keyboard.press('Control+Shift+z')
    expect((await projectOf(opened))?.targets[0]?.marks.map(([frame]) => frame)).toEqual([0, 8])
  })

  test('the keys of the timeline step by one frame, by ten, and from end to end', async () => {
    const { page } = opened
    const frame = () => inPage(opened, ({ workspace }) => workspace.frame.value)
    await inPage(opened, ({ workspace }) => workspace.seek(20))
    await page.getByTestId('timeline').focus()
    const visited: number[] = []
    for (const key of [
      'ArrowRight',
      'Shift+ArrowRight',
      'Shift+ArrowLeft',
      'ArrowLeft',
      'End',
      'Home',
      ']',
      ']',
      '[',
    ]) {
      await page.keyboard.press(key)
      visited.push(await frame())
    }
    expect(visited).toEqual([21, 31, 21, 20, sample.pictures.length - 1, 0, 8, 8, 0])
  })

  test('a box is drawn, moved and marked absent by keyboard alone', async () => {
    const { page } = opened
    await page.getByRole('application').focus()
    await page.keyboard.press('.')
    await page.keyboard.press('n')
    const placed = (await projectOf(opened))?.targets[1]?.marks[0]?.[1]
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Shift+ArrowDown')
    const moved = (await projectOf(opened))?.targets[1]?.marks[0]?.[1]
    if (placed?.kind !== 'box' || moved?.kind !== 'box') throw new Error('There is no box')
    expect([moved.box.x > placed.box.x, moved.box.height > placed.box.height]).toEqual([true, true])
    await page.keyboard.press('Shift+.')
    await page.keyboard.press('a')
    expect((await projectOf(opened))?.targets[1]?.marks[1]).toEqual([11, { kind: 'absent' }])
    await page.getByRole('button', { name: 'Remove Target 2' }).click()
  })

  test('a device that is lost is opened again, and following goes on', async () => {
    await inPage(opened, async ({ workspace, tracker }) => {
      workspace.selected.value = 1
      await workspace.seek(8)
      await tracker.lose()
    })
    const before = (await projectOf(opened))?.targets[0]?.track.length ?? 0
    await opened.page.getByTestId('follow').click()
    await until(opened, ({ workspace }) => /was lost and opened again/.test(workspace.notice.value?.text ?? ''))
    await until(opened, ({ workspace }) => (workspace.project.value?.targets[0]?.track.get(10)?.score ?? 0) > 0)
    await pause(opened)
    expect((await projectOf(opened))?.targets[0]?.track.length).toBeGreaterThanOrEqual(before)
  })

  test.each<ExportKind>(['json', 'csv', 'mot', 'coco'])('what is exported as %s is imported again', async (kind) => {
    const before = boxesOf((await projectOf(opened))?.targets[0])
    const file = await exported(opened, kind)
    await opened.page.getByRole('button', { name: 'Remove Target 1' }).click()
    await choose(opened, 'import', file, await readFile(file))
    await until(opened, ({ workspace }) => workspace.project.value?.targets.length === 1)
    const after = boxesOf((await projectOf(opened))?.targets[0])
    expect([...after.keys()]).toEqual([...before.keys()])
    for (const [frame, box] of after) expect(overlap(box, before.get(frame)), `frame ${frame}`).toBeGreaterThan(0.99)
  })

  test('the exported clip folder has every picture, and opens again with its boxes', async () => {
    const before = boxesOf((await projectOf(opened))?.targets[0])
    const file = await exported(opened, 'clip')
    const { pictures, truth } = await readSample(file)
    expect([pictures.length, truth.length]).toEqual([sample.pictures.length, sample.pictures.length])
    for (const [frame, box] of before) expect(overlap(box, truth[frame])).toBeGreaterThan(0.99)
    await choose(opened, 'open', 'again.zip', await readFile(file))
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === 'again')
    expect((await projectOf(opened))?.targets[0]?.marks).toHaveLength(1)
    await openSample(opened)
    expect(await noticeOf(opened)).toContain('Your work on "sample" was restored.')
  })

  test('an exported video is dropped onto the page and opens with as many frames', async () => {
    video = await exported(opened, 'webm')
    await drop(opened, 'tracked.webm', await readFile(video))
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === 'tracked.webm')
    await idle(opened)
    const { width, height, frameCount, frameRate } = (await projectOf(opened))?.clip ?? {}
    expect({ width, height, frameCount }).toEqual({ width: 320, height: 240, frameCount: sample.pictures.length })
    expect(frameRate).toBeCloseTo(25, 0)
    await inPage(opened, ({ workspace }) => workspace.seek(40))
    expect(nearest((await stageState(opened)).pixels, small)).toBe(40)
  })

  describe('what cannot be used is refused with a sentence, and what is open stays', () => {
    test.each<[string, () => Promise<Uint8Array | string>, RegExp]>([
      ['notes.mp4', async () => 'hello', /"notes.mp4" is no video that this page can read/],
      ['empty.webm', async () => '', /"empty.webm" is empty/],
      ['photo.jpg', async () => 'hello', /"photo.jpg" cannot be decoded as an image/],
      ['clip.zip', async () => 'hello', /"clip.zip" is no zip archive that can be read/],
      ['damaged.webm', async () => damaged(await readFile(video)), /"damaged.webm"/],
      ['head.webm', async () => (await readFile(video)).subarray(0, 300), /"head.webm"/],
      ['dot.png', async () => dot, /"dot.png" is 1x1 pixels, too small to track anything in: expected at least 16x16/],
    ])('%s', async (name, bytes, message) => {
      await choose(opened, 'open', name, await bytes())
      await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error')
      expect(await noticeOf(opened)).toMatch(message)
      expect((await projectOf(opened))?.clip.name).toBe('tracked.webm')
      await opened.page.getByRole('button', { name: 'Close this message' }).click()
    })

    test.each<[string, () => Uint8Array | string, RegExp]>([
      ['words.safetensors', () => 'not weights', /\S/],
      ['other.safetensors', otherModel, /missing|expected/i],
    ])('weights: %s', async (name, bytes, message) => {
      const before = await inPage(opened, ({ model }) => model.name.value)
      await choose(opened, 'weights', name, bytes())
      await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error')
      expect(await noticeOf(opened)).toMatch(message)
      expect(await inPage(opened, ({ model }) => [model.name.value, model.loading.value])).toEqual([before, false])
      await opened.page.getByRole('button', { name: 'Close this message' }).click()
    })

    test('annotations of a clip of another length', async () => {
      const before = await projectOf(opened)
      await choose(opened, 'import', 'truth.txt', '1,2,3,4\n5,6,7,8\n')
      await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error')
      expect(await noticeOf(opened)).toContain('The ground truth has 2 lines, the open clip has 80 frames')
      expect(await projectOf(opened)).toEqual(before)
      await opened.page.getByRole('button', { name: 'Close this message' }).click()
    })

    test('an edit while the storage is full', async () => {
      await opened.page.evaluate(() => {
        const { put } = IDBObjectStore.prototype
        IDBObjectStore.prototype.put = () => {
          IDBObjectStore.prototype.put = put
          throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
        }
      })
      await inPage(opened, ({ targets }) => targets.add({ x: 10, y: 10, width: 30, height: 30 }))
      await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error')
      expect(await noticeOf(opened)).toContain('Your work could not be saved in this browser')
      expect((await projectOf(opened))?.targets).toHaveLength(1)
      await opened.page.getByRole('button', { name: 'Close this message' }).click()
    })
  })

  test('an 8K image is worked with at 1920 pixels', async () => {
    await inPage(opened, async ({ clips }) => {
      const canvas = new OffscreenCanvas(7680, 4320)
      canvas.getContext('2d')?.fillRect(100, 100, 1000, 1000)
      await clips.open([new File([await canvas.convertToBlob()], 'large.png')])
    })
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === 'large.png')
    const { width, height } = (await projectOf(opened))?.clip ?? {}
    expect([width, height]).toEqual([1920, 1080])
  })

  test('follows in the camera, live, with the newest picture', async () => {
    await opened.page.getByTestId('camera').click()
    await until(opened, ({ workspace }) => workspace.live.value && workspace.frame.value > 2)
    const start = nearest((await stageState(opened)).pixels, small)
    const box = sample.truth[start] as Box
    await opened.page.evaluate(`window.siamrpnSession.targets.add(${JSON.stringify(box)})`)
    const overlaps: number[] = []
    for (let count = 0; count < 3; count++) {
      const last = await inPage(opened, ({ workspace }) => workspace.frame.value)
      await until(
        opened,
        `({ workspace: { frame, project } }) => frame.value > ${last} && project.value.targets[0].track.has(frame.value)`,
      )
      const { pixels, found } = await stageState(opened)
      if (found) overlaps.push(overlap(found, sample.truth[nearest(pixels, small)]))
    }
    expect(Math.max(...overlaps)).toBeGreaterThan(bars.OVERLAP)
  })

  test.each([
    [1280, 900],
    [390, 844],
  ])('has no serious problem of accessibility at %i pixels', async (width, height) => {
    await opened.page.setViewportSize({ width, height })
    expect(await seriousProblems(opened)).toEqual([])
    const wide = await opened.page.evaluate(() => document.documentElement.scrollWidth)
    expect(wide, 'nothing sticks out').toBeLessThanOrEqual(width)
  })

  test('asks nothing of any other host and logs no error', async () => {
    expect([...opened.hosts]).toEqual([new URL(site.address).host])
    expect(opened.errors).toEqual([])
  })

  test('its policy forbids other hosts', async () => {
    const asked: string[] = []
    const other = createServer(({ url = '' }, response) => {
      asked.push(url)
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end()
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const address = other.address()
    try {
      if (typeof address !== 'object' || !address) throw new Error('The server has no address')
      const refused = await opened.page.evaluate(
        (url) =>
          fetch(url).then(
            () => 'answered',
            (error: Error) => error.name,
          ),
        `http://127.0.0.1:${address.port}/leak`,
      )
      expect([refused, asked]).toEqual(['TypeError', []])
    } finally {
      other.close()
    }
  })
})

describe.skipIf(!path)('the recipe of docs/web.md', () => {
  test('has 40 lines, and stands there as it is here', async () => {
    const text = await readFile(new URL('../../examples/video.html', import.meta.url), 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
    expect(await readFile(new URL('../../docs/web.md', import.meta.url), 'utf8')).toContain(`\`\`\`html\n${text}\`\`\``)
  })
})

test.skipIf(!path)('without WebGPU, or without an adapter, the page says what to do', async () => {
  const opened = await openPage(site.address, { webgpu: false })
  const missing = opened.page.getByTestId('missing')
  try {
    await missing.waitFor()
    expect(await missing.innerText()).toMatch(/offers no adapter: hardware acceleration is off/)
    await opened.page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }))
    await opened.page.reload()
    await missing.waitFor()
    expect(await missing.innerText()).toMatch(/This browser has no WebGPU. It works in Chrome/)
    expect(opened.errors).toEqual([])
  } finally {
    await opened.close()
  }
})

type PlainTarget = NonNullable<Awaited<ReturnType<typeof projectOf>>>['targets'][number]

/** Where a target is, by frame, from marks and track. */
function boxesOf(target: PlainTarget | undefined): Map<number, Box> {
  const found = new Map<number, Box>(target?.track.map(([frame, { box }]) => [frame, box]))
  for (const [frame, mark] of target?.marks ?? []) if (mark.kind === 'box') found.set(frame, mark.box)
  return new Map([...found].sort(([a], [b]) => a - b))
}

/** The file with noise from its head on. */
function damaged(bytes: Uint8Array): Uint8Array {
  return bytes.map((value, index) => (index > 600 ? (value * 31 + index * 7) & 255 : value))
}

const dot = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

function otherModel(): Uint8Array {
  return writeSafetensors(new Map([['backbone.conv1.weight', fromFloat32(new Float32Array(8), [8])]]))
}

/** Pixels of a thumbnail, by which a picture of the sample is told. */
const thumbnail = { width: 32, height: 24 } as const

/** In the page: RGBA bytes of `picture` as a thumbnail. */
const thumbnailOf = `((picture) => {
  const context = new OffscreenCanvas(${thumbnail.width}, ${thumbnail.height}).getContext('2d')
  context.imageSmoothingQuality = 'high'
  context.drawImage(picture, 0, 0, ${thumbnail.width}, ${thumbnail.height})
  return [...context.getImageData(0, 0, ${thumbnail.width}, ${thumbnail.height}).data]
})`

/** Of every frame of the open clip. */
async function allThumbnails({ page }: OpenedPage): Promise<number[][]> {
  return await page.evaluate(`(async () => {
    const found = []
    for await (const picture of window.siamrpnSession.workspace.source.value.frames(0)) {
      found.push(${thumbnailOf}(picture))
      picture.close()
    }
    return found
  })()`)
}

/** The thumbnail of the picture on the stage, without boxes, and where the first target is in it. */
async function stageState({
  page,
}: OpenedPage): Promise<{ readonly pixels: number[]; readonly found: Box | undefined }> {
  return await page.evaluate(`(() => {
    const { picture, frame, project } = window.siamrpnSession.workspace
    const pixels = ${thumbnailOf}(picture.value)
    return { pixels, found: project.value.targets[0]?.track.get(frame.value)?.box }
  })()`)
}

function meanDifference(a: readonly number[], b: readonly number[] | undefined): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b?.[index] ?? 0)), 0) / a.length
}

/** The picture that is most like another one. */
function nearest(pixels: readonly number[], candidates: readonly number[][]): number {
  const differences = candidates.map((candidate) => meanDifference(pixels, candidate))
  return differences.indexOf(Math.min(...differences))
}
