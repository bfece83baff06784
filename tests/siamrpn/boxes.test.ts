import { beforeAll, describe, expect, test } from 'vitest'
import { ShapeError } from '../../src/gpu/errors.ts'
import {
  bboxOverlaps,
  boxToCenter,
  centerToBox,
  centerToCorners,
  checkBox,
  cornersToCenter,
  quadToCenter,
  visiblePart,
} from '../../src/siamrpn/boxes.ts'
import { BoxError } from '../../src/siamrpn/errors.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { largestDifference } from './compare.ts'

interface OverlapCase {
  op: string
  params: { mode: 'iou' | 'iof' | 'giou' }
  inputs: { a: string; b: string }
  outputs: { aligned: string; matrix_a7_b9: string }
}

let kernels: GoldenSection<{ cases: OverlapCase[] }>
let logic: GoldenSection<{ assigner: { gt_boxes: string; max_overlaps: string } }>

beforeAll(async () => {
  kernels = await readGoldenSection(goldenDirectory, 'B')
  logic = await readGoldenSection(goldenDirectory, 'F')
})

describe('conversions', () => {
  const box = { x: 10, y: 20, width: 5, height: 8 }
  const center = { cx: 12.5, cy: 24, width: 5, height: 8 }

  test('between corner and centre', () => {
    expect(boxToCenter(box)).toEqual(center)
    expect(centerToBox(center)).toEqual(box)
    expect(cornersToCenter([10, 20, 15, 28])).toEqual(center)
    expect(centerToCorners(center)).toEqual([10, 20, 15, 28])
  })

  test('round to float32', () => {
    const { cx, width } = cornersToCenter([0.1, 0, 0.3, 1])
    expect([cx, width]).toEqual([Math.fround(cx), Math.fround(width)])
    expect(boxToCenter({ ...box, width: 0.1 }).width).toBe(Math.fround(0.1))
  })

  test('an upright quadrilateral is its own box, a turned one keeps centre and area', () => {
    expect(quadToCenter([10, 20, 15, 20, 15, 28, 10, 28])).toEqual(center)
    const turned = quadToCenter([0, 5, 5, 0, 10, 5, 5, 10])
    expect([turned.cx, turned.cy]).toEqual([5, 5])
    expect(turned.width).toBe(turned.height)
    expect(turned.width * turned.height).toBeCloseTo(50, 4)
    expect(() => quadToCenter([1, 2, 3, 4])).toThrow(ShapeError)
  })
})

describe('checkBox', () => {
  const good = { x: 10, y: 20, width: 5, height: 8 }

  test.each([good, { ...good, x: -4.5 }, { x: -50, y: -50, width: 500, height: 500 }, { ...good, x: 99.5, y: 49.5 }])(
    'accepts %o in a frame of 100x50',
    (box) => {
      expect(() => checkBox(box, 100, 50)).not.toThrow()
    },
  )

  test.each([
    [{ x: Number.NaN }, 'x NaN, y 20, width 5, height 8 is not finite'],
    [{ width: Number.POSITIVE_INFINITY }, 'is not finite'],
    [{ height: 1e39 }, 'is not finite'],
    [{ width: 0 }, 'has no area'],
    [{ height: -8 }, 'has no area'],
    [{ x: 100 }, 'is outside of the frame, expected it to touch 100x50 pixels'],
    [{ y: 50 }, 'is outside of the frame'],
    [{ x: -5 }, 'is outside of the frame'],
    [{ y: -8 }, 'is outside of the frame'],
  ])('refuses %o', (change, message) => {
    expect(() => checkBox({ ...good, ...change }, 100, 50)).toThrow(BoxError)
    expect(() => checkBox({ ...good, ...change }, 100, 50)).toThrow(message)
  })
})

describe('bboxOverlaps', () => {
  test('equals mmdet in every mode, pairwise and aligned', () => {
    const cases = kernels.json.cases.filter(({ op }) => op === 'bbox_overlaps')
    expect(cases).toHaveLength(6)
    for (const { params, inputs, outputs } of cases) {
      const a = kernels.float32(inputs.a)
      const b = kernels.float32(inputs.b)
      const aligned = bboxOverlaps(a, b, { ...params, aligned: true })
      expect(largestDifference(aligned, kernels.float32(outputs.aligned))).toBeLessThan(5e-7)
      const matrix = bboxOverlaps(a.subarray(0, 4 * 7), b.subarray(0, 4 * 9), params)
      expect(largestDifference(matrix, kernels.float32(outputs.matrix_a7_b9))).toBeLessThan(5e-7)
    }
  })

  test('equals the assigner overlaps bit by bit, so that thresholds fall the same way', () => {
    const { gt_boxes, max_overlaps } = logic.json.assigner
    const expected = logic.float32(max_overlaps)
    const count = expected.length / 3125
    const anchors = logic.float32('head_anchors').map((edge) => edge + 127)
    const boxes = logic.float32(gt_boxes).subarray(0, 4 * count)
    expect(bboxOverlaps(boxes, anchors)).toEqual(expected)
  })

  test('boxes without area or common part', () => {
    const empty = Float32Array.of(3, 3, 3, 3)
    const far = Float32Array.of(10, 10, 12, 12)
    expect([...bboxOverlaps(empty, empty)]).toEqual([0])
    expect([...bboxOverlaps(empty, far)]).toEqual([0])
    expect(bboxOverlaps(Float32Array.of(0, 0, 2, 2), far, { mode: 'giou' })[0]).toBeCloseTo(8 / 144 - 1, 6)
    expect(bboxOverlaps(new Float32Array(0), far)).toHaveLength(0)
  })

  test('refuses arrays that do not fit', () => {
    expect(() => bboxOverlaps(new Float32Array(8), new Float32Array(4), { aligned: true })).toThrow(ShapeError)
    expect(() => bboxOverlaps(new Float32Array(6), new Float32Array(4))).toThrow(/6 and 4 values/)
  })
})

describe('the part of a box that lies in a frame', () => {
  const frame = { width: 100, height: 50 }

  test('is the box itself where it lies within', () => {
    const box = { cx: 30.1, cy: 20.2, width: 10.3, height: 12.4 }
    expect(visiblePart(box, frame)).toEqual(centerToBox(box))
  })

  test.each([
    [
      { cx: 4, cy: 25, width: 10, height: 10 },
      { x: 0, y: 20, width: 9, height: 10 },
    ],
    [
      { cx: 100, cy: 50, width: 10, height: 20 },
      { x: 95, y: 40, width: 5, height: 10 },
    ],
    [
      { cx: 50, cy: 25, width: 300, height: 10 },
      { x: 0, y: 20, width: 100, height: 10 },
    ],
    [
      { cx: 0.1, cy: 0.3, width: 33.3, height: 11.1 },
      { x: 0, y: 0, width: 16.75, height: 5.85 },
    ],
  ])('is cut at its edges: %o', (box, expected) => {
    const part = visiblePart(box, frame)
    for (const side of ['x', 'y', 'width', 'height'] as const) expect(part[side]).toBeCloseTo(expected[side], 5)
    expect(part.x).toBeGreaterThanOrEqual(0)
    expect(part.x + part.width).toBeLessThanOrEqual(frame.width)
    expect(part.y + part.height).toBeLessThanOrEqual(frame.height)
  })
})
