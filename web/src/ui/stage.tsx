// The stage shows the current frame with every target's box and trail, and takes boxes by mouse, touch, pen or keyboard.

import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Box } from 'siamrpn'
import { positionAt } from '../model/project.ts'
import type { Session } from '../session/session.ts'
import { drawTargets } from './draw.ts'
import { useDrawing } from './drawing.ts'
import { onStageKey, smallestBox } from './keys.ts'

/** CSS pixels around a corner in which it is taken, wide enough for a finger. */
const gripSize = 14

interface Point {
  readonly x: number
  readonly y: number
}

type CanvasPointerEvent = PointerEvent & { readonly currentTarget: HTMLCanvasElement }

type Drag =
  | { readonly kind: 'new'; readonly from: Point }
  | { readonly kind: 'move'; readonly from: Point; readonly box: Box; readonly id: number }
  | { readonly kind: 'resize'; readonly anchor: Point; readonly id: number }

export function Stage({ session }: { session: Session }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const drag = useRef<Drag | undefined>(undefined)
  const draft = useSignal<Box | undefined>(undefined)

  useDrawing(
    () => ({
      picture: session.workspace.picture.value,
      project: session.workspace.project.value,
      frame: session.workspace.frame.value,
      selected: session.workspace.selected.value,
      draft: draft.value,
    }),
    ({ picture, project, ...shown }) => {
      const element = canvas.current
      const context = element?.getContext('2d')
      if (!element || !context || !project) return
      const { width, height } = project.clip
      if (element.width !== width) element.width = width
      if (element.height !== height) element.height = height
      if (picture) context.drawImage(picture, 0, 0, width, height)
      drawTargets(context, { project, ...shown })
    },
  )

  const onPointerDown = (event: CanvasPointerEvent) => {
    if (event.button !== 0) return
    if (!session.workspace.live.value) void session.workspace.activity.stop()
    event.currentTarget.setPointerCapture(event.pointerId)
    const { scale, point } = inFrame(event)
    drag.current = beginDrag(session, point, gripSize * scale)
  }

  const onPointerMove = (event: CanvasPointerEvent) => {
    if (drag.current) draft.value = dragged(drag.current, inFrame(event).point)
  }

  const onPointerUp = () => {
    const { current } = drag
    const box = draft.value
    drag.current = undefined
    draft.value = undefined
    if (!current || !box) return
    if (box.width < smallestBox || box.height < smallestBox) return // a click
    if (current.kind === 'new') void addAndFollow(session, box)
    else void session.targets.correct(current.id, { kind: 'box', box })
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
      aria-label="Frame. Drag to draw a box, or press N for one in the middle. All keys are listed under Keys."
      onKeyDown={(event) => onStageKey(session, event)}
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

/**
 * Where a pointer is in the frame, and how many frame pixels a CSS pixel is. The frame is shown as large as fits (`object-fit:
 * contain`), in the middle of its element.
 */
function inFrame({ currentTarget, clientX, clientY }: CanvasPointerEvent): {
  readonly scale: number
  readonly point: Point
} {
  const { left, top, width, height } = currentTarget.getBoundingClientRect()
  const scale = Math.max(currentTarget.width / width, currentTarget.height / height)
  return {
    scale,
    point: {
      x: (clientX - left - width / 2) * scale + currentTarget.width / 2,
      y: (clientY - top - height / 2) * scale + currentTarget.height / 2,
    },
  }
}

async function addAndFollow({ targets, workspace, model, missing }: Session, box: Box): Promise<void> {
  const id = targets.add(box)
  if (id === undefined || workspace.live.value || missing.value) return
  if (model.loading.value) workspace.inform('The model is still being loaded; following begins when it is there.')
  await targets.follow([id])
}

function beginDrag(session: Session, from: Point, grip: number): Drag {
  const { value: target } = session.workspace.selectedTarget
  const box = target && positionAt(target, session.workspace.frame.value)?.box
  if (!target || !box) return { kind: 'new', from }
  const { id } = target
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
