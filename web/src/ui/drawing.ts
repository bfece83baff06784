// Canvases are drawn in animation frames: once a frame, however many signals have changed since the last one.

import { useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'

/**
 * Draws in the next animation frame after anything has changed that `read` reads from signals.
 * @returns draws what was read last once more, in the next animation frame
 */
export function useDrawing<View>(read: () => View, draw: (view: View) => void): () => void {
  const latest = useRef<View | undefined>(undefined)
  const waiting = useRef(false)
  const schedule = () => {
    if (waiting.current) return
    waiting.current = true
    requestAnimationFrame(() => {
      waiting.current = false
      if (latest.current !== undefined) draw(latest.current)
    })
  }
  useSignalEffect(() => {
    latest.current = read()
    schedule()
  })
  return schedule
}
