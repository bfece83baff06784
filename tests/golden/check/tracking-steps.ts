// One tracking step at a time, as section G describes it: sizes and geometry of the two crops, the crops themselves, the maps of
// the network, and the box that comes out of them. Everything from the frame on runs on the device.

import * as z from 'zod'
import type { Device } from '../../../src/gpu/device.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { channelMean, cropRecord, cropResize, type PackedFrame } from '../../../src/kernels/crop-resize.ts'
import type { BestBox } from '../../../src/kernels/decode-best.ts'
import { mapSizes } from '../../../src/siamrpn/config.ts'
import { cropGeometry, exemplarCropSize, searchCrop } from '../../../src/siamrpn/crop-geometry.ts'
import { centerBox, type Four, fourOf, HeadDecoder } from './decoder.ts'
import { type HostFrame, packFrame } from './frames.ts'
import type { GoldenSet, NamedModel } from './golden-set.ts'
import { evaluate, goldenMap, type Map4, withTensors } from './maps.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import { type CaseReport, logitMagnitude } from './report.ts'
import { columnOf, entriesAt, perChannelSums, rowOf } from './summaries.ts'
import {
  boxTolerance,
  cropTolerance,
  decodedBoxTolerance,
  decodedScoreTolerance,
  logitTolerance,
  scoreTolerance,
  sumTolerance,
} from './tolerances.ts'
import { type Crops, type StepMaps, WholeStep } from './whole-step.ts'

const four = z.tuple([z.number(), z.number(), z.number(), z.number()])
const three = z.tuple([z.number(), z.number(), z.number()])

export const stepSchema = z.object({
  id: z.string(),
  template_frame: z.int(),
  /** cx, cy, w, h, as all boxes here. */
  template_bbox: four,
  search_frame: z.int(),
  prev_bbox: four,
  avg_channel: three,
  z_size: z.number(),
  x_size: z.number(),
  scale_factor: z.number(),
  z_rows: z.string(),
  z_channel_sums: three,
  x_rows: z.string(),
  x_cols: z.string(),
  x_channel_sums: three,
  cls_idx: z.string(),
  cls_val: z.string(),
  bbox_idx: z.string(),
  bbox_val: z.string(),
  cls_score: z.string().optional(),
  bbox_pred: z.string().optional(),
  best_idx: z.int(),
  best_score: z.number(),
  best_bbox: four,
  best_bbox_before_clip: four,
})

export type Step = z.infer<typeof stepSchema>

/** Channels of the dumped lines: G of the template, R and B of the search image. */
const lineChannels = { zRows: 1, xRows: 2, xColumns: 0 } as const

/** A rectangle of a frame, to be resized to the network's input. */
interface CropRequest {
  readonly frame: PackedFrame
  readonly box: Four
  /** Side in the frame. */
  readonly side: number
  /** Side of the result. */
  readonly size: number
  readonly average: ArrayLike<number>
}

/** Checks steps of one model; frames, decoder and programs are made once. */
export class StepChecker {
  readonly #set: GoldenSet
  readonly #section: GoldenSection<unknown>
  readonly #model: NamedModel
  readonly #device: Device
  readonly #frames: readonly HostFrame[]
  readonly #packed: readonly (PackedFrame & { readonly pixels: GpuTensor })[]
  readonly #decoder: HeadDecoder
  #whole: WholeStep | undefined

  private constructor(parts: StepParts, device: Device, decoder: HeadDecoder) {
    this.#set = parts.set
    this.#section = parts.section
    this.#model = parts.model
    this.#frames = parts.frames
    this.#device = device
    this.#decoder = decoder
    this.#packed = parts.frames.map((frame) => packFrame(device, frame))
  }

  static async create(parts: StepParts): Promise<StepChecker> {
    const device = await parts.set.device()
    const { model } = parts.model.config
    const [side = 0] = mapSizes(model).score
    return new StepChecker(parts, device, await HeadDecoder.create(device, model, [side, side]))
  }

  /** Sizes, crops, and the box that the dumped maps lead to. */
  async check(golden: Step, one: CaseReport): Promise<void> {
    await this.#checkCrops(golden, one)
    if (golden.cls_score === undefined || golden.bbox_pred === undefined) return
    const maps = { cls: goldenMap(this.#section, golden.cls_score), bbox: goldenMap(this.#section, golden.bbox_pred) }
    await this.#checkBox(golden, maps, {
      prefix: 'dumped maps: ',
      one,
      score: decodedScoreTolerance,
      box: decodedBoxTolerance,
    })
  }

