// Results put beside the sequences that they belong to, and the rows of attributes made of rows of sequences.

import type { Benchmark, Sequence, SequenceResult, TrackedRegion } from '../benchmarks/types.ts'
import type { Box } from '../frames/types.ts'
import type { LeftOut, ScoreRow, SequenceRow } from './scores.ts'

/** Results by the names of their sequences. */
export type Results = ReadonlyMap<string, SequenceResult>

export interface Pair {
  readonly sequence: Sequence
  readonly regions: readonly TrackedRegion[]
}

export interface Matched {
  readonly pairs: readonly Pair[]
  readonly leftOut: readonly LeftOut[]
}

/** The sequences that can be judged, in the benchmark's order. @param fault what is wrong with a pair beyond its lengths */
export function matchResults(
  benchmark: Benchmark,
  results: Results,
  fault: (pair: Pair) => string | undefined,
): Matched {
  const pairs: Pair[] = []
  const leftOut: LeftOut[] = []
  for (const sequence of benchmark.sequences) {
    const regions = results.get(sequence.name)?.regions
    const reason = regions ? (lengthFault(sequence, regions) ?? fault({ sequence, regions })) : 'no result'
    if (regions && reason === undefined) pairs.push({ sequence, regions })
    else leftOut.push({ name: sequence.name, reason: reason ?? '' })
  }
  return { pairs, leftOut }
}

function lengthFault({ boxes, images }: Sequence, regions: readonly TrackedRegion[]): string | undefined {
  if (boxes.length < images.length && boxes.length <= 1) return 'the data set keeps its truth to itself'
  return regions.length === boxes.length ? undefined : `${regions.length} results, expected ${boxes.length}`
}

/** Protocols without restarts have a box in every frame. */
export function markFault({ regions }: Pair): string | undefined {
  const frame = regions.findIndex((region) => typeof region === 'number')
  return frame < 0 ? undefined : `frame ${frame} is the mark ${regions[frame]} of VOT, expected a box`
}

/** The boxes of regions without marks. */
export function boxesOf(regions: readonly TrackedRegion[]): Box[] {
  return regions.filter((region) => typeof region === 'object')
}

/** A row for each attribute, by name. @param combine makes the row of the sequences at `indices` */
export function attributeRows(
  rows: readonly SequenceRow[],
  combine: (name: string, indices: readonly number[]) => ScoreRow,
): ScoreRow[] {
  const indices = new Map<string, number[]>()
  for (const [index, { attributes }] of rows.entries()) {
    for (const attribute of new Set(attributes)) {
      const list = indices.get(attribute) ?? []
      list.push(index)
      indices.set(attribute, list)
    }
  }
  return [...indices].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, list]) => combine(name, list))
}

/** The elements at `indices`. */
export function pick<T>(list: readonly T[], indices: readonly number[]): T[] {
  return indices.flatMap((index) => list.slice(index, index + 1))
}
