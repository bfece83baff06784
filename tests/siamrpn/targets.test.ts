import { beforeAll, describe, expect, test } from 'vitest'
import { createAssigner } from '../../src/siamrpn/assigner.ts'
import type { Corners } from '../../src/siamrpn/boxes.ts'
import type { ModelConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { BoxError, ConfigError } from '../../src/siamrpn/errors.ts'
import { Random } from '../../src/siamrpn/random.ts'
import type { Draws } from '../../src/siamrpn/sampler.ts'
import { TargetBuilder } from '../../src/siamrpn/targets.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { largestDifference } from './compare.ts'

interface PositiveCase {
  gt_box: Corners
  pos_inds: number[]
  neg_inds_from_sampler: number[]
  nonzero_label_weight_inds: number[]
  nonzero_label_weights: number[]
  bbox_weight_of_each_positive: number
  bbox_targets?: string
  bbox_targets_every_10th_anchor?: string
}

interface NegativeCase {
  gt_box: Corners
  candidate_inds: number[]
  chosen_inds: number[]
  weight_of_each_chosen: number | null
}

interface HeadLogic {
  positive_pair_targets: { cases: PositiveCase[] }
  negative_pair_targets: { cases: NegativeCase[] }
  get_targets_batch3: { gt_boxes: number[][][]; is_positive_pairs: boolean[] }
}

const { model } = namedConfig('r50')
const rpn = model.train_cfg!.rpn
const builder = new TargetBuilder(model)

let golden: GoldenSection<HeadLogic>
beforeAll(async () => {
  golden = await readGoldenSection(goldenDirectory, 'F')
})

function withSampling(options: Partial<typeof rpn>): ModelConfig {
  return { ...model, train_cfg: { rpn: { ...rpn, ...options } } }
}

/** Chooses `entries` of `gallery`. */
function replay(gallery: readonly number[], entries: readonly number[]): Draws {
  return { choose: () => entries.map((entry) => gallery.indexOf(entry)) }
}

/** Anchors assigned to `value`. */
function assigned(box: Corners, value: number): number[] {
  const { gtIndices } = createAssigner(rpn.assigner).assign(builder.anchors, Float32Array.from(box))
  return [...gtIndices.keys()].filter((i) => gtIndices[i] === value)
}

function nonZero(values: Float32Array): number[] {
  return [...values.keys()].filter((i) => values[i] !== 0)
}

function sumOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}

