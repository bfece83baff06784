// What the fuzzer asks of a reader, and the small parts that readers' corpora are made of.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface Reader {
  readonly name: string
  /** Files that are read, and files that were faults once. */
  readonly corpus: readonly Uint8Array[]
  /** Reads a file's bytes; `folder` is for readers that want a file. */
  read(bytes: Uint8Array, folder: string): unknown
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)
export const json = (value: unknown): Uint8Array => text(JSON.stringify(value))

/** Undefined for what is no JSON: it never reaches the reader. */
export function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

/** Reads bytes as a file of this name in the folder. */
export const viaFile =
  (name: string, read: (file: string) => Promise<unknown>): Reader['read'] =>
  async (bytes, folder) => {
    const file = join(folder, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
    await read(file)
  }
