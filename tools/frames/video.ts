// A video file as a frame source: ffmpeg decodes to rawvideo rgb24 into a pipe, no temporary files. The pipe gives the
// back-pressure: an ffmpeg whose output is not read waits. No `accurate_rnd`: without it frames equal OpenCV's reader.

import type { RgbFrame } from 'siamrpn'
import { cut } from 'siamrpn/gpu'
import { z } from 'zod'
import { EmptySourceError, TruncatedVideoError, UnreadableVideoError } from './errors.ts'
import { output, type Purpose, passthroughArguments, type Running, start as startProgram } from './ffmpeg.ts'
import { maxPixels, maxPixelsVariable } from './max-pixels.ts'
import { framesAhead, readAhead } from './read-ahead.ts'
import type { FrameSource } from './types.ts'

interface VideoFacts {
  readonly width: number
  readonly height: number
  readonly fps?: number
  readonly count?: number
  /** AVI states its frames exactly; MP4's edit lists may hide some of the stated ones. */
  readonly countIsExact: boolean
}

const probeSchema = z.object({
  format: z.object({ format_name: z.string().default('') }).prefault({}),
  streams: z.array(
    z.object({
      width: z.number().default(0),
      height: z.number().default(0),
      avg_frame_rate: z.string().default(''),
      r_frame_rate: z.string().default(''),
      nb_frames: z.string().default(''),
      tags: z.object({ rotate: z.string().default('0') }).prefault({}),
      side_data_list: z.array(z.object({ rotation: z.number().default(0) })).default([]),
    }),
  ),
})

/** Opens a video file, from the frame with index `start` on. */
export async function openVideo(file: string, start: number): Promise<FrameSource> {
  const why: Purpose = {
    purpose: `read the video ${file}`,
    alternative: 'folders of images, single images, animated WebP and GIF are read without it',
  }
  const facts = await probe(file, why)
  const passthrough = await passthroughArguments(why)
  const select = start > 0 ? ['-vf', `select=gte(n\\,${start})`] : []
  const input = ['-hide_banner', '-nostdin', '-loglevel', 'error', '-i', inputUrl(file), '-map', '0:v:0']
  const args = [...input, ...select, ...passthrough, '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1']
  const running = new Set<Running>()
  const warnings: string[] = []
  let closed = false

  return {
    width: facts.width,
    height: facts.height,
    ...(facts.fps === undefined ? {} : { fps: facts.fps }),
    ...(facts.count === undefined ? {} : { count: Math.max(0, facts.count - start) }),
    warnings,
    async *[Symbol.asyncIterator]() {
      if (closed) return
      const ffmpeg = startProgram('ffmpeg', args, why)
      ffmpeg.child.stdin.end()
      running.add(ffmpeg)
      const state = { stopped: false }
      const stop = () => {
        state.stopped = true
        void ffmpeg.kill()
      }
      const warn = (warning: string) => void warnings.splice(0, 1, warning)
      const frames = decode({ ffmpeg, facts, file, start, ended: () => closed || state.stopped, warn })
      try {
        yield* readAhead(frames, framesAhead, stop)
      } finally {
        await ffmpeg.kill()
        running.delete(ffmpeg)
      }
    },
    async close() {
      closed = true
      await Promise.all([...running].map((ffmpeg) => ffmpeg.kill()))
    },
  }
}

interface Decoding {
  readonly ffmpeg: Running
  readonly facts: VideoFacts
  readonly file: string
  readonly start: number
  ended(): boolean
  warn(warning: string): void
}

async function* decode({ ffmpeg, facts, file, start, ended, warn }: Decoding): AsyncGenerator<RgbFrame> {
  const { width, height } = facts
  const frameBytes = width * height * 3
  let data = new Uint8Array(frameBytes)
  let filled = 0
  let frames = 0
  try {
    for await (const chunk of ffmpeg.child.stdout as AsyncIterable<Uint8Array>) {
      for (let offset = 0; offset < chunk.length; ) {
        const part = chunk.subarray(offset, offset + frameBytes - filled)
        data.set(part, filled)
        filled += part.length
        offset += part.length
        if (filled < frameBytes) continue
        frames++
        yield { data, width, height, channels: 3 }
        data = new Uint8Array(frameBytes)
        filled = 0
      }
    }
  } catch (error) {
    if (!ended()) throw error
  }
  if (ended()) return
  const code = await ffmpeg.exited
  const warning = checkEnd({ code, frames, filled, stderr: ffmpeg.stderr() }, facts, file, start)
  if (warning !== undefined) warn(warning)
}

