import { beforeAll, describe, expect, test } from 'vitest'
import { ShapeError } from '../../src/gpu/errors.ts'
import { DeltaXYWHBBoxCoder } from '../../src/siamrpn/bbox-coder.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { largestDifference, largestRelativeDifference } from './compare.ts'

interface SectionF {
  decode: { idx: string; deltas: string; boxes: string }
  positive_pair_targets: {
    cases: { gt_box: number[]; bbox_targets?: string; bbox_targets_every_10th_anchor?: string }[]
  }
}

const config = namedConfig('r50').model.head.bbox_coder
const coder = new DeltaXYWHBBoxCoder(config)
let golden: GoldenSection<SectionF>
let headAnchors: Float32Array

beforeAll(async () => {
  golden = await readGoldenSection(goldenDirectory, 'F')
  headAnchors = golden.float32('head_anchors')
})

/** Rows of four values. */
function rows(values: Float32Array, indices: Iterable<number>): Float32Array {
  return Float32Array.from([...indices].flatMap((i) => [...values.subarray(4 * i, 4 * i + 4)]))
}

describe('DeltaXYWHBBoxCoder', () => {
  test('decodes as mmdet does', () => {
    const { idx, deltas, boxes } = golden.json.decode
    const decoded = coder.decode(rows(headAnchors, golden.float64(idx)), golden.float32(deltas))
    expect(largestRelativeDifference(decoded, golden.float32(boxes))).toBeLessThan(2e-6)
  })

  test('encodes every anchor of the positive pairs as mmdet does', () => {
    const { cases } = golden.json.positive_pair_targets
    expect(cases).toHaveLength(9)
    const anchors = headAnchors.map((edge) => edge + 127)
    for (const { gt_box, bbox_targets, bbox_targets_every_10th_anchor } of cases) {
      const targets = coder.encode(anchors, Float32Array.from(gt_box))
      const tenth = Array.from({ length: 313 }, (_, i) => 10 * i)
      const [actual, expected] =
        bbox_targets === undefined
          ? [rows(targets, tenth), golden.float32(bbox_targets_every_10th_anchor!)]
          : [targets, golden.float32(bbox_targets)]
      expect(largestDifference(actual, expected)).toBeLessThan(3e-7)
    }
  })

  test('cuts the logarithms of the size ratio at |ln(16/1000)|', () => {
    const box = Float32Array.of(-5, -5, 5, 5)
    const [x1, y1, x2, y2] = coder.decode(box, Float32Array.of(0, 0, 100, -100))
    expect(x2! - x1!).toBeCloseTo((10 * 1000) / 16, 3)
    expect(y2! - y1!).toBeCloseTo((10 * 16) / 1000, 6)
  })

  test('means and deviations apply in both directions', () => {
    const scaled = new DeltaXYWHBBoxCoder({
      ...config,
      target_means: [0.1, 0, 0, -0.2],
      target_stds: [0.1, 0.1, 0.2, 0.2],
    })
    const boxes = Float32Array.of(0, 0, 10, 20, -3, 4, 50, 60)
    const target = Float32Array.of(2, 1, 14, 17)
    const deltas = scaled.encode(boxes, target)
    expect(deltas[0]).toBeCloseTo((3 / 10 - 0.1) / 0.1, 5)
    expect(largestDifference(scaled.decode(boxes, deltas), [...target, ...target])).toBeLessThan(1e-5)
  })

  test('refuses arrays that do not fit', () => {
    expect(() => coder.decode(new Float32Array(8), new Float32Array(4))).toThrow(ShapeError)
    expect(() => coder.decode(new Float32Array(6), new Float32Array(6))).toThrow(ShapeError)
    expect(() => coder.encode(new Float32Array(8), new Float32Array(12))).toThrow(
      'groundTruth has 12 values, expected 8 or 4',
    )
  })
})
