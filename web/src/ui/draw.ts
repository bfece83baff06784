// Boxes, labels and trails, drawn over a frame: on the stage and into exported videos alike.

import type { Box } from 'siamrpn'
import { type Project, positionAt } from '../model/project.ts'

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D

/** Frames before the current one whose centres make the trail. */
export const trailFrames = 40

interface Point {
  readonly x: number
  readonly y: number
}

export interface Overlay {
  readonly project: Project
  readonly frame: number
  readonly selected: number | undefined
  readonly draft: Box | undefined
}

/** Draws boxes, labels and trails of all targets over the picture, in frame pixels. */
export function drawTargets(context: Context, { project, frame, selected, draft }: Overlay): void {
  const line = Math.max(2, project.clip.width / 320)
  for (const target of project.targets) {
    const position = positionAt(target, frame)
    drawTrail(context, trailOf(target, frame), target.color, line)
    const own = draft && target.id === selected
    const box = position?.box
    if (!box || own) continue
    strokeBox(context, box, target.color, target.id === selected ? line * 1.5 : line)
    drawLabel(context, box, `${target.name} ${position.score.toFixed(2)}`, { color: target.color, line })
  }
  if (draft) strokeBox(context, draft, '#ffffff', line)
}

function trailOf(target: Project['targets'][number], frame: number): Point[] {
  const points: Point[] = []
  for (let before = Math.max(0, frame - trailFrames); before <= frame; before++) {
    const box = positionAt(target, before)?.box
    if (box) points.push({ x: box.x + box.width / 2, y: box.y + box.height / 2 })
  }
  return points
}

function drawTrail(context: Context, points: readonly Point[], color: string, line: number): void {
  context.beginPath()
  for (const { x, y } of points) context.lineTo(x, y)
  context.lineJoin = 'round'
  context.globalAlpha = 0.7
  for (const [style, width] of [
    ['#000000', line * 1.6],
    [color, line * 0.8],
  ] as const) {
    context.strokeStyle = style
    context.lineWidth = width
    context.stroke()
  }
  context.globalAlpha = 1
  context.lineJoin = 'miter'
}

function strokeBox(context: Context, box: Box, color: string, line: number): void {
  context.lineWidth = line * 2
  context.strokeStyle = '#000000a0'
  context.strokeRect(box.x, box.y, box.width, box.height)
  context.lineWidth = line
  context.strokeStyle = color
  context.strokeRect(box.x, box.y, box.width, box.height)
}

function drawLabel(context: Context, box: Box, text: string, style: { color: string; line: number }): void {
  const size = style.line * 5
  context.font = `600 ${size}px system-ui, sans-serif`
  const width = context.measureText(text).width + size
  const x = Math.min(Math.max(0, box.x), Math.max(0, context.canvas.width - width))
  const y = Math.max(size * 1.4, box.y)
  context.fillStyle = '#000000c0'
  context.fillRect(x, y - size * 1.4, width, size * 1.4)
  context.fillStyle = '#ffffff'
  context.fillText(text, x + size / 2, y - size * 0.35)
}
