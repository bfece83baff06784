// A data set at a glance: a row of frames per sequence with the true boxes drawn in, frames that hide the object dimmed and
// marked. Frames are scaled first and drawn on afterwards, so that lines and letters stay sharp.

import sharp from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { isCmyk } from '../frames/cmyk.ts'
import { type Color, drawBox, drawText, fillRect, groundTruthColor } from '../frames/draw.ts'
import { OutputError } from '../frames/errors.ts'
import { glyphHeight, glyphWidth } from '../frames/font.ts'
import { checkImage, readImage, readImageBytes, toRgb, unreadable } from '../frames/image.ts'
import { maxPixels } from '../frames/max-pixels.ts'
import type { Box } from '../frames/types.ts'
import { drawPolygon } from './draw-polygon.ts'
import { mapConcurrently } from './frame-sizes.ts'
import { hasArea } from './rows.ts'
import type { Sequence } from './types.ts'

export interface ContactSheetOptions {
  /** A line above all rows. */
  readonly title: string
  /** Frames per sequence (6), evenly spread from the first to the last. */
  readonly frames?: number
  /** Pixels that a frame is wide (256), at least 96. */
  readonly cellWidth?: number
  readonly signal?: AbortSignal
  /** Told after each frame. */
  readonly onFrame?: (done: number, total: number) => void
}

const ground: Color = [22, 24, 29]
const empty: Color = [38, 41, 48]
const bright: Color = [236, 238, 242]
const faint: Color = [140, 147, 160]
const hiddenColor: Color = [255, 92, 80]
const labelGround: Color = [12, 13, 16]

const gap = 6
const margin = 14
/** Brightness of a frame without the object, in parts of the picture's own. */
const hiddenBrightness = 0.4
const mostSheetPixels = 200_000_000
/** A box smaller than this in the sheet gets a wider frame around it. */
const smallBox = 12
const framesAtOnce = 4

/** Frames `count` of `total`, evenly spread, the first and the last among them; all where there are no more. */
export function spread(total: number, count: number): number[] {
  if (count >= total) return Array.from({ length: total }, (_, k) => k)
  if (count === 1) return [0]
  return Array.from({ length: count }, (_, k) => Math.round((k * (total - 1)) / (count - 1)))
}

/**
 * Renders the sheet. A frame that cannot be read is marked and does not end the work.
 *
 * @throws the signal's reason
 */
export async function contactSheet(sequences: readonly Sequence[], options: ContactSheetOptions): Promise<RgbFrame> {
  const { frames: columns = 6, cellWidth = 256, signal, onFrame } = options
  const wanted = sequences.map((sequence) => spread(sequence.images.length, columns))
  const cells = wanted.flatMap((frames, row) => frames.map((frame) => ({ row, frame })))
  let done = 0
  const pictures = await mapConcurrently(
    cells,
    async ({ row, frame }) => {
      signal?.throwIfAborted()
      const picture = await thumbnail(sequences[row]?.images[frame] ?? '', cellWidth)
      done++
      onFrame?.(done, cells.length)
      return { row, frame, picture }
    },
    framesAtOnce,
  )
  const rows = sequences.map((sequence, row) => ({ sequence, cells: pictures.filter((cell) => cell.row === row) }))
  return compose(rows, { title: options.title, columns, cellWidth })
}

/** A frame as it goes into the sheet. */
interface Thumbnail {
  readonly frame: RgbFrame
  /** Pixels of the image file. */
  readonly width: number
  readonly height: number
}

interface Cell {
  readonly frame: number
  /** Undefined where the file cannot be read. */
  readonly picture: Thumbnail | undefined
}

interface Row {
  readonly sequence: Sequence
  readonly cells: readonly Cell[]
}

interface Layout {
  readonly title: string
  readonly columns: number
  readonly cellWidth: number
}

/** Scaled to the cell's width; upright pictures to its width as height. */
async function thumbnail(file: string, cellWidth: number): Promise<Thumbnail | undefined> {
  try {
    const { width, height, image } = await open(file)
    const scale = cellWidth / Math.max(width, height)
    const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
    return { frame: await toRgb(image.resize({ ...size, fit: 'fill' })), width, height }
  } catch {
    return undefined
  }
}

