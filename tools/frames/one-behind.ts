// Lets one piece of asynchronous work run behind the caller: adding the next waits for the previous one, whose error
// surfaces there. Bounded memory, order kept, no unhandled rejection.

export class OneBehind {
  #pending: Promise<void> = Promise.resolve()

  /** Waits for the previous work, then starts this one and returns without waiting for it. */
  async add(work: () => Promise<void>): Promise<void> {
    await this.#pending
    this.#pending = work()
    this.#pending.catch(() => undefined)
  }

  /** Waits for the last work. */
  async done(): Promise<void> {
    await this.#pending
  }
}
