// The measures of a benchmark's protocol, for whatever wants to know what results are worth.

import type { Benchmark, Protocol, Sequence, SequenceResult } from '../benchmarks/types.ts'
import type { Results } from './matched.ts'
import { got10kFrameOverlaps, scoreGot10k } from './score-got10k.ts'
import { opeFrameOverlaps, scoreOpe } from './score-ope.ts'
import { scoreVot, votFrameOverlaps } from './score-vot.ts'
import type { ScoreOptions, Scores } from './scores.ts'

/** Judges results by the benchmark's protocol. Sequences without a result or without truth are named in `leftOut`. */
export function score(benchmark: Benchmark, results: Results, options: ScoreOptions = {}): Scores {
  switch (benchmark.protocol) {
    case 'ope':
      return scoreOpe(benchmark, results, options)
    case 'got10k':
      return scoreGot10k(benchmark, results)
    case 'vot':
      return scoreVot(benchmark, results, options)
  }
}

/**
 * The overlap of each frame as the protocol measures it, 0..1; NaN where it does not count (marks of VOT, the first frame of
 * GOT-10k, hidden objects, no true box).
 *
 * @param result as many regions as the sequence has boxes
 */
export function frameOverlaps(
  protocol: Protocol,
  sequence: Sequence,
  { regions }: Pick<SequenceResult, 'regions'>,
): Float64Array {
  const pair = { sequence, regions }
  switch (protocol) {
    case 'ope':
      return opeFrameOverlaps(pair, false)
    case 'got10k':
      return got10kFrameOverlaps(pair)
    case 'vot':
      return votFrameOverlaps(pair)
  }
}
