// What is open and what a person made of it: the signals that the page shows, the picture on the stage, edits and their undo.

import { computed, signal } from '@preact/signals'
import { type ClipSource, copyOf, type Picture } from '../media/clip-source.ts'
import { sentenceOf } from '../model/errors.ts'
import { amend, type History, push, redo, startHistory, undo } from '../model/history.ts'
import { emptyProject, type Project, type TrackedTarget } from '../model/project.ts'
import type { Tracked } from '../model/track.ts'
import type { Progress } from '../worker/protocol.ts'
import { Activity } from './activity.ts'
import { Autosave } from './autosave.ts'

export interface Notice {
  readonly kind: 'info' | 'error'
  readonly text: string
}

export class Workspace {
  readonly notice = signal<Notice | undefined>(undefined)
  readonly progress = signal<Progress | undefined>(undefined)
  readonly activity = new Activity((error) => this.complain(error))
  readonly source = signal<ClipSource | undefined>(undefined)
  readonly history = signal<History<Project> | undefined>(undefined)
  readonly project = computed(() => this.history.value?.present)
  readonly isOpen = computed(() => this.project.value !== undefined)
  readonly frame = signal(0)
  /** The picture on the stage, at the current frame; lent to whoever draws it. */
  readonly picture = signal<Picture | undefined>(undefined)
  readonly selected = signal<number | undefined>(undefined)
  readonly selectedTarget = computed(() => this.target(this.selected.value))
  /** The track of a target as it was before the tracker was taught, to compare. */
  readonly before = signal<Pick<TrackedTarget, 'id' | 'track'> | undefined>(undefined)
  readonly canUndo = computed(() => (this.history.value?.past.length ?? 0) > 0)
  readonly canRedo = computed(() => (this.history.value?.future.length ?? 0) > 0)
  readonly playing = computed(() => this.activity.kind.value === 'playing')
  readonly following = computed(() => this.activity.kind.value === 'following')
  readonly live = computed(() => this.activity.kind.value === 'live')
  readonly #autosave = new Autosave(
    () => (this.source.value ? this.project.value : undefined), // of the camera nothing is kept
    (error) =>
      this.complain(`Your work could not be saved in this browser (${sentenceOf(error)}). Export it to keep it.`),
  )
  /** Counts what was to be shown, so that a late picture does not replace a newer one. */
  #turn = 0

  inform(text: string): void {
    this.notice.value = { kind: 'info', text }
  }

  complain(error: unknown): void {
    this.notice.value = { kind: 'error', text: sentenceOf(error) }
  }

  target(id: number | undefined): TrackedTarget | undefined {
    return this.project.value?.targets.find((target) => target.id === id)
  }

  /** Replaces what is open. @param source undefined for the camera */
  async show(source: ClipSource | undefined, project: Project): Promise<void> {
    this.#autosave.flush()
    this.source.value?.close()
    this.source.value = source
    this.history.value = startHistory(project)
    this.selected.value = project.targets[0]?.id
    this.before.value = undefined
    this.#setPicture(undefined)
    this.frame.value = 0
    await this.seek(0)
  }

  /** What the camera leaves behind when it ends: nothing. */
  clear(): void {
    this.history.value = undefined
    this.#setPicture(undefined)
  }

  /** Shows a frame. Of several calls in a row the last one wins. */
  async seek(frame: number): Promise<void> {
    const source = this.source.value
    if (!source) return
    const index = Math.min(Math.max(0, Math.round(frame)), source.facts.frameCount - 1)
    const turn = ++this.#turn
    this.frame.value = index
    try {
      const picture = await source.frame(index)
      if (turn === this.#turn) this.#setPicture(picture)
      else picture.close()
    } catch (error) {
      if (turn === this.#turn) this.complain(error)
    }
  }

  /** Shows a picture that is handed over. */
  put(frame: number, picture: Picture): void {
    this.#turn++
    this.frame.value = frame
    this.#setPicture(picture)
  }

  /** Shows a picture that is only lent. */
  async putCopy(frame: number, picture: Picture): Promise<void> {
    const turn = ++this.#turn
    this.frame.value = frame
    const copy = await copyOf(picture)
    if (turn === this.#turn) this.#setPicture(copy)
    else copy.close()
  }

  /** An edit, which can be taken back. */
  edit(project: Project): void {
    if (this.history.value) this.history.value = push(this.history.value, project)
    this.#autosave.changed('edit')
  }

  /** A change that is no step of its own: what the tracker found. */
  grow(change: (project: Project) => Project): void {
    const { value: history } = this.history
    if (history) this.history.value = amend(history, change(history.present))
    this.#autosave.changed('track')
  }

  undo(): void {
    this.#travel(undo)
  }

  redo(): void {
    this.#travel(redo)
  }

  #travel(move: (history: History<Project>) => History<Project>): void {
    void this.activity.stop()
    if (this.history.value) this.history.value = move(this.history.value)
    this.#autosave.changed('edit')
  }

  #setPicture(picture: Picture | undefined): void {
    this.picture.value?.close()
    this.picture.value = picture
  }
}

export type Results = ReadonlyMap<number, Tracked>

/** A project for the camera: one frame that grows into many. */
export function cameraProject(width: number, height: number): Project {
  return emptyProject({ name: 'camera', width, height, frameCount: 1, frameRate: 30 })
}
