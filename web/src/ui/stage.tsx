// The stage shows the current frame with every target's box and trail, and takes boxes by mouse, touch, pen or keyboard.

import { useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Box } from 'siamrpn'
import { positionAt } from '../model/project.ts'
import type { Session } from '../session/session.ts'
import { drawTargets } from './draw.ts'

/** CSS pixels around a corner in which it is taken, wide enough for a finger. */
const GRIP = 14
/** A smaller drag is a click. Frame pixels. */
const SMALLEST = 3

interface Point {
  readonly x: number
  readonly y: number
}

type Drag =
  | { readonly kind: 'new'; readonly from: Point }
  | { readonly kind: 'move'; readonly from: Point; readonly box: Box; readonly id: number }
  | { readonly kind: 'resize'; readonly anchor: Point; readonly id: number }

export function Stage({ session }: { session: Session }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const drag = useRef<Drag | undefined>(undefined)
  const draft = useSignal<Box | undefined>(undefined)

  useSignalEffect(() => {
    const { value: picture } = session.picture
    const { value: project } = session.project
    const { value: frame } = session.frame
    const { value: selected } = session.selected
    const { value: box } = draft
    const element = canvas.current
    if (!element || !project) return
    const { width, height } = project.clip
    if (element.width !== width) element.width = width
    if (element.height !== height) element.height = height
    const context = element.getContext('2d')
    if (!context) return
    if (picture) drawPicture(context, picture, width, height)
    drawTargets(context, { project, frame, selected, draft: box })
  })

  const point = (event: PointerEvent): Point => {
    const element = canvas.current
    if (!element) return { x: 0, y: 0 }
    const bounds = element.getBoundingClientRect()
    return {
      x: ((event.clientX - bounds.left) * element.width) / bounds.width,
      y: ((event.clientY - bounds.top) * element.height) / bounds.height,
    }
  }

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || session.following.value) return
    session.stop()
    canvas.current?.setPointerCapture(event.pointerId)
    const scale = canvas.current ? canvas.current.width / canvas.current.getBoundingClientRect().width : 1
    drag.current = beginDrag(session, point(event), GRIP * scale)
  }

  const onPointerMove = (event: PointerEvent) => {
    if (drag.current) draft.value = dragged(drag.current, point(event))
  }

  const onPointerUp = () => {
    const { current } = drag
    const box = draft.value
    drag.current = undefined
    draft.value = undefined
    if (!current || !box) return
    if (box.width < SMALLEST || box.height < SMALLEST) return
    if (current.kind === 'new') void session.add(box)
    else void session.correct(current.id, { kind: 'box', box })
  }

  const onPointerCancel = () => {
    drag.current = undefined
    draft.value = undefined
  }

  return (
    <div
      class="stage-frame"
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys
      tabIndex={0}
      aria-label="Frame. Drag to draw a box. Keys: N new box, arrows move the selected box, Shift with arrows resizes it."
      onKeyDown={(event) => onKey(session, event)}
    >
      <canvas
        ref={canvas}
        class="stage"
        data-testid="stage"
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerCancel={onPointerCancel}
      />
    </div>
  )
}

function beginDrag(session: Session, from: Point, grip: number): Drag {
  const id = session.selected.value
  const target = session.project.value?.targets.find((other) => other.id === id)
  const box = target && positionAt(target, session.frame.value)?.box
  if (id === undefined || !box) return { kind: 'new', from }
  const corners = [
    { x: box.x, y: box.y, anchor: { x: box.x + box.width, y: box.y + box.height } },
    { x: box.x + box.width, y: box.y, anchor: { x: box.x, y: box.y + box.height } },
    { x: box.x, y: box.y + box.height, anchor: { x: box.x + box.width, y: box.y } },
    { x: box.x + box.width, y: box.y + box.height, anchor: { x: box.x, y: box.y } },
  ]
  const corner = corners.find(({ x, y }) => Math.hypot(x - from.x, y - from.y) <= grip)
  if (corner) return { kind: 'resize', anchor: corner.anchor, id }
  const inside = from.x > box.x && from.y > box.y && from.x < box.x + box.width && from.y < box.y + box.height
  return inside ? { kind: 'move', from, box, id } : { kind: 'new', from }
}

function dragged(drag: Drag, to: Point): Box {
  if (drag.kind === 'move')
    return { ...drag.box, x: drag.box.x + to.x - drag.from.x, y: drag.box.y + to.y - drag.from.y }
  const from = drag.kind === 'new' ? drag.from : drag.anchor
  return {
    x: Math.min(from.x, to.x),
    y: Math.min(from.y, to.y),
    width: Math.abs(to.x - from.x),
    height: Math.abs(to.y - from.y),
  }
}

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

function onKey(session: Session, event: KeyboardEvent): void {
  const project = session.project.value
  if (!project || session.following.value) return
  if (event.key === 'n' || event.key === 'N') {
    event.preventDefault()
    const { width, height } = project.clip
    void session.add({ x: width * 0.4, y: height * 0.4, width: width * 0.2, height: height * 0.2 })
    return
  }
  const arrow = arrows[event.key]
  const target = project.targets.find(({ id }) => id === session.selected.value)
  const box = target && positionAt(target, session.frame.value)?.box
  if (!arrow || !target || !box) return
  event.preventDefault()
  const step = Math.max(1, Math.round(Math.max(box.width, box.height) / 40))
  const [x, y] = [arrow[0] * step, arrow[1] * step]
  const moved = event.shiftKey
    ? { ...box, width: Math.max(SMALLEST, box.width + x), height: Math.max(SMALLEST, box.height + y) }
    : { ...box, x: box.x + x, y: box.y + y }
  session.place(target.id, moved)
}

function drawPicture(
  context: CanvasRenderingContext2D,
  picture: CanvasImageSource,
  width: number,
  height: number,
): void {
  try {
    context.drawImage(picture, 0, 0, width, height)
  } catch {
    // The picture was closed between two drawings: the next one follows at once.
  }
}
