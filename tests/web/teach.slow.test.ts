// Teaching in the page, on the software adapter: the hard sample is marked, taught and followed again, the weights are taken along and
// opened again, as are those of MMTracking and pysot; and a second visit needs no network. One visit; the tests follow each other.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/formats/checkpoint.ts'
import { readSafetensors, writeTorchZip } from '../../src/index.ts'
import type { TrackedTarget } from '../../web/src/model/project.ts'
import type { Session } from '../../web/src/session/session.ts'
import {
  choose,
  idle,
  inPage,
  modelIsThere,
  noticeOf,
  openSample,
  outOfTime,
  pause,
  projectOf,
  until,
} from './actions.ts'
import { pysotAlexNet } from './pysot-weights.ts'
import { type Box, overlap, readSample, type Sample } from './sample.ts'
import { buildPage, chromiumPath, type OpenedPage, openPage, serve } from './site.ts'

const path = chromiumPath()
const markedFrame = 20
const correctedFrame = 4
const shipped = new URL('../../models/mobile.safetensors', import.meta.url)

let folder: string
let site: Awaited<ReturnType<typeof serve>>
let sample: Sample
let opened: OpenedPage
beforeAll(async () => {
  if (!path) return
  folder = await mkdtemp(join(tmpdir(), 'siamrpn-teach-'))
  buildPage()
  site = await serve()
  sample = await readSample(new URL('../../web/public/hard-sample.zip', import.meta.url))
  opened = await openPage(site.address)
  await modelIsThere(opened)
})
afterAll(async () => {
  await opened?.close()
  site?.server.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const trackOf = async () => new Map((await projectOf(opened))?.targets[0]?.track)

async function followTo(frame: number): Promise<void> {
  await until(opened, `({ workspace }) => workspace.project.value.targets[0].track.has(${frame})`)
  await pause(opened)
}

/** Opens weights from disk and waits until they are in use, or until the page says why not. */
async function openWeights(name: string, bytes: Uint8Array, architecture = ''): Promise<void> {
  await inPage(opened, ({ workspace }) => {
    workspace.notice.value = undefined
  })
  await opened.page.getByLabel('Own weights are').selectOption(architecture)
  await choose(opened, 'weights', name, bytes)
  await until(opened, ({ workspace, model }) => Boolean(workspace.notice.value) && !model.loading.value)
}

describe.skipIf(!path)('teaching in the page', () => {
  let taught: Uint8Array
  /** Of the frame after the first, by the taught weights. */
  let learned: Box

  test('is offered with the first correction, and says on what and how long', async () => {
    const { page } = opened
    await openSample(opened, 'Hard sample')
    expect(await noticeOf(opened)).toMatch(/press Follow.*press Teach/)
    await page.getByTestId('follow').click()
    await followTo(3)
    expect(await page.getByTestId('teach').count()).toBe(0)
    const box = sample.truth[markedFrame] as Box
    await inPage(opened, ({ workspace }) => workspace.seek(20))
    await page.evaluate(`window.siamrpnSession.targets.place(1, ${JSON.stringify(box)})`)
    const panel = page.locator('section', { has: page.getByRole('heading', { name: 'Teach' }) })
    expect(await panel.innerText()).toMatch(
      /on the 2 frames of Target 1.*Both together take about \d+ (seconds|minutes)\./s,
    )
    await expect.poll(() => page.getByTestId('teach').isEnabled()).toBe(true)
  })

  test('can be cancelled, and the tracker is as it was', async () => {
    await opened.page.getByTestId('teach').click()
    await opened.page.getByTestId('cancel-teach').click()
    await idle(opened)
    expect(await noticeOf(opened)).toBe('Teaching was cancelled; the tracker is as it was.\n×')
    expect(await inPage(opened, ({ model }) => [model.taught.value, model.name.value])).toEqual([
      false,
      'The model that ships',
    ])
  })

  test('lowers the loss, follows the clip again and keeps the track before on the timeline', async () => {
    const before = await trackOf()
    await inPage(opened, ({ teacher }) => {
      void teacher.teach(1, 10)
    })
    await until(opened, ({ teacher }) => teacher.losses.value.length > 1)
    expect(await opened.page.getByTestId('progress').innerText()).toContain('Teaching')
    await until(opened, ({ model, workspace }) => model.taught.value || workspace.notice.value?.kind === 'error')
    await followTo(3)
    const { losses, name, kept } = await inPage(opened, ({ teacher, model, workspace }) => ({
      losses: teacher.losses.value,
      name: model.name.value,
      kept: [...(workspace.before.value?.track ?? [])],
    }))
    expect(losses).toHaveLength(10)
    expect(Math.min(...losses.slice(-3))).toBeLessThan(Math.min(...losses.slice(0, 3)))
    expect(await opened.page.locator('svg.curve title').textContent()).toMatch(/^Loss of 10 steps, from \d/)
    expect(name).toBe('Taught on 2 frames of Target 1')
    expect(new Map(kept)).toEqual(before)
    const after = await trackOf()
    learned = after.get(1)?.box as Box
    expect(learned).not.toEqual(before.get(1)?.box)
    for (const frame of [1, 2, 3])
      expect(overlap(after.get(frame)?.box as Box, sample.truth[frame])).toBeGreaterThan(0.5)
    expect(await timelineWithAndWithoutBefore()).toEqual({ differ: true })
  })

  test('gives the weights as a file of this model', async () => {
    const waiting = opened.page.waitForEvent('download', { timeout: outOfTime })
    await opened.page.getByTestId('save-weights').click()
    const file = await waiting
    expect(file.suggestedFilename()).toBe('taught.safetensors')
    taught = await readFile(await file.path())
    const names = async (bytes: Uint8Array) => [...readSafetensors(new Uint8Array(bytes)).tensors.keys()].sort()
    expect(await names(taught)).toEqual(await names(await readFile(shipped)))
  })

  test('is forgotten on request: the model that ships is in use again', async () => {
    await opened.page.getByRole('button', { name: 'Forget' }).click()
    await until(opened, ({ model }) => !model.taught.value)
    expect(await inPage(opened, ({ model }) => model.name.value)).toBe('The model that ships')
  })

  test('the weights, opened again, track as they did when they were taught', async () => {
    await openWeights('mine.safetensors', taught)
    expect(await noticeOf(opened)).toContain('Tracking with "mine.safetensors" from now on.')
    await inPage(opened, ({ workspace }) => workspace.seek(0))
    await inPage(opened, ({ workspace }) => {
      const untracked = (t: TrackedTarget) => ({ ...t, track: t.track.without(0, Number.POSITIVE_INFINITY) })
      workspace.grow((project) => ({ ...project, targets: project.targets.map(untracked) }))
    })
    await opened.page.getByTestId('follow').click()
    await followTo(1)
    const { box } = (await trackOf()).get(1) as { box: Box }
    for (const side of ['x', 'y', 'width', 'height'] as const) expect(box[side]).toBeCloseTo(learned[side], 2)
  })
})

test.skipIf(!path)('a correction is followed backwards to the one before, when that is asked for', async () => {
  const { page } = opened
  await page.getByLabel('Also backwards to the last correction').check()
  const box = sample.truth[correctedFrame] as Box
  await page.evaluate(`(async () => {
    const { workspace, targets } = window.siamrpnSession
    await workspace.seek(${correctedFrame})
    void targets.correct(1, { kind: 'box', box: ${JSON.stringify(box)} })
  })()`)
  await followTo(correctedFrame + 1)
  const track = await trackOf()
  expect([...track.keys()].filter((frame) => frame < correctedFrame).sort()).toEqual([1, 2, 3])
  for (const frame of [1, 2, 3]) expect(overlap(track.get(frame)?.box as Box, sample.truth[frame])).toBeGreaterThan(0.5)
})

describe.skipIf(!path)('weights from disk', () => {
  test('of MMTracking, with the configuration that the file carries', async () => {
    const { meta, stateDict } = readCheckpoint(await readFile(shipped), 'mobile')
    const file = writeTorchZip({ meta, state_dict: stateDict } as never)
    await openWeights('epoch_20.pth', file)
    expect(await noticeOf(opened)).toContain('Tracking with "epoch_20.pth" from now on.')
  })

  test("of pysot's AlexNet, when the page is told so", async () => {
    const file = pysotAlexNet()
    await openWeights('model.pth', file)
    expect(await noticeOf(opened)).toMatch(/model\.pth|checkpoint/)
    expect(await inPage(opened, ({ model }) => model.name.value)).toBe('epoch_20.pth')
    await openWeights('model.pth', file, 'siamrpn_alex_dwxcorr')
    expect(await noticeOf(opened)).toContain('Tracking with "model.pth" from now on.')
    expect(await inPage(opened, ({ model }) => model.name.value)).toBe('model.pth')
  })
})

test.skipIf(!path)('a second visit works without a network, and finds the work again', async () => {
  await opened.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
  site.server.closeAllConnections()
  await new Promise((resolve) => site.server.close(resolve))
  await opened.page.reload()
  await modelIsThere(opened)
  expect(await inPage(opened, ({ model }) => model.adapter.value?.software)).toBe(true)
  await openSample(opened, 'Sample')
  await openSample(opened, 'Hard sample')
  expect(await noticeOf(opened)).toContain('Your work on "hard-sample" was restored.')
  const marks = (await projectOf(opened))?.targets[0]?.marks ?? []
  expect(marks.map(([frame]) => frame).sort((a, b) => a - b)).toEqual([0, correctedFrame, markedFrame])
})

/** Whether the timeline looks another way with the track before than without it. */
async function timelineWithAndWithoutBefore(): Promise<{ readonly differ: boolean }> {
  return await opened.page.evaluate(async () => {
    const { before } = (window as unknown as { siamrpnSession: Session }).siamrpnSession.workspace
    const shown = async () => {
      await new Promise(requestAnimationFrame)
      await new Promise(requestAnimationFrame)
      return document.querySelector<HTMLCanvasElement>('canvas.timeline')?.toDataURL()
    }
    const kept = before.value
    const withIt = await shown()
    before.value = undefined
    const without = await shown()
    before.value = kept
    return { differ: withIt !== without }
  })
}
