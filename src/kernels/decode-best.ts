// The end of a tracking step on the device: from the head's two maps to each target's new box. Only 48 bytes per target come
// back. Source: SiameseRPNHead.get_bbox and SiamRPN._bbox_clip of MMTracking (siamese_rpn_head.py, siamrpn.py).

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectShape, imageShape, kernel } from './launch.ts'

/** A box by its centre, in frame pixels. */
export interface CenterBox {
  readonly cx: number
  readonly cy: number
  readonly width: number
  readonly height: number
}

export interface DecodeBestArgs {
  /** Logits `[M, H, W, 2 * A]`, M = T unless targets share maps, channel `class * A + anchor`, class 1 = object. */
  readonly cls: GpuTensor
  /** Deltas `[M, H, W, 4 * A]`, channel `coordinate * A + anchor`, coordinates dx, dy, dw, dh. */
  readonly bbox: GpuTensor
  /** `[H * W * A, 4]`: x1, y1, x2, y2 in search-image pixels from the image's centre. */
  readonly anchors: GpuTensor
  /** Hanning window `[H * W * A]`. */
  readonly window: GpuTensor
  /**
   * `[T, 8]`, one `stateRecord` per target, which share the rule below and have a map each; or `[T, 12]`, one
   * `ruledStateRecord` per target, with the target's own rule and map. The program replaces each box by the new one.
   */
  readonly state: GpuTensor
  readonly penaltyK: number
  readonly windowInfluence: number
  /** Weight of the new size at score 1 and without penalty. */
  readonly lr: number
  /** `target_means` of the box coder: dx, dy, dw, dh. Default zeros. */
  readonly means?: readonly [number, number, number, number]
  /** `target_stds` of the box coder. Default ones. */
  readonly deviations?: readonly [number, number, number, number]
  readonly label?: string
}

/** What a tracking step finds for one target. */
export interface BestBox {
  /** Clipped to the frame: centre within it, size from 10 pixels to the frame's. */
  readonly box: CenterBox
  /** Before clipping. */
  readonly unclipped: CenterBox
  /** Softmax score of the best anchor, 0..1, without penalty and window. */
  readonly score: number
  /** The largest penalised and windowed score. */
  readonly penalisedScore: number
  /** Flat index of the best anchor: `(y * W + x) * A + a`. */
  readonly index: number
  /** How much of the size is new, 0..1. */
  readonly rate: number
}

/** Numbers per target in the state tensor. */
export const stateRecordSize = 8

/** The same with the target's own rule. */
export const ruledStateRecordSize = 12

/** How anchors are weighed, by the names of `test_cfg.rpn`. */
export interface DecodeRule {
  readonly penalty_k: number
  readonly window_influence: number
  readonly lr: number
}

/** Numbers per target in the result. */
export const resultRecordSize = 12

const workgroup = 256

/** Floating-point operations per anchor: softmax 4, decoding 10, penalties 28, window 4; each exp, sqrt and division as one. */
const flopsPerAnchor = 46

/**
 * One target's state.
 * @param box where it is, in frame pixels
 * @param scale search-image pixels per frame pixel
 * @param frame size of the frame in pixels, for clipping
 */
export function stateRecord(
  box: CenterBox,
  scale: number,
  frame: { readonly width: number; readonly height: number },
): Float32Array {
  return Float32Array.of(box.cx, box.cy, box.width, box.height, scale, frame.width, frame.height, 0)
}

/**
 * One target's state with its own rule.
 * @param map index of the map that shows it
 */
export function ruledStateRecord(state: Float32Array, rule: DecodeRule, map: number): Float32Array {
  return Float32Array.of(...state, rule.penalty_k, rule.window_influence, rule.lr, map)
}

/**
 * Picks the best anchor of each target, moves its box and clips it: `[T, 12]`, to be read with `bestBoxes`.
 * Where no anchor has a finite score, the index is 0 and the penalised score is the lowest f32.
 * @throws ShapeError if the shapes do not belong together
 */
export function decodeBest(r: Recorder, args: DecodeBestArgs): GpuTensor {
  const { cls, bbox, anchors, window, state, label = 'decodeBest' } = args
  const { batch: maps, height, width, channels } = imageShape('decodeBest', cls)
  const perPosition = Math.floor(channels / 2)
  const positions = height * width
  const count = positions * perPosition
  expectShape('decodeBest', cls, [maps, height, width, 2 * perPosition])
  expectShape('decodeBest', bbox, [maps, height, width, 4 * perPosition])
  expectShape('decodeBest', anchors, [count, 4])
  expectShape('decodeBest', window, [count])
  const ruled = state.shape[1] === ruledStateRecordSize
  const targets = ruled ? (state.shape[0] ?? 0) : maps
  expectShape('decodeBest', state, [targets, ruled ? ruledStateRecordSize : stateRecordSize])
  const result = r.alloc([targets, resultRecordSize], 'f32', label)
  r.dispatch({
    kernel: kernel('decode_best', { WORKGROUP: workgroup, ANCHORS: perPosition, STATE: ruled ? 3 : 2 }),
    label,
    workgroups: [targets],
    bindings: {
      cls,
      bbox,
      anchors,
      window,
      state,
      result,
      params: {
        means: args.means ?? [0, 0, 0, 0],
        deviations: args.deviations ?? [1, 1, 1, 1],
        positions,
        penalty_k: args.penaltyK,
        window_influence: args.windowInfluence,
        lr: args.lr,
      },
    },
    flops: targets * count * flopsPerAnchor,
    bytes: [cls, bbox, anchors, window, state, state, result].reduce((sum, tensor) => sum + tensor.bytes, 0),
  })
  return result
}

/** Unpacks the values of a `decodeBest` result, one entry per target. */
export function bestBoxes(values: Float32Array): BestBox[] {
  return Array.from({ length: values.length / resultRecordSize }, (_, target) => {
    const record = values.subarray(target * resultRecordSize, (target + 1) * resultRecordSize)
    const [score = 0, penalisedScore = 0, index = 0, rate = 0] = record.subarray(8)
    return { box: boxAt(record, 0), unclipped: boxAt(record, 4), score, penalisedScore, index, rate }
  })
}

function boxAt(record: Float32Array, start: number): CenterBox {
  const [cx = 0, cy = 0, width = 0, height = 0] = record.subarray(start, start + 4)
  return { cx, cy, width, height }
}
