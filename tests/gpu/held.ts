// What this process holds of the system. Linux only.

import { readdirSync, readFileSync } from 'node:fs'

export interface Held {
  readonly threads: number
  readonly descriptors: number
  /** Bytes of resident memory. */
  readonly rss: number
  /** Bytes of it that are of no file: heaps of all kinds. */
  readonly anonymous: number
  /** Bytes of it that are pages of files, such as libraries: the system takes them away and brings them back as it likes. */
  readonly files: number
  /** Bytes of it that are shared memory, such as buffers of a software driver. */
  readonly shared: number
}

/** After the garbage is gone, where --expose-gc lets it. Dawn's objects go after a turn of the event loop. */
export async function held(): Promise<Held> {
  for (let pass = 0; pass < 2; pass++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const [threads = 0, descriptors = 0] = ['task', 'fd'].map((entry) => readdirSync(`/proc/self/${entry}`).length)
  const status = readFileSync('/proc/self/status', 'utf8')
  const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  const [rss, anonymous, files, shared] = [bytes('VmRSS'), bytes('RssAnon'), bytes('RssFile'), bytes('RssShmem')]
  return { threads, descriptors, rss, anonymous, files, shared }
}
