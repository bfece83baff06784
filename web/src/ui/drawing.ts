// Canvases are drawn in animation frames: once a frame, however many signals have changed since the last one.

import { effect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/**
 * Draws in the next animation frame after anything has changed that `read` reads from signals, with what it reads then: a picture that
 * was read before may have been closed meanwhile.
 * @returns draws once more, in the next animation frame
 */
export function useDrawing<View>(read: () => View, draw: (view: View) => void): () => void {
  const waiting = useRef(false)
  const schedule = () => {
    if (waiting.current) return
    waiting.current = true
    requestAnimationFrame(() => {
      waiting.current = false
      draw(read())
    })
  }
  useEffect(
    () =>
      effect(() => {
        read()
        schedule()
      }),
    [],
  )
  return schedule
}
