// The page in the background, behind another tab or frozen: what goes on, what pauses, what the page says of it afterwards. One visit;
// the tests follow each other.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outOfTime } from './actions.ts'
import { openRawPage, type RawPage } from './raw-browser.ts'
import { readSample, writeCamera } from './sample.ts'
import { buildPage, chromiumPath, serve } from './site.ts'

const path = chromiumPath()

let folder: string
let site: Awaited<ReturnType<typeof serve>>
let page: RawPage
beforeAll(async () => {
  if (!path) return
  folder = await mkdtemp(join(tmpdir(), 'siamrpn-background-'))
  buildPage()
  site = await serve()
  const camera = join(folder, 'camera.mjpeg')
  await writeCamera(camera, await readSample(new URL('../../web/public/sample.zip', import.meta.url)))
  page = await openRawPage(site.address, camera)
  await page.put('front')
  await until('session.model.adapter.value && !session.model.loading.value')
  await asked(`session.clips.openSample('sample')`)
})
afterAll(async () => {
  await page?.close()
  site?.server.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const asked = <T>(expression: string) =>
  page.evaluate<T>(`(async (session) => session && (${expression}))(window.siamrpnSession)`)

async function until(condition: string): Promise<void> {
  const end = Date.now() + outOfTime
  while (!(await asked(`Boolean(${condition})`))) {
    if (Date.now() > end)
      throw new Error(`Waited in vain for ${condition}; ${await page.evaluate('document.body.innerText')}`)
    await pause(100)
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const tracked = () => asked<number>('session.workspace.project.value.targets[0].track.size')
const notice = () => asked<string | undefined>('session.workspace.notice.value?.text')
const title = () => page.evaluate<string>('document.title')
const hidden = () => page.evaluate<boolean>('document.hidden')

describe.skipIf(!path)('in the background', () => {
  test('following goes on, the tab says how far it is, and the page says so afterwards', async () => {
    expect(await hidden()).toBe(false)
    await asked('void session.targets.follow([1])')
    await until('session.workspace.project.value.targets[0].track.size >= 1')
    await page.put('background')
    expect(await hidden()).toBe(true)
    const before = await tracked()
    await until(`session.workspace.project.value.targets[0].track.size >= ${before + 3}`)
    expect(await title()).toMatch(/^\d+% Following, siamrpn$/)
    await page.put('front')
    await until('session.workspace.notice.value')
    expect(await notice()).toMatch(
      /^Following went on while this page was in the background, and is still under way, at frame \d+ of 80\.$/,
    )
    expect(await title()).toBe('siamrpn: track anything in a video')
  })

  test('a page that is frozen waits, has saved its work, and goes on afterwards', async () => {
    await page.put('frozen')
    await pause(500) // a step that was under way
    const before = await tracked()
    await pause(4000)
    expect(await tracked()).toBe(before)
    await page.put('front')
    await until(`session.workspace.project.value.targets[0].track.size > ${before}`)
    await asked('session.workspace.activity.stop()')
    const saved = `(async () => {
      const open = indexedDB.open('siamrpn', 1)
      await new Promise((resolve) => { open.onsuccess = resolve })
      const get = open.result.transaction('projects').objectStore('projects').getAll()
      await new Promise((resolve) => { get.onsuccess = resolve })
      return get.result[0].project.targets[0].track.frames.length
    })()`
    expect(await page.evaluate<number>(saved)).toBeGreaterThanOrEqual(before - 1)
  })

  test('exporting a video goes on, and the video is whole', async () => {
    await page.evaluate(`(() => {
      HTMLAnchorElement.prototype.click = function () { window.exported = fetch(this.href).then((file) => file.blob()) }
    })()`)
    await page.put('background')
    await asked(`session.clips.export('mp4')`)
    await page.put('front')
    await page.evaluate(`(async () => {
      const file = new File([await window.exported], 'back.mp4')
      await window.siamrpnSession.clips.open([file])
    })()`)
    expect(await asked('session.workspace.project.value.clip')).toMatchObject({ name: 'back.mp4', frameCount: 80 })
  })

  test('playing pauses, and the page says so', async () => {
    await asked('void session.player.play()')
    await until('session.workspace.frame.value > 2')
    await page.put('background')
    await until('!session.workspace.activity.busy.value')
    await page.put('front')
    await until('session.workspace.notice.value')
    expect(await notice()).toBe('Playing was paused while this page was in the background: press Play to go on.')
  })

  test('the camera pauses, and goes on with the newest picture', async () => {
    await asked('void session.camera.open()')
    await until(`session.workspace.project.value.clip.name === 'camera' && session.workspace.frame.value > 1`)
    await asked('session.targets.add({ x: 100, y: 80, width: 60, height: 50 })')
    await until('session.workspace.project.value.targets[0].track.size > 0')
    await page.put('background')
    await pause(2500)
    const before = await asked<number>('session.workspace.frame.value')
    await pause(2500)
    expect(await asked<number>('session.workspace.frame.value')).toBeLessThanOrEqual(before + 1)
    await page.put('front')
    await until(`session.workspace.frame.value > ${before + 2}`)
    expect(await notice()).toMatch(/^The camera was paused while this page was in the background/)
    expect(await asked('session.workspace.live.value')).toBe(true)
  })
})
