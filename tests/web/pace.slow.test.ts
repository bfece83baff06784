// The page stays at 60 frames a second however long the clip is: no task of its main thread keeps it busy for long while 10,000 frames
// are followed for five targets, scrubbed through, marked, corrected, saved, exported and imported. The tracker is a stand-in that
// answers at once: what is measured is the page, at a pace that no tracker has. And what the page holds in memory does not grow.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { choose, idle, inPage, modelIsThere, noticeOf, until } from './actions.ts'
import { heapsOf } from './heap.ts'
import { buildPage, chromiumPath, type OpenedPage, openPage, serve } from './site.ts'
import { type Tasks, tasksDuring } from './tasks.ts'

const path = chromiumPath()
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0
if (path && !hasFfmpeg)
  console.warn('Left out: the pace of the page; there is no ffmpeg on the PATH to make a long video.')

const clip = { frames: 10_000, targets: 5 } as const
/** Milliseconds: three frames of a screen. */
const longest = 50
/** Bytes after 10,000 frames: a hundred each. */
const mostGrowth = 1_000_000

let folder: string
let site: Awaited<ReturnType<typeof serve>>
let opened: OpenedPage

describe.skipIf(!path || !hasFfmpeg)('a clip of 10,000 frames with five targets', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'siamrpn-pace-'))
    const video = join(folder, 'long.mp4')
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25', '-frames:v', String(clip.frames)]
    const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', video]
    const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', ...source, ...coded], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ffmpeg ended with ${status}: ${stderr}`)
    buildPage()
    site = await serve()
    opened = await openPage(site.address)
    await modelIsThere(opened)
    await opened.page.getByTestId('open').setInputFiles(video)
    await until(opened, ({ workspace }) => workspace.project.value?.clip.frameCount === 10_000)
    await idle(opened)
    await standIn()
  })
  afterAll(async () => {
    await opened?.close()
    site?.server.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  /** A tracker that answers at once, and the targets. */
  const standIn = () =>
    opened.page.evaluate(`(() => {
      const { tracker, targets } = window.siamrpnSession
      const found = (key) => ({ box: { x: 10 * key, y: 20, width: 60, height: 50 }, score: 0.6 + 0.3 * Math.random() })
      tracker.start = tracker.stop = async () => undefined
      tracker.step = async (keys) => keys.map(found)
      for (let count = 0; count < ${clip.targets}; count++) targets.add({ x: 10 * count, y: 20, width: 60, height: 50 })
    })()`)

  const settled = () => opened.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 700))) // saved, too

  async function expectShortTasks(work: () => Promise<void>, bound = longest): Promise<void> {
    const { count, long }: Tasks = await tasksDuring(opened, bound, async () => {
      await work()
      await settled()
    })
    expect(count).toBeGreaterThan(100)
    expect(long).toEqual([])
  }

  test('is followed without a long task', async () => {
    await expectShortTasks(async () => {
      await opened.page.getByTestId('follow').click()
      await until(opened, ({ workspace }) => workspace.project.value?.targets[4]?.track.size === 9999)
      await idle(opened)
    })
  })

  test('takes no more memory when it is followed once more', async () => {
    const measure = await heapsOf(opened)
    const before = await measure()
    await inPage(opened, ({ workspace }) => workspace.seek(0))
    await opened.page.getByTestId('follow').click()
    await until(opened, ({ workspace }) => workspace.frame.value > 9000 && !workspace.activity.busy.value)
    const after = await measure()
    console.log(`JavaScript heap of the page before and after 10,000 frames: ${before.page} and ${after.page} bytes`)
    expect(after.page - before.page).toBeLessThan(mostGrowth)
    expect(after.worker - before.worker).toBeLessThan(mostGrowth)
  })

  test('is scrubbed through without a long task', async () => {
    const { page } = opened
    await expectShortTasks(async () => {
      const { x, y, width } = (await page.getByTestId('timeline').boundingBox()) ?? { x: 0, y: 0, width: 0 }
      await page.mouse.move(x + 5, y + 10)
      await page.mouse.down()
      for (let step = 0; step < 40; step++) await page.mouse.move(x + 5 + (step * (width - 10)) / 40, y + 10)
      await page.mouse.up()
      await page.getByTestId('timeline').focus()
      for (let step = 0; step < 20; step++) await page.keyboard.press('Shift+ArrowLeft')
    })
  })

  test('is corrected, undone and redone without a long task', async () => {
    await expectShortTasks(async () => {
      await inPage(opened, ({ workspace }) => workspace.seek(5000))
      await inPage(opened, async ({ targets, workspace }) => {
        void targets.correct(2, { kind: 'box', box: { x: 1, y: 2, width: 30, height: 40 } })
        await new Promise((resolve) => setTimeout(resolve, 300))
        await workspace.activity.stop()
      })
      for (const key of ['Control+z', 'Control+Shift+z', 'Control+z']) await opened.page.keyboard.press(key)
      await idle(opened)
    })
  })

  test('is followed to the frame where the score falls, which is named and shown', async () => {
    await inPage(opened, ({ workspace }) => workspace.seek(0))
    await opened.page.evaluate(`(() => {
      const { tracker, targets } = window.siamrpnSession
      const { step } = tracker
      tracker.step = async (keys) => {
        tracker.step = step
        return keys.map(() => ({ box: { x: 1, y: 2, width: 30, height: 40 }, score: 0.1 }))
      }
      void targets.follow([1])
    })()`)
    await until(opened, ({ workspace }) => Boolean(workspace.notice.value) && !workspace.activity.busy.value)
    expect(await noticeOf(opened)).toMatch(/^Target 1: the score fell to 0\.10 in frame 2, so following stopped there/)
    const shown = await inPage(opened, ({ workspace: { frame, project } }) => {
      return [frame.value, project.value?.targets[0]?.track.get(1)?.score]
    })
    expect(shown).toEqual([1, 0.1])
  })

  test('that a person marked in every frame is followed, scrubbed and saved without a long task', async () => {
    const truth = Array.from({ length: clip.frames }, (_, frame) => `${frame % 200},20,40,30`).join('\n')
    await choose(opened, 'import', 'truth.txt', truth)
    await until(opened, ({ workspace }) => workspace.project.value?.targets[0]?.marks.size === 10_000)
    await settled()
    await expectShortTasks(async () => {
      await inPage(opened, ({ workspace, targets }) => {
        targets.unmark(1, 9999)
        targets.unmark(1, 9998)
        return workspace.seek(0)
      })
      await opened.page.getByTestId('follow').click()
      await until(opened, ({ workspace }) => workspace.frame.value > 300)
      await inPage(opened, ({ workspace }) => workspace.activity.stop())
      for (let step = 0; step < 20; step++)
        await inPage(opened, ({ workspace }) => workspace.seek(Math.random() * 9999))
    })
    expect(opened.errors).toEqual([])
  })
})
