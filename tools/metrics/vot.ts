// Supervised evaluation (VOT2018): accuracy, robustness and expected average overlap as MMTracking 0.14's `eval_sot_vot.py`
// computes them. A trajectory starts with 1; a failure (overlap zero) is 2, then four frames are skipped (0) and the next is
// again a start. A fragment runs from a start to the failure or to the end.

import { mean } from './mean.ts'
import { type ImageSize, type Region, votOverlap } from './vot-overlap.ts'

/** A frame of a trajectory: `[1]` start, `[2]` failure, `[0]` skipped, or the tracker's `[x, y, width, height]`. */
export type VotAnswer = Region

/** A tracked video, frame by frame. */
export interface VotVideo {
  readonly answers: readonly VotAnswer[]
  /** The overlap of each answer with the truth, 0 where there is none. */
  readonly overlaps: ArrayLike<number>
}

export interface VotFragment {
  readonly overlaps: readonly number[]
  /** Whether it ends in a failure, so that all later frames count as overlap zero. */
  readonly failed: boolean
  /** Its weight in the mean over fragments. */
  readonly weight: number
}

/** Which frames are asked about, such as those with a tag; all by default. */
export type FrameFilter = (frame: number) => boolean

export interface AccuracyOptions {
  /** Frames from each start on that do not count: 10. */
  readonly burnin?: number
  /** Whether skipped frames are left out; otherwise they count as overlap zero. True. */
  readonly ignoreSkipped?: boolean
  readonly filter?: FrameFilter
}

const isMark = (answer: VotAnswer | undefined, mark: number) => answer?.length === 1 && answer[0] === mark

/** Overlaps of the answers with the truth, 0 for marks. @param size of the video's frames, outside of which nothing counts */
export function votOverlaps(answers: readonly VotAnswer[], truth: readonly Region[], size?: ImageSize): Float64Array {
  return Float64Array.from(answers, (answer, frame) => {
    const region = truth[frame]
    return answer.length === 1 || !region ? 0 : votOverlap(answer, region, size)
  })
}

/** Mean overlap of a video's frames that count, 0..1; undefined if none does. MMTracking's `calc_accuracy`. */
export function votAccuracy(video: VotVideo, options: AccuracyOptions = {}): number | undefined {
  const { burnin = 10, ignoreSkipped = true, filter } = options
  const { answers, overlaps } = video
  const counted: number[] = []
  let countsFrom = 0
  for (const [frame, answer] of answers.entries()) {
    if (isMark(answer, 1)) countsFrom = Math.max(countsFrom, frame + burnin)
    if (frame < countsFrom || isMark(answer, 2) || (ignoreSkipped && isMark(answer, 0))) continue
    if (filter?.(frame) !== false) counted.push(overlaps[frame] ?? 0)
  }
  return counted.length > 0 ? mean(counted) : undefined
}

/** How often the tracker failed. */
export function votFailures({ answers }: VotVideo, filter?: FrameFilter): number {
  return answers.filter((answer, frame) => isMark(answer, 2) && filter?.(frame) !== false).length
}

/**
 * The video's fragments, from each start to its failure or to the end.
 *
 * @param filter makes the weight of a fragment the share of its frames that pass it, as in the VOT toolkit's and pysot's tags
 */
export function votFragments({ answers, overlaps }: VotVideo, filter?: FrameFilter): VotFragment[] {
  const starts = answers.flatMap((answer, frame) => (isMark(answer, 1) ? [frame] : []))
  const failures = answers.flatMap((answer, frame) => (isMark(answer, 2) ? [frame] : []))
  const fragment = (start: number, end: number, failed: boolean): VotFragment => {
    const frames = Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index)
    return {
      overlaps: frames.map((frame) => overlaps[frame] ?? 0),
      failed,
      weight: filter ? mean(frames.map((frame) => (filter(frame) ? 1 : 0))) : 1,
    }
  }
  if (failures.length === 0) return [fragment(0, answers.length, false)]
  const failed = failures.map((failure, index) => fragment(starts[index] ?? failure, failure, true))
  const last = starts.length > failures.length ? starts.at(-1) : undefined
  return last === undefined ? failed : [...failed, fragment(last, answers.length, false)]
}

/**
 * Expected average overlap by sequence length: entry n is the mean overlap of the first n frames after a start (entry 0 is the
 * start itself, which has none), over the fragments that are at least so long or have failed. MMTracking's `calc_eao_curve`.
 */
export function expectedOverlaps(fragments: readonly VotFragment[]): number[] {
  const length = Math.max(0, ...fragments.map(({ overlaps }) => overlaps.length))
  const sums = new Float64Array(length)
  const weights = new Float64Array(length)
  for (const { overlaps, failed, weight } of fragments) {
    let total = 0
    for (let n = 0; n < (failed ? length : overlaps.length); n++) {
      if (n > 0) total += overlaps[n] ?? 0
      sums[n] = (sums[n] ?? 0) + weight * (n > 0 ? total / n : (overlaps[0] ?? 0))
      weights[n] = (weights[n] ?? 0) + weight
    }
  }
  return Array.from(sums, (sum, n) => (weights[n] ? sum / (weights[n] ?? 1) : 0))
}

/**
 * Mean of the curve over a range of lengths, both ends included; undefined where no fragment is that long.
 */
export function expectedAverageOverlap(
  curve: readonly number[],
  [from, to]: readonly [from: number, to: number],
): number | undefined {
  const part = curve.slice(from, to + 1)
  return part.length > 0 ? mean(part) : undefined
}
