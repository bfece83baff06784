// The tracker as the page uses it: loads a model, follows, and gets up again after a lost device.

import type { Box } from 'siamrpn'
import type { Picture } from '../media/clip-source.ts'
import type { Tracked } from '../model/project.ts'
import { TrackerClient } from '../worker/client.ts'
import type { AdapterInfo, Answers, Progress } from '../worker/protocol.ts'
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
  /** What was loaded before teaching, while taught weights are in use. */
  #loaded: { readonly weights: Weights | undefined } | undefined

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
    this.#loaded = undefined
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

  /**
   * Fits the model that was loaded to pictures with the object's box, or null; from then on the taught weights are in use, after
   * a lost device, too.
   */
  async teach(
    examples: readonly { readonly picture: Picture; readonly box: Box | null }[],
    steps: number,
    onProgress: (progress: Progress) => void,
  ): Promise<Answers['teach']> {
    const pictures = examples.map(({ picture }) => picture)
    const answer = await this.#client.ask<'teach'>({ kind: 'teach', examples, steps }, pictures, onProgress)
    this.#loaded ??= { weights: this.#weights }
    this.#weights = { name: 'taught.safetensors', bytes: answer.weights }
    this.#last.clear()
    return answer
  }

  async cancelTeaching(): Promise<void> {
    await this.#client.ask<'cancel-teach'>({ kind: 'cancel-teach' })
  }

  /** Goes back to the weights that were loaded. */
  async forget(): Promise<void> {
    await this.#client.ask<'forget'>({ kind: 'forget' })
    if (this.#loaded) this.#weights = this.#loaded.weights
    this.#loaded = undefined
    this.#last.clear()
  }

  /** The weights in use as a safetensors file. */
  async exportWeights(): Promise<ArrayBuffer> {
    return await this.#client.ask<'export-weights'>({ kind: 'export-weights' })
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