  /** The same through the network: our crops to our maps, and the frames to the box as the tracker goes about it. */
  async checkWhole(golden: Step, salt: string, one: CaseReport): Promise<void> {
    const { template_bbox, prev_bbox, template_frame, search_frame } = golden
    this.#whole ??= await WholeStep.create(this.#device, this.#model, await this.#set.network(this.#model.name, salt))
    const maps = await this.#whole.maps(await this.#crops(golden))
    this.#compareMap('cls_score', maps.cls, golden, one)
    this.#compareMap('bbox_pred', maps.bbox, golden, one)
    await this.#checkBox(golden, maps, { prefix: 'our maps: ', one })
    const found = await this.#whole.track(
      { frame: this.#hostFrame(template_frame), box: centerBox(template_bbox) },
      { frame: this.#hostFrame(search_frame), box: centerBox(prev_bbox) },
    )
    compareBox(golden, found, { prefix: '', one })
  }

  destroy(): void {
    this.#whole?.destroy()
    this.#decoder.destroy()
    for (const { pixels } of this.#packed) this.#device.release(pixels)
  }

  async #checkCrops(golden: Step, one: CaseReport): Promise<void> {
    const { test_cfg } = this.#model.config.model
    const search = searchCrop(centerBox(golden.prev_bbox), test_cfg)
    one.exact('side of the template', exemplarCropSize(centerBox(golden.template_bbox), test_cfg), golden.z_size)
    one.exact('side of the search image', search.size, golden.x_size)
    one.exact('scale', search.scale, golden.scale_factor)
    const crops = await this.#crops(golden, one)
    const lines = (key: string, crop: Map4, line: (index: number) => Float32Array) => {
      const [count = 0, length = 0] = this.#section.tensor(key).shape
      const found = linesOf(length, count).flatMap((index) => [...line(index)])
      one.relative(key.replace(`${golden.id}.`, ''), found, this.#section.float32(key), cropTolerance)
      if (crop.shape[2] !== length) one.fail(key, `the crop has ${crop.shape[2]} rows, expected ${length}`)
    }
    lines(golden.z_rows, crops.template, (y) => rowOf(crops.template, lineChannels.zRows, y))
    lines(golden.x_rows, crops.search, (y) => rowOf(crops.search, lineChannels.xRows, y))
    lines(golden.x_cols, crops.search, (x) => columnOf(crops.search, lineChannels.xColumns, x))
    const sums = (crop: Map4) => perChannelSums(crop).subarray(0, 3)
    one.relative('sums of the template', sums(crops.template), golden.z_channel_sums, sumTolerance)
    one.relative('sums of the search image', sums(crops.search), golden.x_channel_sums, sumTolerance)
  }

  /** Both crops, `[1, 4, size, size]`; tells `one` of the padding values if given. */
  async #crops(golden: Step, one?: CaseReport): Promise<Crops> {
    const { exemplar_size, search_size } = this.#model.config.model.test_cfg
    const template = this.#frame(golden.template_frame)
    const average = await channelMean(this.#device, template, { reverseChannels: false })
    one?.relative('average color', average, golden.avg_channel, sumTolerance)
    return {
      template: await this.#crop({
        frame: template,
        box: golden.template_bbox,
        side: golden.z_size,
        size: exemplar_size,
        average,
      }),
      search: await this.#crop({
        frame: this.#frame(golden.search_frame),
        box: golden.prev_bbox,
        side: golden.x_size,
        size: search_size,
        average,
      }),
    }
  }

  async #crop({ frame, box, side, size, average }: CropRequest): Promise<Map4> {
    const rectangle = cropGeometry(centerBox(box), side, frame.width, frame.height)
    return await withTensors(this.#device, (lend) => {
      const crops = lend(this.#device.tensor(cropRecord(rectangle, average), [1, 8]))
      return evaluate(this.#device, (r) => cropResize(r, { frame, crops, size, reverseChannels: false }))
    })
  }

  async #checkBox(golden: Step, maps: StepMaps, report: BoxReport): Promise<void> {
    const frame = this.#frame(golden.search_frame)
    const { prev_bbox: previous, scale_factor: scale } = golden
    compareBox(golden, await this.#decoder.step({ ...maps, previous, scale, frame }), report)
  }

  #compareMap(name: 'cls_score' | 'bbox_pred', { data }: Map4, golden: Step, one: CaseReport): void {
    const part = name === 'cls_score' ? 'cls' : 'bbox'
    const values = this.#section.float32(golden[`${part}_val`])
    const samples = entriesAt(data, this.#section.float64(golden[`${part}_idx`]))
    one.relative(`${name}, samples`, samples, values, logitTolerance, logitMagnitude(values))
    const key = golden[name]
    if (key === undefined) return
    const all = this.#section.float32(key)
    one.relative(name, data, all, logitTolerance, logitMagnitude(all))
  }

  #frame(index: number): PackedFrame & { readonly pixels: GpuTensor } {
    return this.#packed[index] ?? noFrame(this.#frames, index)
  }

  #hostFrame(index: number): HostFrame {
    return this.#frames[index] ?? noFrame(this.#frames, index)
  }
}

function noFrame(frames: readonly HostFrame[], index: number): never {
  throw new GoldenDataError(`section G has ${frames.length} frames, and a case needs frame ${index}`)
}

/** Where a comparison of boxes goes, and its tolerances; by default those of the whole network. */
interface BoxReport {
  readonly prefix: string
  readonly one: CaseReport
  readonly score?: number
  readonly box?: number
}

function compareBox(golden: Step, found: BestBox | undefined, report: BoxReport): void {
  const { prefix, one, score = scoreTolerance, box = boxTolerance } = report
  if (!found) {
    one.fail(`${prefix}box`, 'nothing was decoded')
    return
  }
  one.exact(`${prefix}argmax`, found.index, golden.best_idx)
  one.absolute(`${prefix}score`, [found.score], [golden.best_score], score)
  one.absolute(`${prefix}box before clipping`, fourOf(found.unclipped), golden.best_bbox_before_clip, box)
  one.absolute(`${prefix}box`, fourOf(found.box), golden.best_bbox, box)
}

export interface StepParts {
  readonly set: GoldenSet
  readonly section: GoldenSection<unknown>
  readonly model: NamedModel
  readonly frames: readonly HostFrame[]
}

/** Which rows or columns of a crop are dumped: the first two, the middle one, the last two. */
function linesOf(length: number, count: number): number[] {
  if (count === 5) return [0, 1, (length - 1) / 2, length - 2, length - 1]
  throw new GoldenDataError(`section G has ${count} lines of a crop, expected 5`)
}
