// Parts that the writers of all layouts share: frames rendered into JPEG files with the truth of what is in them, and
// folders that are complete or absent.

import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import sharp from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { makeFolder, type Pending, pendingFolder } from '../frames/atomic.ts'
import { OutputError } from '../frames/errors.ts'
import type { Box } from '../frames/types.ts'
import type { GeneratedClip } from './clip.ts'
import type { SyntheticClips } from './clips.ts'

export interface WriteClipsOptions {
  /** JPEG quality, 1..100 (90). */
  readonly quality?: number
  readonly signal?: AbortSignal
  /** Told after each frame. */
  readonly onFrame?: (done: number, total: number) => void
}

/** Writes a data set. @throws OutputError, also for more clips than the layout has names; the signal's reason */
export type WriteClips = (clips: SyntheticClips, folder: string, options?: WriteClipsOptions) => Promise<void>

/** What is to be known about one target in one frame. */
export interface Truth {
  readonly box: Box
  /** x1, y1 ... x4, y4 around the target, as it lies. */
  readonly corners: readonly number[]
  /** 0..1 */
  readonly visibility: number
}

/** A folder of frames. */
export interface Shot {
  /** The clip in the frames; with two they stand side by side, each with its target. */
  readonly clips: readonly number[]
  /** Where frame `frame` (from 0) goes. */
  file(frame: number): string
  /** Frames that show nothing, as if somebody held a hand before the lens. */
  covered?(frame: number): boolean
}

/** Below this visibility an object counts as hidden. */
export const hiddenBelow = 0.02

const framesAtOnce = 4

/** Writes all frames, and returns what is in them by shot, target and frame. */
export async function writeShots(
  clips: SyntheticClips,
  shots: readonly Shot[],
  options: WriteClipsOptions,
): Promise<readonly (readonly (readonly Truth[])[])[]> {
  const { signal, onFrame, quality = 90 } = options
  const total = shots.reduce((sum, shot) => sum + shot.clips.length, 0) * clips.framesPerClip
  const truths: Truth[][][] = []
  let done = 0
  for (const shot of shots) {
    const parts = shot.clips.map((index) => clips.clip(index))
    const covered = (frame: number) => shot.covered?.(frame) ?? false
    await makeFolder(dirname(shot.file(0)))
    for (let first = 0; first < clips.framesPerClip; first += framesAtOnce) {
      const writes: Promise<void>[] = []
      for (let frame = first; frame < Math.min(clips.framesPerClip, first + framesAtOnce); frame++) {
        const picture = sideBySide(parts.map((clip) => clip.picture(frame)))
        if (covered(frame)) picture.data.fill(coveredGrey)
        writes.push(writeJpeg(shot.file(frame), picture, quality))
      }
      await settled(writes)
      signal?.throwIfAborted()
      done += writes.length * parts.length
      onFrame?.(done, total)
    }
    truths.push(parts.map((clip, place) => truthOf(clip, place * clips.width, covered)))
  }
  return truths
}

const coveredGrey = 24

/** The truth of a clip that stands `shift` pixels from the left. */
function truthOf(clip: GeneratedClip, shift: number, covered: (frame: number) => boolean): Truth[] {
  return Array.from({ length: clip.count }, (_, frame) => {
    const box = clip.box(frame)
    return {
      box: { ...box, x: box.x + shift },
      corners: clip.corners(frame).map((value, index) => (index & 1 ? value : value + shift)),
      visibility: covered(frame) ? 0 : clip.visibility(frame),
    }
  })
}

function sideBySide(frames: readonly RgbFrame[]): RgbFrame {
  const [first] = frames
  if (first === undefined) throw new RangeError('no clip in a shot, expected one or more')
  if (frames.length === 1) return first
  const { width, height } = first
  const row = width * frames.length * 3
  const data = new Uint8Array(row * height)
  for (const [place, frame] of frames.entries()) {
    for (let y = 0; y < height; y++) {
      data.set(frame.data.subarray(y * width * 3, (y + 1) * width * 3), y * row + place * width * 3)
    }
  }
  return { data, width: width * frames.length, height, channels: 3 }
}

/** Waits for all, so that nothing is written after the folder is given up; then throws the first error. */
async function settled(writes: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(writes)) {
    if (result.status === 'rejected') throw result.reason
  }
}

async function writeJpeg(file: string, { data, width, height, channels }: RgbFrame, quality: number): Promise<void> {
  await sharp(data, { raw: { width, height, channels } }).jpeg({ quality }).toFile(file)
}

/** Has `work` fill a folder that becomes `folder` at the end; a folder of other things than `isOurs` is left alone. */
export async function writing(
  folder: string,
  isOurs: (name: string) => boolean,
  work: (root: string) => Promise<void>,
): Promise<void> {
  const pending: Pending = await pendingFolder(folder, isOurs)
  try {
    await work(pending.temporary)
    await pending.commit()
  } catch (error) {
    if (error instanceof OutputError || (error instanceof DOMException && error.name === 'AbortError')) throw error
    throw new OutputError(`cannot write ${folder}: ${error instanceof Error ? error.message : error}`, { cause: error })
  } finally {
    await pending.discard()
  }
}

/** Writes a text file, and the folder that it is in. */
export async function writeText(file: string, text: string): Promise<void> {
  await makeFolder(dirname(file))
  await writeFile(file, text)
}

/** The first `count` names of a layout. @throws OutputError when it has fewer */
export function namesFor(names: readonly string[], count: number, layout: string): readonly string[] {
  if (count > names.length) throw tooMany(count, names.length, layout)
  return names.slice(0, count)
}

export function tooMany(count: number, room: number, layout: string): OutputError {
  return new OutputError(`${count} clips asked for, but the layout ${layout} has names for ${room}`)
}

/** `00000007.jpg` */
export function numbered(frame: number, digits = 8): string {
  return `${String(frame).padStart(digits, '0')}.jpg`
}

/** Left, top, width, height. */
export function decimals({ x, y, width, height }: Box, digits: number, separator = ','): string {
  return [x, y, width, height].map((value) => value.toFixed(digits)).join(separator)
}

export function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}

export function lines(texts: readonly string[], end = '\n'): string {
  return texts.map((text) => `${text}${end}`).join('')
}
