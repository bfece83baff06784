// The frames on their way into a tracker's stream: which ones wait for their boxes, and how long each took in the tracker.

import type { RgbFrame } from 'siamrpn'
import type { FrameSource } from '../../frames/types.ts'

export class Feed {
  readonly #frames: AsyncIterator<RgbFrame>
  readonly #most: number
  readonly #waiting: RgbFrame[] = []
  /** When each frame after the first was asked for: the tracker does so as it begins with the one before. */
  readonly #asked: number[] = []

  /** @param most how many frames are handed out, the first included */
  constructor(source: FrameSource, most = Number.POSITIVE_INFINITY) {
    this.#frames = source[Symbol.asyncIterator]()
    this.#most = most
  }

  /** The first frame, if there is one. */
  async first(): Promise<RgbFrame | undefined> {
    const { done, value } = await this.#frames.next()
    return done ? undefined : value
  }

  /** All others, for a stream. */
  async *others(): AsyncGenerator<RgbFrame> {
    for (let count = 1; ; count++) {
      this.#asked.push(performance.now())
      if (count >= this.#most) return
      const { done, value } = await this.#frames.next()
      if (done) return
      this.#waiting.push(value)
      yield value
    }
  }

  /**
   * The frame whose boxes have come, and the milliseconds that the tracker spent on it.
   * @param index 1 for the first of the others
   */
  arrived(index: number): { readonly frame: RgbFrame | undefined; readonly milliseconds: number } {
    const now = performance.now()
    const end = Math.min(now, this.#asked[index + 1] ?? now)
    return { frame: this.#waiting.shift(), milliseconds: Math.max(0, end - (this.#asked[index] ?? end)) }
  }

  async end(): Promise<void> {
    await this.#frames.return?.()
  }
}
