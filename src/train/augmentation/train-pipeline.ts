// From decoded pairs to a training batch on the device: the steps of the config's train_pipeline draw on the host, one captured
// program makes the pixels. Of each frame only the part that is seen is uploaded; a batch whose frames exceed the adapter's
// binding limit is made in several runs. Source: `train_pipeline` of MMTracking's siamese_rpn_r50.

import type { Device } from '../../gpu/device.ts'
import { capture, type Program } from '../../gpu/program.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import {
  encodeImage,
  encodeTables,
  type ImageRecord,
  type ImageTables,
  imageRecordSize,
  motionBlur,
  tableWords,
  type Words,
  warpFrames,
  words,
} from '../../kernels/augment.ts'
import type { ImgNormConfig } from '../../siamrpn/config.ts'
import { ConfigError } from '../../siamrpn/errors.ts'
import type { RgbFrame } from '../../siamrpn/frame.ts'
import { TrainSampleError } from '../errors.ts'
import { copyPiece, meanColor, needsPadding, pieceBytes } from './frame-pack.ts'
import type { DecodedPair, Xyxy } from './pair.ts'
import {
  frameTables,
  ImageNormalisation,
  loadedImage,
  type TrainPair,
  type TrainSteps,
  type TrainTransform,
  type TransformDraws,
  trainTransform,
} from './train-transforms.ts'

/** What the images of a batch show; the images themselves are in the pipeline's tensors. */
export interface PreparedBatch {
  readonly ids: readonly string[]
  /** Whether both images of a pair show the same object. */
  readonly positive: readonly boolean[]
  /** The object in each template, in its pixels, float32. */
  readonly templateBoxes: readonly Xyxy[]
  /** The object in each search image, in its pixels, float32. */
  readonly searchBoxes: readonly Xyxy[]
}

/** A pair with anything that draws random numbers. */
export type TrainInput = Omit<DecodedPair, 'random'> & { readonly random: TransformDraws }

/** One image to be made. */
interface ImageJob {
  readonly frame: RgbFrame
  readonly tables: ImageTables
  readonly bytes: number
  readonly record: Omit<ImageRecord, 'offset' | 'active'>
}

/** The images of one kind, template or search, of all samples. */
interface Side {
  readonly size: number
  readonly blurred: boolean
  readonly output: GpuTensor
  readonly images: GpuTensor
  readonly tables: GpuTensor
  readonly imageWords: Words
  readonly tableWords: Words
  /** Words of the tables of one image. */
  readonly tableSize: number
  readonly cropRows: number
}

/** Room for frames to begin with, per sample. */
const bytesPerSample = 512 * 1024

export class TrainPipeline {
  readonly #device: Device
  readonly #transforms: TrainTransform[]
  readonly #sides: readonly [Side, Side]
  #frames: GpuTensor
  #staging: Uint8Array<ArrayBuffer>
  #program: Program<unknown> | undefined

  /**
   * @param steps a config's `train_pipeline`
   * @param norm the model's `img_norm_cfg`
   * @throws ConfigError unless it has one SeqCropLikeSiamFC, then one SeqShiftScaleAug, before the steps on colors and blur,
   * and loads float32
   */
  static async create(
    device: Device,
    steps: TrainSteps,
    batchSize: number,
    norm: ImgNormConfig | null = null,
  ): Promise<TrainPipeline> {
    const pipeline = new TrainPipeline(device, steps, batchSize, norm)
    await pipeline.#reserve(batchSize * bytesPerSample)
    return pipeline
  }

  private constructor(device: Device, steps: TrainSteps, batchSize: number, norm: ImgNormConfig | null) {
    checkSteps(steps)
    this.#device = device
    this.#transforms = steps.flatMap((step) => trainTransform(step) ?? [])
    if (norm) this.#transforms.push(new ImageNormalisation(norm))
    this.#sides = [createSide(device, steps, batchSize, 0), createSide(device, steps, batchSize, 1)]
    this.#frames = device.empty([1], 'u32', 'frames')
    this.#staging = new Uint8Array(0)
  }

