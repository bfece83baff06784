// Targets: drawing, correcting and removing them, and following them through the clip or, with the camera, live.

import { signal } from '@preact/signals'
import type { Box } from 'siamrpn'
import type { Picture } from '../media/clip-source.ts'
import {
  addTarget,
  clearTrack,
  type Mark,
  markAfter,
  markBefore,
  removeMark,
  removeTarget,
  renameTarget,
  setMark,
  setTracked,
} from '../model/project.ts'
import { backwardStretch, followBackward, followForward, forwardStretches } from './follow.ts'
import type { LiveRun } from './live.ts'
import type { Model } from './model.ts'
import type { PageTracker } from './tracker.ts'
import type { Results, Workspace } from './workspace.ts'

export class Targets {
  /** A target whose score falls below is not followed on. 0..1 */
  readonly lowScore = signal(0.3)
  readonly alsoBackwards = signal(false)
  /** Milliseconds that a tracking step takes. */
  readonly stepTime = signal<number | undefined>(undefined)
  /** The camera's run, which targets are handed to while it lasts. */
  liveRun: LiveRun | undefined
  readonly #workspace: Workspace
  readonly #tracker: PageTracker
  readonly #model: Model

  constructor(workspace: Workspace, tracker: PageTracker, model: Model) {
    this.#workspace = workspace
    this.#tracker = tracker
    this.#model = model
  }

  /** A new target with its first box in the current frame. @returns its number */
  add(box: Box): number | undefined {
    const { project, frame, selected } = this.#workspace
    if (!project.value) return undefined
    const added = addTarget(project.value, frame.value, box)
    this.#workspace.edit(added.project)
    selected.value = added.id
    this.liveRun?.start(added.id, box)
    return added.id
  }

  /** Corrects a target in the current frame, forgets what depended on it, and follows again from there. */
  async correct(id: number, mark: Mark): Promise<void> {
    const workspace = this.#workspace
    const target = workspace.target(id)
    const project = workspace.project.value
    if (!project || !target) return
    const frame = workspace.frame.value
    const next = (markAfter(target, frame) ?? project.clip.frameCount) - 1
    let edited = clearTrack(setMark(project, id, frame, mark), id, frame, next)
    const backwards = this.alsoBackwards.value && mark.kind === 'box'
    if (backwards) edited = clearTrack(edited, id, (markBefore(target, frame - 1) ?? -1) + 1, frame)
    workspace.edit(edited)
    if (this.liveRun && mark.kind === 'box') this.liveRun.start(id, mark.box)
    else if (this.liveRun) this.liveRun.drop(id)
    else if (mark.kind === 'box') await this.follow([id], backwards)
  }

  /** Moves the box of a target in the current frame without following: for steps by keyboard. */
  place(id: number, box: Box): void {
    const { project, frame } = this.#workspace
    if (project.value) this.#workspace.edit(setMark(project.value, id, frame.value, { kind: 'box', box }))
    this.liveRun?.start(id, box)
  }

  /** Takes a mark away. */
  unmark(id: number, frame: number): void {
    const { project } = this.#workspace
    if (project.value) this.#workspace.edit(removeMark(project.value, id, frame))
  }

  remove(id: number): void {
    const { project, selected } = this.#workspace
    if (!project.value) return
    this.#workspace.edit(removeTarget(project.value, id))
    this.liveRun?.drop(id)
    if (selected.value === id) selected.value = project.value.targets[0]?.id
  }

  rename(id: number, name: string): void {
    const { project } = this.#workspace
    if (project.value && name.trim() !== '') this.#workspace.edit(renameTarget(project.value, id, name.trim()))
  }

  /**
   * Follows targets from their last marks at or before the current frame, each up to its next mark and on from there.
   * @param backwards also from the current frame back to the mark before it
   */
  async follow(ids: readonly number[], backwards = false): Promise<void> {
    const workspace = this.#workspace
    await workspace.activity.run('following', async (signal) => {
      if (!(await this.#model.ready()) || signal.aborted) return
      const { value: source } = workspace.source
      const { value: project } = workspace.project
      if (!source || !project) return
      workspace.notice.value = undefined
      const here = workspace.frame.value
      const targets = project.targets.filter(({ id }) => ids.includes(id))
      const back = backwards ? targets.flatMap((target) => backwardStretch(target, here) ?? []) : []
      const forward = targets.flatMap((target) =>
        forwardStretches(target, markBefore(target, here) ?? here, project.clip.frameCount),
      )
      const hooks = this.#hooks(signal, ids.length)
      for (const stretch of back) await followBackward(source, this.#tracker, stretch, hooks)
      if (back.length > 0) await workspace.seek(here)
      if (forward.length > 0 && !signal.aborted) await followForward(source, this.#tracker, forward, hooks)
    })
  }

  /** Says that a target is not where the tracker looks. */
  lostSight(id: number, frame: number, score: number): void {
    const name = this.#workspace.target(id)?.name ?? 'The target'
    this.#workspace.inform(
      `${name}: the score fell to ${score.toFixed(2)} in frame ${frame + 1}, so following stopped there. ` +
        'Drag the box to where it is, or mark the target as absent.',
    )
  }

  #hooks(signal: AbortSignal, count: number) {
    let lost = false
    return {
      signal,
      lowScore: this.lowScore.value,
      onFrame: (frame: number, results: Results, picture: Picture) => {
        if (signal.aborted) return // the person has gone on to something else
        this.#workspace.grow((project) => setTracked(project, frame, results))
        this.stepTime.value = this.#tracker.stepTime
        void this.#workspace.putCopy(frame, picture)
        if (lost) void this.#workspace.activity.stop() // once the frame is shown that is to be corrected
      },
      onLow: (id: number, frame: number, score: number) => {
        if (signal.aborted) return
        this.lostSight(id, frame, score)
        lost = count === 1
      },
    }
  }
}