describe('TargetBuilder', () => {
  test('positive pairs equal MMTracking, given its choice of negatives', () => {
    const { cases } = golden.json.positive_pair_targets
    expect(cases.length).toBeGreaterThan(0)
    for (const one of cases) {
      const random = replay(assigned(one.gt_box, 0), one.neg_inds_from_sampler)
      const { labels, labelWeights, boxTargets, boxWeights } = builder.build([
        { box: one.gt_box, positive: true, random },
      ])
      expect(nonZero(labels)).toEqual(one.pos_inds)
      expect(nonZero(labelWeights)).toEqual(one.nonzero_label_weight_inds)
      const weights = one.nonzero_label_weights.map(Math.fround)
      expect(one.nonzero_label_weight_inds.map((i) => labelWeights[i])).toEqual(weights)
      expect(nonZero(boxWeights)).toEqual(one.pos_inds.flatMap((i) => [0, 1, 2, 3].map((c) => 4 * i + c)))
      expect(new Set(boxWeights.filter((weight) => weight !== 0))).toEqual(
        new Set(one.pos_inds.length > 0 ? [Math.fround(one.bbox_weight_of_each_positive)] : []),
      )
      if (one.bbox_targets) expect(largestDifference(boxTargets, golden.float32(one.bbox_targets))).toBeLessThan(1e-6)
      if (!one.bbox_targets_every_10th_anchor) continue
      const rows = boxTargets.filter((_, i) => Math.floor(i / 4) % 10 === 0)
      expect(largestDifference(rows, golden.float32(one.bbox_targets_every_10th_anchor))).toBeLessThan(1e-6)
    }
  })

  test('negative pairs choose from the same window as MMTracking, wherever the object is', () => {
    const { cases } = golden.json.negative_pair_targets
    expect(cases.length).toBeGreaterThan(0)
    const all = new TargetBuilder(withSampling({ num_neg: builder.numAnchors }))
    for (const { gt_box: box, candidate_inds, chosen_inds, weight_of_each_chosen } of cases) {
      const everything = all.build([{ box, positive: false, random: new Random() }])
      expect(nonZero(everything.labelWeights)).toEqual(candidate_inds)
      const random = replay(candidate_inds, chosen_inds)
      const targets = builder.build([{ box, positive: false, random }])
      expect(nonZero(targets.labelWeights)).toEqual(chosen_inds)
      expect(chosen_inds.every((i) => targets.labelWeights[i] === weight_of_each_chosen)).toBe(true)
      for (const rest of [targets.labels, targets.boxTargets, targets.boxWeights]) expect(nonZero(rest)).toEqual([])
    }
  })

  test('a batch is stacked, and its weights divided by its size', () => {
    const { gt_boxes, is_positive_pairs } = golden.json.get_targets_batch3
    const count = builder.numAnchors
    const weights = golden.float32('batch3.labels_weights')
    const labels = golden.float32('batch3.labels')
    const samples = is_positive_pairs.map((positive, i) => {
      const box = gt_boxes[i]![0]!.slice(1) as unknown as Corners
      const kept = nonZero(weights.subarray(i * count, (i + 1) * count)).filter((a) => labels[i * count + a] === 0)
      const gallery = positive ? assigned(box, 0) : candidates(box)
      // The head dropped the largest of the sampled negatives: any that come after those it kept will do.
      const dropped = gallery.slice(kept.length - 64)
      const random: Draws = { choose: (_, size) => [...kept, ...dropped].slice(0, size).map((a) => gallery.indexOf(a)) }
      return { box, positive, random }
    })
    const targets = builder.build(samples)
    expect(targets.labels).toEqual(labels)
    expect(targets.labelWeights).toEqual(weights)
    expect(targets.boxWeights).toEqual(golden.float32('batch3.bbox_weights'))
    expect(largestDifference(targets.boxTargets, golden.float32('batch3.bbox_targets'))).toBeLessThan(1e-6)
  })

  test('every pair weighs the same: half for positives, half for negatives', () => {
    const box: Corners = [95, 95, 159, 159]
    const thin: Corners = [35, 189, 133.5, 203.5]
    const targets = builder.build([
      { box, positive: true, random: new Random('a') },
      { box, positive: false, random: new Random('b') },
      { box: thin, positive: true, random: new Random('c') }, // no anchor overlaps it enough
    ])
    const count = builder.numAnchors
    const sums = [0, 1, 2].map((i) => sumOf(targets.labelWeights.subarray(i * count, (i + 1) * count)))
    expect(largestDifference(sums, [1 / 3, 1 / 6, 1 / 6])).toBeLessThan(1e-6)
    expect(Math.abs(sumOf(targets.boxWeights) - 4 / 3)).toBeLessThan(1e-6)
  })

  test('the same draws give the same targets', () => {
    const build = (key: string) =>
      builder.build([{ box: [90, 100, 150, 170], positive: true, random: new Random(key) }])
    expect(build('x')).toEqual(build('x'))
    expect(build('x').labelWeights).not.toEqual(build('y').labelWeights)
  })

  test('with a pseudo sampler all assigned anchors count', () => {
    const all = new TargetBuilder(withSampling({ sampler: { type: 'PseudoSampler' } }))
    const box: Corners = [95, 95, 159, 159]
    const { labels, labelWeights } = all.build([{ box, positive: true, random: new Random() }])
    expect(nonZero(labels)).toEqual(assigned(box, 1))
    expect(nonZero(labelWeights)).toHaveLength(assigned(box, 1).length + assigned(box, 0).length)
  })

  test('ground truth as a proposal takes a place among the positives and is no anchor', () => {
    const sampler = { ...rpn.sampler, add_gt_as_proposals: true } as typeof rpn.sampler
    const box: Corners = [95, 95, 159, 159]
    const proposing = new TargetBuilder(withSampling({ sampler }))
    const { labels, labelWeights } = proposing.build([{ box, positive: true, random: new Random() }])
    expect(nonZero(labels)).toEqual(assigned(box, 1))
    const negatives = nonZero(labelWeights).filter((i) => labels[i] === 0)
    expect(negatives.every((i) => assigned(box, 0).includes(i))).toBe(true)
  })

  test('refuses what cannot be a target', () => {
    const random = new Random()
    expect(() => new TargetBuilder({ ...model, train_cfg: null })).toThrow(ConfigError)
    expect(() => builder.build([])).toThrow(/no samples/)
    expect(() => builder.build([{ box: [5, 5, 5, 9], positive: true, random }])).toThrow(BoxError)
    expect(() => builder.build([{ box: [5, 5, Number.NaN, 9], positive: false, random }])).toThrow(
      /target 0: box \[5,5,NaN,9\]/,
    )
  })

  function candidates(box: Corners): number[] {
    const all = new TargetBuilder(withSampling({ num_neg: builder.numAnchors }))
    return nonZero(all.build([{ box, positive: false, random: new Random() }]).labelWeights)
  }
})