async function open(file: string) {
  const bytes = await readImageBytes(file)
  const kind = checkImage(file, bytes)
  try {
    if (kind === 'bmp' || (await isCmyk(bytes, kind))) {
      const { data, width, height, channels } = await readImage(file) // sharp alone would not read it, or show other colors.
      return { width, height, image: sharp(data, { raw: { width, height, channels } }) }
    }
    const image = sharp(bytes, { autoOrient: true, ignoreIcc: true, limitInputPixels: maxPixels() })
    const { autoOrient } = await image.metadata()
    return { width: autoOrient.width, height: autoOrient.height, image }
  } catch (error) {
    throw unreadable(file, error)
  }
}

function compose(rows: readonly Row[], { title, columns, cellWidth }: Layout): RgbFrame {
  const scale = letterScale(cellWidth)
  const line = scale * glyphHeight
  const heights = rows.map(({ cells }) => Math.max(...cells.map(({ picture }) => picture?.frame.height ?? 0), 4 * line))
  const rowTop = (row: number) =>
    margin + 2 * line + margin + heights.slice(0, row).reduce((sum, height) => sum + height + line + 3 * gap + gap, 0)
  const width = 2 * margin + columns * cellWidth + (columns - 1) * gap
  const height = rowTop(rows.length) + margin - gap
  if (width * height > mostSheetPixels) {
    throw new OutputError(
      `the sheet would have ${width}x${height} pixels, expected at most ${mostSheetPixels / 1e6} million: show fewer sequences, ` +
        'fewer frames of each, or smaller ones',
    )
  }
  const sheet: RgbFrame = { data: new Uint8Array(width * height * 3), width, height, channels: 3 }
  fillRect(sheet, { x: 0, y: 0, width, height }, ground)
  const inner = width - 2 * margin
  drawText(sheet, { x: margin, y: margin }, shortened(title, inner, scale + 1), { scale: scale + 1, color: bright })
  for (const [index, row] of rows.entries()) {
    const y = rowTop(index)
    drawCaption(sheet, { x: margin, y }, row, { width: inner, scale })
    for (const [column, cell] of row.cells.entries()) {
      const at = { x: margin + column * (cellWidth + gap), y: y + line + 2 * gap }
      drawCell(sheet, { ...at, width: cellWidth, height: heights[index] ?? 0 }, row.sequence, cell)
    }
  }
  return sheet
}

function letterScale(cellWidth: number): number {
  return Math.max(1, Math.round(cellWidth / 120))
}

function textWidth(text: string, scale: number): number {
  return ([...text].length * (glyphWidth + 1) - 1) * scale
}

/** The text, shortened where it is wider than `width` pixels. */
function shortened(text: string, width: number, scale: number): string {
  const letters = Math.floor((width / scale + 1) / (glyphWidth + 1))
  return [...text].length <= letters ? text : `${[...text].slice(0, Math.max(0, letters - 2)).join('')}..`
}

function drawCaption(
  sheet: RgbFrame,
  at: { readonly x: number; readonly y: number },
  { sequence, cells }: Row,
  { width, scale }: { readonly width: number; readonly scale: number },
): void {
  const name = shortened(sequence.name, width, scale)
  drawText(sheet, at, name, { scale, color: bright })
  const used = textWidth(name, scale) + 4 * scale * (glyphWidth + 1)
  const facts = shortened(describe(sequence, cells), width - used, scale)
  drawText(sheet, { x: at.x + used, y: at.y }, facts, { scale, color: faint })
}

function describe({ images, boxes, visible, attributes }: Sequence, cells: readonly Cell[]): string {
  const first = cells.find(({ picture }) => picture !== undefined)?.picture
  const hidden = visible.slice(0, boxes.length).filter((shown) => !shown).length
  const facts = [
    `${images.length} ${images.length === 1 ? 'frame' : 'frames'}`,
    ...(first ? [`${first.width}x${first.height}`] : []),
    ...(hidden > 0 ? [`${hidden} hidden`] : []),
    ...(boxes.length < images.length ? [`truth of ${boxes.length}`] : []),
    ...(attributes.length > 0 ? [attributes.join(' ')] : []),
  ]
  return facts.join(', ')
}

