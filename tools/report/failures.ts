// Chooses the failures that are worth a look, and which of their frames: the last one that was tracked well, the way to
// the loss, the loss, and what came of it.

import { answerAt, type Trace, truthAt } from './traces.ts'

export interface FailureChoice {
  readonly trace: Trace
  /** The frame, from 0, on which truth and answer part for the first time. */
  readonly lostAt: number
  /** Ascending, `lostAt` among them. */
  readonly frames: readonly number[]
}

const goodOverlap = 0.5
const between = 2
const later = [10, 30]

/** The videos in which the object is lost that have the least mean overlap, the worst first. */
export function worstFailures(traces: readonly Trace[], count: number): FailureChoice[] {
  return traces
    .flatMap((trace) => (trace.lostAt === undefined ? [] : [{ trace, lostAt: trace.lostAt }]))
    .toSorted((a, b) => (a.trace.meanOverlap ?? 0) - (b.trace.meanOverlap ?? 0))
    .slice(0, count)
    .map(({ trace, lostAt }) => ({ trace, lostAt, frames: stripFrames(trace, lostAt) }))
}

/** At most six frames around a loss. */
function stripFrames(trace: Trace, lostAt: number): number[] {
  const good = lastGood(trace, lostAt)
  const gap = lostAt - good
  const steps = Array.from({ length: between }, (_, index) => good + Math.round(((index + 1) * gap) / (between + 1)))
  return [...new Set([good, ...steps, lostAt, ...afterwards(trace, lostAt)])].toSorted((a, b) => a - b)
}

/** The last frame before the loss with a good overlap; without any, the best one. */
function lastGood({ overlaps }: Trace, lostAt: number): number {
  const before = overlaps.slice(0, lostAt)
  const good = before.findLastIndex((value, frame) => value !== undefined && (frame === 0 || value >= goodOverlap))
  return good >= 0 ? good : Math.max(0, lostAt - 1)
}

/** Frames after the loss that show both boxes; nearer ones where the video ends early. */
function afterwards({ overlaps, sequence, result }: Trace, lostAt: number): number[] {
  const rest = overlaps.length - 1 - lostAt
  const reach = Math.min(1, rest / (later.at(-1) ?? 1))
  const shown = (frame: number) => truthAt(sequence, frame) !== undefined && answerAt(result, frame) !== undefined
  return later.map((frames) => lostAt + Math.round(frames * reach)).filter((frame) => frame > lostAt && shown(frame))
}
