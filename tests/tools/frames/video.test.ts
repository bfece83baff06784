// Video through ffmpeg: frames survive a round trip, processes end, damaged files are told. On a machine without ffmpeg
// the same tests assert the error that names it.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  EmptySourceError,
  FfmpegMissingError,
  TruncatedVideoError,
  UnreadableVideoError,
} from '../../../tools/frames/errors.ts'
import { hasFfmpeg, passthroughFor } from '../../../tools/frames/ffmpeg.ts'
import { openFrames } from '../../../tools/frames/frames.ts'
import { openWriter } from '../../../tools/frames/writers.ts'
import { collect, emptyPath, pixel, plainFrame, temporaryFolder } from './helpers.ts'

const ffmpeg = await hasFfmpeg()
const colors = [
  [200, 30, 30],
  [30, 200, 30],
  [30, 30, 200],
  [128, 128, 128],
  [250, 250, 10],
] as const

/** Writes a clip of plain frames; without ffmpeg, any bytes under the same name. */
async function makeClip(file: string, width: number, height: number, repeat = 1): Promise<void> {
  if (!ffmpeg) return writeFile(file, 'stands for a video')
  const writer = await openWriter(file, { width, height, fps: 10, targets: 1 })
  for (let index = 0; index < colors.length * repeat; index++) {
    await writer.write({ index, targets: [], picture: plainFrame(width, height, colors[index % colors.length]!) })
  }
  await writer.finish()
}

/** Runs the body where there is an ffmpeg; elsewhere expects opening `file` to say that it is missing. */
async function withFfmpeg(file: string, body: () => Promise<void>): Promise<void> {
  if (ffmpeg) return body()
  await expect(openFrames(file)).rejects.toThrow(FfmpegMissingError)
}

test('a clip that was written is read back: size, rate, count, colors', async () => {
  const file = join(await temporaryFolder(), 'clip.mp4')
  await makeClip(file, 64, 48)
  await withFfmpeg(file, async () => {
    const source = await openFrames(file)
    expect(source).toMatchObject({ width: 64, height: 48, fps: 10, count: 5 })
    const frames = await collect(source)
    expect(frames.length).toBe(5)
    for (const [index, frame] of frames.entries()) {
      expect(frame.data.length).toBe(64 * 48 * 3)
      for (const [channel, value] of pixel(frame, 32, 24).entries()) {
        expect(Math.abs(value - colors[index]![channel]!), `frame ${index}, channel ${channel}`).toBeLessThan(12)
      }
    }
    expect((await collect(source)).length, 'a second iteration starts anew').toBe(5)
  })
})

test('frames of odd size are padded to even, black', async () => {
  const file = join(await temporaryFolder(), 'odd.mp4')
  await makeClip(file, 33, 17)
  await withFfmpeg(file, async () => {
    const source = await openFrames(file)
    expect(source).toMatchObject({ width: 34, height: 18 })
    const [first] = await collect(source)
    expect(Math.max(...pixel(first!, 33, 8))).toBeLessThan(90)
    expect(pixel(first!, 16, 8)[0]).toBeGreaterThan(180)
  })
})

test('start counts frames exactly, and a start past the end is an error', async () => {
  const file = join(await temporaryFolder(), 'clip.mp4')
  await makeClip(file, 64, 48)
  await withFfmpeg(file, async () => {
    const source = await openFrames(file, { start: 3 })
    expect(source.count).toBe(2)
    const frames = await collect(source)
    expect(frames.length).toBe(2)
    expect(Math.abs(pixel(frames[0]!, 5, 5)[0]! - colors[3][0])).toBeLessThan(12)
    await expect(collect(await openFrames(file, { start: 9 }))).rejects.toThrow(EmptySourceError)
  })
})

test('leaving the loop early or closing ends the decoder', async () => {
  const file = join(await temporaryFolder(), 'long.mp4')
  await makeClip(file, 320, 240, 40)
  await withFfmpeg(file, async () => {
    const source = await openFrames(file)
    const before = children()
    for await (const _ of source) break
    expect(children(), 'after break').toEqual(before)
    const frames = source[Symbol.asyncIterator]()
    await frames.next()
    expect(children().length, 'while decoding').toBeGreaterThan(before.length)
    await source.close()
    expect(children(), 'after close').toEqual(before)
    while ((await frames.next()).done !== true);
    expect(await collect(source), 'closed sources yield nothing').toEqual([])
  })
})

