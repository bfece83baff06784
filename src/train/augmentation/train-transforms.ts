// The steps of MMTracking's training pipeline that change pixels, by their own names. A step draws its random numbers in the
// original's order and notes what is to be done to an image; the pixels follow on the device (train-pipeline.ts).
// Source: SeqCropLikeSiamFC, SeqShiftScaleAug, SeqColorAug, SeqGrayAug, SeqBlurAug of mmtrack/datasets/pipelines/transforms.py.

import { type Blur, type ImageTables, noBlur } from '../../kernels/augment.ts'
import type { Config, ImgNormConfig } from '../../siamrpn/config.ts'
import { TrainSampleError } from '../errors.ts'
import type { Xyxy } from './pair.ts'
import { composeColumns, composeRows, cropAxes, identityAxis, type WarpAxis } from './warp.ts'

/** A checked `train_pipeline`. */
export type TrainSteps = NonNullable<Config['train_pipeline']>
export type TrainStep = TrainSteps[number]
type StepOf<Type extends TrainStep['type']> = Extract<TrainStep, { type: Type }>

/** Where random numbers come from; a `Random` is one. */
export interface TransformDraws {
  /** In [0, 1). */
  next(): number
  /** Standard normal. */
  normal(): number
  pick<T>(entries: readonly [T, ...T[]]): T
}

/** An image under way: its box, and what is to be done to the frame's pixels to make it. */
export interface TrainImage {
  readonly width: number
  readonly height: number
  /** float32 from the crop on. */
  readonly box: Xyxy
  /** Axes (x, y) of the warps so far, at most two. */
  readonly warps: readonly (readonly [WarpAxis, WarpAxis])[]
  /** Three rows of four: B, G, R of the result from R, G, B, 1 of the frame. */
  readonly color: readonly number[]
  readonly blur: Blur
}

/** Template and search image. */
export type TrainPair = readonly [TrainImage, TrainImage]

/** A step that changes pixels. */
export interface TrainTransform {
  apply(pair: TrainPair, draws: TransformDraws): TrainPair
}

/** R, G, B to B, G, R. */
const reverseColors = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0]

/** A frame as it was loaded. */
export function loadedImage(frame: { readonly width: number; readonly height: number }, box: Xyxy): TrainImage {
  return { width: frame.width, height: frame.height, box, warps: [], color: reverseColors, blur: noBlur }
}

/** The sources of the image's columns and rows in its frame. */
export function frameTables(
  frame: { readonly width: number; readonly height: number },
  { width, height, warps }: TrainImage,
): ImageTables {
  const [inner, outer, ...more] = warps
  if (more.length > 0) throw new TrainSampleError(`an image is warped ${warps.length} times, expected twice at most`)
  const [x, y] = inner ?? [identityAxis(frame.width), identityAxis(frame.height)]
  return {
    columns: composeColumns(x, outer?.[0] ?? identityAxis(width), frame.width),
    rows: composeRows(y, outer?.[1] ?? identityAxis(height), frame.height),
  }
}

/** Cuts a square around the object, sized by object and context, as SiamFC does; the object comes to lie in the middle. */
export class SeqCropLikeSiamFC implements TrainTransform {
  readonly #config: StepOf<'SeqCropLikeSiamFC'>

  constructor(config: StepOf<'SeqCropLikeSiamFC'>) {
    this.#config = config
  }

  apply([template, search]: TrainPair): TrainPair {
    return [this.#crop(template), this.#crop(search)]
  }

  /** @throws TrainSampleError for a box without area */
  #crop(image: TrainImage): TrainImage {
    const { context_amount, exemplar_size, crop_size } = this.#config
    const [left, top, right, bottom] = image.box
    const [width, height] = [right - left, bottom - top]
    const context = context_amount * (width + height)
    const size = Math.sqrt((width + context) * (height + context))
    if (!(width > 0 && height > 0 && Number.isFinite(size))) {
      throw new TrainSampleError(`the box [${image.box}] has no area, expected left < right and top < bottom`)
    }
    const scale = exemplar_size / size
    const half = 0.5 * (size + 2 * ((crop_size - exemplar_size) / 2 / scale))
    const [x, y] = [0.5 * (left + right), 0.5 * (top + bottom)]
    const middle = Math.floor(crop_size / 2)
    const [halfWidth, halfHeight] = [0.5 * (width * scale), 0.5 * (height * scale)]
    return {
      ...image,
      width: crop_size,
      height: crop_size,
      box: toFloat32([middle - halfWidth, middle - halfHeight, middle + halfWidth, middle + halfHeight]),
      warps: [...image.warps, cropAxes([x - half, y - half, x + half, y + half], crop_size)],
    }
  }
}

/** Cuts a square of randomly shifted position and stretched sides, and resizes it to the network's input size. */
export class SeqShiftScaleAug implements TrainTransform {
  readonly #config: StepOf<'SeqShiftScaleAug'>

  constructor(config: StepOf<'SeqShiftScaleAug'>) {
    this.#config = config
  }

