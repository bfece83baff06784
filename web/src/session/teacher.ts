// Teaching: the tracker is fitted to the frames that a person marked, then the target is followed again from its marks, and its
// track before stays to compare.

import { signal } from '@preact/signals'
import type { ClipSource, Picture } from '../media/clip-source.ts'
import { clearTrack, type Mark, type TrackedTarget } from '../model/project.ts'
import { download } from './download.ts'
import type { Model } from './model.ts'
import type { Targets } from './targets.ts'
import type { PageTracker } from './tracker.ts'
import type { Workspace } from './workspace.ts'

/** Steps of a fit: enough for the heads to settle on a few frames. */
const teachSteps = 80

export interface TeachParts {
  readonly workspace: Workspace
  readonly tracker: PageTracker
  readonly model: Model
  readonly targets: Targets
}

export class Teacher {
  /** Losses of the teaching under way or of the last one. */
  readonly losses = signal<readonly number[]>([])
  readonly #parts: TeachParts

  constructor(parts: TeachParts) {
    this.#parts = parts
  }

  /** Teaches the tracker a target from its marked frames, then follows the target again from its marks. */
  async teach(id: number, steps = teachSteps): Promise<void> {
    const { workspace, model } = this.#parts
    let learned = false
    await workspace.activity.run('teaching', async (stop) => {
      const target = workspace.target(id)
      const source = workspace.source.value
      if (!source || !target || !(await model.ready())) return
      workspace.notice.value = undefined
      this.losses.value = []
      learned = await this.#fit(target, source, { steps, stop })
    })
    if (learned) await this.#followAgain(id)
  }

  /** The weights in use, as a download. */
  async save(): Promise<void> {
    const { workspace, tracker } = this.#parts
    try {
      download('taught.safetensors', new Blob([await tracker.exportWeights()]))
    } catch (error) {
      workspace.complain(error)
    }
  }

  /** @returns false if the person cancelled */
  async #fit(
    target: TrackedTarget,
    source: ClipSource,
    { steps, stop }: { readonly steps: number; readonly stop: AbortSignal },
  ): Promise<boolean> {
    const { workspace, tracker, model } = this.#parts
    const cancel = () => void tracker.cancelTeaching()
    try {
      const examples = await examplesOf(target.marks, source, stop)
      stop.addEventListener('abort', cancel)
      await tracker.teach(examples, steps, (progress) => {
        workspace.progress.value = progress
        if (progress.loss !== undefined) this.losses.value = [...this.losses.value, progress.loss]
      })
    } catch (error) {
      if (!stop.aborted) throw error
      workspace.inform('Teaching was cancelled; the tracker is as it was.')
      return false
    } finally {
      stop.removeEventListener('abort', cancel)
      workspace.progress.value = undefined
    }
    model.learned(`Taught on ${target.marks.size} frames of ${target.name}`)
    workspace.before.value = { id: target.id, track: target.track }
    return true
  }

  async #followAgain(id: number): Promise<void> {
    const { workspace, targets } = this.#parts
    const target = workspace.target(id)
    const project = workspace.project.value
    if (!project || !target) return
    workspace.edit(clearTrack(project, id, 0, project.clip.frameCount - 1))
    await workspace.seek(Math.min(...target.marks.keys()))
    await targets.follow([id])
    if (workspace.notice.value) return
    workspace.inform(
      `${target.name} was followed again with what the tracker has learned. The row below on the timeline shows the scores before.`,
    )
  }
}

interface Example {
  readonly picture: Picture
  readonly box: (Mark & { kind: 'box' })['box'] | null
}

/** The marked frames with what the person said of them, in the order of the clip. */
async function examplesOf(marks: TrackedTarget['marks'], source: ClipSource, stop: AbortSignal): Promise<Example[]> {
  const examples: Example[] = []
  try {
    for (const [frame, mark] of [...marks].sort(([a], [b]) => a - b)) {
      examples.push({ picture: await source.frame(frame), box: mark.kind === 'box' ? mark.box : null })
    }
    stop.throwIfAborted() // nobody is there yet whom a cancellation could reach
  } catch (error) {
    for (const { picture } of examples) picture.close()
    throw error
  }
  return examples
}
