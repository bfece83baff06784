// What the page opens, without an adapter, so that it is quick: videos in each container, turned as a phone turns them, one without
// frames; a folder of images; boxes drawn by touch on a narrow screen. Then the recipe of docs/web.md, which does need an adapter.

import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  allThumbnails,
  exported,
  hasFfprobe,
  idle,
  inPage,
  nearest,
  noticeOf,
  outOfTime,
  probed,
  projectOf,
  refuseCodecs,
  until,
} from './actions.ts'
import { buildRecipe } from './recipe.ts'
import { type Box, overlap, readSample, type Sample } from './sample.ts'
import { buildPage, chromiumPath, type OpenedPage, openPage, serve } from './site.ts'

const path = chromiumPath()
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0
if (path && !hasFfmpeg) console.warn('Left out: videos in the page; there is no ffmpeg on the PATH to make them.')

let folder: string
let site: Awaited<ReturnType<typeof serve>>
let sample: Sample
beforeAll(async () => {
  if (!path) return
  folder = await mkdtemp(join(tmpdir(), 'siamrpn-media-'))
  buildPage()
  site = await serve()
  sample = await readSample(new URL('../../web/public/sample.zip', import.meta.url))
})
afterAll(async () => {
  site?.server.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

function ffmpeg(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-y', '-v', 'error', ...args], { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`ffmpeg ended with ${status}: ${stderr}`)
}

/** Where a track header's matrix stands behind its name (ISO/IEC 14496-12, 8.3.2, version 0), and one in its fixed-point numbers. */
const matrixPlace = { from: 44, one: 0x10000 } as const

/** The video with another matrix of display: x' = a x + c y, y' = b x + d y, as phones write how they were held. */
function turned(bytes: Buffer, [a, b, c, d]: readonly [number, number, number, number]): Buffer {
  const copy = Buffer.from(bytes)
  const start = copy.indexOf('tkhd') + matrixPlace.from
  for (const [place, value] of [
    [0, a],
    [4, b],
    [12, c],
    [16, d],
  ] as const) {
    copy.writeInt32BE(value * matrixPlace.one, start + place)
  }
  return copy
}

/** 8 frames of 320x240: red in the left upper quarter, else blue. */
const quarter = ['-f', 'lavfi', '-i', 'color=red:size=160x120:rate=25', '-vf', 'pad=320:240:0:0:blue', '-frames:v', '8']

describe.skipIf(!path)('the page without an adapter', () => {
  let opened: OpenedPage
  beforeAll(async () => {
    opened = await openPage(site.address, { webgpu: false, width: 390, height: 844 })
    await opened.page.getByTestId('missing').waitFor()
  })
  afterAll(async () => {
    await opened?.close()
  })

  async function open(name: string): Promise<void> {
    await inPage(opened, ({ workspace }) => {
      workspace.notice.value = undefined
    })
    await opened.page.getByTestId('open').setInputFiles(join(folder, name))
    await until(opened, `({ workspace }) => workspace.notice.value && !workspace.activity.busy.value`)
  }

  /** The middle of each quarter of the picture on the stage: is it red? */
  const redQuarters = () =>
    opened.page.evaluate(`(() => {
      const { value: picture } = window.siamrpnSession.workspace.picture
      const context = new OffscreenCanvas(2, 2).getContext('2d')
      context.drawImage(picture, 0, 0, 2, 2)
      const { data } = context.getImageData(0, 0, 2, 2)
      return [0, 4, 8, 12].map((at) => data[at] > data[at + 2])
    })()`)

  describe.skipIf(!hasFfmpeg)('videos', () => {
    test.each<[string, string[]]>([
      ['plain.mp4', ['-c:v', 'libx264', '-pix_fmt', 'yuv420p']],
      ['plain.webm', ['-c:v', 'libvpx-vp9', '-deadline', 'realtime']],
      ['plain.mkv', ['-c:v', 'libvpx', '-deadline', 'realtime']],
    ])('%s', async (name, codec) => {
      ffmpeg(...quarter, ...codec, name)
      await open(name)
      const { clip } = (await projectOf(opened)) ?? {}
      expect(clip).toMatchObject({ name, width: 320, height: 240, frameCount: 8 })
      expect(clip?.frameRate).toBeCloseTo(25, 0)
      expect(await redQuarters()).toEqual([true, false, false, false])
    })

    test.each<[string, readonly [number, number, number, number], readonly [number, number], boolean[]]>([
      ['quarter-right.mov', [0, 1, -1, 0], [240, 320], [false, true, false, false]],
      ['upside-down.mp4', [-1, 0, 0, -1], [320, 240], [false, false, false, true]],
      ['quarter-left.mov', [0, -1, 1, 0], [240, 320], [false, false, true, false]],
    ])('%s, as a phone writes it, stands upright', async (name, matrix, [width, height], red) => {
      ffmpeg('-i', 'plain.mp4', '-c', 'copy', name)
      await writeFile(join(folder, name), turned(await readFile(join(folder, name)), matrix))
      await open(name)
      expect((await projectOf(opened))?.clip).toMatchObject({ name, width, height, frameCount: 8 })
      expect(await redQuarters()).toEqual(red)
    })

    test.each<[string, string[], object]>([
      ['moment.mp4', [...quarter, '-frames:v', '1'], { width: 320, height: 240, frameCount: 1 }],
      [
        'eight-k.mp4',
        ['-f', 'lavfi', '-i', 'color=red:size=7680x4320:rate=25', '-frames:v', '2', '-preset', 'ultrafast'],
        { width: 1920, height: 1080, frameCount: 2 },
      ],
    ])('%s, of a single frame or 8K, is a clip like any other', async (name, made, facts) => {
      ffmpeg(...made, '-pix_fmt', 'yuv420p', name)
      await open(name)
      expect((await projectOf(opened))?.clip).toMatchObject({ name, ...facts })
      await opened.page.getByTestId('play').click()
      await idle(opened)
      expect(opened.errors).toEqual([])
    })

    test.each<[string, string[], RegExp]>([
      ['zero.webm', [...quarter, '-frames:v', '0'], /"zero.webm" has a video track without a single frame/],
      [
        'old.mp4',
        [...quarter, '-c:v', 'mpeg4'],
        /"old.mp4" is coded as .*, which this browser cannot decode. Convert it/,
      ],
      ['sound.mp4', ['-f', 'lavfi', '-i', 'sine', '-t', '0.2', '-vn'], /"sound.mp4" contains no video, only sound/],
    ])('%s is refused with a sentence, and what is open stays', async (name, made, sentence) => {
      const before = (await projectOf(opened))?.clip
      ffmpeg(...made, name)
      await open(name)
      expect(await noticeOf(opened)).toMatch(sentence)
      expect((await projectOf(opened))?.clip).toEqual(before)
    })
  })

  test('a folder of images is a clip in the order of the numbers in their names, with its ground truth', async () => {
    const images = join(folder, 'holiday')
    await mkdir(images)
    const pictures = sample.pictures.slice(0, 11)
    for (const [index, jpeg] of pictures.entries()) await writeFile(join(images, `${index + 1}.jpg`), jpeg)
    const lines = sample.truth.slice(0, 11).map(({ x, y, width, height }) => [x, y, width, height].join(','))
    await writeFile(join(images, 'groundtruth.txt'), lines.join('\n'))
    await opened.page.getByLabel('Folder of images').setInputFiles(images)
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === 'holiday')
    await idle(opened)
    const project = await projectOf(opened)
    expect(project?.clip).toMatchObject({ width: 320, height: 240, frameCount: 11 })
    const [[frame, mark] = []] = project?.targets[0]?.marks ?? []
    expect([frame, mark?.kind === 'box' && overlap(mark.box, sample.truth[0])]).toEqual([0, expect.closeTo(1, 2)])
    const small = await allThumbnails(opened)
    await opened.page.getByTestId('open').setInputFiles(join(images, '10.jpg'))
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === '10.jpg')
    const [tenth = []] = await allThumbnails(opened)
    expect(nearest(tenth, small)).toBe(9)
  })

  test('without an encoder for H.264 an MP4 holds what the browser can encode; without any the page says so', async () => {
    const { frameCount } = (await projectOf(opened))?.clip ?? {}
    await refuseCodecs(opened, 'avc')
    const file = await exported(opened, 'mp4', folder)
    expect(await noticeOf(opened)).toMatch(/coded as VP9\. This browser has no H\.264 encoder; some players/)
    expect(probed(file)).toMatchObject(
      hasFfprobe ? { codec_name: 'vp9', nb_read_frames: String(frameCount), width: 320, height: 240 } : {},
    )
    await refuseCodecs(opened, '')
    await inPage(opened, async ({ clips }) => {
      const canvas = new OffscreenCanvas(64, 48)
      canvas.getContext('2d')?.fillRect(0, 0, 64, 48)
      await clips.open([new File([await canvas.convertToBlob()], 'small.png')])
    })
    await opened.page.getByRole('button', { name: 'Export', exact: true }).click()
    await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error')
    expect(await noticeOf(opened)).toMatch(
      /cannot write MP4 video of 64x48: it has no encoder for H\.264, VP9, AV1, H\.265\. Try the other format/,
    )
    expect((await projectOf(opened))?.clip.name).toBe('small.png')
    await opened.page.getByTestId('open').setInputFiles(join(folder, 'holiday', '10.jpg'))
    await until(opened, ({ workspace }) => workspace.project.value?.clip.name === '10.jpg')
    await idle(opened)
  })

  test('a finger draws a box and scrolls nothing', async () => {
    await opened.page.evaluate(() => scrollTo(0, 0))
    await opened.page.getByTestId('stage').scrollIntoViewIfNeeded()
    const stage = await opened.page.getByTestId('stage').boundingBox()
    if (!stage) throw new Error('There is no stage')
    const scale = stage.width / 320
    const at = (x: number, y: number) => [{ x: stage.x + x * scale, y: stage.y + y * scale }]
    const top = await opened.page.evaluate(() => scrollY)
    const client = await opened.context.newCDPSession(opened.page)
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', points: { x: number; y: number }[]) =>
      client.send('Input.dispatchTouchEvent', { type, touchPoints: points })
    await touch('touchStart', at(40, 30))
    for (const step of [20, 60, 100]) await touch('touchMove', at(40 + step, 30 + 0.8 * step))
    await touch('touchEnd', [])
    await until(opened, ({ workspace }) => workspace.project.value?.targets.length === 1)
    const [[, mark] = []] = (await projectOf(opened))?.targets[0]?.marks ?? []
    expect(mark?.kind === 'box' && overlap(mark.box, { x: 40, y: 30, width: 100, height: 80 })).toBeGreaterThan(0.9)
    expect(await opened.page.evaluate(() => scrollY)).toBe(top)
    expect(opened.errors).toEqual([])
  })
})