/**
 * A video's end is trusted only if ffmpeg succeeded, stopped between frames, and did not complain about missing data. Cuts that
 * copy the stream keep frames that edit lists hide or that lack what they refer to: their header states more than there are.
 *
 * @returns what is odd about the number of frames, if anything is
 */
function checkEnd(
  end: { code: number | null; frames: number; filled: number; stderr: string },
  facts: VideoFacts,
  file: string,
  start: number,
): string | undefined {
  const reason = lastLine(end.stderr)
  const read = start + end.frames
  const missing = facts.count === undefined ? 0 : facts.count - read
  if (end.frames === 0) {
    if (end.code !== 0 || end.stderr !== '')
      throw new UnreadableVideoError(file, reason || `ffmpeg ended with ${end.code}`)
    throw new EmptySourceError(`frame ${start} asked for, but ${file} ends before it`)
  }
  const complained = /partial file|ended prematurely|truncat/i.test(end.stderr)
  const short = facts.countIsExact && missing > 1
  if (end.code !== 0 || end.filled > 0 || complained || short) {
    throw new TruncatedVideoError(file, read, facts.count, reason || 'the file ends early')
  }
  if (missing <= 0) return undefined
  return `${file}: ${read} frames could be read, its header states ${facts.count}${reason === '' ? '' : ` (${reason})`}`
}

async function probe(file: string, why: Purpose): Promise<VideoFacts> {
  const stream =
    'stream=width,height,avg_frame_rate,r_frame_rate,nb_frames:stream_side_data=rotation:stream_tags=rotate'
  const entries = ['-select_streams', 'v:0', '-show_entries', `${stream}:format=format_name`]
  const result = await output('ffprobe', ['-v', 'error', ...entries, '-of', 'json', inputUrl(file)], why)
  if (result.code !== 0) {
    const line = lastLine(result.stderr)
    throw new UnreadableVideoError(file, line.replace(`${inputUrl(file)}: `, '') || `ffprobe ended with ${result.code}`)
  }
  const { streams, format } = parseProbe(file, result.stdout)
  const [video] = streams
  if (video === undefined) throw new UnreadableVideoError(file, 'it holds no video stream')
  if (video.width < 1 || video.height < 1) {
    throw new UnreadableVideoError(file, `its frames are ${video.width}x${video.height} pixels`)
  }
  if (video.width * video.height > maxPixels()) {
    throw new UnreadableVideoError(
      file,
      `its frames are ${video.width}x${video.height} pixels, expected at most ${maxPixels()} in all; ` +
        `larger ones are read with --max-pixels or ${maxPixelsVariable}`,
    )
  }
  const rotation = video.side_data_list.find((data) => data.rotation !== 0)?.rotation ?? Number(video.tags.rotate)
  const turned = Math.abs(rotation) % 180 === 90 // ffmpeg turns the frames of phones upright.
  const fps = ratio(video.avg_frame_rate) ?? ratio(video.r_frame_rate)
  const count = Number.parseInt(video.nb_frames, 10)
  return {
    width: turned ? video.height : video.width,
    height: turned ? video.width : video.height,
    ...(fps === undefined ? {} : { fps }),
    ...(count > 0 ? { count } : {}),
    countIsExact: format.format_name === 'avi',
  }
}

function parseProbe(file: string, text: string): z.output<typeof probeSchema> {
  const parsed = probeSchema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new UnreadableVideoError(
    file,
    `ffprobe's answer is not as expected: ${cut(z.prettifyError(parsed.error), 300)}`,
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A path as ffmpeg takes it literally: `file:` keeps `http://`, `concat:` or a leading dash in a name from meaning something. */
function inputUrl(file: string): string {
  return `file:${file}`
}

/** `25/1` or `30000/1001` to a number; `0/0` and nonsense to undefined. */
function ratio(text: string): number | undefined {
  const [numerator = Number.NaN, denominator = 1] = text.split('/').map(Number)
  const value = numerator / denominator
  return Number.isFinite(value) && value > 0 ? value : undefined
}

/** The last complaint, without ffmpeg's `[component @ address]`. */
function lastLine(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => !line.includes('Last message repeated'))
  return (lines.at(-1) ?? '').replace(/^\[[^\]]* @ 0x[0-9a-f]+\] /, '')
}
