// Waits for a program without taking the processor from it. While one of Dawn's promises is pending in Node, its event loop
// spins; on a software adapter that spin competes with the rasteriser's own threads. So sleep through most of the time that
// the last runs took, and only then ask. On a GPU the wait is short, and nothing is slept.

/** Below this many milliseconds a timer costs more than the spin. */
const SHORTEST_SLEEP = 8

/** Part of the expected time that is slept. */
const PART = 0.8

export class Pacer {
  readonly #sleeps: boolean
  #recent: number[] = []

  constructor(adapter: { readonly kind: 'gpu' | 'cpu' }) {
    this.#sleeps = adapter.kind === 'cpu'
  }

  /** Runs `work` (submit), sleeps, then awaits `result` (the read-back), and remembers how long it took. */
  async through<T>(work: () => void, result: () => Promise<T>): Promise<T> {
    const start = performance.now()
    work()
    const sleep = this.#sleeps && this.#recent.length > 0 ? PART * Math.min(...this.#recent) : 0
    if (sleep > SHORTEST_SLEEP) await new Promise((resolve) => setTimeout(resolve, sleep))
    const value = await result()
    this.#recent = [...this.#recent.slice(-2), performance.now() - start]
    return value
  }
}
