// The interface of a reader of one layout, and the walk through a download that all readers share: a few sequences at a
// time, findings in the order of the sequences. One file per data set exports a `BenchmarkReader`; open-benchmark.ts
// holds the table.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatasetError } from '../datasets/errors.ts'
import { linesOf } from '../frames/number-rows.ts'
import { readTextFile } from './rows.ts'
import type { Protocol, Sequence, Tell } from './types.ts'

export interface ReadOptions {
  /** One of the reader's `splits`. */
  readonly split: string
  /** At most so many sequences; `Infinity`: all. */
  readonly limit: number
  readonly tell: Tell
}

export interface BenchmarkReader {
  readonly protocol: Protocol
  /** By the names of `--split`, the default first. */
  readonly splits: readonly string[]
  /** Such as `LaSOT (testing set)`. */
  title(split: string): string
  /** What a download looks like and where it comes from; errors print it after `expected`. */
  readonly layout: string
  /** Whether `root` looks like this data set; cheap. */
  detect(root: string): Promise<boolean>
  /**
   * The sequences in the benchmark's order. Tells what is wrong and leaves out what cannot be used.
   *
   * @throws DatasetMissingError when nothing of the data set is there; what `tell` throws
   */
  read(root: string, options: ReadOptions): Promise<Sequence[]>
}

/** Folders read at once. */
const readAtOnce = 16

/**
 * Reads the first `limit` items a few at a time; undefined is left out. `read` gets its own `tell`, whose findings are passed on
 * item by item.
 */
export async function readEach<T>(
  items: readonly T[],
  { limit, tell }: Pick<ReadOptions, 'limit' | 'tell'>,
  read: (item: T, tell: Tell) => Promise<Sequence | undefined>,
): Promise<Sequence[]> {
  const wanted = items.slice(0, limit)
  const sequences: Sequence[] = []
  for (let start = 0; start < wanted.length; start += readAtOnce) {
    const batch = wanted.slice(start, start + readAtOnce).map(async (item) => {
      const findings: Parameters<Tell>[0][] = []
      const sequence = await read(item, (finding) => findings.push(finding))
      return { sequence, findings }
    })
    for (const { sequence, findings } of await Promise.all(batch)) {
      findings.forEach(tell)
      if (sequence) sequences.push(sequence)
    }
  }
  return sequences
}

/** TrackingNet, the largest of all, has 30,643. */
const mostNames = 100_000

/**
 * Names in a text file, one per line; undefined where there is no such file.
 * @throws DatasetError if they are more than a data set has, or if one comes twice
 */
export async function readNames(file: string): Promise<string[] | undefined> {
  const text = await readTextFile(file)
  if (text === undefined) return undefined
  const names = linesOf(text)
    .map((line) => line.trim())
    .filter((name) => name !== '')
  if (names.length > mostNames) {
    throw new DatasetError(`${file} names ${names.length} sequences, expected at most ${mostNames}`)
  }
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    if (seen.has(name))
      throw new DatasetError(`${file} names ${name.slice(0, 80)} twice, the second time in place ${index + 1}`)
    seen.add(name)
  }
  return names
}

/** Folders in a folder (links to folders too), sorted by code unit; none where there is no such folder. */
export async function listFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names: string[] = []
  for (const entry of entries) {
    if (entry.name.startsWith('.') || entry.isFile()) continue
    if (entry.isDirectory() || (await isFolder(join(folder, entry.name)))) names.push(entry.name)
  }
  return names.sort()
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false
}

/** Names that a message shows at most. */
const namesShown = 20

/** `a, b, c and 17 more`. */
export function listed(names: readonly string[]): string {
  const rest = names.length - namesShown
  return names.slice(0, namesShown).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
