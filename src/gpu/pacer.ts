// Waits for a program without taking the processor from it. While one of Dawn's promises is pending in Node, its event loop
// spins; on a software adapter that spin competes with the rasteriser's own threads. So sleep through most of the time that
// the last runs took, and only then ask; and while the answer is pending, stop the loop for a moment in each of its turns. On
// a GPU the wait is short, and nothing is slept.

/** Below this many milliseconds a timer costs more than the spin. */
const SHORTEST_SLEEP = 8

/** Part of the expected time that is slept. */
const PART = 0.8

/** Milliseconds that a turn of the event loop is stopped for: at most, and as a part of the expected time. */
const LONGEST_NAP = 4
const NAP_PART = 0.01

/** Ends a turn of Node's event loop; browsers have none, and their loops do not spin. */
const nextTurn: ((then: () => void) => void) | undefined = globalThis.setImmediate

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
    const expected = this.#sleeps && this.#recent.length > 0 ? Math.min(...this.#recent) : 0
    const sleep = PART * expected
    if (sleep > SHORTEST_SLEEP) await new Promise((resolve) => setTimeout(resolve, sleep))
    const pending = result()
    await nap(pending, Math.min(LONGEST_NAP, NAP_PART * expected))
    const value = await pending
    this.#recent = [...this.#recent.slice(-2), performance.now() - start]
    return value
  }
}

/** Until `pending` is settled, stops the thread for so many milliseconds in each turn of the event loop. */
async function nap(pending: Promise<unknown>, milliseconds: number): Promise<void> {
  if (!nextTurn || milliseconds === 0) return
  const never = new Int32Array(new SharedArrayBuffer(4))
  let settled = false
  const settle = () => {
    settled = true
  }
  pending.then(settle, settle)
  while (!settled) {
    Atomics.wait(never, 0, 0, milliseconds)
    await new Promise<void>((resolve) => nextTurn(resolve))
  }
}
