// Whole sequences through the engine of `siamrpn evaluate` and the public API, on the tracker's own state: one pass, or VOT's
// protocol, which starts again five frames after the box has lost the target.
// Source: SiamRPN.simple_test_ope and simple_test_vot of mmtrack/models/sot/siamrpn.py.

import * as z from 'zod'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { type Sequence as BenchmarkSequence, trackMarks } from '../../../tools/benchmarks/types.ts'
import { sequenceResult, sequenceVideo } from '../../../tools/evaluation/sequence-video.ts'
import { trackVideo, type VideoTracker } from '../../../tools/evaluation/track-video.ts'
import type { Box } from '../../../tools/frames/types.ts'
import { toCorners } from '../../../tools/metrics/ope.ts'
import { cutFrame, type HostFrame, toRgb } from './frames.ts'
import { GoldenDataError } from './reader.ts'
import type { CaseReport } from './report.ts'
import { boxTolerance, scoreTolerance } from './tolerances.ts'

export const sequenceSchema = z.object({
  mode: z.enum(['OPE', 'VOT']),
  model: z.string(),
  source_frame: z.int(),
  frame_size_hw: z.tuple([z.int(), z.int()]),
  crop_x: z.array(z.int()),
  crop_y: z.array(z.int()),
  /** Per frame x1, y1, x2, y2, or the corners of a quadrilateral. */
  gt: z.array(z.array(z.number())),
  /** Per frame x1, y1, x2, y2, score; or a state of VOT's protocol and a score. */
  track_bboxes_f64: z.array(z.array(z.number())),
})

export type Sequence = z.infer<typeof sequenceSchema>

/** Score of a frame on which nothing was tracked. */
const noScore = -1

export async function checkSequence(
  sequence: Sequence,
  tracker: VideoTracker,
  source: HostFrame,
  one: CaseReport,
): Promise<void> {
  const { gt, track_bboxes_f64: expected } = sequence
  if (gt.length !== expected.length || gt.length > Math.min(sequence.crop_x.length, sequence.crop_y.length)) {
    throw new GoldenDataError(`a sequence of section G has lists of different lengths`)
  }
  const rows = await trackSequence(sequence, tracker, source)
  for (const [t, golden] of expected.entries()) {
    const row = rows[t]
    const values = golden.slice(0, -1)
    if (values.length === 1 || row?.values.length === 1) one.exact(`state of frame ${t}`, row?.values, values)
    else one.absolute(`box of frame ${t}`, row?.values ?? [], values, boxTolerance)
    one.absolute(`score of frame ${t}`, [row?.score ?? Number.NaN], golden.slice(-1), scoreTolerance)
  }
}

/** One row of results: the corners of a box, or a state without one. */
export interface Row {
  readonly values: readonly number[]
  readonly score: number
}

/** The results of a sequence, frame by frame. */
export async function trackSequence(golden: Sequence, tracker: VideoTracker, source: HostFrame): Promise<Row[]> {
  const protocol = golden.mode === 'VOT' ? 'vot' : 'ope'
  const sequence = benchmarkSequence(golden)
  const video = sequenceVideo(sequence, protocol, async (_, t) => frameAt(golden, source, t))
  const steps = await trackVideo(tracker, video)
  return sequenceResult(sequence, protocol, steps).regions.map((region, t) => {
    const step = steps[t]
    const untracked = step === undefined || step.region === trackMarks.init || step.region === trackMarks.skipped
    return {
      values: typeof region === 'number' ? [region] : toCorners(region),
      score: untracked ? noScore : step.score,
    }
  })
}

function benchmarkSequence({ gt }: Sequence): BenchmarkSequence {
  const quads = gt.some((truth) => truth.length === 8)
  return {
    name: 'golden',
    images: gt.map((_, t) => `frame ${t}`),
    boxes: gt.map(boxOf),
    ...(quads && { corners: gt }),
    visible: gt.map(() => true),
    attributes: [],
  }
}

function frameAt({ crop_x, crop_y, frame_size_hw }: Sequence, source: HostFrame, t: number): RgbFrame {
  const [height, width] = frame_size_hw
  const [x = Number.NaN, y = Number.NaN] = [crop_x[t], crop_y[t]]
  if (!(x >= 0 && y >= 0 && x + width <= source.width && y + height <= source.height)) {
    throw new GoldenDataError(`frame ${t} of a sequence of section G lies outside of its source frame`)
  }
  return toRgb(cutFrame(source, { x, y, height, width }))
}

/** Of x1, y1, x2, y2; of a quadrilateral, which is its own truth, nothing. */
function boxOf(values: readonly number[]): Box {
  const [x1 = Number.NaN, y1 = Number.NaN, x2 = Number.NaN, y2 = Number.NaN] = values
  if (values.length === 8) return { x: Number.NaN, y: Number.NaN, width: Number.NaN, height: Number.NaN }
  if (values.length === 4) return { x: x1, y: y1, width: x2 - x1, height: y2 - y1 }
  throw new GoldenDataError(`a box of section G has ${values.length} numbers, expected 4 or 8`)
}
