// VOT's measures of a benchmark, and of the frames that carry a tag: accuracy and robustness over those frames alone, EAO with
// fragments weighed by the share of such frames, as the VOT toolkit and pysot do it. Frames without any tag are `empty`.

import type { Benchmark, Sequence, TrackedRegion } from '../benchmarks/types.ts'
import { matchResults, type Pair, type Results } from './matched.ts'
import { axesOf, measures } from './measures.ts'
import type { ScoreOptions, ScoreRow, Scores } from './scores.ts'
import {
  expectedAverageOverlap,
  expectedOverlaps,
  type FrameFilter,
  type VotAnswer,
  type VotVideo,
  votAccuracy,
  votFailures,
  votFragments,
  votOverlaps,
} from './vot.ts'
import type { Region } from './vot-overlap.ts'

/** Lengths that EAO is the mean over, by challenge (those of MMTracking's `VOTDataset.INTERVAL`). */
export const votIntervals = {
  vot2018: [100, 356],
  vot2019: [46, 291],
  vot2020: [115, 755],
  vot2021: [115, 755],
} as const

const untagged = 'empty'

/** Accuracy, robustness and EAO as MMTracking's `eval_sot_accuracy_robustness` and `eval_sot_eao`. */
export function scoreVot(benchmark: Benchmark, results: Results, options: ScoreOptions = {}): Scores {
  const { pairs, leftOut } = matchResults(benchmark, results, startFault)
  const { burnin = 10, interval = votIntervals.vot2018 } = options
  const videos = pairs.map(
    (pair): TaggedVideo => ({ answers: pair.regions.map(answer), overlaps: overlapsOf(pair), sequence: pair.sequence }),
  )
  const rules = { burnin, interval }
  const overall = row('all', videos, rules)
  const tags = new Set(videos.flatMap(({ sequence }) => Object.keys(sequence.frameTags ?? {})))
  const tagNames = tags.size > 0 ? [...[...tags].sort(), untagged] : []
  return {
    protocol: 'vot',
    onlyEvalVisible: false,
    measures: measures.vot,
    axes: axesOf('vot', overall.curves.expectedOverlap?.length),
    overall,
    sequences: videos.map((video) => ({
      ...withoutCurve(row(video.sequence.name, [video], rules)),
      attributes: video.sequence.attributes,
    })),
    attributes: tagNames.map((tag) => row(tag, videos, { ...rules, tag })).filter(({ frames }) => frames > 0),
    leftOut,
  }
}

/** Overlap per frame, 0..1; NaN at marks. */
export function votFrameOverlaps(pair: Pair): Float64Array {
  return overlapsOf(pair).map((overlap, frame) => (typeof pair.regions[frame] === 'number' ? Number.NaN : overlap))
}

/** What overlaps are measured against: the polygon, or the box where there is none. */
function truthRegions({ boxes, corners }: Pick<Sequence, 'boxes' | 'corners'>): readonly Region[] {
  return boxes.map((box, frame) => corners?.[frame] ?? answer(box))
}

interface TaggedVideo extends VotVideo {
  readonly sequence: Sequence
}

interface Rules {
  readonly burnin: number
  readonly interval: readonly [from: number, to: number]
  readonly tag?: string
}

function answer(region: TrackedRegion): VotAnswer {
  return typeof region === 'number' ? [region] : [region.x, region.y, region.width, region.height]
}

function startFault({ regions }: Pair): string | undefined {
  return regions[0] === 1 ? undefined : 'the first frame is not the mark 1 of a start'
}

function overlapsOf({ sequence, regions }: Pair): Float64Array {
  return votOverlaps(regions.map(answer), truthRegions(sequence), sequence.size)
}

function row(name: string, videos: readonly TaggedVideo[], { burnin, interval, tag }: Rules): ScoreRow {
  let frames = 0
  let failures = 0
  let accuracySum = 0
  let accuracyWeight = 0
  let sequences = 0
  const fragments = videos.flatMap((video) => {
    const filter = tag === undefined ? undefined : tagFilter(video.sequence, tag)
    const length = filter ? video.answers.filter((_, frame) => filter(frame)).length : video.answers.length
    const accuracy = votAccuracy(video, { burnin, ...(filter && { filter }) })
    frames += length
    failures += votFailures(video, filter)
    accuracySum += (accuracy ?? 0) * length
    // MMTracking counts a whole video without a frame that counts as zero; the few tagged frames of one say nothing.
    if (accuracy !== undefined || tag === undefined) accuracyWeight += length
    if (length > 0) sequences++
    return votFragments(video, filter)
  })
  const curve = expectedOverlaps(fragments)
  const eao = expectedAverageOverlap(curve, interval)
  return {
    name,
    sequences,
    frames,
    values: {
      ...(eao !== undefined && { eao }),
      ...(accuracyWeight > 0 && { accuracy: accuracySum / accuracyWeight }),
      ...(frames > 0 && { robustness: (100 * failures) / frames, failures }),
    },
    curves: curve.length > 0 ? { expectedOverlap: curve } : {},
  }
}

/** A single sequence has too few fragments for an expectation. */
function withoutCurve({ values: { eao: _, ...values }, ...rest }: ScoreRow): ScoreRow {
  return { ...rest, values, curves: {} }
}

function tagFilter({ frameTags }: Sequence, tag: string): FrameFilter {
  if (tag === untagged) {
    const lists = Object.values(frameTags ?? {})
    return (frame) => frameTags !== undefined && lists.every((list) => list[frame] !== true)
  }
  const list = frameTags?.[tag]
  return (frame) => list?.[frame] === true
}