test('a truncated video yields its frames, then a TruncatedVideoError', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'whole.mp4')
  await makeClip(file, 160, 120, 20)
  const bytes = await readFile(file)
  const cut = join(folder, 'cut.mp4')
  await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length * 0.6)))
  await withFfmpeg(cut, async () => {
    const source = await openFrames(cut)
    let frames = 0
    const reading = (async () => {
      for await (const _ of source) frames++
    })()
    const error = await reading.catch((reason) => reason)
    expect(error).toBeInstanceOf(TruncatedVideoError)
    expect(error.message).toMatch(/its header promises 100/)
    expect(error.framesRead).toBe(frames)
    expect(frames).toBeGreaterThan(0)
    expect(frames).toBeLessThan(100)
  })
})

test('a cut that copies the stream yields what can be read, and a warning that its header states more', async () => {
  const folder = await temporaryFolder()
  const [whole, cut] = [join(folder, 'whole.mp4'), join(folder, 'cut.mp4')]
  await makeClip(whole, 160, 120, 20)
  if (!ffmpeg) return
  execFileSync('ffmpeg', ['-v', 'error', '-ss', '1.5', '-i', whole, '-c', 'copy', cut])
  const source = await openFrames(cut)
  const { length } = await collect(source)
  expect(length).toBeGreaterThan(50)
  expect(length).toBeLessThan(source.count!)
  expect(source.warnings).toEqual([
    expect.stringMatching(new RegExp(`cut.mp4: ${length} frames could be read, its header states ${source.count}`)),
  ])
})

test('a video whose frames have more pixels than the limit is refused before it is decoded', async () => {
  const file = join(await temporaryFolder(), 'clip.mp4')
  await makeClip(file, 64, 48)
  vi.stubEnv('SIAMRPN_MAX_PIXELS', String(64 * 48 - 1))
  onTestFinished(() => void vi.unstubAllEnvs())
  await withFfmpeg(file, async () => {
    await expect(openFrames(file)).rejects.toThrow(UnreadableVideoError)
    await expect(openFrames(file)).rejects.toThrow(/64x48 pixels, expected at most 3071 in all.*--max-pixels/)
  })
})

test('what is no video is an UnreadableVideoError', async () => {
  const file = join(await temporaryFolder(), 'text.mp4')
  await writeFile(file, 'not a video')
  await withFfmpeg(file, async () => {
    await expect(openFrames(file)).rejects.toThrow(UnreadableVideoError)
  })
})

test('without ffmpeg on the PATH, reading and writing say how to get it and what works without', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'clip.mp4')
  await writeFile(file, 'stands for a video')
  emptyPath(folder)
  expect(await hasFfmpeg()).toBe(false)
  const error = await openFrames(file).catch((reason) => reason)
  expect(error).toBeInstanceOf(FfmpegMissingError)
  expect(error.message).toMatch(/ffprobe was not found on the PATH.*apt-get install ffmpeg.*folders of images/)
  const facts = { width: 4, height: 4, fps: 25, targets: 1 }
  await expect(openWriter(join(folder, 'out.mp4'), facts)).rejects.toThrow(FfmpegMissingError)
  expect(await readdir(folder)).toEqual(['clip.mp4'])
})

test('the option for handing on every frame follows the version of ffmpeg', () => {
  expect(passthroughFor('ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright')).toEqual(['-vsync', 'passthrough'])
  expect(passthroughFor('ffmpeg version 5.0 Copyright')).toEqual(['-vsync', 'passthrough'])
  expect(passthroughFor('ffmpeg version 5.1.9-0+deb12u1 Copyright')).toEqual(['-fps_mode', 'passthrough'])
  expect(passthroughFor('ffmpeg version n7.1 Copyright')).toEqual(['-fps_mode', 'passthrough'])
  expect(passthroughFor('ffmpeg version N-118193-g5f38c82536 Copyright')).toEqual(['-fps_mode', 'passthrough'])
})

/** Process ids of this process's children named ffmpeg. */
function children(): string[] {
  const parent = String(process.pid)
  if (existsSync('/proc/self/task')) {
    const pids = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ')
    return pids.filter(
      (pid) => existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, 'utf8').includes('ffmpeg'),
    )
  }
  const lines = execFileSync('ps', ['-A', '-o', 'ppid=,pid=,comm='], { encoding: 'utf8' }).trim().split('\n')
  const rows = lines.map((line) => line.trim().split(/\s+/))
  return rows.filter(([ppid, , name]) => ppid === parent && name?.includes('ffmpeg')).map(([, pid]) => pid ?? '')
}
