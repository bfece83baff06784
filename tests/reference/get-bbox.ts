// SiameseRPNHead.get_bbox and SiamRPN._bbox_clip, literally and in float64, from maps in PyTorch's layout.
// Source: mmtrack/models/track_heads/siamese_rpn_head.py, mmtrack/models/sot/siamrpn.py.

/** cx, cy, w, h. */
export type Box4 = readonly [number, number, number, number]

export interface GetBBoxInput {
  /** `[2 A, H, W]` logits, channel class * A + a. */
  readonly cls: ArrayLike<number>
  /** `[4 A, H, W]` deltas, channel coordinate * A + a. */
  readonly bbox: ArrayLike<number>
  /** `[H W A, 4]` x1, y1, x2, y2 around the centre of the map. */
  readonly anchors: ArrayLike<number>
  /** `[H W A]`. */
  readonly window: ArrayLike<number>
  /** Default 5. */
  readonly anchorsPerPosition?: number
  readonly previous: Box4
  /** Search-image pixels per frame pixel. */
  readonly scaleFactor: number
  readonly testCfg: { readonly penalty_k: number; readonly window_influence: number; readonly lr: number }
}

export interface GetBBoxResult {
  readonly bestIndex: number
  /** Softmax score without penalty and window. */
  readonly bestScore: number
  /** Before clipping. */
  readonly bestBox: Box4
  /** Score with penalty and window of every anchor. */
  readonly penaltyScore: Float64Array
}

const maxLogRatio = Math.abs(Math.log(16 / 1000))

export function referenceGetBBox(input: GetBBoxInput): GetBBoxResult {
  const { window, previous, scaleFactor, testCfg } = input
  const boxes = Array.from(window, (_, i) => decode(input, i))
  const scores = Array.from(window, (_, i) => objectScore(input, i))
  const previousSize = enlarged(previous[2] * scaleFactor, previous[3] * scaleFactor)
  const penalties = boxes.map(([, , w, h]) => {
    const scale = ratio(enlarged(w, h) / previousSize)
    const aspect = ratio(previous[2] / previous[3] / (w / h))
    return Math.exp(-(aspect * scale - 1) * testCfg.penalty_k)
  })
  const influence = testCfg.window_influence
  const penaltyScore = Float64Array.from(
    penalties,
    (penalty, i) => penalty * scores[i]! * (1 - influence) + window[i]! * influence,
  )
  const bestIndex = penaltyScore.indexOf(Math.max(...penaltyScore))
  const [cx, cy, w, h] = boxes[bestIndex]!
  const rate = penalties[bestIndex]! * scores[bestIndex]! * testCfg.lr
  const bestBox: Box4 = [
    previous[0] + cx / scaleFactor,
    previous[1] + cy / scaleFactor,
    previous[2] * (1 - rate) + (w / scaleFactor) * rate,
    previous[3] * (1 - rate) + (h / scaleFactor) * rate,
  ]
  return { bestIndex, bestScore: scores[bestIndex]!, bestBox, penaltyScore }
}

/** `_bbox_clip`. */
export function referenceClip([cx, cy, w, h]: Box4, frameHeight: number, frameWidth: number): Box4 {
  const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value))
  return [clamp(cx, 0, frameWidth), clamp(cy, 0, frameHeight), clamp(w, 10, frameWidth), clamp(h, 10, frameHeight)]
}

/** Box of anchor i in search-image pixels from the image's centre. */
function decode(input: GetBBoxInput, i: number): Box4 {
  const anchor = (edge: number) => input.anchors[4 * i + edge]!
  const delta = (coordinate: number) => entry(input, input.bbox, coordinate, i)
  const logRatio = (coordinate: number) => Math.min(maxLogRatio, Math.max(-maxLogRatio, delta(coordinate)))
  const width = anchor(2) - anchor(0)
  const height = anchor(3) - anchor(1)
  return [
    (anchor(0) + anchor(2)) / 2 + width * delta(0),
    (anchor(1) + anchor(3)) / 2 + height * delta(1),
    width * Math.exp(logRatio(2)),
    height * Math.exp(logRatio(3)),
  ]
}

/** Softmax probability of class 1. */
function objectScore(input: GetBBoxInput, i: number): number {
  return 1 / (1 + Math.exp(entry(input, input.cls, 0, i) - entry(input, input.cls, 1, i)))
}

/** Value of a group (class or coordinate) for anchor i, which counts as (y W + x) A + a, in maps `[groups * A, H, W]`. */
function entry(input: GetBBoxInput, maps: ArrayLike<number>, group: number, i: number): number {
  const { window, anchorsPerPosition: anchors = 5 } = input
  const positions = window.length / anchors
  return maps[(group * anchors + (i % anchors)) * positions + Math.floor(i / anchors)]!
}

function ratio(value: number): number {
  return Math.max(value, 1 / value)
}

function enlarged(w: number, h: number): number {
  const pad = (w + h) * 0.5
  return Math.sqrt((w + pad) * (h + pad))
}
