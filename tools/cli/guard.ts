// Guards commands against ending without a message. Node ends a program, with code 13, as soon as nothing is left that
// could wake it: a promise that never settles then is an end in silence. Here it becomes an error that names what was
// under way.

import { SiamRpnError } from 'siamrpn'

/** Nothing was left to wait for, but the command had not ended: a defect of ours. */
export class StalledError extends SiamRpnError {}

/** What was begun and has not ended yet, by name; the latest is told first. */
export class Underway {
  readonly #names = new Map<symbol, string>()

  /** @returns a function to call when it has ended */
  begin(name: string): () => void {
    const key = Symbol(name)
    this.#names.set(key, name)
    return () => void this.#names.delete(key)
  }

  get names(): readonly string[] {
    return [...this.#names.values()].reverse()
  }
}

/** Settles like `work`, or rejects as soon as nothing is left that could make it settle. */
export async function settled<T>(work: Promise<T>, underway: Underway): Promise<T> {
  let leave: (() => void) | undefined
  const stalled = new Promise<never>((_, reject) => {
    leave = () => {
      const names = underway.names.length > 0 ? underway.names.join(', ') : 'nothing that it has named'
      reject(new StalledError(`the command waits for something that cannot come any more; under way: ${names}`))
    }
    process.once('beforeExit', leave)
  })
  try {
    return await Promise.race([work, stalled])
  } finally {
    if (leave) process.off('beforeExit', leave)
  }
}
