// Records the picture of the page for the README, docs/images/page.webp: the built page in Chromium, with the sample clip as the model
// that ships tracks it. The tracker runs in Node, where a machine without a GPU has the faster driver. Needs ffmpeg. Run: npx tsx tests/web/record-page.ts

import { spawnSync } from 'node:child_process'
import { copyFile, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { SiamRPN } from '../../src/index.ts'
import type { Session } from '../../web/src/session/session.ts'
import { decode, readSample, type Sample } from './sample.ts'
import { buildPage, openPage, serve } from './site.ts'

const output = fileURLToPath(new URL('../../docs/images/page.webp', import.meta.url))
const view = { width: 1000, height: 640 }
/** Of the recording; the page is shown at a fraction of it in the README. */
const frameWidth = 800
const frameCount = 60
const milliseconds = { still: 900, frame: 60 } as const

interface Shot {
  readonly png: Buffer
  readonly delay: number
}

/** Tracks the sample in Node, with the model that ships. @returns a project of the page, as JSON */
async function trackSample({ pictures, truth }: Sample): Promise<string> {
  const [box] = truth
  if (!box) throw new Error('The sample has no first box')
  await using tracker = await SiamRPN.load()
  const frames = await decode(pictures.slice(0, frameCount + 1))
  const [first, ...others] = frames
  if (!first) throw new Error('The sample has no picture')
  const target = await tracker.init(first, box)
  const track = []
  for (const [index, frame] of others.entries()) track.push({ frame: index + 1, ...(await target.update(frame)) })
  const marks = [{ frame: 0, kind: 'box', box }]
  const clip = { frameCount: pictures.length }
  return JSON.stringify({ format: 'siamrpn-project', clip, targets: [{ id: 1, name: 'Target 1', marks, track }] })
}

/** Plays what was tracked: the track grows as it does while it is followed. */
async function record(page: Page): Promise<Shot[]> {
  const shots: Shot[] = []
  const shoot = async (delay: number) => shots.push({ png: await page.screenshot(), delay })
  const ask = async <T>(read: (session: Session) => T): Promise<Awaited<T>> =>
    await page.evaluate(`(${read})(window.siamrpnSession)`)
  const sample = await readSample(new URL('../../web/public/sample.zip', import.meta.url))
  const tracked = await trackSample(sample)
  await page.getByTestId('sample').click()
  await page.getByTestId('stage').waitFor()
  await page.getByTestId('import').setInputFiles({ name: 'sample.json', mimeType: '', buffer: Buffer.from(tracked) })
  await page.getByTestId('notice').filter({ hasText: 'imported' }).waitFor()
  await ask(({ workspace, missing }) => {
    missing.value = undefined
    workspace.notice.value = undefined
    Object.assign(window, { whole: workspace.project.value })
  })
  for (let frame = 0; frame <= frameCount; frame++) {
    await page.evaluate(`(async () => {
      const { workspace } = window.siamrpnSession
      const targets = window.whole.targets.map((target) => ({ ...target, track: target.track.without(${frame + 1}, Infinity) }))
      workspace.grow((project) => ({ ...project, targets }))
      await workspace.seek(${frame})
    })()`)
    await page.waitForTimeout(60)
    await shoot(frame === 0 || frame === frameCount ? milliseconds.still : milliseconds.frame)
  }
  return shots
}

/** As an animated WebP: a folder of pictures, a list of how long each is shown, and ffmpeg. */
async function write(shots: readonly Shot[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-record-'))
  try {
    const names = shots.map((_, index) => join(folder, `${index}.png`))
    for (const [index, { png }] of shots.entries()) await writeFile(names[index] ?? '', png)
    const lines = shots.map(({ delay }, index) => `file '${names[index]}'\nduration ${delay / 1000}`)
    await writeFile(join(folder, 'list.txt'), `ffconcat version 1.0\n${lines.join('\n')}\nfile '${names.at(-1)}'\n`)
    const made = join(folder, 'page.webp')
    const from = ['-loglevel', 'error', '-f', 'concat', '-safe', '0', '-i', join(folder, 'list.txt')]
    const to = [
      '-vf',
      `scale=${frameWidth}:-2`,
      '-fps_mode',
      'vfr',
      '-c:v',
      'libwebp_anim',
      '-q:v',
      '60',
      '-loop',
      '0',
      made,
    ]
    const { status, stderr } = spawnSync('ffmpeg', [...from, ...to], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ffmpeg ended with ${status}: ${stderr}`)
    await copyInto(made, output)
    console.log(`${output}: ${shots.length} frames, ${((await stat(output)).size / 1e6).toFixed(2)} MB`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function copyInto(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.tmp`)
  await rename(`${to}.tmp`, to)
}

if (!process.env.NOBUILD) buildPage()
const { address, server } = await serve()
const opened = await openPage(address, { ...view, webgpu: false })
try {
  await write(await record(opened.page))
} finally {
  await opened.close()
  server.close()
}