  apply([template, search]: TrainPair, draws: TransformDraws): TrainPair {
    return [this.#shiftScale(template, 0, draws), this.#shiftScale(search, 1, draws)]
  }

  #shiftScale(image: TrainImage, index: 0 | 1, draws: TransformDraws): TrainImage {
    const { target_size, shift, scale } = this.#config
    const [size, largestShift, largestScale] = [target_size[index], shift[index], scale[index]]
    const stretch = (extent: number) => Math.min((2 * draws.next() - 1) * largestScale + 1, extent / size)
    const scaleX = stretch(image.width)
    const scaleY = stretch(image.height)
    const move = (extent: number, scaled: number): readonly [number, number] => {
      const low = Math.floor(extent / 2) - 0.5 * scaled * size
      const high = Math.floor(extent / 2) + 0.5 * scaled * size
      const by = Math.max(-low, Math.min(extent - high, (2 * draws.next() - 1) * largestShift))
      return [low + by, high + by]
    }
    const [left, right] = move(image.width, scaleX)
    const [top, bottom] = move(image.height, scaleY)
    const [stretchX, stretchY] = [Math.fround(scaleX), Math.fround(scaleY)]
    const moved = toFloat32([image.box[0] - left, image.box[1] - top, image.box[2] - left, image.box[3] - top])
    return {
      ...image,
      width: size,
      height: size,
      box: toFloat32([moved[0] / stretchX, moved[1] / stretchY, moved[2] / stretchX, moved[3] / stretchY]),
      warps: [...image.warps, cropAxes([left, top, right, bottom], size)],
    }
  }
}

/** Shifts the colors by a random offset along the principal components of natural images. */
export class SeqColorAug implements TrainTransform {
  readonly #config: StepOf<'SeqColorAug'>

  constructor(config: StepOf<'SeqColorAug'>) {
    this.#config = config
  }

  apply([template, search]: TrainPair, draws: TransformDraws): TrainPair {
    return [this.#offset(template, 0, draws), this.#offset(search, 1, draws)]
  }

  #offset(image: TrainImage, index: 0 | 1, draws: TransformDraws): TrainImage {
    const { prob, rgb_var } = this.#config
    if (!(prob[index] > draws.next())) return image
    const normals = [draws.normal(), draws.normal(), draws.normal()] as const
    const offsets = rgb_var.map((row) => row[0] * normals[0] + row[1] * normals[1] + row[2] * normals[2]).reverse()
    const color = image.color.map((value, i) => (i % 4 === 3 ? value - (offsets[(i - 3) / 4] ?? 0) : value))
    return { ...image, color }
  }
}

/** Makes both images of a pair grey. */
export class SeqGrayAug implements TrainTransform {
  readonly #config: StepOf<'SeqGrayAug'>

  constructor(config: StepOf<'SeqGrayAug'>) {
    this.#config = config
  }

  apply(pair: TrainPair, draws: TransformDraws): TrainPair {
    if (!(this.#config.prob > draws.next())) return pair
    const gray = (image: TrainImage): TrainImage => {
      const row = [0, 1, 2, 3].map((i) =>
        grayWeights.reduce((sum, weight, channel) => sum + weight * (image.color[4 * channel + i] ?? 0), 0),
      )
      return { ...image, color: [...row, ...row, ...row] }
    }
    return [gray(pair[0]), gray(pair[1])]
  }
}

/** OpenCV's weights of B, G, R. */
const grayWeights = [0.114, 0.587, 0.299]

/** Blurs by a cross of random size, its weight divided randomly between column and row. */
export class SeqBlurAug implements TrainTransform {
  readonly #config: StepOf<'SeqBlurAug'>

  constructor(config: StepOf<'SeqBlurAug'>) {
    this.#config = config
  }

  apply([template, search]: TrainPair, draws: TransformDraws): TrainPair {
    return [this.#blur(template, 0, draws), this.#blur(search, 1, draws)]
  }

  /** @throws TrainSampleError if the image is blurred already */
  #blur(image: TrainImage, index: 0 | 1, draws: TransformDraws): TrainImage {
    if (!(this.#config.prob[index] > draws.next())) return image
    if (image.blur.size > 1) throw new TrainSampleError('the image is blurred twice, expected one SeqBlurAug at most')
    const size = draws.pick(blurSizes)
    const share = draws.next()
    return { ...image, blur: { size, vertical: (1 / size) * share, horizontal: (1 / size) * (1 - share) } }
  }
}

const blurSizes = [5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45] as const

/** What the model wants of its images: the last step, whatever the pipeline does before. */
export class ImageNormalisation implements TrainTransform {
  readonly #config: ImgNormConfig

  constructor(config: ImgNormConfig) {
    this.#config = config
  }

  apply([template, search]: TrainPair): TrainPair {
    return [this.#normalise(template), this.#normalise(search)]
  }

  #normalise(image: TrainImage): TrainImage {
    const { mean, std, to_rgb } = this.#config
    const color = std.flatMap((deviation, channel) => {
      const row = 4 * (to_rgb ? 2 - channel : channel)
      const values = image.color.slice(row, row + 4)
      return values.map((value, i) => (i === 3 ? value - (mean[channel] ?? 0) : value) / deviation)
    })
    return { ...image, color }
  }
}

/** The transform of a step; undefined for steps that only load, collect or format. */
export function trainTransform(step: TrainStep): TrainTransform | undefined {
  switch (step.type) {
    case 'SeqCropLikeSiamFC':
      return new SeqCropLikeSiamFC(step)
    case 'SeqShiftScaleAug':
      return new SeqShiftScaleAug(step)
    case 'SeqColorAug':
      return new SeqColorAug(step)
    case 'SeqGrayAug':
      return new SeqGrayAug(step)
    case 'SeqBlurAug':
      return new SeqBlurAug(step)
    default:
      return undefined
  }
}

function toFloat32(box: Xyxy): Xyxy {
  return [Math.fround(box[0]), Math.fround(box[1]), Math.fround(box[2]), Math.fround(box[3])]
}
