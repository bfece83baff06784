// What this process holds of the system. Linux only.

import { readdirSync } from 'node:fs'

export interface Held {
  readonly threads: number
  readonly descriptors: number
  /** Bytes of resident memory. */
  readonly rss: number
}

/** After the garbage is gone, where --expose-gc lets it. Dawn's objects go after a turn of the event loop. */
export async function held(): Promise<Held> {
  for (let pass = 0; pass < 2; pass++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const [threads = 0, descriptors = 0] = ['task', 'fd'].map((entry) => readdirSync(`/proc/self/${entry}`).length)
  return { threads, descriptors, rss: process.memoryUsage.rss() }
}
