// The steps of a `train_pipeline` that makes its images on the host: what each draws at random and does to a pair. They stand
// beside MMTracking's steps for what those cannot do: turns, mirrors, parts of objects as targets, other light, things in front.

import type { Config, Random, RgbFrame } from 'siamrpn'
import type { Xyxy } from 'siamrpn/train'
import { applyLight, colorTables, makeGrey, randomLight } from './light.ts'
import { compose, contextSide, identity, type Linear, mirror, randomMotion, scaled, turnedSize } from './linear.ts'
import { Photograph, type Picture } from './picture.ts'
import { drawPicture, type Fill, sourceMap } from './resample.ts'
import { addNoise, blurred, randomBlur } from './sensor.ts'

export type TrainSteps = NonNullable<Config['train_pipeline']>
export type TrainStep = TrainSteps[number]
type StepOf<Type extends TrainStep['type']> = Extract<TrainStep, { type: Type }>

/** The two pictures of a pair before windows are cut. */
export interface OpenPair {
  readonly pictures: readonly [Picture, Picture]
  readonly boxes: readonly [Xyxy, Xyxy]
  readonly positive: boolean
  /** Both are the same image. */
  readonly still: boolean
}

/** The two windows. Steps may change pixels in place. */
export interface CroppedPair {
  readonly images: readonly [RgbFrame, RgbFrame]
  /** In pixels of the windows. */
  readonly boxes: readonly [Xyxy, Xyxy]
  readonly positive: boolean
}

const subBoxTries = 4

/**
 * With `prob`, a textured rectangle inside or around the box becomes the target, of still pairs only: it teaches that the
 * exemplar says what the target is, not what looks like a thing.
 */
export function subBox(step: StepOf<'SeqSubBox'>, pair: OpenPair, random: Random): OpenPair {
  const [picture] = pair.pictures
  const applies = pair.still && pair.positive && picture instanceof Photograph
  if (!applies || !(random.next() < step.prob)) return pair
  for (let k = 0; k < subBoxTries; k++) {
    const box = randomPart(pair.boxes[0], picture, step.size, random)
    const [width, height] = [box[2] - box[0], box[3] - box[1]]
    const shaped = Math.min(width, height) > step.min_size && aspect(width, height) < step.max_ratio
    if (shaped && picture.contrast(...box) > step.min_contrast) return { ...pair, boxes: [box, box] }
  }
  return pair
}

function randomPart(
  [left, top, right, bottom]: Xyxy,
  picture: Picture,
  [least, most]: readonly [number, number],
  random: Random,
): Xyxy {
  const [boxWidth, boxHeight] = [right - left, bottom - top]
  const part = [boxWidth * random.uniform(least, most), boxHeight * random.uniform(least, most)] as const
  const [across, down] = random.next() < turnedParts ? [part[1], part[0]] : part
  const [width, height] = [Math.min(across, 0.9 * picture.width), Math.min(down, 0.9 * picture.height)]
  const middle = (from: number, to: number, size: number, limit: number) => {
    const place = (from + to) / 2 + random.uniform(-partShift, partShift) * (to - from)
    return Math.min(Math.max(place, size / 2), limit - size / 2)
  }
  const x = middle(left, right, width, picture.width)
  const y = middle(top, bottom, height, picture.height)
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
}

/** Share of parts that are as wide as they would be high, and the largest shift of their middle in parts of the box. */
const turnedParts = 0.3
const partShift = 0.35

function aspect(width: number, height: number): number {
  return Math.max(width, height) / Math.min(width, height)
}

/** Cuts both windows: scaled so that the exemplar's context fills its window, moved, turned, stretched and mirrored at random. */
export function affineCrop(step: StepOf<'SeqAffineCrop'>, pair: OpenPair, random: Random): CroppedPair {
  const flip = random.next() < step.flip_prob ? mirror : identity
  const crops = ([0, 1] as const).map((index) => {
    const picture = pair.pictures[index]
    const [left, top, right, bottom] = pair.boxes[index]
    const size = step.target_size[index]
    const scale = step.exemplar_size / contextSide(right - left, bottom - top, step.context_amount)
    const far = index === 1 && random.next() < step.far_prob
    const reach = (size / 2) * (far ? step.far_shift : step.shift[index])
    const middle = (size - 1) / 2
    const to = [middle + random.uniform(-reach, reach), middle + random.uniform(-reach, reach)] as const
    const zoom = Math.exp(random.uniform(-step.scale[index], step.scale[index]))
    const motion = randomMotion(random, step.rotate[index], step.stretch[index])
    const map: Linear = scaled(compose(motion, flip), scale * zoom)
    const antialias = random.next() < step.antialias_prob
    const from = [(left + right) / 2, (top + bottom) / 2] as const
    const image = picture.draw({ map, from, to, size, fill: randomFill(step.fill, picture, random), antialias })
    const [width, height] = turnedSize(map, right - left, bottom - top)
    const box: Xyxy = [to[0] - width / 2, to[1] - height / 2, to[0] + width / 2, to[1] + height / 2]
    return { image, box }
  })
  const [template, search] = crops as [(typeof crops)[number], (typeof crops)[number]]
  return { images: [template.image, search.image], boxes: [template.box, search.box], positive: pair.positive }
}