describe.skipIf(!path)('the recipe of docs/web.md', () => {
  test('has 40 lines, and stands there as it is here', async () => {
    const text = await readFile(new URL('../../examples/video.html', import.meta.url), 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
    expect(await readFile(new URL('../../docs/web.md', import.meta.url), 'utf8')).toContain(`\`\`\`html\n${text}\`\`\``)
  })

  test.skipIf(!hasFfmpeg)('tracks a video element, shown at another size than its own', async () => {
    for (const [index, jpeg] of sample.pictures.entries()) await writeFile(join(folder, `${index}.jpg`), jpeg)
    ffmpeg('-framerate', '25', '-i', '%d.jpg', '-c:v', 'libvpx-vp9', '-deadline', 'realtime', 'clip.webm')
    const { address, server } = await serve({ root: await buildRecipe(folder, join(folder, 'clip.webm')) })
    const opened = await openPage(address)
    const { page } = opened
    try {
      await page.addStyleTag({ content: 'video { width: 480px }' })
      await page.locator('output', { hasText: 'Drag a box' }).waitFor({ timeout: outOfTime })
      await page.evaluate(() => {
        const [element] = document.querySelectorAll('video')
        if (element) element.playbackRate = 0.0625 // the software adapter takes its time
      })
      const shown = await page.locator('video').boundingBox()
      if (!shown) throw new Error('The video is not shown')
      const scale = shown.width / 320
      const { x, y, width, height } = sample.truth[0] as Box
      await page.mouse.move(shown.x + x * scale, shown.y + y * scale)
      await page.mouse.down()
      await page.mouse.move(shown.x + (x + width) * scale, shown.y + (y + height) * scale)
      await page.mouse.up()
      const found = await afterSeconds(opened, 0.3)
      const box = { x: (found.x - shown.x) / scale, y: (found.y - shown.y) / scale }
      const size = { width: found.width / scale, height: found.height / scale }
      expect(overlap({ ...box, ...size }, sample.truth[Math.round(found.time * 25)])).toBeGreaterThan(0.5)
      expect(opened.errors).toEqual([])
    } finally {
      await opened.close()
      server.close()
    }
  })
})

/** The box that the recipe shows, and of which second of the video, once it has come so far. */
async function afterSeconds({ page }: OpenedPage, seconds: number): Promise<Box & { readonly time: number }> {
  for (const end = Date.now() + outOfTime; Date.now() < end; ) {
    const found = await page.evaluate(() => {
      const { x, y, width, height } = document.querySelector('#box')?.getBoundingClientRect() ?? new DOMRect()
      return { x, y, width, height, text: document.querySelector('output')?.value ?? '' }
    })
    const time = Number.parseFloat(found.text)
    if (time >= seconds) return { ...found, time }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`The recipe says "${await page.locator('output').innerText()}"`)
}
