// Section F, training part: assignment, sampling, and the targets of pairs and of a batch. Where MMTracking drew at random, the
// file holds what came out, and the same choices are made again here.

import * as z from 'zod'
import { type Assigner, createAssigner } from '../../../src/siamrpn/assigner.ts'
import { type ModelConfig, parseConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { createSampler, type Draws } from '../../../src/siamrpn/sampler.ts'
import { TargetBuilder, type Targets } from '../../../src/siamrpn/targets.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import type { CaseReport, SectionReport } from './report.ts'
import { kernelTolerance } from './tolerances.ts'

const four = z.tuple([z.number(), z.number(), z.number(), z.number()])
const indices = z.array(z.int())

const positiveCase = z.object({
  gt_box: four,
  pos_inds: indices,
  neg_inds_from_sampler: indices,
  nonzero_label_weight_inds: indices,
  nonzero_label_weights: z.array(z.number()),
  bbox_weight_of_each_positive: z.number(),
  bbox_targets: z.string().optional(),
  bbox_targets_every_10th_anchor: z.string().optional(),
})

const negativeCase = z.object({
  gt_box: four,
  candidate_inds: indices,
  chosen_inds: indices,
  weight_of_each_chosen: z.number().nullable(),
})

/** Fields of the section's JSON, all optional: another set may leave some out. */
export const targetsSchema = z.object({
  assigner: z
    .object({
      gt_boxes: z.string(),
      gt_inds: z.string(),
      max_overlaps: z.string(),
      num_pos: indices,
      num_neg: indices,
      num_ignored: indices,
    })
    .optional(),
  sampler: z.object({ columns: z.array(z.string()), rows: z.array(indices) }).optional(),
  positive_pair_targets: z.object({ cases: z.array(positiveCase) }).optional(),
  negative_pair_targets: z.object({ cases: z.array(negativeCase) }).optional(),
  get_targets_batch3: z
    .object({
      gt_boxes: z.array(z.array(z.array(z.number()))),
      is_positive_pairs: z.array(z.boolean()),
      labels: z.string(),
      labels_weights: z.string(),
      bbox_targets: z.string(),
      bbox_weights: z.string(),
    })
    .optional(),
})

type Section = GoldenSection<z.infer<typeof targetsSchema>>

/** Anchors between two whose targets the file holds. */
const sampledCount = 10

/** The configuration that the section was made with. */
const { model } = parseConfig(r50, 'r50')

export async function checkTargets(section: Section, report: SectionReport): Promise<void> {
  const builder = new TargetBuilder(model)
  const { rpn } = trainConfig(model)
  const assigner = createAssigner(rpn.assigner)
  await checkAssigner(section, report, builder, assigner)
  const { positive_pair_targets, negative_pair_targets, get_targets_batch3 } = section.json
  for (const [i, golden] of (positive_pair_targets?.cases ?? []).entries()) {
    await report.check(`positive pair ${i}`, (one) => checkPositive(one, section, builder, golden))
  }
  const everyCandidate = new TargetBuilder(withNegatives(model, builder.numAnchors))
  for (const [i, golden] of (negative_pair_targets?.cases ?? []).entries()) {
    await report.check(`negative pair ${i}`, (one) => checkNegative(one, { builder, everyCandidate }, golden))
  }
  if (get_targets_batch3 === undefined) return
  await report.check('targets of a batch', (one) => checkBatch(one, section, builder))
}

/** Assignment and sampling of each ground-truth box. */
async function checkAssigner(
  section: Section,
  report: SectionReport,
  builder: TargetBuilder,
  assigner: Assigner,
): Promise<void> {
  const { assigner: golden, sampler: sampled } = section.json
  if (golden === undefined) return
  const count = builder.numAnchors
  const boxes = section.float32(golden.gt_boxes)
  const expected = Int32Array.from(section.float32(golden.gt_inds))
  const overlaps = section.float32(golden.max_overlaps)
  const sampler = createSampler(trainConfig(model).rpn.sampler)
  for (let i = 0; i < boxes.length / 4; i++) {
    const assignment = assigner.assign(builder.anchors, boxes.subarray(4 * i, 4 * i + 4))
    const { gtIndices, maxOverlaps } = assignment
    await report.check(`assigner ${i}`, (one) => {
      one.exact('assignment', gtIndices, expected.slice(i * count, (i + 1) * count))
      const numbers = [1, 0, -1].map((value) => gtIndices.reduce((sum, index) => sum + (index === value ? 1 : 0), 0))
      one.exact('counts', numbers, [golden.num_pos[i], golden.num_neg[i], golden.num_ignored[i]])
      const wanted = overlaps.subarray(i * count, (i + 1) * count)
      if (wanted.length > 0) one.relative('overlaps', maxOverlaps, wanted, kernelTolerance, 1)
    })
    const row = sampled?.rows[i]
    if (row === undefined) continue
    await report.check(`sampler ${i}`, (one) => {
      const { positive, negative } = sampler.sample(assignment, 1, firstOnes)
      const found: Readonly<Record<string, number>> = {
        pos_sampled: positive.length,
        neg_sampled: negative.length,
        neg_kept_by_head: Math.min(negative.length, sampler.negativeBound),
      }
      one.exact(
        'numbers',
        sampled?.columns.map((column) => found[column]),
        row,
      )
    })
  }
}

function checkPositive(
  one: CaseReport,
  section: Section,
  builder: TargetBuilder,
  golden: z.infer<typeof positiveCase>,
): void {
  const random = replay(galleries(builder, golden.gt_box), [golden.pos_inds, golden.neg_inds_from_sampler])
  const targets = builder.build([{ box: golden.gt_box, positive: true, random }])
  one.exact('labels', nonZero(targets.labels), golden.pos_inds)
  one.exact('weighted anchors', nonZero(targets.labelWeights), golden.nonzero_label_weight_inds)
  const weights = golden.nonzero_label_weight_inds.map((i) => targets.labelWeights[i] ?? 0)
  one.relative('label weights', weights, golden.nonzero_label_weights, kernelTolerance)
  const boxWeights = new Float32Array(targets.boxWeights.length)
  for (const i of golden.pos_inds) boxWeights.fill(golden.bbox_weight_of_each_positive, 4 * i, 4 * i + 4)
  one.relative('box weights', targets.boxWeights, boxWeights, kernelTolerance)
  const { bbox_targets: dense, bbox_targets_every_10th_anchor: sparse } = golden
  if (dense !== undefined) one.relative('box targets', targets.boxTargets, section.float32(dense), kernelTolerance)
  if (sparse === undefined) return
  const rows = targets.boxTargets.filter((_, i) => Math.floor(i / 4) % sampledCount === 0)
  one.relative(`box targets of every ${sampledCount}th anchor`, rows, section.float32(sparse), kernelTolerance)
}

function checkNegative(
  one: CaseReport,
  { builder, everyCandidate }: { builder: TargetBuilder; everyCandidate: TargetBuilder },
  golden: z.infer<typeof negativeCase>,
): void {
  const { gt_box: box, candidate_inds, chosen_inds, weight_of_each_chosen } = golden
  const all = everyCandidate.build([{ box, positive: false, random: firstOnes }])
  one.exact('candidates', nonZero(all.labelWeights), candidate_inds)
  const random = replay([candidate_inds], [chosen_inds])
  const targets = builder.build([{ box, positive: false, random }])
  one.exact('weighted anchors', nonZero(targets.labelWeights), chosen_inds)
  const weights = chosen_inds.map((i) => targets.labelWeights[i] ?? 0)
  one.relative(
    'label weights',
    weights,
    chosen_inds.map(() => weight_of_each_chosen ?? 0),
    kernelTolerance,
  )
  one.exact('nothing else', [targets.labels, targets.boxTargets, targets.boxWeights].map(nonZero), [[], [], []])
}

function checkBatch(one: CaseReport, section: Section, builder: TargetBuilder): void {
  const golden = section.json.get_targets_batch3
  if (golden === undefined) return
  const { numAnchors } = builder
  const labels = section.float32(golden.labels)
  const weights = section.float32(golden.labels_weights)
  const samples = golden.is_positive_pairs.map((positive, i) => {
    const box = four.parse(golden.gt_boxes[i]?.[0]?.slice(-4))
    const own = (values: Float32Array) => values.subarray(i * numAnchors, (i + 1) * numAnchors)
    const weighted = nonZero(own(weights))
    const kept = (label: number) => weighted.filter((anchor) => own(labels)[anchor] === label)
    const random = positive
      ? replay(galleries(builder, box), [kept(1), kept(0)])
      : replay([candidatesOf(box)], [kept(0)])
    return { box, positive, random }
  })
  const targets: Targets = builder.build(samples)
  one.exact('labels', targets.labels, labels)
  one.exact('weighted anchors', nonZero(targets.labelWeights), nonZero(weights))
  one.relative('label weights', targets.labelWeights, weights, kernelTolerance)
  one.relative('box targets', targets.boxTargets, section.float32(golden.bbox_targets), kernelTolerance)
  one.relative('box weights', targets.boxWeights, section.float32(golden.bbox_weights), kernelTolerance)
}

/** Positive and negative anchors of a box, which the sampler chooses from. */
function galleries(builder: TargetBuilder, box: readonly number[]): number[][] {
  const { gtIndices } = createAssigner(trainConfig(model).rpn.assigner).assign(builder.anchors, Float32Array.from(box))
  return [1, 0].map((value) => [...gtIndices.keys()].filter((i) => gtIndices[i] === value))
}

/** Anchors that a negative pair may choose. */
function candidatesOf(box: z.infer<typeof four>): number[] {
  const builder = new TargetBuilder(withNegatives(model, Number.MAX_SAFE_INTEGER))
  return nonZero(builder.build([{ box, positive: false, random: firstOnes }]).labelWeights)
}

/**
 * Chooses the given anchors of each gallery. Where the file holds fewer than are to be chosen (the head kept only the first
 * ones), the last of the gallery come with them.
 */
function replay(all: readonly (readonly number[])[], chosen: readonly (readonly number[])[]): Draws {
  return {
    choose(count, size) {
      const which = all.findIndex((gallery) => gallery.length === count)
      const gallery = all[which] ?? []
      const positions = (chosen[which] ?? []).map((anchor) => gallery.indexOf(anchor))
      for (let last = count - 1; positions.length < size && last >= 0; last--) {
        if (!positions.includes(last)) positions.push(last)
      }
      return positions
    },
  }
}

const firstOnes: Draws = { choose: (_, size) => Array.from({ length: size }, (_, i) => i) }

function nonZero(values: Float32Array): number[] {
  return [...values.keys()].filter((i) => values[i] !== 0)
}

function trainConfig({ train_cfg }: ModelConfig): NonNullable<ModelConfig['train_cfg']> {
  if (train_cfg !== null) return train_cfg
  throw new GoldenDataError('section F: the configuration has no train_cfg')
}

function withNegatives(config: ModelConfig, num_neg: number): ModelConfig {
  const { rpn } = trainConfig(config)
  return { ...config, train_cfg: { rpn: { ...rpn, num_neg } } }
}
