// Lets many tracks of one video, each of them run by `trackVideo` with a rule of its own, share a sweep: the tracks wait for each
// other, and those that are at the earliest frame go through it together. So VOT's restarts and whatever else the loop of
// evaluation does are the same in a search as in an evaluation.

import type { CenterBox, RgbFrame, SweepCounts, TrackRule } from 'siamrpn'
import type { Found, VideoTarget, VideoTracker } from '../evaluation/track-video.ts'

/** What tracks under many rules; `openSweep` of the library makes one. */
export interface Sweeper {
  readonly capacity: number
  readonly counts: SweepCounts
  start(frame: RgbFrame, box: CenterBox, rules: readonly TrackRule[]): Promise<void>
  restart(frame: RgbFrame, box: CenterBox, tracks: readonly number[]): Promise<void>
  update(frame: RgbFrame, tracks: readonly number[]): Promise<readonly Found[]>
}

export interface LanesOptions {
  readonly sweep: Sweeper
  readonly rules: readonly TrackRule[]
  readonly read: (index: number) => Promise<RgbFrame>
  /** Told after each frame. */
  readonly onFrame?: (index: number) => void
}

/** What a track waits for. */
interface Step {
  readonly track: number
  readonly index: number
  readonly frame: RgbFrame
  /** Of a start; undefined: the next box is asked for. */
  readonly box: CenterBox | undefined
  resolve(found: Found): void
  reject(error: unknown): void
}

export class Lanes {
  readonly #options: LanesOptions
  readonly #frames = new Map<number, Promise<RgbFrame>>()
  readonly #indices = new WeakMap<RgbFrame, number>()
  readonly #waiting = new Map<number, Step>()
  #active: number
  #started = false

  constructor(options: LanesOptions) {
    this.#options = options
    this.#active = options.rules.length
  }

  /** A frame of the video, read once for all tracks. */
  readonly read = (index: number): Promise<RgbFrame> => {
    const known = this.#frames.get(index)
    if (known) return known
    const frame = this.#options.read(index).then((read) => {
      const own = { ...read }
      this.#indices.set(own, index)
      return own
    })
    this.#frames.set(index, frame)
    return frame
  }

  /** The tracker of the rule with this index; `leave` must follow when it is done. */
  lane(track: number): VideoTracker {
    const target: VideoTarget = {
      update: (frame) => this.#wait(track, frame, undefined),
      release: async () => undefined,
    }
    return {
      init: async (frame, box) => {
        await this.#wait(track, frame, box)
        return target
      },
    }
  }

  /** A track has ended, well or badly: the others need not wait for it any more. */
  leave(): void {
    this.#active--
    this.#proceed()
  }

  #wait(track: number, frame: RgbFrame, box: CenterBox | undefined): Promise<Found> {
    const index = this.#indices.get(frame) ?? 0
    const found = new Promise<Found>((resolve, reject) => {
      this.#waiting.set(track, { track, index, frame, box, resolve, reject })
    })
    this.#proceed()
    return found
  }

  #proceed(): void {
    if (this.#waiting.size === 0 || this.#waiting.size < this.#active) return
    const index = Math.min(...[...this.#waiting.values()].map((step) => step.index))
    const steps = [...this.#waiting.values()].filter((step) => step.index === index)
    for (const { track } of steps) this.#waiting.delete(track)
    for (const known of this.#frames.keys()) if (known < index) this.#frames.delete(known)
    this.#advance(steps).then(
      () => this.#options.onFrame?.(index),
      (error) => {
        for (const { reject } of steps) reject(error)
      },
    )
  }

  /** Steps of one frame. */
  async #advance(steps: readonly Step[]): Promise<void> {
    const { sweep, rules } = this.#options
    const begun = steps.filter(({ box }) => box !== undefined)
    const [first] = begun
    if (first?.box) {
      // The box of a start follows from the frame alone.
      if (this.#started) await sweep.restart(first.frame, first.box, tracksOf(begun))
      else await sweep.start(first.frame, first.box, rules)
      this.#started = true
      for (const { box, resolve } of begun) if (box) resolve({ center: box, score: 1 })
    }
    const going = steps.filter(({ box }) => box === undefined)
    const [next] = going
    if (!next) return
    const found = await sweep.update(next.frame, tracksOf(going))
    for (const [row, { resolve }] of going.entries()) {
      const one = found[row]
      if (one) resolve(one)
    }
  }
}

function tracksOf(steps: readonly Step[]): number[] {
  return steps.map(({ track }) => track)
}
