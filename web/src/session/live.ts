// Following the camera: each turn takes the newest frame, so that nothing queues up however slow the tracker is.

import type { Box } from 'siamrpn'
import type { Camera } from '../media/camera.ts'
import type { Picture } from '../media/clip-source.ts'
import type { Tracked } from '../model/track.ts'
import type { Follower } from './follow.ts'

export interface LiveHooks {
  /** The picture is handed over. */
  readonly onFrame: (frame: number, results: ReadonlyMap<number, Tracked>, picture: Picture) => void
  /** A target whose score fell below; it is not followed on. */
  readonly onLow: (id: number, frame: number, score: number) => void
  readonly lowScore: () => number
  readonly signal: AbortSignal
}

export class LiveRun {
  readonly #camera: Camera
  readonly #follower: Follower
  readonly #hooks: LiveHooks
  readonly #active = new Set<number>()
  /** Targets to begin with in the next frame. */
  readonly #waiting = new Map<number, Box>()

  constructor(camera: Camera, follower: Follower, hooks: LiveHooks) {
    this.#camera = camera
    this.#follower = follower
    this.#hooks = hooks
  }

  /** Begins to follow a target, or begins anew with a corrected box. */
  start(id: number, box: Box): void {
    this.#active.delete(id)
    this.#waiting.set(id, box)
  }

  drop(id: number): void {
    this.#active.delete(id)
    this.#waiting.delete(id)
  }

  /** Runs until the signal says stop. @throws ClipError if the camera ends by itself; what the follower throws */
  async run(): Promise<void> {
    const { signal } = this.#hooks
    const close = () => this.#camera.close()
    signal.addEventListener('abort', close)
    try {
      for (let frame = 0; !signal.aborted; frame++) await this.#turn(frame, await this.#camera.next())
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', close)
      close()
      await this.#follower.stop([...this.#active])
    }
  }

  /** Takes the picture over. */
  async #turn(frame: number, picture: Picture): Promise<void> {
    const results = new Map<number, Tracked>()
    try {
      await this.#step(frame, picture, results)
      await this.#begin(picture, results)
    } catch (error) {
      picture.close()
      throw error
    }
    if (this.#hooks.signal.aborted) picture.close()
    else this.#hooks.onFrame(frame, results, picture)
  }

  async #step(frame: number, picture: Picture, results: Map<number, Tracked>): Promise<void> {
    const keys = [...this.#active]
    if (keys.length === 0) return
    const found = await this.#follower.step(keys, picture)
    for (const [index, key] of keys.entries()) {
      const result = found[index]
      if (!result || !this.#active.has(key)) continue
      results.set(key, result)
      if (result.score >= this.#hooks.lowScore()) continue
      this.#active.delete(key)
      this.#hooks.onLow(key, frame, result.score)
    }
  }

  async #begin(picture: Picture, results: Map<number, Tracked>): Promise<void> {
    for (const [id, box] of this.#waiting) {
      this.#waiting.delete(id)
      await this.#follower.start(id, picture, box)
      this.#active.add(id)
      results.set(id, { box, score: 1 })
    }
  }
}