  /** `[N, 127, 127, 4]` with the seed's sizes: B, G, R in 0..255 and beyond, or normalised, and a zero. */
  get template(): GpuTensor {
    return this.#sides[0].output
  }

  /** `[N, 255, 255, 4]` likewise. */
  get search(): GpuTensor {
    return this.#sides[1].output
  }

  /**
   * Makes the images of a batch; they are in `template` and `search` for whatever is submitted next.
   * @param pairs as many as the batch size
   * @throws TrainSampleError that names the sample: a box without area, a frame part above the adapter's binding limit
   */
  async prepare(pairs: readonly TrainInput[]): Promise<PreparedBatch> {
    const [templates, searches] = this.#sides
    if (pairs.length !== templates.output.shape[0]) {
      throw new TrainSampleError(`found ${pairs.length} pairs, expected ${templates.output.shape[0]}, the batch size`)
    }
    const drawn = pairs.map((pair) => this.#draw(pair))
    const jobs = pairs.flatMap((pair, i) => {
      const [template, search] = drawn[i] ?? []
      if (!template || !search) return []
      return [imageJob(pair.template, template), imageJob(pair.search, search)]
    })
    const total = jobs.reduce((sum, { bytes }) => sum + bytes, 0)
    if (total > this.#frames.bytes) await this.#reserve(total)
    this.#encode(jobs)
    for (const side of [templates, searches]) this.#device.write(side.tables, side.tableWords.u32)
    this.#run(pairs, jobs)
    return {
      ids: pairs.map(({ request }) => request.id),
      positive: pairs.map(({ request }) => request.positive),
      templateBoxes: drawn.map(([template]) => template.box),
      searchBoxes: drawn.map(([, search]) => search.box),
    }
  }

  /** Frees all memory, `template` and `search` included. */
  release(): void {
    this.#program?.destroy()
    const sides = this.#sides.flatMap(({ output, images, tables }) => [output, images, tables])
    for (const tensor of [this.#frames, ...sides]) this.#device.release(tensor)
  }

  #draw({ request, template, search, random }: TrainInput): TrainPair {
    let pair: TrainPair = [loadedImage(template, request.template.box), loadedImage(search, request.search.box)]
    try {
      for (const transform of this.#transforms) pair = transform.apply(pair, random)
    } catch (error) {
      if (!(error instanceof TrainSampleError)) throw error
      throw new TrainSampleError(`sample ${request.id}: ${error.message}`, { cause: error })
    }
    return pair
  }

  /** Writes all taps, and all image records but for the place in the frames' buffer. */
  #encode(jobs: readonly ImageJob[]): void {
    for (const [i, job] of jobs.entries()) {
      const side = this.#sides[i % 2 === 0 ? 0 : 1]
      encodeTables(side.tableWords, Math.floor(i / 2) * side.tableSize, job.tables)
    }
  }

  /** Packs and runs as many images at a time as the frames' buffer holds. */
  #run(pairs: readonly TrainInput[], jobs: readonly ImageJob[]): void {
    let first = 0
    while (first < jobs.length) {
      let [end, used] = [first, 0]
      const offsets = new Map<number, number>()
      while (end < jobs.length && used + (jobs[end]?.bytes ?? 0) <= this.#frames.bytes) {
        const job = jobs[end]
        if (!job) break
        offsets.set(end, used)
        copyPiece(this.#staging, used, job.frame, job.tables)
        used += job.bytes
        end++
      }
      if (end === first) {
        const id = pairs[Math.floor(first / 2)]?.request.id ?? ''
        throw new TrainSampleError(
          `sample ${id}: the part of the frame that is needed has ${jobs[first]?.bytes} bytes, above the adapter's binding ` +
            `limit of ${this.#frames.bytes} bytes`,
        )
      }
      for (const [i, { record }] of jobs.entries()) {
        const { imageWords } = this.#sides[i % 2 === 0 ? 0 : 1]
        const offset = offsets.get(i)
        encodeImage(imageWords, Math.floor(i / 2), { ...record, offset: offset ?? 0, active: offset !== undefined })
      }
      for (const { images, imageWords } of this.#sides) this.#device.write(images, imageWords.u32)
      this.#device.write(this.#frames, this.#staging.subarray(0, used))
      this.#program?.run()
      first = end
    }
  }

  /** Makes room for frames of so many bytes, or as many as can be bound, and captures the program anew. */
  async #reserve(bytes: number): Promise<void> {
    const device = this.#device
    const limit = Math.floor(device.adapter.maxBindingBytes / 4) * 4
    const wanted = Math.min(limit, 2 ** Math.ceil(Math.log2(bytes)))
    if (wanted === this.#frames.bytes) return
    this.#program?.destroy()
    device.release(this.#frames)
    this.#frames = device.empty([wanted / 4], 'u32', 'frames')
    this.#staging = new Uint8Array(wanted)
    const frames = this.#frames
    this.#program = await capture(
      device,
      (r) => {
        for (const { size, images, tables, cropRows, output, blurred } of this.#sides) {
          const warp = { frames, images, tables, height: size, width: size, cropRows, output }
          warpFrames(r, warp)
          if (blurred) motionBlur(r, { input: output, images })
        }
      },
      { label: 'train pipeline' },
    )
  }
}

function imageJob(frame: RgbFrame, image: TrainPair[number]): ImageJob {
  const tables = frameTables(frame, image)
  return {
    frame,
    tables,
    bytes: pieceBytes(tables),
    record: {
      rowStride: tables.columns.extent * 3,
      narrow: tables.columns.narrow,
      padding: needsPadding(tables) ? meanColor(frame) : [0, 0, 0],
      color: image.color,
      blur: image.blur,
    },
  }
}

function createSide(device: Device, steps: TrainSteps, batchSize: number, index: 0 | 1): Side {
  const shift = steps.find((step) => step.type === 'SeqShiftScaleAug')
  const size = shift?.target_size[index] ?? 1
  const cropRows = steps.find((step) => step.type === 'SeqCropLikeSiamFC')?.crop_size ?? 2
  const tableSize = tableWords(size, size, cropRows)
  const name = index === 0 ? 'template' : 'search'
  return {
    size,
    blurred: steps.some((step) => step.type === 'SeqBlurAug' && step.prob[index] > 0),
    output: device.empty([batchSize, size, size, 4], 'f32', `${name} images`),
    images: device.empty([batchSize, imageRecordSize], 'u32', `${name} records`),
    tables: device.empty([batchSize, tableSize], 'u32', `${name} tables`),
    imageWords: words(batchSize * imageRecordSize),
    tableWords: words(batchSize * tableSize),
    tableSize,
    cropRows,
  }
}

/** Colors and blur may come in any order: each is linear, and blurring keeps what is the same everywhere. */
function checkSteps(steps: TrainSteps): void {
  const load = steps.find((step) => step.type === 'LoadMultiImagesFromFile')
  if (load && !load.to_float32) {
    const expected = 'true (bytes would be rounded after each step)'
    throw new ConfigError([{ path: 'train_pipeline.LoadMultiImagesFromFile.to_float32', found: false, expected }])
  }
  const kinds = steps.flatMap((step) => (trainTransform(step) ? [step.type] : []))
  const [crop, shift, ...rest] = kinds
  const warps = rest.filter((kind) => kind === 'SeqCropLikeSiamFC' || kind === 'SeqShiftScaleAug')
  const blurs = rest.filter((kind) => kind === 'SeqBlurAug')
  if (crop === 'SeqCropLikeSiamFC' && shift === 'SeqShiftScaleAug' && warps.length === 0 && blurs.length < 2) return
  const expected = 'SeqCropLikeSiamFC, SeqShiftScaleAug, then any of SeqColorAug, SeqGrayAug and one SeqBlurAug'
  throw new ConfigError([{ path: 'train_pipeline', found: kinds, expected }])
}