function drawCell(sheet: RgbFrame, place: Box, sequence: Sequence, { frame, picture }: Cell): void {
  const scale = letterScale(place.width)
  const box = sequence.boxes[frame]
  const hidden = box !== undefined && !(sequence.visible[frame] === true && hasArea(box))
  fillRect(sheet, place, empty)
  const at = {
    x: place.x + Math.round((place.width - (picture?.frame.width ?? 0)) / 2),
    y: place.y + Math.round((place.height - (picture?.frame.height ?? 0)) / 2),
  }
  if (picture) {
    const color = hidden ? hiddenColor : groundTruthColor
    const thumb = hidden ? dimmed(picture.frame) : picture.frame
    drawTruth(thumb, box, { corners: sequence.corners?.[frame], color, scale: thumb.width / picture.width })
    copyInto(sheet, thumb, at)
  }
  const tag = picture === undefined ? 'unreadable' : hidden ? 'hidden' : box === undefined ? 'no truth' : undefined
  const edge = { left: place.x, right: place.x + place.width, bottom: place.y + place.height }
  const height = scale * (glyphHeight + 4)
  drawTag(sheet, { x: edge.left, y: edge.bottom - height }, `#${frame + 1}`, { scale, color: bright })
  if (tag === undefined) return
  const width = textWidth(tag, scale) + 4 * scale
  const color = box === undefined && picture ? faint : hiddenColor
  drawTag(sheet, { x: edge.right - width, y: edge.bottom - height }, tag, { scale, color })
}

function drawTag(
  sheet: RgbFrame,
  at: { readonly x: number; readonly y: number },
  text: string,
  style: { readonly scale: number; readonly color: Color },
): void {
  const { scale } = style
  const size = { width: textWidth(text, scale) + 4 * scale, height: scale * (glyphHeight + 4) }
  fillRect(sheet, { ...at, ...size }, labelGround)
  drawText(sheet, { x: at.x + 2 * scale, y: at.y + 2 * scale }, text, style)
}

/** A polygon where there is one, otherwise the box; both clipped to the picture. */
function drawTruth(
  thumb: RgbFrame,
  box: Box | undefined,
  { corners, color, scale }: { readonly corners?: readonly number[] | undefined; color: Color; scale: number },
): void {
  if (box === undefined) return
  const scaled = { x: box.x * scale, y: box.y * scale, width: box.width * scale, height: box.height * scale }
  const line = thumb.width >= 200 ? 2 : 1
  if (corners?.every(Number.isFinite)) {
    drawPolygon(
      thumb,
      corners.map((value) => value * scale),
      color,
      line,
    )
  } else drawBox(thumb, scaled, color, line)
  if (hasArea(scaled) && Math.max(scaled.width, scaled.height) < smallBox) drawBox(thumb, around(scaled), color, 1)
}

/** A square about a small box that the eye finds. */
function around({ x, y, width, height }: Box): Box {
  const side = 3 * smallBox
  return { x: x + (width - side) / 2, y: y + (height - side) / 2, width: side, height: side }
}

/** Grey and dark. */
function dimmed({ data, width, height, channels }: RgbFrame): RgbFrame {
  const dark = new Uint8Array(data.length)
  for (let at = 0; at < data.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3)
    dark.fill(hiddenBrightness * (0.299 * red + 0.587 * green + 0.114 * blue), at, at + 3)
  }
  return { data: dark, width, height, channels }
}

/** Copies a picture that lies wholly within the sheet. */
function copyInto(sheet: RgbFrame, picture: RgbFrame, at: { readonly x: number; readonly y: number }): void {
  const bytes = picture.width * 3
  for (let y = 0; y < picture.height; y++) {
    sheet.data.set(picture.data.subarray(y * bytes, (y + 1) * bytes), ((at.y + y) * sheet.width + at.x) * 3)
  }
}