function randomFill(weights: StepOf<'SeqAffineCrop'>['fill'], picture: Picture, random: Random): Fill {
  const { mean, replicate, random: any, zero } = weights
  const draw = random.next() * (mean + replicate + any + zero)
  if (draw < mean) return picture.mean()
  if (draw < mean + replicate) return 'replicate'
  if (draw < mean + replicate + any) return [random.uniform(0, 255), random.uniform(0, 255), random.uniform(0, 255)]
  return [0, 0, 0]
}

/** Side of the piece that covers an object, in pixels, and its scale: a piece of 96 pixels of the picture. */
const pieceSize = 24
const pieceScale = 0.25

/** Covers up to some 40 % of a shown object in the search window by a bar: a piece of another picture. */
export function occlude(pair: CroppedPair, picture: Picture, random: Random): void {
  const [left, top, right, bottom] = pair.boxes[1]
  const [narrow, wide] = [random.uniform(0.15, 0.4), random.uniform(0.5, 1.2)]
  const upright = random.next() < 0.5
  const [width, height] = [(right - left) * (upright ? narrow : wide), (bottom - top) * (upright ? wide : narrow)]
  const x = (left + right) / 2 + random.uniform(-0.5, 0.5) * (right - left)
  const y = (top + bottom) / 2 + random.uniform(-0.5, 0.5) * (bottom - top)
  const [, image] = pair.images
  const [x0, y0] = [Math.max(0, Math.round(x - width / 2)), Math.max(0, Math.round(y - height / 2))]
  const w = Math.min(image.width, Math.round(x + width / 2)) - x0
  const h = Math.min(image.height, Math.round(y + height / 2)) - y0
  if (w < 2 || h < 2) return
  const place = (size: number) => random.uniform(0, Math.max(1, size - pieceSize / pieceScale))
  const piece = picture.draw({
    map: scaled(identity, pieceScale),
    from: [place(picture.width), place(picture.height)],
    to: [0, 0],
    size: pieceSize,
    fill: 'replicate',
    antialias: true,
  })
  const cover = drawPicture(piece, sourceMap([w / pieceSize, 0, 0, h / pieceSize], [0, 0], [0, 0]), w, h, 'replicate')
  for (let row = 0; row < h; row++) {
    image.data.set(cover.data.subarray(3 * w * row, 3 * w * (row + 1)), 3 * ((y0 + row) * image.width + x0))
  }
}

/** Other light: the same on both windows with `prob`, then one of its own on the search window with `search_prob`. */
export function lightAug(step: StepOf<'SeqLightAug'>, pair: CroppedPair, random: Random): void {
  if (random.next() < step.prob) {
    const tables = colorTables(randomLight(random, step.amount))
    for (const image of pair.images) applyLight(image, tables)
  }
  if (random.next() < step.search_prob) {
    applyLight(pair.images[1], colorTables(randomLight(random, step.search_amount)))
  }
}

/** Both windows grey. */
export function greyAug({ prob }: StepOf<'SeqGrayAug'>, pair: CroppedPair, random: Random): void {
  if (random.next() < prob) for (const image of pair.images) makeGrey(image)
}

/** A window out of focus or moved. */
export function focusAug({ prob }: StepOf<'SeqFocusAug'>, pair: CroppedPair, random: Random): CroppedPair {
  const [template, search] = pair.images.map((image, index) =>
    random.next() < (prob[index] ?? 0) ? blurred(image, randomBlur(random)) : image,
  ) as [RgbFrame, RgbFrame]
  return { ...pair, images: [template, search] }
}

/** Noise on a window. */
export function noiseAug({ prob, std }: StepOf<'SeqNoiseAug'>, pair: CroppedPair, random: Random): void {
  for (const [index, image] of pair.images.entries()) {
    if (random.next() < (prob[index] ?? 0)) addNoise(image, random.uniform(...std), random)
  }
}
