// Section F: the head's logic: anchors, window, box coder, get_bbox on the device, and (see head-logic-targets.ts) what training
// uses: assignment, sampling, targets.

import * as z from 'zod'
import type { Device } from '../../../src/gpu/device.ts'
import { runOnce } from '../../../src/gpu/program.ts'
import { bestBoxes, decodeBest, stateRecord } from '../../../src/kernels/decode-best.ts'
import { SiameseRPNAnchorGenerator } from '../../../src/siamrpn/anchors.ts'
import { DeltaXYWHBBoxCoder } from '../../../src/siamrpn/bbox-coder.ts'
import { parseConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { centerBox, decodeSettings, endless, fourOf, HeadDecoder } from './decoder.ts'
import type { GoldenSet } from './golden-set.ts'
import { hashTensor } from './hash.ts'
import { checkTargets, targetsSchema } from './head-logic-targets.ts'
import { type Map4, toNHWC, withTensors } from './maps.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import type { CaseReport, SectionReport } from './report.ts'
import {
  boxTolerance,
  decodedBoxTolerance,
  decodedScoreTolerance,
  float64Tolerance,
  scoreTolerance,
} from './tolerances.ts'

const four = z.tuple([z.number(), z.number(), z.number(), z.number()])
const rule = z.object({
  key: z.string(),
  shape: z.tuple([z.int(), z.int(), z.int(), z.int()]),
  a: z.number(),
  b: z.number(),
})

const boxCase = z.object({
  cls: z.string().optional(),
  bbox: z.string().optional(),
  cls_rule: rule,
  bbox_rule: rule,
  prev_bbox: four,
  scale_factor: z.number(),
  best_idx: z.int(),
  best_score: z.number(),
  best_bbox: four,
  penalty_score_at_best: z.number(),
  penalty_score_every_25th: z.string(),
})

const schema = targetsSchema.extend({
  anchors: z.looseObject({
    base_anchors: z.array(four),
    num_base_anchors: z.array(z.int()),
    strides: z.array(z.array(z.int())),
    base_anchors_key: z.string(),
    grid_key: z.string(),
    head_anchors_key: z.string(),
    window_key: z.string(),
  }),
  decode: z.object({ idx: z.string(), deltas: z.string(), boxes: z.string() }),
  get_bbox: z.object({ cases: z.array(boxCase) }),
})

type SectionF = z.infer<typeof schema>
type BoxCase = z.infer<typeof boxCase>
type Rule = z.infer<typeof rule>

/** Step of the anchors whose penalised scores the files hold. */
const sampledCount = 25

/** The configuration that the section was made with. */
const { model } = parseConfig(r50, 'r50')

export async function checkF(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('F', schema)
  const generator = new SiameseRPNAnchorGenerator(model.head.anchor_generator)
  await checkAnchors(section, generator, report)
  await report.check('decode', (one) => {
    const { idx, deltas, boxes } = section.json.decode
    const anchors = rows(section.float32(section.json.anchors.head_anchors_key), section.float64(idx))
    const coder = new DeltaXYWHBBoxCoder(model.head.bbox_coder)
    one.absolute('boxes', coder.decode(anchors, section.float32(deltas)), section.float32(boxes), boxTolerance)
  })
  await checkBoxes(await set.device(), section, report)
  await checkTargets(section, report)
}

async function checkAnchors(
  section: GoldenSection<SectionF>,
  generator: SiameseRPNAnchorGenerator,
  report: SectionReport,
): Promise<void> {
  const { anchors } = section.json
  const side = mapSide(section, anchors.grid_key, generator.numBaseAnchors)
  await report.check('anchors', (one) => {
    one.exact('anchors per position', [generator.numBaseAnchors], anchors.num_base_anchors)
    one.exact('stride', [[generator.stride, generator.stride]], anchors.strides)
    one.exact('base anchors, listed', [...generator.baseAnchors], anchors.base_anchors.flat())
    one.exact('base anchors', generator.baseAnchors, section.float32(anchors.base_anchors_key))
    one.exact('grid', generator.gridPriors(side, side), section.float32(anchors.grid_key))
    one.exact('anchors of the head', generator.headAnchors(side, side), section.float32(anchors.head_anchors_key))
  })
  const windows = Object.entries(anchors).flatMap(([field, key]) => {
    const [, height = side, width = side] = /^window(?:_(\d+)x(\d+))?_key$/.exec(field) ?? []
    return /^window.*_key$/.test(field) ? [{ key: String(key), height: Number(height), width: Number(width) }] : []
  })
  for (const { key, height, width } of windows) {
    await report.check(key, (one) => {
      one.absolute(`${height}x${width}`, generator.genWindow(height, width), section.float64(key), float64Tolerance)
    })
  }
}

async function checkBoxes(device: Device, section: GoldenSection<SectionF>, report: SectionReport): Promise<void> {
  const decoders = new Map<string, HeadDecoder>()
  try {
    for (const [index, golden] of report.list('get_bbox', section.json.get_bbox.cases).entries()) {
      await report.check(`get_bbox ${index}`, async (one) => {
        const maps = { cls: ruledMap(golden.cls_rule), bbox: ruledMap(golden.bbox_rule) }
        if (golden.cls !== undefined) one.exact('cls by its rule', maps.cls.data, section.float32(golden.cls))
        if (golden.bbox !== undefined) one.exact('bbox by its rule', maps.bbox.data, section.float32(golden.bbox))
        const [, , height, width] = maps.cls.shape
        const decoder = decoders.get(`${height}x${width}`) ?? (await HeadDecoder.create(device, model, [height, width]))
        decoders.set(`${height}x${width}`, decoder)
        await checkBest(one, decoder, golden, maps)
        await checkSampledScores(device, one, { golden, maps, section })
      })
    }
  } finally {
    for (const decoder of decoders.values()) decoder.destroy()
  }
}

interface Maps {
  readonly cls: Map4
  readonly bbox: Map4
}

async function checkBest(one: CaseReport, decoder: HeadDecoder, golden: BoxCase, maps: Maps): Promise<void> {
  const { prev_bbox, scale_factor } = golden
  const found = await decoder.step({ ...maps, previous: prev_bbox, scale: scale_factor, frame: endless })
  if (!found) return one.fail('box', 'nothing was decoded')
  one.exact('argmax', found.index, golden.best_idx)
  one.absolute('score', [found.score], [golden.best_score], decodedScoreTolerance)
  one.absolute('penalised score', [found.penalisedScore], [golden.penalty_score_at_best], decodedScoreTolerance)
  one.absolute('box', fourOf(found.unclipped), golden.best_bbox, decodedBoxTolerance)
}

/**
 * The kernel returns only the best anchor. So each sampled anchor becomes a target of its own whose other scores are zero, and
 * the window is added here.
 */
async function checkSampledScores(
  device: Device,
  one: CaseReport,
  { golden, maps, section }: { golden: BoxCase; maps: Maps; section: GoldenSection<SectionF> },
): Promise<void> {
  const expected = section.float64(golden.penalty_score_every_25th)
  const [, , height, width] = maps.cls.shape
  const generator = new SiameseRPNAnchorGenerator(model.head.anchor_generator)
  const count = expected.length
  const sampled = Array.from({ length: count }, (_, i) => i * sampledCount)
  const logits = anchorRows(maps.cls, 2, sampled)
  const deltas = anchorRows(maps.bbox, 4, sampled)
  const cls = Float32Array.from({ length: count * count * 2 }, (_, i) => (i % 2 === 0 ? 40 : -40))
  for (let i = 0; i < count; i++) cls.set(logits.subarray(2 * i, 2 * i + 2), (i * count + i) * 2)
  const bbox = new Float32Array(count * count * 4)
  for (let i = 0; i < count; i++) bbox.set(deltas, i * count * 4)
  const state = stateRecord(centerBox(golden.prev_bbox), golden.scale_factor, endless)
  const states = Float32Array.from({ length: count * state.length }, (_, i) => state[i % state.length] ?? 0)
  const found = await withTensors(device, async (lend) => {
    const args = {
      cls: lend(device.tensor(cls, [count, count, 1, 2])),
      bbox: lend(device.tensor(bbox, [count, count, 1, 4])),
      anchors: lend(device.tensor(rows(generator.headAnchors(height, width), sampled), [count, 4])),
      window: lend(device.empty([count])),
      state: lend(device.tensor(states, [count, state.length])),
    }
    const program = await runOnce(device, (r) =>
      decodeBest(r, { ...args, ...decodeSettings(model), windowInfluence: 0 }),
    )
    const result = bestBoxes(await device.readF32(program.result))
    program.destroy()
    return result
  })
  const window = generator.genWindow(height, width)
  const influence = model.test_cfg.rpn.window_influence
  const scores = found.map(
    ({ penalisedScore }, i) => penalisedScore * (1 - influence) + (window[i * sampledCount] ?? 0) * influence,
  )
  one.absolute('penalised scores of sampled anchors', scores, expected, scoreTolerance)
}

/** `channels` values of each flat anchor index, one after the other. */
function anchorRows(map: Map4, channels: number, indices: readonly number[]): Float32Array {
  const [, perMap, height, width] = map.shape
  const { data } = toNHWC({ data: map.data, shape: [1, perMap, height, width] })
  const anchors = perMap / channels
  return Float32Array.from(
    indices.flatMap((index) => {
      const position = Math.floor(index / anchors)
      return Array.from(
        { length: channels },
        (_, channel) => data[position * perMap + channel * anchors + (index % anchors)] ?? 0,
      )
    }),
  )
}

function ruledMap({ key, shape, a, b }: Rule): Map4 {
  return {
    data: hashTensor(
      key,
      shape.reduce((product, size) => product * size, 1),
      a,
      b,
    ),
    shape,
  }
}

/** Rows of four. */
function rows(values: Float32Array, indices: Iterable<number>): Float32Array {
  return Float32Array.from([...indices].flatMap((index) => [...values.subarray(4 * index, 4 * index + 4)]))
}

/** Side of the square map that a grid of anchors belongs to. @throws GoldenDataError if it is not square */
function mapSide(section: GoldenSection<unknown>, key: string, perPosition: number): number {
  const side = Math.sqrt((section.tensor(key).shape[0] ?? 0) / perPosition)
  if (Number.isInteger(side) && side > 0) return side
  throw new GoldenDataError(`tensor '${key}' of section F has no anchors of a square map`)
}
