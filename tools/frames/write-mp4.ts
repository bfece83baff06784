// H.264 (or MPEG-4 part 2 where the ffmpeg at hand lacks libx264) in MP4: raw RGB goes down a pipe, ffmpeg writes the file.
// Colors are converted and tagged as BT.709, so that players need not guess; odd sizes gain one black row or column.

import { once } from 'node:events'
import type { RgbFrame } from 'siamrpn'
import { pendingFile } from './atomic.ts'
import { FfmpegError, OutputError } from './errors.ts'
import { output, type Purpose, type Running, start } from './ffmpeg.ts'
import type { RunFacts, Writer } from './writer.ts'

const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18']
const mpeg4 = ['-c:v', 'mpeg4', '-q:v', '3']
const bt709 = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv']

/** @throws FfmpegMissingError, FfmpegError, OutputError */
export async function openMp4Writer(path: string, facts: RunFacts): Promise<Writer> {
  const why: Purpose = { purpose: `write ${path}`, alternative: 'write an animated .webp or a folder of PNG files' }
  const encoders = await output('ffmpeg', ['-hide_banner', '-encoders'], why)
  const codec = /\slibx264\s/.test(encoders.stdout) ? h264 : mpeg4
  const file = await pendingFile(path)
  const ffmpeg = start('ffmpeg', mp4Arguments(facts, codec, file.temporary), why)
  ffmpeg.child.stdout.resume()

  const failed = (code: number | null) =>
    new FfmpegError(`ffmpeg ended with ${code} while it wrote ${path}: ${ffmpeg.stderr() || 'no message'}`)
  const ended = ffmpeg.exited.then((code) => {
    throw failed(code)
  })
  ended.catch(() => undefined)
  let frames = 0
  return {
    path,
    pictures: true,
    async write({ picture }) {
      if (!picture) return
      await feed(ffmpeg, picture, ended)
      frames++
    },
    async finish(_metadata, name = (asked) => asked) {
      ffmpeg.child.stdin.end()
      const code = await ffmpeg.exited
      if (code !== 0) throw failed(code)
      await verify(file.temporary, { path, frames, why, stderr: ffmpeg.stderr() })
      await file.commit(name(path))
      return [name(path)]
    },
    async abort() {
      await ffmpeg.kill()
      await file.discard()
    },
  }
}

interface Expected {
  readonly path: string
  readonly frames: number
  readonly why: Purpose
  readonly stderr: string
}

/** ffmpeg ends with 0 on a full disk, too: whether the file can be read is asked of the file. @throws OutputError */
async function verify(file: string, { path, frames, why, stderr }: Expected): Promise<void> {
  const entries = ['-select_streams', 'v:0', '-count_packets', '-show_entries', 'stream=nb_read_packets']
  const probe = await output('ffprobe', ['-v', 'error', ...entries, '-of', 'csv=p=0', `file:${file}`], why)
  const found = Number.parseInt(probe.stdout, 10)
  if (probe.code === 0 && found === frames) return
  const reason = stderr || probe.stderr.replaceAll(`file:${file}`, path) || 'the disk may be full'
  const readable = Number.isNaN(found) ? 'what was written cannot be read' : `${found} of ${frames} frames were written`
  throw new OutputError(`cannot write ${path}: ${readable} (${reason})`)
}

function mp4Arguments(facts: RunFacts, codec: readonly string[], temporary: string): string[] {
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${facts.width}x${facts.height}`, '-r', String(facts.fps)]
  const filter = 'pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p'
  const container = ['-movflags', '+faststart', '-f', 'mp4', '-y', `file:${temporary}`]
  return [
    '-hide_banner',
    '-loglevel',
    'error',
    ...input,
    '-i',
    'pipe:0',
    '-vf',
    filter,
    ...codec,
    ...bt709,
    ...container,
  ]
}

/** Hands one picture over; resolves when ffmpeg is ready for more, rejects when it has ended. */
async function feed(ffmpeg: Running, picture: RgbFrame, ended: Promise<never>): Promise<void> {
  const { stdin } = ffmpeg.child
  if (stdin.destroyed) await ended
  if (stdin.write(picture.data)) return
  const leaving = new AbortController()
  try {
    const drained = once(stdin, 'drain', { signal: leaving.signal }).catch(() => ended) // EPIPE: it is ending.
    await Promise.race([drained, ended])
  } finally {
    leaving.abort()
  }
}
