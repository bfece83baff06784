// The page in a real browser, on the software adapter: what a person does, from opening to export, and what they read when
// something is missing or wrong. One visit serves all of it; the tests follow each other.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromFloat32, writeSafetensors } from '../../src/index.ts'
import type { ExportKind } from '../../web/src/session/export.ts'
import {
  allThumbnails,
  boxesOf,
  choose,
  drag,
  drop,
  exported,
  followFor,
  hasFfprobe,
  idle,
  inPage,
  modelIsThere,
  nearest,
  noticeOf,
  openSample,
  pause,
  probed,
  projectOf,
  seriousProblems,
  stageState,
  until,
} from './actions.ts'
import { heapsOf } from './heap.ts'
import { type Box, overlap, readSample, type Sample, writeCamera } from './sample.ts'
import { buildPage, chromiumPath, type OpenedPage, openPage, serve } from './site.ts'

const path = chromiumPath()
if (!path) console.warn('Skipped: there is no Chromium on this machine; `node scripts/ensure-browser.mjs` installs it.')

/** GROWTH: bytes after as many frames, 10 kB each. */
const bars = { FRAMES: 15, OVERLAP: 0.5, GROWTH: 150_000 }

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
    await followFor(opened, 8) // what is compiled and kept at first
    const measure = await heapsOf(opened)
    const before = await measure()
    await followFor(opened, bars.FRAMES)
    expect((await measure()).worker - before.worker, "bytes of the worker's heap").toBeLessThan(bars.GROWTH)
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
    const file = await exported(opened, kind, folder)
    await opened.page.getByRole('button', { name: 'Remove Target 1' }).click()
    await choose(opened, 'import', file, await readFile(file))
    await until(opened, ({ workspace }) => workspace.project.value?.targets.length === 1)
    const after = boxesOf((await projectOf(opened))?.targets[0])
    expect([...after.keys()]).toEqual([...before.keys()])
    for (const [frame, box] of after) expect(overlap(box, before.get(frame)), `frame ${frame}`).toBeGreaterThan(0.99)
  })

  test('the exported clip folder has every picture, and opens again with its boxes', async () => {
    const before = boxesOf((await projectOf(opened))?.targets[0])
    const file = await exported(opened, 'clip', folder)
    const { pictures, truth } = await readSample(file)
    expect([pictures.length, truth.length]).toEqual([sample.pictures.length, sample.pictures.length])
    for (const [frame, box] of before) expect(overlap(box, truth[frame])).toBeGreaterThan(0.99)
    await choose(opened, 'open', 'again.zip', await readFile(file))
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === 'again')
    expect((await projectOf(opened))?.targets[0]?.marks).toHaveLength(1)
    await openSample(opened)
    expect(await noticeOf(opened)).toContain('Your work on "sample" was restored.')
  })

  test('an exported MP4 has every frame, with the boxes drawn, and the page says how it is coded', async () => {
    const [[frame, box] = []] = [...boxesOf((await projectOf(opened))?.targets[0])].filter(([at]) => at === 9)
    if (frame === undefined || !box) throw new Error('The target was not followed to frame 9')
    const plain = await edgeShare(opened, frame, box)
    const file = await exported(opened, 'mp4', folder)
    expect(await noticeOf(opened)).toMatch(/^"sample-tracked.mp4" was exported, coded as (H\.264|VP9|AV1|H\.265)\./)
    expect(probed(file)).toMatchObject(
      hasFfprobe ? { width: 320, height: 240, nb_read_frames: '80', duration: expect.closeTo(3.2, 2) } : {},
    )
    await choose(opened, 'open', 'tracked.mp4', await readFile(file))
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === 'tracked.mp4')
    await idle(opened)
    const { clip } = (await projectOf(opened)) ?? {}
    expect(clip).toMatchObject({ width: 320, height: 240, frameCount: 80, frameRate: expect.closeTo(25, 1) })
    const drawn = await edgeShare(opened, frame, box)
    expect({ plain: plain < 0.4, drawn: drawn > 0.8 }, `${plain} and ${drawn}`).toEqual({ plain: true, drawn: true })
    expect(nearest(await thumbnailOfFrame(opened, 40), small)).toBe(40)
    await openSample(opened)
  })

  test('an exported video is dropped onto the page and opens with as many frames', async () => {
    video = await exported(opened, 'webm', folder)
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

    test.each<[string, string, string]>([
      ['truth.txt', '1,2,3,4\n5,6,7,8\n', 'The ground truth has 2 lines, the open clip has 80 frames'],
      ['mot.txt', '81,1,2,3,4,5,1,-1,-1,-1\n', '"Target 1" has a box in frame 81, but the open clip has 80 frames'],
      [
        'rows.csv',
        'frame,target,name,x,y,width,height,score,source\n99,1,Dog,1,2,3,4,,marked\n',
        '"Dog" has a box in frame 99, but the open clip has 80 frames',
      ],
      [
        'project.json',
        JSON.stringify({ format: 'siamrpn-project', clip: { frameCount: 7 }, targets: [] }),
        'The project is for a clip of 7 frames, the open clip has 80',
      ],
      [
        'coco.json',
        JSON.stringify({ images: [{ id: 1, frame_id: 0 }], annotations: [] }),
        'The COCO file has 1 images, the open clip has 80 frames',
      ],
    ])('annotations of a clip of another length: %s', async (name, text, sentence) => {
      const before = await projectOf(opened)
      await choose(opened, 'import', name, text)
      await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error')
      expect(await noticeOf(opened)).toContain(sentence)
      expect(await projectOf(opened)).toEqual(before)
      await opened.page.getByRole('button', { name: 'Close this message' }).click()
    })

    test('an edit and an export while the storage is full', async () => {
      const client = await opened.context.newCDPSession(opened.page)
      const { origin } = new URL(site.address)
      await client.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 })
      await inPage(opened, ({ targets }) => targets.add({ x: 10, y: 10, width: 30, height: 30 }))
      // Chromium goes on for up to half a minute by the room that it has found before.
      const notice = async () => {
        await inPage(opened, ({ targets }) => targets.place(1, { x: 10, y: 10, width: 30, height: 30 }))
        return await inPage(opened, ({ workspace }) => workspace.notice.value?.kind)
      }
      await expect.poll(notice, { interval: 1000, timeout: 120_000 }).toBe('error')
      expect(await noticeOf(opened)).toContain('Your work could not be saved in this browser')
      expect((await projectOf(opened))?.targets).toHaveLength(1)
      await opened.page.getByRole('button', { name: 'Close this message' }).click()
      await opened.page.getByLabel('Format to export').selectOption('clip')
      await opened.page.getByRole('button', { name: 'Export', exact: true }).click()
      await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error')
      expect(await noticeOf(opened)).toMatch(/storage of this browser is full/)
      await client.send('Storage.overrideQuotaForOrigin', { origin })
      await client.detach()
      await opened.page.getByRole('button', { name: 'Close this message' }).click()
      const file = await exported(opened, 'csv', folder)
      expect(await readFile(file, 'utf8')).toContain('1,1,Target 1,10,10,30,30,,marked')
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

test.skipIf(!path)('without WebGPU, or without an adapter, the page says what to do', async () => {
  const opened = await openPage(site.address, { webgpu: false })
  const missing = opened.page.getByTestId('missing')
  try {
    await missing.waitFor()
    expect(await missing.innerText()).toMatch(/offers no adapter: hardware acceleration is off/)
    await opened.page.getByTestId('sample').click()
    await expect
      .poll(() => noticeOf(opened))
      .toMatch(/first box is set. Here boxes can only be set and exported by hand/)
    await opened.page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }))
    await opened.page.reload()
    await missing.waitFor()
    expect(await missing.innerText()).toMatch(/This browser has no WebGPU. It works in Chrome/)
    expect(opened.errors).toEqual([])
  } finally {
    await opened.close()
  }
})

