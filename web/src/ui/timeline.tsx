// The timeline: a row per target with its scores, marks and gaps, one more with the scores before it was taught, and the current
// frame, which the timeline moves by pointer and keys.

import { useEffect, useRef } from 'preact/hooks'
import type { Session } from '../session/session.ts'
import { useDrawing } from './drawing.ts'
import { onTimelineKey } from './keys.ts'
import { drawTimeline, rowHeight, rowsOf, timelineHeight } from './timeline-rows.ts'

export function Timeline({ session }: { session: Session }) {
  const { workspace } = session
  const canvas = useRef<HTMLCanvasElement>(null)

  const redraw = useDrawing(
    () => ({
      project: workspace.project.value,
      before: workspace.before.value,
      frame: workspace.frame.value,
      selected: workspace.selected.value,
    }),
    ({ project, before, frame, selected }) => {
      const element = canvas.current
      const context = element?.getContext('2d')
      if (!element || !context || !project) return
      const ratio = window.devicePixelRatio
      const rows = rowsOf(project, before)
      const [width, height] = [element.clientWidth, timelineHeight(rows.length)]
      element.style.height = `${height}px`
      if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio)
      if (element.height !== Math.round(height * ratio)) element.height = Math.round(height * ratio)
      context.setTransform(ratio, 0, 0, ratio, 0, 0)
      drawTimeline(context, { rows, width, height, frameCount: project.clip.frameCount, frame, selected })
    },
  )
  useEffect(() => {
    const observer = new ResizeObserver(redraw)
    if (canvas.current) observer.observe(canvas.current)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', redraw)
    return () => {
      observer.disconnect()
      scheme.removeEventListener('change', redraw)
    }
  }, [])

  const seekTo = (event: PointerEvent) => {
    const project = workspace.project.value
    const element = canvas.current
    if (!project || !element) return
    const bounds = element.getBoundingClientRect()
    const row = Math.floor((event.clientY - bounds.top) / rowHeight)
    const { target } = rowsOf(project, workspace.before.value)[row] ?? {}
    if (target) workspace.selected.value = target.id
    void workspace.activity.stop()
    void workspace.seek(((event.clientX - bounds.left) / bounds.width) * (project.clip.frameCount - 1))
  }

  const project = workspace.project.value
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
      aria-valuenow={workspace.frame.value + 1}
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
