// The list of a golden directory's files. It says which sections the set has, and which files have changed since it was made.

import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { GoldenSet } from './golden-set.ts'
import { GoldenDataError } from './reader.ts'

const schema = z.object({
  set: z.string(),
  files: z.record(z.string(), z.object({ bytes: z.int(), sha256: z.string() })),
})

export interface Manifest {
  /** Name of the set; undefined if the directory has no manifest. */
  readonly set: string | undefined
  readonly files: ReadonlyMap<string, { readonly bytes: number; readonly sha256: string }>
}

const manifestFile = 'manifest.json'

/** @throws GoldenDataError if there is no such directory, or its manifest is malformed */
export async function readManifest(set: GoldenSet): Promise<Manifest> {
  const found = await stat(set.directory).catch(() => undefined)
  if (!found?.isDirectory()) throw new GoldenDataError(`${set.directory} is no directory, expected one of golden files`)
  if (!(await set.has(manifestFile))) return { set: undefined, files: new Map() }
  const path = join(set.directory, manifestFile)
  try {
    const { set: name, files } = schema.parse(JSON.parse(new TextDecoder().decode(await set.bytes(manifestFile))))
    return { set: name, files: new Map(Object.entries(files)) }
  } catch (cause) {
    throw new GoldenDataError(`${path} cannot be read as a list of golden files: ${String(cause)}`, { cause })
  }
}

/** The files of a section that are not as the manifest has them. */
export async function changedFiles(set: GoldenSet, manifest: Manifest, section: string): Promise<string[]> {
  const changed: string[] = []
  for (const [file, { bytes, sha256 }] of manifest.files) {
    if (!file.startsWith(`${section}.`) || !(await set.has(file))) continue
    const content = await set.bytes(file)
    if (content.length === bytes && createHash('sha256').update(content).digest('hex') === sha256) continue
    changed.push(file)
  }
  return changed
}
