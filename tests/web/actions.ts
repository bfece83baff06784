// What a person does in the page, and what the tests read of it: shared by the tests in this folder.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { ExportKind } from '../../web/src/session/export.ts'
import type { Session } from '../../web/src/session/session.ts'
import type { Box } from './sample.ts'
import type { OpenedPage } from './site.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Milliseconds. */
export const outOfTime = 600_000

/** The session that the page puts on `window`, evaluated there. */
export async function inPage<T>({ page }: OpenedPage, read: (session: Session) => T): Promise<Awaited<T>> {
  return await page.evaluate(`(${read})(window.siamrpnSession)`)
}

/** Waits for something in the page. Asked from outside: the page's policy forbids to evaluate texts there. */
export async function until(opened: OpenedPage, condition: string | ((session: Session) => boolean)): Promise<void> {
  const asked = `Boolean(window.siamrpnSession && (${condition})(window.siamrpnSession))`
  const end = Date.now() + outOfTime
  while (!(await opened.page.evaluate(asked))) {
    if (Date.now() > end)
      throw new Error(`Waited in vain for ${condition}; ${await opened.page.locator('main').innerText()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export const idle = (opened: OpenedPage) => until(opened, ({ workspace }) => !workspace.activity.busy.value)
export const modelIsThere = (opened: OpenedPage) =>
  until(
    opened,
    ({ model, workspace }) => Boolean(model.adapter.value ?? workspace.notice.value) && !model.loading.value,
  )
export const projectOf = (opened: OpenedPage) =>
  inPage(opened, ({ workspace }) => {
    const project = workspace.project.value
    return (
      project && {
        ...project,
        targets: project.targets.map((t) => ({ ...t, marks: [...t.marks], track: [...t.track] })),
      }
    )
  })
export const noticeOf = async ({ page }: OpenedPage) => await page.getByTestId('notice').innerText()

/** Follows until so many frames are there, then pauses. */
export async function followFor(opened: OpenedPage, frames: number): Promise<void> {
  await opened.page.getByTestId('follow').click()
  await until(opened, `({ workspace }) => workspace.project.value.targets[0].track.size >= ${frames}`)
  await pause(opened)
}

export async function pause(opened: OpenedPage): Promise<void> {
  await inPage(opened, ({ workspace }) => workspace.activity.stop())
}

/** Drags on the stage, in frame pixels. */
export async function drag(
  opened: OpenedPage,
  from: readonly [number, number],
  to: readonly [number, number],
): Promise<void> {
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

/** Opens a clip that ships with the page. */
export async function openSample(opened: OpenedPage, name: 'Sample' | 'Hard sample' = 'Sample'): Promise<void> {
  await opened.page.getByRole('navigation').getByRole('button', { name, exact: true }).click()
  const clip = name === 'Sample' ? 'sample' : 'hard-sample'
  await until(opened, `({ workspace }) => workspace.project.value?.clip.name === '${clip}'`)
  await idle(opened)
}

export async function exported(opened: OpenedPage, kind: ExportKind, folder: string): Promise<string> {
  await opened.page.getByLabel('Format to export').selectOption(kind)
  const waiting = opened.page.waitForEvent('download', { timeout: outOfTime })
  await opened.page.getByRole('button', { name: 'Export', exact: true }).click()
  const file = await waiting
  const target = join(folder, file.suggestedFilename())
  await file.saveAs(target)
  return target
}

export async function choose(
  opened: OpenedPage,
  id: 'open' | 'import' | 'weights',
  name: string,
  bytes: Uint8Array | string,
) {
  const buffer = Buffer.from(bytes as Uint8Array)
  await opened.page.getByTestId(id).setInputFiles({ name, mimeType: 'application/octet-stream', buffer })
}

/** Drops a file onto the page. */
export async function drop({ page }: OpenedPage, name: string, bytes: Uint8Array): Promise<void> {
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
export async function seriousProblems({ page }: OpenedPage): Promise<string[]> {
  await page.evaluate(axe)
  return await page.evaluate(async () => {
    const tool = (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string }[] }> } })
      .axe
    const { violations } = await tool.run()
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id)
  })
}

export type PlainTarget = NonNullable<Awaited<ReturnType<typeof projectOf>>>['targets'][number]

/** Where a target is, by frame, from marks and track. */
export function boxesOf(target: PlainTarget | undefined): Map<number, Box> {
  const found = new Map<number, Box>(target?.track.map(([frame, { box }]) => [frame, box]))
  for (const [frame, mark] of target?.marks ?? []) if (mark.kind === 'box') found.set(frame, mark.box)
  return new Map([...found].sort(([a], [b]) => a - b))
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
export async function allThumbnails({ page }: OpenedPage): Promise<number[][]> {
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
export async function stageState({
  page,
}: OpenedPage): Promise<{ readonly pixels: number[]; readonly found: Box | undefined }> {
  return await page.evaluate(`(() => {
    const { picture, frame, project } = window.siamrpnSession.workspace
    const pixels = ${thumbnailOf}(picture.value)
    return { pixels, found: project.value.targets[0]?.track.get(frame.value)?.box }
  })()`)
}

export function meanDifference(a: readonly number[], b: readonly number[] | undefined): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b?.[index] ?? 0)), 0) / a.length
}

/** The picture that is most like another one. */
export function nearest(pixels: readonly number[], candidates: readonly number[][]): number {
  const differences = candidates.map((candidate) => meanDifference(pixels, candidate))
  return differences.indexOf(Math.min(...differences))
}

export const hasFfprobe = spawnSync('ffprobe', ['-version']).status === 0

/** What ffprobe says of a video. */
export function probed(file: string): object {
  if (!hasFfprobe) return {}
  const args = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', file]
  const [stream] = JSON.parse(spawnSync('ffprobe', args, { encoding: 'utf8' }).stdout).streams
  return { ...stream, duration: Number(stream.duration) }
}

/** From now on the browser says of codecs whose names begin so that it cannot encode them; mediabunny keeps what it was told once. */
export async function refuseCodecs({ page }: OpenedPage, prefix: string): Promise<void> {
  await page.evaluate(`(() => {
    window.isConfigSupported ??= VideoEncoder.isConfigSupported
    VideoEncoder.isConfigSupported = async (config) =>
      config.codec.startsWith('${prefix}') ? { supported: false, config } : window.isConfigSupported.call(VideoEncoder, config)
  })()`)
}
