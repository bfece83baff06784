import { beforeAll, describe, expect, test } from 'vitest'
import { MaxIoUAssigner, RelativeIoUAssigner } from '../../src/siamrpn/assigner.ts'
import type { AssignerConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { TargetBuilder } from '../../src/siamrpn/targets.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'

const { model } = namedConfig('r50')
const seed = parseAssigner()
const { anchors, numAnchors } = new TargetBuilder(model)

type MaxIoUConfig = Extract<AssignerConfig, { type: 'MaxIoUAssigner' }>

/** r50's. */
function parseAssigner(): MaxIoUConfig {
  const { assigner } = model.train_cfg!.rpn
  if (assigner.type !== 'MaxIoUAssigner') throw new TypeError(`r50 has a ${assigner.type}`)
  return assigner
}

/** mmdet's defaults, thresholds 0.5. */
const plain: MaxIoUConfig = {
  type: 'MaxIoUAssigner',
  pos_iou_thr: 0.5,
  neg_iou_thr: 0.5,
  min_pos_iou: 0,
  gt_max_assign_all: true,
  ignore_iof_thr: -1,
  ignore_wrt_candidates: true,
  match_low_quality: false,
}

/** Unit squares side by side, each cut to a share of its width: its overlap with the whole square is that share. */
function slices(...shares: readonly number[]): Float32Array {
  return Float32Array.from(shares.flatMap((share, i) => [2 * i, 0, 2 * i + share, 1]))
}

function squares(...places: readonly number[]): Float32Array {
  return Float32Array.from(places.flatMap((place) => [2 * place, 0, 2 * place + 1, 1]))
}

function assign(
  options: Partial<MaxIoUConfig>,
  boxes: Float32Array,
  gt: Float32Array,
  ignore?: Float32Array,
): number[] {
  return [...new MaxIoUAssigner({ ...plain, ...options }).assign(boxes, gt, ignore).gtIndices]
}

describe('MaxIoUAssigner', () => {
  let golden: GoldenSection<{ assigner: { num_pos: number[] } }>
  beforeAll(async () => {
    golden = await readGoldenSection(goldenDirectory, 'F')
  })

  test('assigns every anchor as MMTracking does, overlaps that equal a threshold included', () => {
    const assigner = new MaxIoUAssigner(seed)
    const boxes = golden.float32('assign.gt')
    const expected = Int32Array.from(golden.float32('assign.gt_inds'))
    const overlaps = golden.float32('assign.overlaps')
    expect(boxes.length / 4).toBe(golden.json.assigner.num_pos.length)
    for (let i = 0; i < boxes.length / 4; i++) {
      const { gtIndices, maxOverlaps } = assigner.assign(anchors, boxes.subarray(4 * i, 4 * i + 4))
      const rows = [i * numAnchors, (i + 1) * numAnchors] as const
      expect(gtIndices).toEqual(expected.subarray(...rows))
      if (rows[1] <= overlaps.length) expect(maxOverlaps).toEqual(overlaps.subarray(...rows))
    }
  })

  test('thresholds include positives from below and exclude negatives', () => {
    const boxes = Float32Array.of(0, 0, 5, 1, 0, 0, 3, 1, 0, 0, 4, 1) // 0.5, 0.3, 0.4 of the box
    const thresholds = { pos_iou_thr: 0.5, neg_iou_thr: 0.3 }
    expect(assign(thresholds, boxes, Float32Array.of(0, 0, 10, 1))).toEqual([1, -1, -1])
    expect(assign({ ...thresholds, neg_iou_thr: 0.31 }, boxes, Float32Array.of(0, 0, 10, 1))).toEqual([1, 0, -1])
  })

  test('a pair of negative thresholds ignores what lies below the lower one', () => {
    const boxes = slices(0.05, 0.125, 0.25, 0.45, 0.6)
    const found = assign({ neg_iou_thr: [0.125, 0.4] }, boxes, squares(0, 1, 2, 3, 4))
    expect(found).toEqual([-1, 0, 0, -1, 5])
  })

  test('of several boxes the nearest one is taken, the first on a tie', () => {
    const gt = Float32Array.of(0, 0, 1, 1, 0, 0, 1, 0.9, 0, 0, 1, 1)
    const boxes = Float32Array.of(0, 0, 1, 1, 0, 0, 1, 0.9)
    expect(assign({}, boxes, gt)).toEqual([1, 2])
  })

  test('low-quality matching gives each box its best anchors above min_pos_iou', () => {
    const boxes = Float32Array.of(0, 0, 0.25, 1, 0.75, 0, 1, 1, 2, 0, 2.125, 1)
    const gt = squares(0, 1)
    const match = { match_low_quality: true, min_pos_iou: 0.2 }
    expect(assign({ min_pos_iou: 0.2 }, boxes, gt)).toEqual([0, 0, 0])
    expect(assign(match, boxes, gt)).toEqual([1, 1, 0])
    expect(assign({ ...match, gt_max_assign_all: false }, boxes, gt)).toEqual([1, 0, 0])
    expect(assign({ ...match, min_pos_iou: 0.125 }, boxes, gt)).toEqual([1, 1, 2])
  })

  test('low-quality matching may take an anchor from a nearer box', () => {
    const gt = Float32Array.of(0, 0, 1, 1, 0, 0, 1, 0.8)
    expect(assign({ match_low_quality: true }, squares(0), gt)).toEqual([2])
    expect(assign({}, squares(0), gt)).toEqual([1])
  })

  test('anchors inside a box to be ignored are neither positive nor negative', () => {
    const boxes = squares(0, 1, 2)
    const ignore = Float32Array.of(1.5, -1, 5.5, 2)
    expect(assign({ ignore_iof_thr: 0.5 }, boxes, squares(0, 1), ignore)).toEqual([1, -1, -1])
    expect(assign({}, boxes, squares(0, 1), ignore)).toEqual([1, 2, 0])
    // Of the ignored box, each anchor covers a twelfth only.
    const contrary = { ignore_iof_thr: 0.5, ignore_wrt_candidates: false }
    expect(assign(contrary, boxes, squares(0, 1), ignore)).toEqual([1, 2, 0])
    expect(assign({ ...contrary, ignore_iof_thr: 0.08 }, boxes, squares(0, 1), ignore)).toEqual([1, -1, -1])
  })

  test('without a box everything is background', () => {
    expect(assign({ match_low_quality: true }, squares(0, 1), new Float32Array(0))).toEqual([0, 0])
  })
})

describe('RelativeIoUAssigner', () => {
  const assigner = new RelativeIoUAssigner({
    ...{ type: 'RelativeIoUAssigner', pos_iou_thr: 0.6, pos_best_ratio: 0.9, neg_iou_thr: 0.3, neg_best_ratio: 0.6 },
  })

  test('has fixed thresholds where an anchor fits well', () => {
    const { gtIndices, maxOverlaps } = assigner.assign(
      slices(0.9, 0.625, 0.59375, 0.3125, 0.28125),
      squares(0, 1, 2, 3, 4),
    )
    expect([...gtIndices]).toEqual([1, 2, 3, 4, 5])
    expect([...maxOverlaps]).toEqual([0.9, 0.625, 0.59375, 0.3125, 0.28125].map(Math.fround))
    // One object and anchors of several overlaps with it.
    const anchors = Float32Array.from([0.9, 0.625, 0.59375, 0.3125, 0.28125].flatMap((share) => [0, 0, share, 1]))
    expect([...assigner.assign(anchors, squares(0)).gtIndices]).toEqual([1, 1, -1, -1, 0])
  })

  test('lowers them to shares of the best overlap', () => {
    const anchors = Float32Array.from([0.4, 0.375, 0.35, 0.25, 0.21875].flatMap((share) => [0, 0, share, 1]))
    expect([...assigner.assign(anchors, squares(0)).gtIndices]).toEqual([1, 1, -1, -1, 0])
  })

  test('assigns everything to the background without objects', () => {
    expect([...assigner.assign(squares(0, 1), new Float32Array()).gtIndices]).toEqual([0, 0])
  })
})
