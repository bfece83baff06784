// Out of graphics memory in the page, on purpose: while a model is loaded, while a target is followed, while the tracker is taught. The
// page says what to do, keeps what it had, and goes on when it is asked again. One visit; the tests follow each other.

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  choose,
  followFor,
  idle,
  inPage,
  modelIsThere,
  noticeOf,
  openSample,
  pause,
  projectOf,
  until,
} from './actions.ts'
import { refusalScript, refuseBufferAfter, wasRefused } from './refusal.ts'
import { buildPage, chromiumPath, type OpenedPage, openPage, serve } from './site.ts'

const path = chromiumPath()
const shipped = new URL('../../models/mobile.safetensors', import.meta.url)

let site: Awaited<ReturnType<typeof serve>>
let opened: OpenedPage
beforeAll(async () => {
  if (!path) return
  buildPage()
  site = await serve({ before: { pattern: /\/worker-[^/]*\.js$/, script: refusalScript } })
  opened = await openPage(site.address)
  await modelIsThere(opened)
})
afterAll(async () => {
  await opened?.close()
  site?.server.close()
})

const trackedFrames = async () => (await projectOf(opened))?.targets[0]?.track.map(([frame]) => frame)
const modelName = () => inPage(opened, ({ model }) => model.name.value)

async function sentence(): Promise<string> {
  await wasRefused(opened)
  await until(opened, ({ workspace }) => workspace.notice.value?.kind === 'error' && !workspace.activity.busy.value)
  const text = await noticeOf(opened)
  await opened.page.getByRole('button', { name: 'Close this message' }).click()
  return text
}

async function openWeights(name: string): Promise<void> {
  await choose(opened, 'weights', name, await readFile(shipped))
  await until(opened, ({ workspace, model }) => Boolean(workspace.notice.value) && !model.loading.value)
}

describe.skipIf(!path)('out of graphics memory', () => {
  test.each([0, 20])(
    'while loading, after %i buffers: the model before stays, and another try succeeds',
    async (granted) => {
      const before = await modelName()
      await refuseBufferAfter(opened, granted)
      await openWeights('mine.safetensors')
      expect(await sentence()).toMatch(
        /not enough graphics memory for this model; what was in use before stays.*smaller model/,
      )
      expect(await modelName()).toBe(before)
      await openWeights(`mine after ${granted}.safetensors`)
      expect(await modelName()).toBe(`mine after ${granted}.safetensors`)
    },
  )

  test('while following, at its start and in the middle: what was followed stays, and following goes on', async () => {
    await openSample(opened)
    await refuseBufferAfter(opened, 3)
    await opened.page.getByTestId('follow').click()
    expect(await sentence()).toMatch(
      /graphics memory ran out, so following stopped here; nothing is lost.*press Follow/,
    )
    expect((await projectOf(opened))?.targets[0]?.marks).toHaveLength(1)
    await followFor(opened, 2)
    const before = await trackedFrames()
    await inPage(opened, ({ workspace }) => workspace.seek(0))
    await refuseBufferAfter(opened, 0)
    await opened.page.getByTestId('follow').click()
    expect(await sentence()).toMatch(/graphics memory ran out/)
    expect(await trackedFrames()).toEqual(before)
    await followFor(opened, (before?.length ?? 0) + 1)
    await idle(opened)
  })

  test.each([0, 60])(
    'while teaching, after %i buffers: the tracker is as it was, and teaching can be tried again',
    async (granted) => {
      if (granted === 0) {
        await inPage(opened, ({ workspace }) => workspace.seek(2))
        await inPage(opened, ({ workspace, targets }) => {
          const box = workspace.project.value?.targets[0]?.track.get(2)?.box
          if (box) targets.place(1, box)
        })
      }
      const before = await modelName()
      await refuseBufferAfter(opened, granted)
      await inPage(opened, ({ teacher }) => {
        void teacher.teach(1, 2)
      })
      expect(await sentence()).toMatch(
        /not enough graphics memory to teach on 2 frames; the tracker is as it was.*press Teach/,
      )
      expect(await modelName()).toBe(before)
    },
  )

  test('afterwards the tracker is taught and follows', async () => {
    await inPage(opened, ({ teacher }) => {
      void teacher.teach(1, 2)
    })
    await until(opened, ({ model, workspace }) => model.taught.value || workspace.notice.value?.kind === 'error')
    expect(await modelName()).toBe('Taught on 2 frames of Target 1')
    await until(opened, ({ workspace }) => workspace.project.value?.targets[0]?.track.has(3) ?? false)
    await pause(opened)
  })
})
