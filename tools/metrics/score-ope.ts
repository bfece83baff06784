// One-pass evaluation of a benchmark: curves per sequence, and their means over all sequences and over each attribute's.

import type { Benchmark } from '../benchmarks/types.ts'
import { attributeRows, markFault, matchResults, type Pair, pick, type Results } from './matched.ts'
import { mean } from './mean.ts'
import { axesOf, measures } from './measures.ts'
import { type OpeCurves, opeCurves, opeMeasures, opeOverlaps, type PackedVideo } from './ope.ts'
import type { ScoreOptions, ScoreRow, Scores, SequenceRow } from './scores.ts'

/**
 * Success, precision and normalised precision as MMTracking's `eval_sot_ope`, a sequence counting as much as any other.
 *
 * @param options.onlyEvalVisible frames that do not show the object are failures of everything
 */
export function scoreOpe(
  benchmark: Benchmark,
  results: Results,
  { onlyEvalVisible = false }: ScoreOptions = {},
): Scores {
  const { pairs, leftOut } = matchResults(benchmark, results, markFault)
  const videos = pairs.map((pair) => judge(packPair(pair, onlyEvalVisible)))
  const sequences = pairs.map(
    ({ sequence: { name, attributes } }, index): SequenceRow => ({ ...row(name, pick(videos, [index])), attributes }),
  )
  return {
    protocol: 'ope',
    onlyEvalVisible,
    measures: measures.ope,
    axes: axesOf('ope'),
    overall: row('all', videos),
    sequences,
    attributes: attributeRows(sequences, (name, indices) => row(name, pick(videos, indices))),
    leftOut,
  }
}

/** Overlap per frame, 0..1; NaN where the frame is not judged or has no true box. */
export function opeFrameOverlaps(pair: Pair, onlyEvalVisible: boolean): Float64Array {
  return opeOverlaps(packPair(pair, onlyEvalVisible)).map((overlap) => (overlap < 0 ? Number.NaN : overlap))
}

interface JudgedVideo {
  readonly frames: number
  readonly curves: OpeCurves
  readonly meanOverlap: number
}

function judge(video: PackedVideo): JudgedVideo {
  const overlaps = opeOverlaps(video)
  let sum = 0
  for (const overlap of overlaps) if (overlap > 0) sum += overlap
  return { frames: overlaps.length, curves: opeCurves(video, overlaps), meanOverlap: sum / overlaps.length }
}

function row(name: string, videos: readonly JudgedVideo[]): ScoreRow {
  const curves = videos.map((video) => video.curves)
  return {
    name,
    sequences: videos.length,
    frames: videos.reduce((sum, { frames }) => sum + frames, 0),
    values:
      videos.length === 0
        ? {}
        : { ...opeMeasures(curves), meanOverlap: mean(videos.map(({ meanOverlap }) => meanOverlap)) },
    curves:
      videos.length === 0
        ? {}
        : {
            success: meanCurve(curves.map(({ success }) => success)),
            precision: meanCurve(curves.map(({ precision }) => precision)),
            normPrecision: meanCurve(curves.map(({ normPrecision }) => normPrecision)),
          },
  }
}

function meanCurve(curves: readonly (readonly number[])[]): number[] {
  const [first = []] = curves
  return first.map((_, index) => mean(curves.map((curve) => curve[index] ?? 0)))
}

function packPair({ sequence, regions }: Pair, onlyEvalVisible: boolean): PackedVideo {
  const { boxes, visible } = sequence
  const frames = regions.length
  const video = {
    results: new Float64Array(frames * 4),
    truth: new Float64Array(frames * 4),
    judged: new Uint8Array(frames),
  }
  for (let frame = 0; frame < frames; frame++) {
    const result = regions[frame]
    const truth = boxes[frame]
    if (typeof result !== 'object' || truth === undefined) continue
    const at = frame * 4
    video.results[at] = result.x
    video.results[at + 1] = result.y
    video.results[at + 2] = result.x + result.width
    video.results[at + 3] = result.y + result.height
    video.truth[at] = truth.x
    video.truth[at + 1] = truth.y
    video.truth[at + 2] = truth.x + truth.width
    video.truth[at + 3] = truth.y + truth.height
    const shown = visible[frame] !== false && truth.width > 0 && truth.height > 0
    video.judged[frame] = shown || !onlyEvalVisible ? 1 : 0
  }
  return video
}
