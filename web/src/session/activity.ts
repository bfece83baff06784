// One thing is done with the open clip at a time: whoever begins another one ends the one before, and waits until it has ended, so
// that no two of them use the tracker or change the project side by side.

import { computed, signal } from '@preact/signals'

export type ActivityKind = 'opening' | 'playing' | 'following' | 'teaching' | 'exporting' | 'live'

export class Activity {
  readonly kind = signal<ActivityKind | undefined>(undefined)
  readonly busy = computed(() => this.kind.value !== undefined)
  readonly #complain: (error: unknown) => void
  #stop: AbortController | undefined
  #ended: Promise<void> = Promise.resolve()

  /** @param complain is told what an activity throws, but for the reason of its own end */
  constructor(complain: (error: unknown) => void) {
    this.#complain = complain
  }

  /** Ends what is under way, then does `work`. Of several that wait, the last one is done. Never rejects. */
  async run(kind: ActivityKind, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#stop?.abort()
    const stop = new AbortController()
    this.#stop = stop
    const ended = this.#ended.then(() => this.#do(kind, work, stop.signal))
    this.#ended = ended
    await ended
  }

  /** Ends what is under way, if anything is, and waits until it has ended. */
  async stop(): Promise<void> {
    this.#stop?.abort()
    await this.#ended
  }

  async #do(kind: ActivityKind, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    this.kind.value = kind
    try {
      await work(signal)
    } catch (error) {
      if (error !== signal.reason) this.#complain(error)
    } finally {
      this.kind.value = undefined
    }
  }
}
