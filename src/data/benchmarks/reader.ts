// What a layout has to say and do to be read, and how a reader goes through a download: a few sequences at a time, findings in
// the order of the sequences. One file per data set exports a `BenchmarkReader`; open-benchmark.ts holds the table.

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
