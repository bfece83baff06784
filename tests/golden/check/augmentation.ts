// Section H: the training pipeline, step by step and as a chain: the recorded random numbers are replayed, the pixels are made
// by the kernels that training uses.

import * as z from 'zod'
import type { Device } from '../../../src/gpu/device.ts'
import { parseConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { meanColor } from '../../../src/train/augmentation/frame-pack.ts'
import type { Xyxy } from '../../../src/train/augmentation/pair.ts'
import { TrainPipeline } from '../../../src/train/augmentation/train-pipeline.ts'
import {
  loadedImage,
  SeqBlurAug,
  SeqColorAug,
  SeqCropLikeSiamFC,
  SeqGrayAug,
  SeqShiftScaleAug,
  type TrainImage,
  type TrainPair,
  type TrainTransform,
} from '../../../src/train/augmentation/train-transforms.ts'
import type { GoldenSet } from './golden-set.ts'
import { smoothImage } from './hash.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import { drawsSchema, ReplayedDraws } from './replayed-draws.ts'
import type { CaseReport, SectionReport } from './report.ts'
import { grayLevelTolerance, trainingBoxTolerance } from './tolerances.ts'
import { type ColorImage, frameOf, makeImage } from './train-images.ts'

const pairOf = <T extends z.ZodType>(value: T) => z.tuple([value, value])
const numbers = z.tuple([z.number(), z.number()])
const vector3 = z.tuple([z.number(), z.number(), z.number()])
const box = z.tuple([z.number(), z.number(), z.number(), z.number()])
const smooth = z.object({ smooth_image_key: z.string(), H: z.int(), W: z.int() })
/** A tensor, or the rule that makes it. */
const source = z.union([z.string(), smooth])
/** A whole image, or some of its rows and the means of its channels. */
const result = z.union([
  z.object({ image: z.string() }),
  z.object({
    shape: z.tuple([z.int(), z.int(), z.int()]),
    rows: z.array(z.int()),
    row_values: z.string(),
    channel_means: z.array(z.number()),
  }),
])
const recoloring = { draws: drawsSchema, input: pairOf(z.string()), out: pairOf(z.string()) }

const schema = z.object({
  SeqCropLikeSiamFC: z.object({
    cases: z.array(
      z.object({
        params: z.object({ context_amount: z.number(), exemplar_size: z.int(), crop_size: z.int() }),
        input: source,
        gt_bbox: box,
        padding_used: z.array(z.number()),
        out: result,
        out_bbox: box,
      }),
    ),
  }),
  SeqShiftScaleAug: z.object({
    cases: z.array(
      z.object({
        params: z.object({ target_size: pairOf(z.int()), shift: numbers, scale: numbers }),
        draws: drawsSchema,
        input: pairOf(source),
        gt_bbox: pairOf(box),
        out: pairOf(result),
        out_bbox: pairOf(box),
      }),
    ),
  }),
  SeqColorAug: z.object({
    rgb_var: z.tuple([vector3, vector3, vector3]),
    cases: z.array(z.object({ prob: numbers, ...recoloring })),
  }),
  SeqGrayAug: z.object({ cases: z.array(z.object({ prob: z.number(), added_to_input: z.number(), ...recoloring })) }),
  SeqBlurAug: z.object({ cases: z.array(z.object({ prob: numbers, ...recoloring })) }),
  chain: z.object({
    cases: z.array(
      z.object({
        frames: pairOf(smooth.extend({ gt_bbox: box })),
        draws: drawsSchema,
        out: pairOf(result),
        out_bbox: pairOf(box),
      }),
    ),
  }),
})

type SectionH = z.infer<typeof schema>
type Source = z.infer<typeof source>
type Result = z.infer<typeof result>

/** What each check works with. */
interface Bench {
  readonly device: Device
  readonly section: GoldenSection<SectionH>
  readonly report: SectionReport
}

const sides = [0, 1] as const
/** Steps that leave pixels in their places do not look at the box. */
const anyBox: Xyxy = [0, 0, 1, 1]
/** Outside of what SeqShiftScaleAug reads. */
const black = [0, 0, 0]

export async function checkH(set: GoldenSet, report: SectionReport): Promise<void> {
  const bench = { device: await set.device(), section: await set.section('H', schema), report }
  await checkCrops(bench)
  await checkShifts(bench)
  for (const recoloring of recolorings(bench)) await checkRecoloring(bench, recoloring)
  await checkChain(bench)
}

async function checkCrops({ device, section, report }: Bench): Promise<void> {
  const { cases } = section.json.SeqCropLikeSiamFC
  for (const [index, golden] of report.list('SeqCropLikeSiamFC', cases).entries()) {
    await report.check(`SeqCropLikeSiamFC ${index}`, async (one) => {
      const frame = frameFrom(section, golden.input)
      const loaded = loadedImage(frame, golden.gt_bbox)
      const [image] = new SeqCropLikeSiamFC({ type: 'SeqCropLikeSiamFC', ...golden.params }).apply([loaded, loaded])
      const padding = meanColor(frame)
      one.absolute('padding', padding.toReversed(), golden.padding_used, grayLevelTolerance)
      one.absolute('box', image.box, golden.out_bbox, trainingBoxTolerance)
      compare(one, section, await makeImage(device, frame, image, padding), golden.out)
    })
  }
}

async function checkShifts({ device, section, report }: Bench): Promise<void> {
  const { cases } = section.json.SeqShiftScaleAug
  for (const [index, golden] of report.list('SeqShiftScaleAug', cases).entries()) {
    await report.check(`SeqShiftScaleAug ${index}`, async (one) => {
      const frames = [frameFrom(section, golden.input[0]), frameFrom(section, golden.input[1])] as const
      const loaded: TrainPair = [loadedImage(frames[0], golden.gt_bbox[0]), loadedImage(frames[1], golden.gt_bbox[1])]
      const draws = new ReplayedDraws(golden.draws)
      const images = new SeqShiftScaleAug({ type: 'SeqShiftScaleAug', ...golden.params }).apply(loaded, draws)
      one.exact('draws left', draws.left, 0)
      for (const side of sides) {
        one.absolute(`box ${side}`, images[side].box, golden.out_bbox[side], trainingBoxTolerance)
        compare(one, section, await makeImage(device, frames[side], images[side], black), golden.out[side])
      }
    })
  }
}

/** A case of a step that leaves pixels in their places. */
interface Recoloring {
  readonly id: string
  readonly transform: TrainTransform
  readonly added: number
  readonly golden: z.infer<z.ZodObject<typeof recoloring>>
}

function recolorings({ section, report }: Bench): Recoloring[] {
  const { SeqColorAug: color, SeqGrayAug: gray, SeqBlurAug: blur } = section.json
  return [
    ...report.list('SeqColorAug', color.cases).map((golden, index) => ({
      id: `SeqColorAug ${index}`,
      transform: new SeqColorAug({ type: 'SeqColorAug', prob: golden.prob, rgb_var: color.rgb_var }),
      added: 0,
      golden,
    })),
    ...report.list('SeqGrayAug', gray.cases).map((golden, index) => ({
      id: `SeqGrayAug ${index}`,
      transform: new SeqGrayAug({ type: 'SeqGrayAug', prob: golden.prob }),
      added: golden.added_to_input,
      golden,
    })),
    ...report.list('SeqBlurAug', blur.cases).map((golden, index) => ({
      id: `SeqBlurAug ${index}`,
      transform: new SeqBlurAug({ type: 'SeqBlurAug', prob: golden.prob }),
      added: 0,
      golden,
    })),
  ]
}

async function checkRecoloring({ device, section, report }: Bench, checked: Recoloring): Promise<void> {
  const { id, transform, added, golden } = checked
  await report.check(id, async (one) => {
    const frames = [frameFrom(section, golden.input[0]), frameFrom(section, golden.input[1])] as const
    const load = (frame: RgbFrame): TrainImage => {
      const loaded = loadedImage(frame, anyBox)
      return { ...loaded, color: loaded.color.map((value, i) => (i % 4 === 3 ? value + added : value)) }
    }
    const draws = new ReplayedDraws(golden.draws)
    const images = transform.apply([load(frames[0]), load(frames[1])], draws)
    one.exact('draws left', draws.left, 0)
    for (const side of sides) {
      const found = await makeImage(device, frames[side], images[side], black)
      const key = golden.out[side]
      if (key !== 'unchanged') compare(one, section, found, { image: key })
      else one.exact('unchanged image', [...found.data], [...section.float32(golden.input[side])])
    }
  })
}

async function checkChain({ device, section, report }: Bench): Promise<void> {
  const { cases } = section.json.chain
  if (report.list('chain', cases).length === 0) return
  const pipeline = await TrainPipeline.create(device, parseConfig(r50, 'r50').train_pipeline ?? [], 1)
  for (const [index, golden] of cases.entries()) {
    await report.check(`chain ${index}`, async (one) => {
      const [template, search] = golden.frames.map((frame) => frameFrom(section, frame))
      if (!template || !search) throw new GoldenDataError(`chain ${index} of section H has no two frames`)
      const place = { kind: 'file', path: '' } as const
      const request = {
        id: `chain ${index}`,
        template: { source: place, box: golden.frames[0].gt_bbox },
        search: { source: place, box: golden.frames[1].gt_bbox },
        positive: true,
      }
      const draws = new ReplayedDraws(golden.draws)
      const batch = await pipeline.prepare([{ request, template, search, random: draws }])
      one.exact('draws left', draws.left, 0)
      const boxes = [batch.templateBoxes, batch.searchBoxes] as const
      const tensors = [pipeline.template, pipeline.search] as const
      for (const side of sides) {
        one.absolute(`box ${side}`, boxes[side].flat(), golden.out_bbox[side], trainingBoxTolerance)
        const [, height = 0, width = 0] = tensors[side].shape
        const pixels = await device.readF32(tensors[side])
        compare(one, section, { data: pixels.filter((_, i) => i % 4 !== 3), height, width }, golden.out[side])
      }
    })
  }
  pipeline.release()
}

/** Compares a whole image, or the rows that the golden has, and the means of the channels over the whole image. */
function compare(one: CaseReport, section: GoldenSection<SectionH>, found: ColorImage, golden: Result): void {
  const { data, height, width } = found
  if ('image' in golden) {
    one.exact('shape', [height, width, 3], section.tensor(golden.image).shape)
    one.absolute('image', data, section.float32(golden.image), grayLevelTolerance)
    return
  }
  one.exact('shape', [height, width, 3], golden.shape)
  const rows = golden.rows.flatMap((y) => [...data.subarray(y * width * 3, (y + 1) * width * 3)])
  one.absolute('rows', rows, section.float32(golden.row_values), grayLevelTolerance)
  const means = [0, 0, 0]
  for (const [i, value] of data.entries()) means[i % 3] = (means[i % 3] ?? 0) + value / (height * width)
  one.absolute('channel means', means, golden.channel_means, grayLevelTolerance)
}

function frameFrom(section: GoldenSection<SectionH>, source: Source): RgbFrame {
  if (typeof source !== 'string') {
    return frameOf(smoothImage(source.smooth_image_key, source.H, source.W), source.H, source.W)
  }
  const [height = 0, width = 0] = section.tensor(source).shape
  return frameOf(section.float32(source), height, width)
}
