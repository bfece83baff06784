// A failure as a strip of pictures: a few frames, all cut to the same size around the object and the tracker's box. The
// boxes are drawn by the page, over the pictures, so that they stay sharp.

import sharp from 'sharp'
import { type ReadFrame, readFrameFile } from '../evaluation/sequence-video.ts'
import { SourceNotFoundError, UnreadableImageError } from '../frames/errors.ts'
import type { Box } from '../frames/types.ts'
import type { FailureChoice } from './failures.ts'
import { answerAt, truthAt } from './traces.ts'

/** CSS pixels of a picture. */
export const tileWidth = 320
export const tileHeight = 240

export interface Tile {
  /** From 0. */
  readonly frame: number
  readonly overlap: number | undefined
  /** `data:image/webp;base64,...` */
  readonly picture: string
  /** In the picture's pixels; may lie outside of it. */
  readonly truth: Box | undefined
  readonly answer: Box | undefined
}

export interface FilmStrip extends FailureChoice {
  readonly tiles: readonly Tile[]
}

interface Size {
  readonly width: number
  readonly height: number
}

const qualities = [64, 48, 34, 22]
const ratio = tileWidth / tileHeight
/** The margin on every side, in parts of the boxes' extent. */
const margin = 0.2
/** In lengths of the object's longer side. */
const leastView = 3
const widestView = 7

/**
 * Makes the pictures of a failure, together at most `budget` bytes as far as the least quality allows.
 *
 * @throws SourceNotFoundError, UnreadableImageError
 */
export async function filmStrip(choice: FailureChoice, budget: number, read = readFrameFile): Promise<FilmStrip> {
  const cuts: { frame: number; view: Box; data: Uint8Array }[] = []
  const size = viewSize(choice)
  for (const frame of choice.frames) {
    const picture = await read(choice.trace.sequence, frame)
    const view = viewOf(choice, frame, size, picture)
    const { data, width, height, channels } = picture
    const raw = await sharp(data, { raw: { width, height, channels } })
      .extract({ left: view.x, top: view.y, width: view.width, height: view.height })
      .resize(tileWidth, tileHeight, { fit: 'contain', background: '#808080' })
      .raw()
      .toBuffer()
    cuts.push({ frame, view, data: raw })
  }
  const pictures = await withinBudget(
    cuts.map(({ data }) => data),
    budget,
  )
  return { ...choice, tiles: cuts.map(({ frame, view }, index) => tile(choice, frame, view, pictures[index])) }
}

/** As `filmStrip`; undefined where an image is missing or broken. */
export async function filmStripIfThere(
  choice: FailureChoice,
  budget: number,
  read?: ReadFrame,
): Promise<FilmStrip | undefined> {
  try {
    return await filmStrip(choice, budget, read)
  } catch (error) {
    if (error instanceof SourceNotFoundError || error instanceof UnreadableImageError) return undefined
    throw error
  }
}

/**
 * Size of the part of the frames that a strip shows, pixels: the same on all of them, so that sizes can be compared. It holds both
 * boxes wherever they are near enough for the object to stay large enough to be seen.
 */
export function viewSize({ trace, frames }: FailureChoice): Size {
  const truths = frames.flatMap((frame) => truthAt(trace.sequence, frame) ?? [])
  const side = Math.max(8, ...truths.map(({ width, height }) => Math.max(width, height)))
  const wanted = frames.flatMap((frame) => {
    const both = hull([truthAt(trace.sequence, frame), answerAt(trace.result, frame)])
    return both ? Math.max(both.width, both.height * ratio) * (1 + 2 * margin) : []
  })
  const width = Math.max(leastView * side, ...wanted.filter((value) => value <= widestView * side))
  return { width, height: width / ratio }
}

/** That part of one frame, whole pixels: around both boxes where both fit, else around the object. */
export function viewOf({ trace }: FailureChoice, index: number, view: Size, frame: Size): Box {
  const truth = truthAt(trace.sequence, index)
  const both = hull([truth, answerAt(trace.result, index)]) ?? { x: 0, y: 0, ...frame }
  const fits = both.width <= view.width && both.height <= view.height
  const box = fits ? both : (truth ?? both)
  const width = Math.max(1, Math.round(Math.min(view.width, frame.width)))
  const height = Math.max(1, Math.round(Math.min(view.height, frame.height)))
  const within = (at: number, size: number, limit: number) => Math.round(Math.max(0, Math.min(limit - size, at)))
  return {
    x: within(box.x + box.width / 2 - width / 2, width, frame.width),
    y: within(box.y + box.height / 2 - height / 2, height, frame.height),
    width,
    height,
  }
}

function hull(present: readonly (Box | undefined)[]): Box | undefined {
  const boxes = present.filter((box) => box !== undefined)
  if (boxes.length === 0) return undefined
  const left = Math.min(...boxes.map(({ x }) => x))
  const top = Math.min(...boxes.map(({ y }) => y))
  const right = Math.max(...boxes.map(({ x, width }) => x + width))
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height))
  return { x: left, y: top, width: right - left, height: bottom - top }
}

async function withinBudget(cuts: readonly Uint8Array[], budget: number): Promise<string[]> {
  let pictures: Buffer[] = []
  for (const quality of qualities) {
    pictures = await Promise.all(
      cuts.map((data) =>
        sharp(data, { raw: { width: tileWidth, height: tileHeight, channels: 3 } })
          .webp({ quality })
          .toBuffer(),
      ),
    )
    if (pictures.reduce((sum, { length }) => sum + length, 0) * (4 / 3) <= budget) break
  }
  return pictures.map((picture) => `data:image/webp;base64,${picture.toString('base64')}`)
}

function tile({ trace }: FailureChoice, frame: number, view: Box, picture = ''): Tile {
  const scale = Math.min(tileWidth / view.width, tileHeight / view.height)
  const left = (tileWidth - view.width * scale) / 2
  const top = (tileHeight - view.height * scale) / 2
  const placed = (box: Box | undefined) =>
    box && {
      x: left + (box.x - view.x) * scale,
      y: top + (box.y - view.y) * scale,
      width: box.width * scale,
      height: box.height * scale,
    }
  return {
    frame,
    overlap: trace.overlaps[frame],
    picture,
    truth: placed(truthAt(trace.sequence, frame)),
    answer: placed(answerAt(trace.result, frame)),
  }
}
