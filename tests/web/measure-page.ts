// Measures the built page in Chromium for docs/web.md: loading the model, a frame, how evenly the page draws meanwhile, and memory over a
// video of ten minutes. Needs ffmpeg. Run: npx tsx tests/web/measure-page.ts

import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { followFor, inPage, modelIsThere, openSample, projectOf, until } from './actions.ts'
import { buildPage, type OpenedPage, openPage, serve } from './site.ts'

const followed = 20
const video = { seconds: 600, part: 10, size: '1920x1080', rate: 25 } as const

const quantile = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN

/** MiB that this process's children hold in memory: the browser. */
async function residentMiB(): Promise<number> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const status = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    parents.set(Number(name), Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const isChild = (pid: number): boolean => {
    const parent = parents.get(pid)
    return parent !== undefined && (parent === process.pid || isChild(parent))
  }
  let bytes = 0
  for (const pid of [...parents.keys()].filter(isChild)) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
    bytes += 1024 * Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0)
  }
  return bytes / 2 ** 20
}

async function tracking(opened: OpenedPage): Promise<void> {
  await openSample(opened)
  await followFor(opened, 3)
  // As text: what tsx makes of a function asks for helpers that the page lacks.
  await opened.page.evaluate(`(() => {
    window.drawTimes = []
    let last = performance.now()
    const draw = (now) => {
      window.drawTimes.push(now - last)
      last = now
      requestAnimationFrame(draw)
    }
    requestAnimationFrame(draw)
  })()`)
  const client = await opened.context.newCDPSession(opened.page)
  await client.send('Performance.enable')
  const mainThread = async () => {
    const { metrics } = await client.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN
  }
  const [start, busy] = [performance.now(), await mainThread()]
  await followFor(opened, followed)
  const share = (1000 * ((await mainThread()) - busy)) / (performance.now() - start)
  const times = (await opened.page.evaluate('window.drawTimes')) as number[]
  const step = await inPage(opened, ({ tracker }) => tracker.stepTime)
  const late = times.filter((time) => time > 25).length / times.length
  console.log(
    `a frame: ${step?.toFixed(0)} ms; the page's main thread is busy ${(100 * share).toFixed(0)}% of the time`,
  )
  console.log(
    `between two drawings of the page while following: median ${quantile(times, 0.5).toFixed(1)} ms, ` +
      `95% below ${quantile(times, 0.95).toFixed(1)} ms, ${(100 * late).toFixed(1)}% above 25 ms, of ${times.length}`,
  )
}

/** Every frame of a long video is decoded and shown, as fast as that goes. */
async function longVideo(opened: OpenedPage, folder: string): Promise<void> {
  const [part, whole] = [join(folder, 'part.mp4'), join(folder, 'long.mp4')]
  const source = `testsrc2=size=${video.size}:rate=${video.rate}`
  const coded = ['-t', String(video.part), '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...coded, part])
  const loops = String(video.seconds / video.part - 1)
  execFileSync('ffmpeg', ['-v', 'error', '-stream_loop', loops, '-i', part, '-c', 'copy', whole])
  const start = performance.now()
  await opened.page.getByTestId('open').setInputFiles(whole)
  await until(opened, `({ workspace }) => workspace.project.value?.clip.name === 'long.mp4'`)
  console.log(`opened ${video.seconds} s of ${video.size} in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  const { frameCount = 0 } = (await projectOf(opened))?.clip ?? {}
  await opened.page.evaluate(`(() => {
    window.shown = 0
    void (async () => {
      const { workspace } = window.siamrpnSession
      for await (const picture of workspace.source.value.frames(0)) workspace.put(window.shown++, picture)
    })()
  })()`)
  for (const share of [0.02, 0.04, 0.08, 0.16, 0.33, 0.66, 1]) {
    const frame = Math.floor(share * frameCount)
    await until(opened, `() => window.shown >= ${frame}`)
    const seconds = ((performance.now() - start) / 1000).toFixed(0)
    console.log(
      `frame ${frame} of ${frameCount}, after ${seconds} s: the browser holds ${(await residentMiB()).toFixed(0)} MiB`,
    )
  }
  console.log(`${(frameCount / ((performance.now() - start) / 1000)).toFixed(0)} frames a second`)
}

buildPage()
const folder = await mkdtemp(join(tmpdir(), 'siamrpn-measure-'))
const { address, server } = await serve()
const opened = await openPage(address)
try {
  await modelIsThere(opened)
  console.log(
    `from opening the page to a loaded model: ${(await opened.page.evaluate<number>('performance.now()')).toFixed(0)} ms`,
  )
  await tracking(opened)
  await longVideo(opened, folder)
} finally {
  await opened.close()
  server.close()
  await rm(folder, { recursive: true, force: true })
}
