// Records the picture of the page for the README, docs/images/page.webp: the built page in Chromium, a box drawn on the sample clip,
// followed, and the box where the tracker puts it. Needs ffmpeg. Run: npx tsx tests/web/record-page.ts

import { spawnSync } from 'node:child_process'
import { copyFile, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import type { Session } from '../../web/src/session/session.ts'
import { readSample } from './sample.ts'
import { buildPage, openPage, serve } from './site.ts'

const output = fileURLToPath(new URL('../../docs/images/page.webp', import.meta.url))
const view = { width: 1000, height: 640 }
/** Of the recording; the page is shown at a fraction of it in the README. */
const WIDTH = 800
const FRAMES = 30
const milliseconds = { still: 900, drag: 60, frame: 70 } as const

interface Shot {
  readonly png: Buffer
  readonly delay: number
}

async function record(page: Page): Promise<Shot[]> {
  const shots: Shot[] = []
  const shoot = async (delay: number) => shots.push({ png: await page.screenshot(), delay })
  const ask = async <T>(read: (session: Session) => T): Promise<Awaited<T>> =>
    await page.evaluate(`(${read})(window.siamrpnSession)`)
  const until = async (condition: (session: Session) => boolean) => {
    while (!(await ask(condition))) await page.waitForTimeout(50)
  }
  await until(({ model }) => model.adapter.value !== undefined)
  await page.getByTestId('sample').click()
  await until(({ workspace }) => workspace.picture.value !== undefined && !workspace.activity.busy.value)
  await ask(({ workspace, targets }) => {
    targets.remove(1)
    workspace.notice.value = undefined
  })
  await shoot(milliseconds.still)
  const { truth } = await readSample(new URL('../../web/public/sample.zip', import.meta.url))
  const [first] = truth
  const stage = await page.getByTestId('stage').boundingBox()
  if (!first || !stage) throw new Error('The sample is not shown')
  const scale = Math.min(stage.width / 320, stage.height / 240)
  const at = (part: number): [number, number] => [
    stage.x + stage.width / 2 + (first.x + part * first.width - 160) * scale,
    stage.y + stage.height / 2 + (first.y + part * first.height - 120) * scale,
  ]
  await page.mouse.move(...at(0))
  await page.mouse.down()
  for (let step = 1; step <= 6; step++) {
    await page.mouse.move(...at(step / 6))
    await shoot(milliseconds.drag)
  }
  await page.mouse.up()
  for (let frame = 1; frame <= FRAMES; frame++) {
    while ((await ask(({ workspace }) => workspace.frame.value)) < frame) await page.waitForTimeout(10)
    await shoot(milliseconds.frame)
    console.log(`frame ${frame} of ${FRAMES}`)
  }
  await ask(({ workspace }) => workspace.activity.stop())
  await shoot(2 * milliseconds.still)
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
      `scale=${WIDTH}:-2`,
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

buildPage()
const { address, server } = await serve()
const opened = await openPage(address, view)
try {
  await write(await record(opened.page))
} finally {
  await opened.close()
  server.close()
}
