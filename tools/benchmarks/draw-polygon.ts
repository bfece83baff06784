// Outlines of polygons on RGB frames: VOT's targets are four corners, not boxes. Clipped to the frame.

import type { RgbFrame } from 'siamrpn'
import { type Color, fillRect } from '../frames/draw.ts'

const dark: Color = [16, 16, 16]

/** @param corners x1, y1, x2, y2 ... in pixels; a dark hairline lies around the line, so that it shows on any ground */
export function drawPolygon(frame: RgbFrame, corners: readonly number[], color: Color, thickness: number): void {
  for (const [width, ink] of [
    [thickness + 2, dark],
    [thickness, color],
  ] as const) {
    for (let at = 0; at + 1 < corners.length; at += 2) {
      const from = { x: corners[at] ?? 0, y: corners[at + 1] ?? 0 }
      const to = { x: corners[(at + 2) % corners.length] ?? 0, y: corners[(at + 3) % corners.length] ?? 0 }
      drawLine(frame, [from, to], ink, width)
    }
  }
}

interface Point {
  readonly x: number
  readonly y: number
}

/** Squares of `thickness` pixels along the line, one per step of a pixel. */
function drawLine(frame: RgbFrame, [from, to]: readonly [Point, Point], color: Color, thickness: number): void {
  const reach = 4 * (frame.width + frame.height)
  const steps = Math.min(reach, Math.ceil(Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1)))
  for (let step = 0; step <= steps; step++) {
    const x = Math.round(from.x + ((to.x - from.x) * step) / steps - thickness / 2)
    const y = Math.round(from.y + ((to.y - from.y) * step) / steps - thickness / 2)
    fillRect(frame, { x, y, width: thickness, height: thickness }, color)
  }
}
