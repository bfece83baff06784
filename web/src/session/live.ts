// Following the camera: each turn takes the newest frame, so that nothing queues up however slow the tracker is.

import type { Box } from 'siamrpn'
import type { Camera } from '../media/camera.ts'
import type { Tracked } from '../model/project.ts'
import type { Follower } from './follow.ts'

export interface LiveHooks {
  /** The picture is handed over. */
  readonly onFrame: (frame: number, results: ReadonlyMap<number, Tracked>, picture: ImageBitmap) => void
  readonly onError: (error: unknown) => void
  readonly lowScore: () => number
  readonly onLow: (id: number, frame: number, score: number) => void
}

export class LiveRun {
  readonly #camera: Camera
  readonly #follower: Follower
  readonly #hooks: LiveHooks
  readonly #active = new Set<number>()
  /** Targets to begin with in the next frame. */
  readonly #waiting = new Map<number, Box>()
  #ended = false

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

  /** Runs until `end`. */
  async run(): Promise<void> {
    for (let frame = 0; !this.#ended; frame++) {
      try {
        await this.#turn(frame)
      } catch (error) {
        if (!this.#ended) this.#hooks.onError(error)
        return
      }
    }
  }

  end(): void {
    this.#ended = true
    this.#camera.close()
  }

  async #turn(frame: number): Promise<void> {
    const picture = await this.#camera.next()
    const results = new Map<number, Tracked>()
    const keys = [...this.#active]
    if (keys.length > 0) {
      const found = await this.#follower.step(keys, await createImageBitmap(picture))
      for (const [index, key] of keys.entries()) {
        const result = found[index]
        if (!result) continue
        results.set(key, result)
        if (result.score < this.#hooks.lowScore()) this.#hooks.onLow(key, frame, result.score)
      }
    }
    for (const [id, box] of this.#waiting) {
      this.#waiting.delete(id)
      await this.#follower.start(id, await createImageBitmap(picture), box)
      this.#active.add(id)
      results.set(id, { box, score: 1 })
    }
    this.#hooks.onFrame(frame, results, picture)
  }
}
