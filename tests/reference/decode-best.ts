// Slow float64 version of SiameseRPNHead.get_bbox and SiamRPN._bbox_clip of MMTracking, one target at a time.

import type { BestBox, CenterBox } from '../../src/kernels/decode-best.ts'

export interface GetBBoxProblem {
  /** `[H, W, 2 * A]` */
  readonly cls: ArrayLike<number>
  /** `[H, W, 4 * A]` */
  readonly bbox: ArrayLike<number>
  /** `[H * W * A, 4]` xyxy */
  readonly anchors: ArrayLike<number>
  readonly window: ArrayLike<number>
  readonly anchorsPerPosition: number
  readonly previous: CenterBox
  readonly scale: number
  readonly frame: { readonly width: number; readonly height: number }
  readonly penaltyK: number
  readonly windowInfluence: number
  readonly lr: number
  readonly means?: readonly number[]
  readonly deviations?: readonly number[]
}

const maxLogRatio = Math.abs(Math.log(16 / 1000))
const minSize = 10

/** The new box, and the penalised score of every anchor. */
export function getBBox(problem: GetBBoxProblem): BestBox & { readonly penalised: Float64Array } {
  const candidates = Array.from({ length: problem.window.length }, (_, index) => candidate(problem, index))
  const penalised = Float64Array.from(candidates, (one) => one.penalised)
  const index = penalised.indexOf(penalised.reduce((a, b) => Math.max(a, b)))
  const best = candidates[index]!
  const { previous, scale, frame } = problem
  const rate = best.penalty * best.score * problem.lr
  const unclipped = {
    cx: best.box.cx / scale + previous.cx,
    cy: best.box.cy / scale + previous.cy,
    width: previous.width * (1 - rate) + (best.box.width / scale) * rate,
    height: previous.height * (1 - rate) + (best.box.height / scale) * rate,
  }
  const box = {
    cx: clamp(unclipped.cx, 0, frame.width),
    cy: clamp(unclipped.cy, 0, frame.height),
    width: clamp(unclipped.width, minSize, frame.width),
    height: clamp(unclipped.height, minSize, frame.height),
  }
  return { box, unclipped, score: best.score, penalisedScore: best.penalised, index, rate, penalised }
}

function candidate(problem: GetBBoxProblem, index: number) {
  const { cls, anchorsPerPosition, previous, scale, penaltyK, windowInfluence, window } = problem
  const position = Math.floor(index / anchorsPerPosition)
  const anchor = index % anchorsPerPosition
  const [background, object] = [0, 1].map((k) => Math.exp(cls[(position * 2 + k) * anchorsPerPosition + anchor]!))
  const score = object! / (background! + object!)
  const box = decode(problem, position, anchor)
  const sizeChange = change(enlarged(box.width, box.height) / enlarged(previous.width * scale, previous.height * scale))
  const aspectChange = change(previous.width / previous.height / (box.width / box.height))
  const penalty = Math.exp(-(aspectChange * sizeChange - 1) * penaltyK)
  const penalised = penalty * score * (1 - windowInfluence) + window[index]! * windowInfluence
  return { score, box, penalty, penalised }
}

function decode(problem: GetBBoxProblem, position: number, anchor: number): CenterBox {
  const { bbox, anchors, anchorsPerPosition: count, means = [0, 0, 0, 0], deviations = [1, 1, 1, 1] } = problem
  const [x1, y1, x2, y2] = [0, 1, 2, 3].map((k) => anchors[(position * count + anchor) * 4 + k]!) as Four
  const [dx, dy, dw, dh] = [0, 1, 2, 3].map(
    (k) => bbox[(position * 4 + k) * count + anchor]! * deviations[k]! + means[k]!,
  ) as Four
  return {
    cx: (x1 + x2) / 2 + dx * (x2 - x1),
    cy: (y1 + y2) / 2 + dy * (y2 - y1),
    width: (x2 - x1) * Math.exp(clamp(dw, -maxLogRatio, maxLogRatio)),
    height: (y2 - y1) * Math.exp(clamp(dh, -maxLogRatio, maxLogRatio)),
  }
}

type Four = [number, number, number, number]

function change(ratio: number): number {
  return Math.max(ratio, 1 / ratio)
}

function enlarged(width: number, height: number): number {
  const padding = (width + height) / 2
  return Math.sqrt((width + padding) * (height + padding))
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
