// Traces each video frame by frame: the overlap of truth and answer, and where the object was lost for the first time.

import { type Benchmark, type Protocol, type Sequence, type SequenceResult, trackMarks } from '../benchmarks/types.ts'
import type { Box } from '../frames/types.ts'
import { frameOverlaps } from '../metrics/score.ts'
import type { ReportTracker } from './data.ts'

export interface Trace {
  readonly sequence: Sequence
  readonly result: SequenceResult
  /** 0..1, one per frame; undefined where there is nothing to judge: no truth, an object out of sight, a frame skipped (VOT). */
  readonly overlaps: readonly (number | undefined)[]
  /** Over the frames that can be judged, the given first box left out; undefined if there are none. */
  readonly meanOverlap: number | undefined
  /** The first frame, from 0, on which truth and answer do not meet. */
  readonly lostAt: number | undefined
  /** Frames that the tracker was timed on, per second. */
  readonly framesPerSecond: number | undefined
}

/** The traces of those sequences that were judged. */
export function traceAll({ protocol, sequences }: Benchmark, { results, scores }: ReportTracker): Trace[] {
  const judged = new Set(scores.sequences.map(({ name }) => name))
  return sequences.flatMap((sequence) => {
    const result = judged.has(sequence.name) ? results.get(sequence.name) : undefined
    return result ? [trace(protocol, sequence, result)] : []
  })
}

/** Follows one video, of which there is one region per true box. */
export function trace(protocol: Protocol, sequence: Sequence, result: SequenceResult): Trace {
  const overlaps = Array.from(frameOverlaps(protocol, sequence, result), (value, frame) => {
    if (result.regions[frame] === trackMarks.failure) return 0
    return Number.isNaN(value) || sequence.visible[frame] === false ? undefined : value
  })
  const judged = overlaps.slice(1).filter((value) => value !== undefined)
  const lostAt = overlaps.findIndex((value, frame) => frame > 0 && value === 0)
  return {
    sequence,
    result,
    overlaps,
    meanOverlap: judged.length === 0 ? undefined : judged.reduce((sum, value) => sum + value, 0) / judged.length,
    lostAt: lostAt < 0 ? undefined : lostAt,
    framesPerSecond: rate(result),
  }
}

/** The true box where there is something to see. */
export function truthAt({ boxes, visible }: Sequence, frame: number): Box | undefined {
  const box = boxes[frame]
  return box && visible[frame] !== false && isBox(box) ? box : undefined
}

/** The tracker's box; undefined where VOT's protocol has a mark. */
export function answerAt({ regions }: SequenceResult, frame: number): Box | undefined {
  const region = regions[frame]
  return typeof region === 'object' && isBox(region) ? region : undefined
}

function isBox({ x, y, width, height }: Box): boolean {
  return [x, y, width, height].every(Number.isFinite) && width > 0 && height > 0
}

function rate({ seconds = [] }: SequenceResult): number | undefined {
  const timed = seconds.filter((value) => value > 0)
  const total = timed.reduce((sum, value) => sum + value, 0)
  return total > 0 ? timed.length / total : undefined
}
