// What happens while the page is in the background, and what it says of it. Following, teaching and exporting go on: they need no timer
// and no drawing, and the tracker's worker runs on. Playing and the camera pause: nobody looks, and browsers hold pictures back there.
// Where a browser freezes the whole page (phones do), everything waits and goes on afterwards; what was done is saved before.

import { effect, signal } from '@preact/signals'
import type { ActivityKind } from './activity.ts'
import type { Workspace } from './workspace.ts'

const names: Readonly<Partial<Record<ActivityKind, string>>> = {
  following: 'Following',
  teaching: 'Teaching',
  exporting: 'Exporting',
}

/** What was under way when the page went to the background. */
interface Left {
  readonly kind: ActivityKind
  /** That the page showed then. */
  readonly notice: unknown
}

export class Background {
  readonly #workspace: Workspace
  readonly #hidden = signal(document.hidden)
  readonly #title = document.title
  #left: Left | undefined

  constructor(workspace: Workspace) {
    this.#workspace = workspace
    document.addEventListener('visibilitychange', () => {
      this.#hidden.value = document.hidden
      if (document.hidden) this.#leave()
      else this.#come()
    })
    effect(() => {
      document.title = this.#hidden.value ? this.#progress() : this.#title
    })
  }

  #leave(): void {
    const { activity, notice } = this.#workspace
    const { value: kind } = activity.kind
    this.#left = kind && { kind, notice: notice.value }
    if (kind === 'playing') void activity.stop()
  }

  #come(): void {
    const left = this.#left
    this.#left = undefined
    const { notice } = this.#workspace
    if (left && notice.value === left.notice) this.#tell(left.kind)
  }

  /** Where something else was said meanwhile, that is what counts. */
  #tell(kind: ActivityKind): void {
    const { activity, frame, project } = this.#workspace
    const absence = 'while this page was in the background'
    if (kind === 'playing') this.#workspace.inform(`Playing was paused ${absence}: press Play to go on.`)
    if (kind === 'live')
      this.#workspace.inform(
        `The camera was paused ${absence}, as browsers hold its pictures back there; tracking goes on with the newest one.`,
      )
    const name = names[kind]
    if (!name) return
    const at = `frame ${frame.value + 1} of ${project.value?.clip.frameCount}`
    const state = activity.kind.value === kind ? 'and is still under way' : 'and has ended'
    const where = kind === 'following' ? `${state}, at ${at}` : state
    this.#workspace.inform(`${name} went on ${absence}, ${where}.`)
  }

  /** What the tab says while it is in the background. */
  #progress(): string {
    const { activity, progress, frame, project } = this.#workspace
    const name = activity.kind.value && names[activity.kind.value]
    if (!name) return this.#title
    const { done, total } =
      activity.kind.value === 'following'
        ? { done: frame.value + 1, total: project.value?.clip.frameCount ?? 0 }
        : (progress.value ?? { done: 0, total: 0 })
    return total > 0 ? `${Math.floor((100 * done) / total)}% ${name}, siamrpn` : `${name}, siamrpn`
  }
}
