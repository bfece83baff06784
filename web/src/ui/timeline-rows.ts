// What the timeline draws: a row per target with its scores and marks. A drawing takes as long as the timeline is wide, not as the clip
// is long: what each block of a track comes to is kept with the block.

import type { Project, TrackedTarget } from '../model/project.ts'
import type { Track, TrackBlock } from '../model/track.ts'

export const rowHeight = 28
const rowPadding = 6
/** From the middle of a mark to its edge. */
const markSize = 5
/** Of marks that are closer to each other only the first is drawn. */
const markDistance = 3
const labelFont = '600 11px system-ui, sans-serif'

export interface Row {
  readonly target: TrackedTarget
  /** The target's own, or the one that it had before the tracker was taught. */
  readonly track: Track
  readonly label: string
}

/** Sizes in CSS pixels. */
export interface TimelineView {
  readonly rows: readonly Row[]
  readonly frameCount: number
  readonly frame: number
  readonly selected: number | undefined
  readonly width: number
  readonly height: number
}

/** @param before the track of a target as it was before the tracker was taught */
export function rowsOf({ targets }: Project, before: Pick<TrackedTarget, 'id' | 'track'> | undefined): Row[] {
  return targets.flatMap((target) => {
    const { track } = target
    if (before?.id !== target.id) return [{ target, track, label: '' }]
    return [
      { target, track, label: 'taught' },
      { target, track: before.track, label: 'before' },
    ]
  })
}

export function timelineHeight(rows: number): number {
  return Math.max(1, rows) * rowHeight + rowPadding
}

interface Style {
  readonly color: string
  readonly ground: string
  readonly row: string
  readonly selectedRow: string
}

export function drawTimeline(context: CanvasRenderingContext2D, view: TimelineView): void {
  const { rows, frameCount, frame, width, height, selected } = view
  const step = width / Math.max(1, frameCount - 1)
  const computed = getComputedStyle(context.canvas)
  const style: Style = {
    color: computed.color,
    ground: computed.backgroundColor,
    row: computed.getPropertyValue('--row'),
    selectedRow: computed.getPropertyValue('--row-selected'),
  }
  context.clearRect(0, 0, width, height)
  for (const [index, row] of rows.entries()) {
    const place = { top: index * rowHeight + rowPadding / 2, width, step }
    context.fillStyle = row.target.id === selected ? style.selectedRow : style.row
    context.fillRect(0, place.top, width, rowHeight - 4)
    drawScores(context, row, place)
    drawMarks(context, row.target.marks, place, style.color)
    if (row.label) drawLabel(context, row.label, place.top, style)
  }
  context.fillStyle = style.color
  context.fillRect(Math.min(width - 2, frame * step), 0, 2, height)
}

interface Place {
  readonly top: number
  readonly width: number
  /** Pixels from a frame to the next. */
  readonly step: number
}

function drawScores(context: CanvasRenderingContext2D, { target, track }: Row, { top, step }: Place): void {
  const base = top + rowHeight - 6
  context.fillStyle = target.color
  context.globalAlpha = track === target.track ? 1 : 0.5
  context.beginPath()
  for (const [x, score] of columnsOf(track, step)) {
    const bar = Math.max(1, score * (rowHeight - 10))
    context.rect(x - step / 2, base - bar, Math.max(1, step), bar)
  }
  context.fill()
  context.globalAlpha = 1
}

/** A diamond where a person set a box, a cross where they said that the target is absent. */
function drawMarks(
  context: CanvasRenderingContext2D,
  marks: TrackedTarget['marks'],
  { top, width, step }: Place,
  color: string,
): void {
  const size = markSize
  const y = top + rowHeight / 2 - 2
  const [diamonds, crosses] = [new Path2D(), new Path2D()]
  for (const { frame, absent } of marksToDraw(marks, step)) {
    const x = Math.min(width - size, Math.max(size, frame * step))
    if (absent) {
      crosses.moveTo(x - size, y - size)
      crosses.lineTo(x + size, y + size)
      crosses.moveTo(x + size, y - size)
      crosses.lineTo(x - size, y + size)
    } else {
      diamonds.moveTo(x, y - size)
      diamonds.lineTo(x + size, y)
      diamonds.lineTo(x, y + size)
      diamonds.lineTo(x - size, y)
      diamonds.closePath()
    }
  }
  context.fillStyle = color
  context.strokeStyle = color
  context.lineWidth = 2
  context.fill(diamonds)
  context.stroke(crosses)
}

function drawLabel(context: CanvasRenderingContext2D, text: string, top: number, { color, ground }: Style): void {
  const [x, y] = [3 * markSize, top + rowHeight / 2 - 2]
  context.font = labelFont
  context.textBaseline = 'middle'
  context.fillStyle = ground
  context.fillRect(x - markSize, y - 8, context.measureText(text).width + 2 * markSize, 16)
  context.fillStyle = color
  context.fillText(text, x, y + 1)
}

/** Pixel and score. */
type Column = readonly [number, number]

/** Where to draw which score: of frames that share a pixel the lowest one. */
function columnsOf(track: Track, step: number): ReadonlyMap<number, number> {
  return lowest([...track.blocks].flatMap((block) => blockColumns(block, step)))
}

interface Kept<T> {
  readonly step: number
  readonly made: readonly T[]
}

const keptColumns = new WeakMap<TrackBlock, Kept<Column>>()

function blockColumns(block: TrackBlock, step: number): readonly Column[] {
  const kept = keptColumns.get(block)
  if (kept?.step === step) return kept.made
  const columns = block.items.flatMap((item, index): Column[] => {
    const x = (block.first + index) * step
    return item ? [[step < 1 ? Math.round(x) : x, item.score]] : []
  })
  const made = [...lowest(columns)]
  keptColumns.set(block, { step, made })
  return made
}

function lowest(columns: Iterable<Column>): Map<number, number> {
  const found = new Map<number, number>()
  for (const [x, score] of columns) found.set(x, Math.min(score, found.get(x) ?? 1))
  return found
}

interface DrawnMark {
  readonly frame: number
  readonly absent: boolean
}

const keptMarks = new WeakMap<TrackedTarget['marks'], Kept<DrawnMark>>()

function marksToDraw(marks: TrackedTarget['marks'], step: number): readonly DrawnMark[] {
  const kept = keptMarks.get(marks)
  if (kept?.step === step) return kept.made
  const made: DrawnMark[] = []
  let free = Number.NEGATIVE_INFINITY
  for (const [frame, { kind }] of [...marks].sort(([a], [b]) => a - b)) {
    if (frame * step < free) continue
    made.push({ frame, absent: kind === 'absent' })
    free = frame * step + markDistance
  }
  keptMarks.set(marks, { step, made })
  return made
}
