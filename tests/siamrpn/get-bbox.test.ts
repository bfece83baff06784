import { beforeAll, describe, expect, test } from 'vitest'
import { SiameseRPNAnchorGenerator } from '../../src/siamrpn/anchors.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { hashTensor } from '../golden/check/hash.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { type Box4, referenceClip, referenceGetBBox } from '../reference/get-bbox.ts'
import { largestDifference } from './compare.ts'

interface Rule {
  key: string
  shape: number[]
  a: number
  b: number
}

interface HeadCase {
  cls?: string
  bbox?: string
  cls_rule: Rule
  bbox_rule: Rule
  prev_bbox: Box4
  scale_factor: number
  best_idx: number
  best_score: number
  best_bbox: number[]
  penalty_score_at_best: number
  penalty_score_every_25th: string
}

interface TrackingCase {
  prev_bbox: Box4
  scale_factor: number
  best_idx: number
  best_score: number
  best_bbox: number[]
  best_bbox_before_clip: number[]
  cls_score?: string
  bbox_pred?: string
}

const { test_cfg, head } = namedConfig('r50').model
const generator = new SiameseRPNAnchorGenerator(head.anchor_generator)
const shared = {
  anchors: generator.headAnchors(25, 25),
  window: generator.genWindow(25, 25),
  testCfg: test_cfg.rpn,
}

let logic: GoldenSection<{ get_bbox: { cases: HeadCase[] } }>
let tracking: GoldenSection<{ frames: { H: number; W: number }[]; cases: TrackingCase[] }>

beforeAll(async () => {
  logic = await readGoldenSection(goldenDirectory, 'F')
  tracking = await readGoldenSection(goldenDirectory, 'G')
})

function map(rule: Rule): Float32Array {
  return hashTensor(
    rule.key,
    rule.shape.reduce((a, b) => a * b, 1),
    rule.a,
    rule.b,
  )
}

describe('the float64 reference of get_bbox', () => {
  test('equals MMTracking on all maps of section F', () => {
    const { cases } = logic.json.get_bbox
    expect(cases).toHaveLength(20)
    for (const golden of cases) {
      const cls = map(golden.cls_rule)
      const bbox = map(golden.bbox_rule)
      if (golden.cls !== undefined) expect(cls).toEqual(logic.float32(golden.cls))
      if (golden.bbox !== undefined) expect(bbox).toEqual(logic.float32(golden.bbox))
      const { prev_bbox: previous, scale_factor: scaleFactor } = golden
      const result = referenceGetBBox({ ...shared, cls, bbox, previous, scaleFactor })
      expect(result.bestIndex).toBe(golden.best_idx)
      expect(Math.abs(result.bestScore - golden.best_score)).toBeLessThan(1e-12)
      expect(largestDifference(result.bestBox, golden.best_bbox)).toBeLessThan(1e-6)
      const every25th = result.penaltyScore.filter((_, i) => i % 25 === 0)
      expect(largestDifference(every25th, logic.float64(golden.penalty_score_every_25th))).toBeLessThan(1e-6)
      expect(Math.abs(result.penaltyScore[result.bestIndex]! - golden.penalty_score_at_best)).toBeLessThan(1e-6)
    }
  })

  test('equals MMTracking on the score maps of section G, clipping included', () => {
    const [frame] = tracking.json.frames
    const cases = tracking.json.cases.filter(({ cls_score }) => cls_score !== undefined)
    expect(cases.length).toBeGreaterThanOrEqual(4)
    for (const golden of cases) {
      const { prev_bbox: previous, scale_factor: scaleFactor } = golden
      const cls = tracking.float32(golden.cls_score!)
      const bbox = tracking.float32(golden.bbox_pred!)
      const result = referenceGetBBox({ ...shared, cls, bbox, previous, scaleFactor })
      expect(result.bestIndex).toBe(golden.best_idx)
      expect(Math.abs(result.bestScore - golden.best_score)).toBeLessThan(1e-6)
      expect(largestDifference(result.bestBox, golden.best_bbox_before_clip)).toBeLessThan(1e-4)
      const clipped = referenceClip(result.bestBox, frame!.H, frame!.W)
      expect(largestDifference(clipped, golden.best_bbox)).toBeLessThan(1e-4)
    }
  })

  test('clipping equals MMTracking in every case of section G', () => {
    const [frame] = tracking.json.frames
    for (const { best_bbox, best_bbox_before_clip } of tracking.json.cases) {
      expect(referenceClip(best_bbox_before_clip as unknown as Box4, frame!.H, frame!.W)).toEqual(best_bbox)
    }
  })
})
