// GOT-10k's measures of a benchmark: frames of all sequences weigh the same, in attributes too.

import type { Benchmark } from '../benchmarks/types.ts'
import { addTallies, type Got10kTally, type Got10kVideo, got10kOverlaps, got10kTally } from './got10k.ts'
import { attributeRows, boxesOf, markFault, matchResults, type Pair, pick, type Results } from './matched.ts'
import { axesOf, measures } from './measures.ts'
import type { ScoreRow, Scores, SequenceRow } from './scores.ts'

/** Average overlap and success rates as the official toolkit computes them on sequences with truth. */
export function scoreGot10k(benchmark: Benchmark, results: Results): Scores {
  const { pairs, leftOut } = matchResults(benchmark, results, markFault)
  const tallies = pairs.map((pair) => got10kTally(got10kFrameOverlaps(pair)))
  const sequences = pairs.map(
    ({ sequence: { name, attributes } }, index): SequenceRow => ({ ...row(name, pick(tallies, [index])), attributes }),
  )
  return {
    protocol: 'got10k',
    onlyEvalVisible: false,
    measures: measures.got10k,
    axes: axesOf('got10k'),
    overall: row('all', tallies),
    sequences,
    attributes: attributeRows(sequences, (name, indices) => row(name, pick(tallies, indices))),
    leftOut,
  }
}

/** Overlap per frame, 0..1; NaN in the first frame and where the object is hidden. */
export function got10kFrameOverlaps({ sequence, regions }: Pair): Float64Array {
  const { boxes, cover, size } = sequence
  const video: Got10kVideo = { results: boxesOf(regions), truth: boxes, ...(cover && { cover }), ...(size && { size }) }
  return got10kOverlaps(video)
}

function row(name: string, tallies: readonly Got10kTally[]): ScoreRow {
  const { frames, sum, above50, above75, above } = addTallies(tallies)
  return {
    name,
    sequences: tallies.length,
    frames,
    values: frames > 0 ? { ao: sum / frames, sr50: above50 / frames, sr75: above75 / frames } : {},
    curves: frames > 0 ? { success: above.map((count) => count / frames) } : {},
  }
}
