// Following: the frames of a clip go to the tracker one after the other, from the marks that a person set to the next ones.
// One pass serves all targets; the picture of the next frame is decoded while the tracker works on this one.

import type { Box } from 'siamrpn'
import type { ClipSource, Picture } from '../media/clip-source.ts'
import { markBefore, type TrackedTarget } from '../model/project.ts'
import type { Tracked } from '../model/track.ts'

/** What following needs of the tracker. Pictures are lent. */
export interface Follower {
  start(key: number, picture: Picture, box: Box): Promise<void>
  step(keys: readonly number[], picture: Picture): Promise<readonly Tracked[]>
  stop(keys: readonly number[]): Promise<void>
}

/** One target from one mark to the frame before the next mark, or back to the frame after the one before. */
export interface Stretch {
  readonly id: number
  readonly from: number
  /** The last frame to follow, included; before `from` when it goes backwards. */
  readonly to: number
  readonly box: Box
}

export interface FollowHooks {
  /** After each frame: what was found, by target. The picture is only lent. */
  readonly onFrame: (frame: number, results: ReadonlyMap<number, Tracked>, picture: Picture) => void
  /** A target whose score fell below the threshold; it is not followed on. */
  readonly onLow: (id: number, frame: number, score: number) => void
  readonly signal: AbortSignal
  /** 0..1; 0 never stops. */
  readonly lowScore: number
}

/** The stretches that follow from a target's box marks at or after `from`, each up to the next mark. */
export function forwardStretches(target: TrackedTarget, from: number, frameCount: number): Stretch[] {
  const marks = [...target.marks].filter(([frame]) => frame >= from).sort(([a], [b]) => a - b)
  return marks.flatMap(([frame, mark], index) => {
    const last = (marks[index + 1]?.[0] ?? frameCount) - 1
    return mark.kind === 'box' && last > frame ? [{ id: target.id, from: frame, to: last, box: mark.box }] : []
  })
}

/** The stretch back from the box mark in `frame` to the mark before it, or to the first frame; undefined if there is none. */
export function backwardStretch(target: TrackedTarget, frame: number): Stretch | undefined {
  const mark = target.marks.get(frame)
  if (mark?.kind !== 'box') return undefined
  const to = (markBefore(target, frame - 1) ?? -1) + 1
  return to < frame ? { id: target.id, from: frame, to, box: mark.box } : undefined
}

/** Follows stretches that all go forwards, in one pass over the frames. */
export async function followForward(
  source: ClipSource,
  follower: Follower,
  stretches: readonly Stretch[],
  hooks: FollowHooks,
): Promise<void> {
  const first = Math.min(...stretches.map(({ from }) => from))
  const last = Math.max(...stretches.map(({ to }) => to))
  if (!Number.isFinite(first)) return
  const pass = new Pass(follower, stretches, hooks)
  try {
    let frame = first
    for await (const picture of source.frames(first)) {
      await pass.frame(frame, picture)
      frame++
      if (frame > last || hooks.signal.aborted || pass.finished(frame)) break
    }
  } finally {
    await pass.end()
  }
}

/** Frames that are held at once on the way back: compressed video only decodes forwards. */
const chunkFrames = 16

/** Follows one stretch backwards, in chunks that are decoded forwards. */
export async function followBackward(
  source: ClipSource,
  follower: Follower,
  stretch: Stretch,
  hooks: FollowHooks,
): Promise<void> {
  const pass = new Pass(follower, [stretch], hooks)
  try {
    for (let end = stretch.from; end >= stretch.to && !hooks.signal.aborted; end -= chunkFrames) {
      const start = Math.max(stretch.to, end - chunkFrames + 1)
      const pictures = await readChunk(source, start, end)
      try {
        for (let frame = end; frame >= start && !hooks.signal.aborted; frame--) {
          const picture = pictures.pop()
          if (picture) await pass.frame(frame, picture)
        }
      } finally {
        for (const picture of pictures) picture.close()
      }
      if (pass.stopped(stretch.id)) return
    }
  } finally {
    await pass.end()
  }
}

async function readChunk(source: ClipSource, start: number, end: number): Promise<ImageBitmap[]> {
  const pictures: ImageBitmap[] = []
  for await (const picture of source.frames(start)) {
    pictures.push(await createImageBitmap(picture)) // a decoder lends few frames at a time: keep copies
    picture.close()
    if (start + pictures.length > end) break
  }
  return pictures
}

/** The targets that are being followed at the moment. */
class Pass {
  readonly #follower: Follower
  readonly #stretches: readonly Stretch[]
  readonly #hooks: FollowHooks
  readonly #active = new Map<number, Stretch>()
  readonly #low = new Set<number>()

  constructor(follower: Follower, stretches: readonly Stretch[], hooks: FollowHooks) {
    this.#follower = follower
    this.#stretches = stretches
    this.#hooks = hooks
  }

  /** Takes the picture over: closes it when it has been shown. */
  async frame(frame: number, picture: Picture): Promise<void> {
    try {
      const keys = [...this.#active.values()].filter((stretch) => within(stretch, frame)).map(({ id }) => id)
      const results = new Map<number, Tracked>()
      if (keys.length > 0) {
        const found = await this.#follower.step(keys, picture)
        for (const [index, key] of keys.entries()) this.#note(key, frame, found[index], results)
      }
      for (const stretch of this.#stretches) {
        if (stretch.from !== frame) continue
        await this.#follower.start(stretch.id, picture, stretch.box)
        this.#active.set(stretch.id, stretch)
        this.#low.delete(stretch.id)
      }
      this.#hooks.onFrame(frame, results, picture)
    } finally {
      picture.close()
    }
  }

  /** Nothing is left to do from `frame` on. */
  finished(frame: number): boolean {
    const running = [...this.#active.values()].some((stretch) => frame <= stretch.to)
    return !running && !this.#stretches.some(({ from }) => from >= frame)
  }

  stopped(id: number): boolean {
    return this.#low.has(id)
  }

  async end(): Promise<void> {
    const keys = [...new Set(this.#stretches.map(({ id }) => id))]
    await this.#follower.stop(keys)
  }

  #note(key: number, frame: number, found: Tracked | undefined, results: Map<number, Tracked>): void {
    if (!found) return
    results.set(key, found)
    if (found.score >= this.#hooks.lowScore) return
    this.#active.delete(key)
    this.#low.add(key)
    this.#hooks.onLow(key, frame, found.score)
  }
}

function within({ from, to }: Stretch, frame: number): boolean {
  return from <= to ? frame > from && frame <= to : frame < from && frame >= to
}
