// Finds result files: in a folder of any depth or a zip archive (a submission), the file of a sequence by the names
// that benchmarks and published trackers use. Names are compared without regard to case, and at last with `.`, `_` and
// `-` alike, because OTB's double targets are published as Jogging.1, jogging-1 and Jogging_1.

import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { readZip } from 'siamrpn/formats'
import { DatasetError } from '../../datasets/errors.ts'
import { SourceNotFoundError } from '../../frames/errors.ts'
import { mostImageBytes, mostTextBytes, readBounded } from '../../read-bounded.ts'
import type { BenchmarkName, Protocol, Tell } from '../types.ts'

export interface ResultFile {
  /** For messages. */
  readonly place: string
  read(): Promise<string>
}

/** Text files by their path within the folder, with `/`. */
export type ResultFiles = ReadonlyMap<string, ResultFile>

/** Folders within folders that are looked at: tracker/baseline/NAME/NAME_001.txt and one more. */
const deepest = 5

/** The text files of a folder or zip archive. @throws SourceNotFoundError, DatasetError for a damaged archive */
export async function listResultFiles(path: string): Promise<ResultFiles> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new SourceNotFoundError(path)
  if (!found.isDirectory()) return await listArchive(path)
  const files = new Map<string, ResultFile>()
  await list(path, path, deepest, files)
  return files
}

async function list(root: string, folder: string, depth: number, files: Map<string, ResultFile>): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  entries.sort((one, other) => (one.name < other.name ? -1 : 1))
  for (const entry of entries) {
    const place = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (depth > 0) await list(root, place, depth - 1, files)
    } else if (entry.name.endsWith('.txt')) {
      files.set(relative(root, place).split(sep).join('/'), {
        place,
        read: async () => (await readBounded(place, mostTextBytes)).toString(),
      })
    }
  }
}

async function listArchive(path: string): Promise<ResultFiles> {
  try {
    const entries = [...readZip(await readBounded(path, mostImageBytes))].filter(
      ([name]) => name.endsWith('.txt') && !name.includes('__MACOSX'),
    )
    return new Map(
      entries.map(([name, bytes]) => [
        name,
        { place: `${path}:${name}`, read: async () => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) },
      ]),
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : error
    throw new DatasetError(`${path} is no zip archive that is read (${reason}); unpack it and give the folder`, {
      cause: error,
    })
  }
}

/** The names that a sequence's file goes by, the benchmark's own first. */
export function resultNames(type: BenchmarkName, protocol: Protocol, name: string): readonly string[] {
  if (protocol === 'vot')
    return [`baseline/${name}/${name}_001.txt`, `${name}/${name}_001.txt`, `${name}_001.txt`, `${name}.txt`]
  if (type === 'got10k') return [`${name}/${name}_001.txt`, `${name}_001.txt`, `${name}.txt`]
  return [`${name}.txt`, `${name}/${name}_001.txt`, `${name}_001.txt`]
}

/** Finds files by the ends of their paths. */
export class ResultIndex {
  readonly #files: ResultFiles
  readonly #byCase = new Map<string, string[]>()
  readonly #byLetters = new Map<string, string[]>()

  constructor(files: ResultFiles) {
    this.#files = files
    for (const path of files.keys()) {
      const parts = path.split('/')
      for (let from = 0; from < parts.length; from++) {
        const end = parts.slice(from).join('/').toLowerCase()
        append(this.#byCase, end, path)
        append(this.#byLetters, alike(end), path)
      }
    }
  }

  /** The file that ends in one of `names`, tried in order. Tells if there are several, and takes the one closest to the top. */
  find(names: readonly string[], tell: Tell): ResultFile | undefined {
    for (const [index, key] of [
      [this.#byCase, (name: string) => name.toLowerCase()],
      [this.#byLetters, (name: string) => alike(name.toLowerCase())],
    ] as const) {
      for (const name of names) {
        const paths = index.get(key(name))
        if (paths) return this.#closest(paths, tell)
      }
    }
    return undefined
  }

  #closest(paths: readonly string[], tell: Tell): ResultFile | undefined {
    const depth = (path: string) => path.split('/').length
    const [first = '', second] = [...paths].sort((one, other) => depth(one) - depth(other) || (one < other ? -1 : 1))
    const file = this.#files.get(first)
    if (second !== undefined && file) {
      const message = `${second} is of the same sequence; expected the results of one tracker. Not read`
      tell({ severity: 'warning', place: file.place, message })
    }
    return file
  }
}

function append(map: Map<string, string[]>, key: string, path: string): void {
  const list = map.get(key)
  if (list) list.push(path)
  else map.set(key, [path])
}

function alike(path: string): string {
  return path.replace(/\.txt$/, '').replace(/[._]/g, '-')
}
