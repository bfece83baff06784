// The timeline: a row per target with its scores, marks and gaps, one more with the scores before it was taught, and the current
// frame, which the timeline moves by pointer and keys.

import { useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Project, TrackedTarget } from '../model/project.ts'
import type { Session } from '../session/session.ts'
import { onTimelineKey } from './keys.ts'

const rowHeight = 28
const rowPadding = 6
/** From the middle of a mark to its edge. */
const markSize = 5
const labelFont = '600 11px system-ui, sans-serif'

interface Row {
  readonly target: TrackedTarget
  /** The target's own, or the one that it had before the tracker was taught. */
  readonly track: TrackedTarget['track']
  readonly label: string
}

type Before = Pick<TrackedTarget, 'id' | 'track'> | undefined

function rowsOf({ targets }: Project, before: Before): Row[] {
  return targets.flatMap((target) => {
    const { track } = target
    if (before?.id !== target.id) return [{ target, track, label: '' }]
    return [
      { target, track, label: 'taught' },
      { target, track: before.track, label: 'before' },
    ]
  })
}

export function Timeline({ session }: { session: Session }) {
  const canvas = useRef<HTMLCanvasElement>(null)

  const draw = () => {
    const project = session.workspace.project.value
    const element = canvas.current
    if (!element || !project) return
    const ratio = window.devicePixelRatio
    const width = element.clientWidth
    const rows = rowsOf(project, session.workspace.before.value)
    const height = Math.max(1, rows.length) * rowHeight + rowPadding
    element.style.height = `${height}px`
    if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio)
    if (element.height !== Math.round(height * ratio)) element.height = Math.round(height * ratio)
    const context = element.getContext('2d')
    if (!context) return
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    drawTimeline(context, {
      ...{ rows, width, height },
      frameCount: project.clip.frameCount,
      frame: session.workspace.frame.value,
      selected: session.workspace.selected.value,
    })
  }

  useSignalEffect(draw)
  useEffect(() => {
    const observer = new ResizeObserver(draw)
    if (canvas.current) observer.observe(canvas.current)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      scheme.removeEventListener('change', draw)
    }
  })

  const seekTo = (event: PointerEvent) => {
    const project = session.workspace.project.value
    const element = canvas.current
    if (!project || !element) return
    const bounds = element.getBoundingClientRect()
    const row = Math.floor((event.clientY - bounds.top) / rowHeight)
    const { target } = rowsOf(project, session.workspace.before.value)[row] ?? {}
    if (target) session.workspace.selected.value = target.id
    void session.workspace.activity.stop()
    void session.workspace.seek(((event.clientX - bounds.left) / bounds.width) * (project.clip.frameCount - 1))
  }

  const project = session.workspace.project.value
  const last = (project?.clip.frameCount ?? 1) - 1
  return (
    <canvas
      ref={canvas}
      class="timeline"
      data-testid="timeline"
      role="slider"
      tabIndex={0}
      aria-label="Current frame"
      aria-valuemin={1}
      aria-valuemax={last + 1}
      aria-valuenow={session.workspace.frame.value + 1}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        seekTo(event)
      }}
      onPointerMove={(event) => {
        if (event.buttons === 1) seekTo(event)
      }}
      onKeyDown={(event) => onTimelineKey(session, event)}
    />
  )
}

interface TimelineView {
  readonly rows: readonly Row[]
  readonly frameCount: number
  readonly frame: number
  readonly selected: number | undefined
  readonly width: number
  readonly height: number
}

function drawTimeline(context: CanvasRenderingContext2D, view: TimelineView): void {
  const { rows, frameCount, frame, width, height } = view
  const step = width / Math.max(1, frameCount - 1)
  context.clearRect(0, 0, width, height)
  for (const [index, row] of rows.entries())
    drawRow(context, row, index * rowHeight + rowPadding / 2, { ...view, step })
  context.fillStyle = getComputedStyle(context.canvas).color
  context.fillRect(Math.min(width - 2, frame * step), 0, 2, height)
}

function drawRow(
  context: CanvasRenderingContext2D,
  { target, track, label }: Row,
  top: number,
  { selected, width, step }: TimelineView & { readonly step: number },
): void {
  const style = getComputedStyle(context.canvas)
  const base = top + rowHeight - 6
  context.fillStyle = style.getPropertyValue(target.id === selected ? '--row-selected' : '--row')
  context.fillRect(0, top, width, rowHeight - 4)
  context.fillStyle = target.color
  context.globalAlpha = track === target.track ? 1 : 0.5
  for (const [x, score] of columnsOf(track, step)) {
    const bar = Math.max(1, score * (rowHeight - 10))
    context.fillRect(x - step / 2, base - bar, Math.max(1, step), bar)
  }
  context.globalAlpha = 1
  const middle = top + rowHeight / 2 - 2
  for (const [at, mark] of target.marks) {
    const x = Math.min(width - markSize, Math.max(markSize, at * step))
    drawMark(context, x, middle, mark.kind === 'box', style.color)
  }
  if (label)
    drawLabel(context, label, { x: 3 * markSize, y: middle, color: style.color, ground: style.backgroundColor })
}

function drawLabel(
  context: CanvasRenderingContext2D,
  text: string,
  { x, y, color, ground }: { readonly x: number; readonly y: number; readonly color: string; readonly ground: string },
): void {
  context.font = labelFont
  context.textBaseline = 'middle'
  context.fillStyle = ground
  context.fillRect(x - markSize, y - 8, context.measureText(text).width + 2 * markSize, 16)
  context.fillStyle = color
  context.fillText(text, x, y + 1)
}

/** Where to draw which score: of frames that share a pixel the lowest one, so that a long clip draws as fast as a short one. */
function columnsOf(track: TrackedTarget['track'], step: number): ReadonlyMap<number, number> {
  const columns = new Map<number, number>()
  for (const [frame, { score }] of track) {
    const x = step < 1 ? Math.round(frame * step) : frame * step
    columns.set(x, Math.min(score, columns.get(x) ?? 1))
  }
  return columns
}

/** A diamond where a person set a box, a cross where they said that the target is absent. */
function drawMark(context: CanvasRenderingContext2D, x: number, y: number, filled: boolean, color: string): void {
  const size = markSize
  context.strokeStyle = color
  context.fillStyle = color
  context.lineWidth = 2
  context.beginPath()
  if (filled) {
    context.moveTo(x, y - size)
    context.lineTo(x + size, y)
    context.lineTo(x, y + size)
    context.lineTo(x - size, y)
    context.closePath()
    context.fill()
    return
  }
  context.moveTo(x - size, y - size)
  context.lineTo(x + size, y + size)
  context.moveTo(x + size, y - size)
  context.lineTo(x - size, y + size)
  context.stroke()
}
