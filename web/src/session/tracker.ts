// The tracker as the page uses it: loads a model, follows, and gets up again after a lost device.

import type { Box } from 'siamrpn'
import type { Picture } from '../media/clip-source.ts'
import type { Tracked } from '../model/project.ts'
import { TrackerClient } from '../worker/client.ts'
import type { AdapterInfo, Progress } from '../worker/protocol.ts'
import type { Follower } from './follow.ts'

export interface Weights {
  readonly name: string
  readonly bytes: ArrayBuffer
}

/** Times of the last steps from which the shown milliseconds are taken. */
const WINDOW = 20

export class PageTracker implements Follower {
  readonly #client = new TrackerClient()
  readonly #onRecovered: () => void
  readonly #times: number[] = []
  /** Where each target is: from there it goes on after a lost device. */
  readonly #last = new Map<number, Box>()
  #weights: Weights | undefined

  constructor(onRecovered: () => void) {
    this.#onRecovered = onRecovered
  }

  /** Milliseconds a step takes: the median of the last ones; undefined before the first. */
  get stepTime(): number | undefined {
    return this.#times.toSorted((a, b) => a - b)[this.#times.length >> 1]
  }

  /** @param weights a checkpoint of MMTracking, pysot or this project; undefined: the model that ships */
  async load(weights: Weights | undefined, onProgress: (progress: Progress) => void): Promise<AdapterInfo> {
    const request = { kind: 'load', weights: weights && { name: weights.name, bytes: weights.bytes.slice(0) } } as const
    const info = await this.#client.ask(request, request.weights ? [request.weights.bytes] : [], onProgress)
    this.#weights = weights
    this.#last.clear()
    this.#times.length = 0
    return info
  }

  async start(key: number, picture: Picture, box: Box): Promise<void> {
    await this.#client.ask<'start'>({ kind: 'start', key, picture, box }, [picture])
    this.#last.set(key, box)
  }

  async step(keys: readonly number[], picture: Picture): Promise<readonly Tracked[]> {
    const spare = 'clone' in picture ? picture.clone() : await createImageBitmap(picture)
    try {
      return await this.#step(keys, picture)
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'DeviceLostError') throw error
      return await this.#recover(keys, spare)
    } finally {
      spare.close()
    }
  }

  async stop(keys: readonly number[]): Promise<void> {
    for (const key of keys) this.#last.delete(key)
    await this.#client.ask<'stop'>({ kind: 'stop', keys })
  }

  /** Loses the device on purpose. */
  async lose(): Promise<void> {
    await this.#client.ask<'lose'>({ kind: 'lose' })
  }

  close(): void {
    this.#client.close()
  }

  async #step(keys: readonly number[], picture: Picture): Promise<readonly Tracked[]> {
    const start = performance.now()
    const results = await this.#client.ask<'step'>({ kind: 'step', keys, picture }, [picture])
    this.#times.push((performance.now() - start) / keys.length)
    if (this.#times.length > WINDOW) this.#times.shift()
    for (const [index, key] of keys.entries()) {
      const result = results[index]
      if (result) this.#last.set(key, result.box)
    }
    return results
  }

  /** A new device, and each target again from where it was, in the frame that could not be finished. */
  async #recover(keys: readonly number[], picture: Picture): Promise<readonly Tracked[]> {
    const last = new Map(this.#last)
    await this.load(this.#weights, () => undefined)
    for (const key of keys) {
      const box = last.get(key)
      if (box) await this.start(key, 'clone' in picture ? picture.clone() : await createImageBitmap(picture), box)
    }
    this.#onRecovered()
    return await this.#step(keys, 'clone' in picture ? picture.clone() : await createImageBitmap(picture))
  }
}
