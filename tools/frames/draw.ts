// Draws boxes and labels onto RGB frames, pixel by pixel, so that annotated clips need neither canvas nor fonts.
// Line widths and letters grow with the frame; everything that leaves the frame is clipped.

import type { RgbFrame } from 'siamrpn'
import { glyphHeight, glyphRows, glyphWidth } from './font.ts'
import type { Box, Tracked } from './types.ts'

/** R, G, B, each 0..255. */
export type Color = readonly [number, number, number]

/** Colors of the targets, in turn. */
const targetColors: readonly Color[] = [
  [255, 122, 0],
  [0, 190, 255],
  [255, 70, 170],
  [255, 214, 0],
  [160, 110, 255],
]

/** Color of ground-truth boxes. */
export const groundTruthColor: Color = [70, 230, 90]

const dark: Color = [16, 16, 16]
const light: Color = [255, 255, 255]

/** What is drawn onto one frame. */
export interface Annotation {
  readonly targets: readonly Tracked[]
  /** One entry per target; absent or empty where there is no ground truth. */
  readonly groundTruth?: readonly (Box | undefined)[]
  /** A line of text across the top of the frame. */
  readonly banner?: string
}

/** A copy of `frame` with boxes, scores (percent), ground truth and banner. */
export function annotate(frame: RgbFrame, { targets, groundTruth = [], banner }: Annotation): RgbFrame {
  const picture: RgbFrame = { ...frame, data: frame.data.slice() }
  const line = lineWidth(frame)
  for (const box of groundTruth) if (box) drawBox(picture, box, groundTruthColor, line)
  for (const [index, { box, score }] of targets.entries()) {
    const color = colorOf(index)
    drawBox(picture, box, color, line)
    const name = targets.length > 1 ? `${index + 1}: ` : ''
    drawBoxLabel(picture, box, `${name}${formatScore(score)}`, color)
  }
  if (banner) drawBanner(picture, banner)
  return picture
}

/** The color of the target with this index. */
export function colorOf(index: number): Color {
  return targetColors[index % targetColors.length] ?? light
}

/** Fills a rectangle of whole pixels, clipped to the frame. */
export function fillRect(frame: RgbFrame, box: Box, color: Color): void {
  const left = Math.max(0, box.x)
  const right = Math.min(frame.width, box.x + box.width)
  const bottom = Math.min(frame.height, box.y + box.height)
  for (let y = Math.max(0, box.y); y < bottom; y++) {
    for (let x = left; x < right; x++) frame.data.set(color, (y * frame.width + x) * 3)
  }
}

/**
 * Draws a box's outline, `thickness` pixels inside its edge, with a dark hairline on both sides so that it shows on any
 * ground. Boxes that are not finite, or empty, are left out.
 */
export function drawBox(frame: RgbFrame, box: Box, color: Color, thickness = lineWidth(frame)): void {
  const edges = toPixels(box)
  if (edges === undefined) return
  strokeRect(frame, inset(edges, -1), thickness + 2, dark)
  strokeRect(frame, edges, thickness, color)
}

/** Draws text in a filled label that sits on the box's top edge, or under it where the frame ends above. */
function drawBoxLabel(frame: RgbFrame, box: Box, text: string, color: Color): void {
  const edges = toPixels(box)
  if (edges === undefined) return
  const { width, height } = labelSize(frame, text)
  const x = Math.max(0, Math.min(frame.width - width, edges.x - 1))
  const above = edges.y - 1 - height
  drawLabel(frame, { x, y: above >= 0 ? above : Math.max(0, edges.y - 1) }, text, color)
}

/** Draws text in a filled label whose top-left corner is at `at` (whole pixels). */
export function drawLabel(
  frame: RgbFrame,
  at: { readonly x: number; readonly y: number },
  text: string,
  ground: Color,
): void {
  const scale = letterScale(frame)
  fillRect(frame, { ...at, ...labelSize(frame, text) }, ground)
  const ink = 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2] > 110 ? dark : light
  drawText(frame, { x: at.x + 2 * scale, y: at.y + 2 * scale }, text, { scale, color: ink })
}

/** Draws text whose first letter's top-left corner is at `at`; `scale`: whole pixels per pixel of a letter. */
export function drawText(
  frame: RgbFrame,
  at: { readonly x: number; readonly y: number },
  text: string,
  { scale, color }: { readonly scale: number; readonly color: Color },
): void {
  for (const [index, character] of [...text].entries()) {
    const left = at.x + scale * index * (glyphWidth + 1)
    for (const [row, bits] of glyphRows(character).entries()) {
      for (let column = 0; column < glyphWidth; column++) {
        if (bits[column] !== '#') continue
        const x = left + column * scale
        fillRect(frame, { x, y: at.y + scale * row, width: scale, height: scale }, color)
      }
    }
  }
}

/** Pixels that a label with this text covers on this frame. */
export function labelSize(frame: RgbFrame, text: string): { width: number; height: number } {
  const scale = letterScale(frame)
  const letters = [...text].length
  return { width: scale * (letters * (glyphWidth + 1) + 3), height: scale * (glyphHeight + 4) }
}

function drawBanner(frame: RgbFrame, text: string): void {
  const { width, height } = labelSize(frame, text)
  fillRect(frame, { x: 0, y: 0, width: frame.width, height }, dark)
  drawLabel(frame, { x: Math.max(0, Math.round((frame.width - width) / 2)), y: 0 }, text, dark)
}

function formatScore(score: number): string {
  return Number.isFinite(score) ? `${(100 * score).toFixed(score < 0.9995 ? 1 : 0)}%` : '?'
}

function lineWidth(frame: RgbFrame): number {
  return Math.max(2, Math.round(Math.min(frame.width, frame.height) / 180))
}

function letterScale(frame: RgbFrame): number {
  return Math.max(1, Math.round(Math.min(frame.width, frame.height) / 240))
}

/** The whole pixels whose area the box mostly covers. */
function toPixels({ x, y, width, height }: Box): Box | undefined {
  if (![x, y, width, height].every(Number.isFinite) || width <= 0 || height <= 0) return undefined
  const left = Math.round(x)
  const top = Math.round(y)
  return {
    x: left,
    y: top,
    width: Math.max(1, Math.round(x + width) - left),
    height: Math.max(1, Math.round(y + height) - top),
  }
}

function inset(box: Box, by: number): Box {
  return { x: box.x + by, y: box.y + by, width: box.width - 2 * by, height: box.height - 2 * by }
}

function strokeRect(frame: RgbFrame, { x, y, width, height }: Box, thickness: number, color: Color): void {
  const t = Math.min(thickness, Math.ceil(Math.min(width, height) / 2))
  fillRect(frame, { x, y, width, height: t }, color)
  fillRect(frame, { x, y: y + height - t, width, height: t }, color)
  fillRect(frame, { x, y: y + t, width: t, height: height - 2 * t }, color)
  fillRect(frame, { x: x + width - t, y: y + t, width: t, height: height - 2 * t }, color)
}
