// The tracker as the page uses it: loads a model, follows, and gets up again after a lost device.

import type { Box } from 'siamrpn'
import { copyOf, type Picture } from '../media/clip-source.ts'
import { PageError } from '../model/errors.ts'
import type { Tracked } from '../model/track.ts'
import { TrackerClient, WorkerError } from '../worker/client.ts'
import type { AdapterInfo, Answers, Progress, TeachRequest } from '../worker/protocol.ts'
import type { Follower } from './follow.ts'

export interface Weights {
  readonly name: string
  /** Read whenever they are loaded, again after a lost device, so that they are not in memory twice. */
  readonly file: Blob
  /** Name of the library's configuration for them. Undefined: the one that the file carries, or ResNet-50's. */
  readonly architecture?: string | undefined
}

const makeRoom = 'Close other tabs and programs that use the graphics card'

/** What to say, and to do, where memory runs out. */
const memorySentences = {
  load: `There is not enough graphics memory for this model; what was in use before stays. ${makeRoom}, or use a smaller model.`,
  follow: `The graphics memory ran out, so following stopped here; nothing is lost. ${makeRoom}, then press Follow.`,
  teach: (frames: number) =>
    `There is not enough graphics memory to teach on ${frames} frames; the tracker is as it was. ${makeRoom}, or mark fewer frames, ` +
    'then press Teach.',
} as const

/** Times of the last steps from which the shown milliseconds are taken. */
const frameWindow = 20

export class PageTracker implements Follower {
  readonly #client = new TrackerClient()
  readonly #onRecovered: () => void
  readonly #times: number[] = []
  /** Where each target is: from there it goes on after a lost device. */
  readonly #last = new Map<number, Box>()
  /** Targets that the worker knows. */
  readonly #alive = new Set<number>()
  #loaded: Weights | undefined
  #taught: Blob | undefined

  constructor(onRecovered: () => void) {
    this.#onRecovered = onRecovered
  }

  /** Milliseconds a step takes: the median of the last ones; undefined before the first. */
  get stepTime(): number | undefined {
    return this.#times.toSorted((a, b) => a - b)[this.#times.length >> 1]
  }

  /** @param weights a checkpoint of MMTracking, pysot or this project; undefined: the model that ships */
  async load(weights: Weights | undefined, onProgress: (progress: Progress) => void): Promise<AdapterInfo> {
    const info = await this.#orOutOfMemory(() => this.#open(weights, undefined, onProgress), memorySentences.load)
    this.#loaded = weights
    this.#taught = undefined
    this.#last.clear()
    this.#times.length = 0
    return info
  }

  async start(key: number, picture: Picture, box: Box): Promise<void> {
    this.#last.set(key, box)
    this.#alive.delete(key)
    await this.#withPicture(picture, (own) => this.#start(key, own, box))
  }

  async step(keys: readonly number[], picture: Picture): Promise<readonly Tracked[]> {
    return await this.#withPicture(picture, (own) => this.#step(keys, own))
  }

  async stop(keys: readonly number[]): Promise<void> {
    for (const key of keys) {
      this.#last.delete(key)
      this.#alive.delete(key)
    }
    await this.#client.ask<'stop'>({ kind: 'stop', keys })
  }

  /**
   * Fits the model that was loaded to pictures with the object's box, or null; from then on the taught weights are in use, after
   * a lost device, too. Takes the pictures over.
   * @throws PageError if the device is lost on the way; it is open again then
   */
  async teach(
    examples: TeachRequest['examples'],
    steps: number,
    onProgress: (progress: Progress) => void,
  ): Promise<Answers['teach']> {
    const pictures = examples.map(({ picture }) => picture)
    try {
      const answer = await this.#orOutOfMemory(
        () => this.#client.ask<'teach'>({ kind: 'teach', examples, steps }, pictures, onProgress),
        memorySentences.teach(examples.length),
      )
      this.#taught = new Blob([answer.weights])
      this.#forgetTargets()
      return answer
    } catch (error) {
      if (!isLost(error)) throw error
      await this.#reopen()
      throw new PageError('The graphics device was lost while teaching. It is open again: press Teach once more.', {
        cause: error,
      })
    }
  }

  async cancelTeaching(): Promise<void> {
    await this.#client.ask<'cancel-teach'>({ kind: 'cancel-teach' })
  }

  /** Goes back to the weights that were loaded. */
  async forget(): Promise<void> {
    this.#taught = undefined
    this.#forgetTargets()
    await this.#client.ask<'forget'>({ kind: 'forget' })
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

  async #open(
    weights: Weights | undefined,
    taught: Blob | undefined,
    onProgress: (progress: Progress) => void,
  ): Promise<AdapterInfo> {
    const { architecture } = weights ?? {}
    onProgress({ stage: 'Reading the weights', done: 0, total: 0 })
    const [own, learned] = await Promise.all([weights && bytesOf(weights), taught?.arrayBuffer()])
    const request = { kind: 'load', weights: own, architecture, taught: learned } as const
    const transfer = [request.weights, request.taught].filter((bytes) => bytes !== undefined)
    const info = await this.#client.ask<'load'>(request, transfer, onProgress)
    this.#alive.clear()
    return info
  }

  /** A new device with the weights in use; targets go on from where they were, in the next picture. */
  async #reopen(): Promise<void> {
    await this.#open(this.#loaded, this.#taught, () => undefined)
    this.#onRecovered()
  }

  /** Does something with a picture, and once more on a new device if this one is lost. */
  async #withPicture<T>(picture: Picture, work: (own: Picture) => Promise<T>): Promise<T> {
    const once = async () => work(await copyOf(picture))
    return await this.#orOutOfMemory(async () => {
      try {
        return await once()
      } catch (error) {
        if (!isLost(error)) throw error
        await this.#reopen()
        return await once()
      }
    }, memorySentences.follow)
  }

  /** @throws PageError with the sentence where memory runs out */
  async #orOutOfMemory<T>(work: () => Promise<T>, sentence: string): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof WorkerError) || error.kind !== 'out of memory') throw error
      throw new PageError(`${sentence} (${error.message})`, { cause: error })
    }
  }

  async #start(key: number, picture: Picture, box: Box): Promise<void> {
    await this.#client.ask<'start'>({ kind: 'start', key, picture, box }, [picture])
    this.#alive.add(key)
  }

  async #step(keys: readonly number[], picture: Picture): Promise<readonly Tracked[]> {
    for (const key of keys) {
      const box = this.#last.get(key)
      if (box && !this.#alive.has(key)) await this.#start(key, await copyOf(picture), box)
    }
    const start = performance.now()
    const results = await this.#client.ask<'step'>({ kind: 'step', keys, picture }, [picture])
    this.#times.push((performance.now() - start) / keys.length)
    if (this.#times.length > frameWindow) this.#times.shift()
    for (const [index, key] of keys.entries()) {
      const result = results[index]
      if (result) this.#last.set(key, result.box)
    }
    return results
  }

  #forgetTargets(): void {
    this.#last.clear()
    this.#alive.clear()
  }
}

async function bytesOf({ name, file }: Weights): Promise<ArrayBuffer> {
  try {
    return await file.arrayBuffer()
  } catch (error) {
    throw new PageError(
      `"${name}" cannot be read: it was changed or moved, or is too large for memory. Open it again`,
      {
        cause: error,
      },
    )
  }
}

function isLost(error: unknown): boolean {
  return error instanceof WorkerError && error.kind === 'device lost'
}
