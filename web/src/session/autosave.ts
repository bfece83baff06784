// Saves the project in the browser's storage: soon after an edit, every few seconds while a track grows, and at once when the page
// is hidden, frozen or left.

import type { Project } from '../model/project.ts'
import { saveProject } from './storage.ts'

/** Milliseconds after which an edit is saved, and after which a growing track is. */
export const saveDelays = { edit: 500, track: 5000 } as const

export class Autosave {
  readonly #project: () => Project | undefined
  readonly #onError: (error: unknown) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #due = Number.POSITIVE_INFINITY

  /** @param project what is to be saved when the time comes; undefined: nothing */
  constructor(project: () => Project | undefined, onError: (error: unknown) => void) {
    this.#project = project
    this.#onError = onError
    addEventListener('pagehide', () => this.flush())
    document.addEventListener('freeze', () => this.flush())
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.flush()
    })
  }

  changed(by: keyof typeof saveDelays): void {
    const due = performance.now() + saveDelays[by]
    if (due >= this.#due) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => this.flush(), saveDelays[by])
  }

  /** Saves what has changed, now. */
  flush(): void {
    if (this.#due === Number.POSITIVE_INFINITY) return
    clearTimeout(this.#timer)
    this.#due = Number.POSITIVE_INFINITY
    const project = this.#project()
    if (project) saveProject(project).catch(this.#onError)
  }
}
