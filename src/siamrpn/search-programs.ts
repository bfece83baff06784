// The captured programs of frames, shared by all groups of as many targets in frames of one shape: one for targets that are where
// they were, and one with a larger search image for lost ones, where the configuration has the long-term rule.

import type { FrameBuffer } from './frame.ts'
import { lostModel } from './long-term.ts'
import { makeContext, releaseContext, SearchStep, type StepContext, warmUp } from './steps.ts'
import type { GroupState, GroupSteps } from './target.ts'

type Search = 'near' | 'far'

export class SearchPrograms {
  readonly #contexts: Readonly<Record<Search, StepContext | undefined>>
  readonly #steps = new Map<string, SearchStep>()

  private constructor(near: StepContext, far: StepContext | undefined) {
    this.#contexts = { near, far }
  }

  /** Ready for the first lost target. @param near the caller's, who releases it */
  static async create(near: StepContext): Promise<SearchPrograms> {
    const model = lostModel(near.model)
    if (model === undefined) return new SearchPrograms(near, undefined)
    const far = makeContext(near.device, model, near.network)
    try {
      await warmUp(far)
      return new SearchPrograms(near, far)
    } catch (error) {
      releaseContext(far)
      throw error
    }
  }

  /** What a group's next frame needs. */
  async of(group: GroupState, buffer: FrameBuffer): Promise<GroupSteps> {
    const lost = group.places.some((place) => place.lost)
    const seen = group.places.some((place) => !place.lost)
    return {
      near: seen ? await this.#step('near', group, buffer) : undefined,
      far: lost ? await this.#step('far', group, buffer) : undefined,
    }
  }

  /** Frees the programs that none of these groups can need. */
  keep(groups: readonly GroupState[]): void {
    const needed = new Set(groups.flatMap((group) => [stepKey('near', group), stepKey('far', group)]))
    for (const [key, step] of this.#steps) {
      if (needed.has(key)) continue
      step.release()
      this.#steps.delete(key)
    }
  }

  release(): void {
    this.keep([])
    if (this.#contexts.far) releaseContext(this.#contexts.far)
  }

  async #step(search: Search, group: GroupState, { packed }: FrameBuffer): Promise<SearchStep | undefined> {
    const context = this.#contexts[search]
    const key = stepKey(search, group)
    const known = this.#steps.get(key)
    if (known || !context) return known
    const step = await SearchStep.create(context, packed, group.kernels)
    this.#steps.set(key, step)
    return step
  }
}

function stepKey(search: Search, { kernels, shape: { width, height, format, rowStride } }: GroupState): string {
  return `${search} ${kernels[0]?.shape[0]} ${width}x${height} ${format} ${rowStride}`
}