async function thumbnailOfFrame(opened: OpenedPage, frame: number): Promise<number[]> {
  await inPage(opened, ({ workspace }) => workspace.seek(0))
  await opened.page.evaluate(`window.siamrpnSession.workspace.seek(${frame})`)
  return (await stageState(opened)).pixels
}

/** Which part of a box's outline has the color of the first target, in the picture of a frame. */
async function edgeShare({ page }: OpenedPage, frame: number, box: Box): Promise<number> {
  return await page.evaluate(`(async () => {
    const picture = await window.siamrpnSession.workspace.source.value.frame(${frame})
    const { x, y, width, height } = ${JSON.stringify(box)}
    const context = new OffscreenCanvas(320, 240).getContext('2d')
    context.drawImage(picture, 0, 0)
    picture.close()
    const { data } = context.getImageData(0, 0, 320, 240)
    const isOrange = (column, row) => {
      for (const [right, down] of [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]]) {
        const at = 4 * ((Math.round(row) + down) * 320 + Math.round(column) + right)
        if (data[at] > 120 && data[at] - data[at + 1] > 40 && data[at] - data[at + 2] > 70) return true
      }
      return false
    }
    const points = []
    for (let part = 0.05; part < 1; part += 0.05)
      points.push([x + part * width, y + height], [x, y + part * height], [x + width, y + part * height])
    const inside = points.filter(([column, row]) => column > 1 && row > 1 && column < 318 && row < 238)
    return inside.filter(([column, row]) => isOrange(column, row)).length / inside.length
  })()`)
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
