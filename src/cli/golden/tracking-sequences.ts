// Whole sequences through the public API, on the tracker's own state: one pass, or VOT's protocol, which starts again five frames
// after the box has lost the target. Source: SiamRPN.simple_test_ope and simple_test_vot of mmtrack/models/sot/siamrpn.py.

import * as z from 'zod'
import {
  type Box,
  type CenterBox,
  type Corners,
  centerToCorners,
  cornersToCenter,
  quadToCenter,
} from '../../siamrpn/boxes.ts'
import { cutFrame, type HostFrame, toRgb } from './frames.ts'
import { GoldenDataError } from './reader.ts'
import type { CaseReport } from './report.ts'
import { BOX, SCORE } from './tolerances.ts'

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

type Frame = ReturnType<typeof toRgb>

/** What a sequence needs of the public API. */
export interface SequenceTracker {
  init(frame: Frame, box: CenterBox): Promise<SequenceTarget>
}

interface SequenceTarget {
  update(frame: Frame): Promise<{ readonly box: Box; readonly score: number }>
  release(): void
}

/** One row of results: a box, or a state without one. */
interface Row {
  readonly values: readonly number[]
  readonly score: number
}

/** States of VOT's protocol. */
const SKIPPED = 0
const INITIALISED = 1
const FAILED = 2

/** Frames from a failure to the next start. */
const RESTART_AFTER = 5

/** Score of a frame on which nothing was tracked. */
const NO_SCORE = -1

export async function checkSequence(
  sequence: Sequence,
  tracker: SequenceTracker,
  source: HostFrame,
  one: CaseReport,
): Promise<void> {
  const { gt, track_bboxes_f64: expected } = sequence
  if (gt.length !== expected.length || gt.length > Math.min(sequence.crop_x.length, sequence.crop_y.length)) {
    throw new GoldenDataError(`a sequence of section G has lists of different lengths`)
  }
  const rows = await (sequence.mode === 'OPE' ? onePass : restarting)(sequence, tracker, source)
  for (const [t, golden] of expected.entries()) {
    const row = rows[t]
    const values = golden.slice(0, -1)
    if (values.length === 1 || row?.values.length === 1) one.exact(`state of frame ${t}`, row?.values, values)
    else one.absolute(`box of frame ${t}`, row?.values ?? [], values, BOX)
    one.absolute(`score of frame ${t}`, [row?.score ?? Number.NaN], golden.slice(-1), SCORE)
  }
}

async function onePass(sequence: Sequence, tracker: SequenceTracker, source: HostFrame): Promise<Row[]> {
  const start = cornersOf(sequence.gt[0])
  const target = await tracker.init(frameAt(sequence, source, 0), cornersToCenter(start))
  const rows: Row[] = [{ values: centerToCorners(cornersToCenter(start)), score: NO_SCORE }]
  for (let t = 1; t < sequence.gt.length; t++) {
    const { box, score } = await target.update(frameAt(sequence, source, t))
    rows.push({ values: edges(box), score })
  }
  target.release()
  return rows
}

async function restarting(sequence: Sequence, tracker: SequenceTracker, source: HostFrame): Promise<Row[]> {
  const rows: Row[] = []
  let target: SequenceTarget | undefined
  let startAt = 0
  for (const [t, truth] of sequence.gt.entries()) {
    if (t < startAt) {
      rows.push({ values: [SKIPPED], score: NO_SCORE })
      continue
    }
    const frame = frameAt(sequence, source, t)
    if (t === startAt || target === undefined) {
      target?.release()
      target = await tracker.init(frame, truth.length === 8 ? quadToCenter(truth) : cornersToCenter(cornersOf(truth)))
      rows.push({ values: [INITIALISED], score: NO_SCORE })
      continue
    }
    const { box, score } = await target.update(frame)
    const lost = overlapArea(box, truth, sequence.frame_size_hw) <= 0
    rows.push({ values: lost ? [FAILED] : edges(box), score })
    if (lost) startAt = t + RESTART_AFTER
  }
  target?.release()
  return rows
}

function frameAt({ crop_x, crop_y, frame_size_hw }: Sequence, source: HostFrame, t: number): Frame {
  const [height, width] = frame_size_hw
  const [x = Number.NaN, y = Number.NaN] = [crop_x[t], crop_y[t]]
  if (!(x >= 0 && y >= 0 && x + width <= source.width && y + height <= source.height)) {
    throw new GoldenDataError(`frame ${t} of a sequence of section G lies outside of its source frame`)
  }
  return toRgb(cutFrame(source, { x, y, height, width }))
}

function cornersOf(values: readonly number[] | undefined): Corners {
  const [x1, y1, x2, y2, ...rest] = values ?? []
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined || rest.length > 0) {
    throw new GoldenDataError(`a box of section G has ${values?.length ?? 0} numbers, expected 4`)
  }
  return [x1, y1, x2, y2]
}

function edges({ x, y, width, height }: Box): number[] {
  return [x, y, x + width, y + height]
}

type Point = readonly [x: number, y: number]

/**
 * Area that an upright box shares with a box or a convex quadrilateral within the frame, in square pixels. VOT counts pixels
 * instead; which of the two decides about a failure matters only for regions that barely touch.
 */
export function overlapArea(box: Box, truth: readonly number[], [height, width]: readonly [number, number]): number {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = truth
  const quad = truth.length === 8 ? truth : [x1, y1, x2, y1, x2, y2, x1, y2]
  let polygon: readonly Point[] = Array.from({ length: 4 }, (_, i): Point => [quad[2 * i] ?? 0, quad[2 * i + 1] ?? 0])
  const left = Math.max(0, box.x)
  const top = Math.max(0, box.y)
  const right = Math.min(width, box.x + box.width)
  const bottom = Math.min(height, box.y + box.height)
  polygon = clip(polygon, ([x]) => x - left)
  polygon = clip(polygon, ([x]) => right - x)
  polygon = clip(polygon, ([, y]) => y - top)
  polygon = clip(polygon, ([, y]) => bottom - y)
  return area(polygon)
}

/** The part of a convex polygon where `inside` is not negative; it is linear in the position. */
function clip(polygon: readonly Point[], inside: (point: Point) => number): Point[] {
  return polygon.flatMap((point, i) => {
    const previous = polygon.at(i - 1) ?? point
    const [before, here] = [inside(previous), inside(point)]
    const kept: Point[] = here >= 0 ? [point] : []
    if (before >= 0 === here >= 0) return kept
    const share = before / (before - here)
    const crossing: Point = [
      previous[0] + share * (point[0] - previous[0]),
      previous[1] + share * (point[1] - previous[1]),
    ]
    return [crossing, ...kept]
  })
}

function area(polygon: readonly Point[]): number {
  const twice = polygon.reduce((sum, [x, y], i) => {
    const [previousX, previousY] = polygon.at(i - 1) ?? [x, y]
    return sum + previousX * y - x * previousY
  }, 0)
  return Math.abs(twice) / 2
}
