// Files that are expensive to make and easy to make again: kept in folders named .cache that git ignores.

import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeSafetensors } from '../src/formats/safetensors.ts'
import { benchModel } from './data.ts'

/** The path of a cached file, made by `make` if it is not there yet. An interrupted run leaves no half file. */
export async function cached(file: URL, make: () => Promise<Uint8Array | readonly Uint8Array[]>): Promise<string> {
  const path = fileURLToPath(file)
  if (await stat(path).catch(() => undefined)) return path
  const made = await make()
  await mkdir(dirname(path), { recursive: true })
  const partial = `${path}.${process.pid}`
  await writeFile(partial, made instanceof Uint8Array ? made : made.values())
  await rename(partial, path)
  return path
}

/** A checkpoint of a golden model, as safetensors. */
export async function checkpointFile(model: string): Promise<string> {
  return await cached(new URL(`./.cache/${model}.safetensors`, import.meta.url), async () => {
    const { state } = await benchModel(model)
    return writeSafetensors(state)
  })
}
