// A pair from its request to two finished windows, by the steps of a host pipeline, wherever this runs: what comes out follows
// from the request and the stream of random numbers alone.

import { ConfigError, type Random } from 'siamrpn'
import type { PairRequest, PixelSource } from '../datasets/pair.ts'
import { listPhotographs } from './photographs.ts'
import type { Picture } from './picture.ts'
import type { Pictures } from './pictures.ts'
import {
  affineCrop,
  type CroppedPair,
  focusAug,
  greyAug,
  lightAug,
  noiseAug,
  type OpenPair,
  occlude,
  subBox,
  type TrainStep,
  type TrainSteps,
} from './steps.ts'

const stepsBefore = ['SeqSubBox'] as const
const cropStep = 'SeqAffineCrop'
const stepsAfter = ['SeqOcclude', 'SeqLightAug', 'SeqGrayAug', 'SeqFocusAug', 'SeqNoiseAug'] as const
/** Steps that name what MMTracking's pipelines load and collect; nothing is left to do for them. */
const naming = [
  'LoadMultiImagesFromFile',
  'SeqLoadAnnotations',
  'VideoCollect',
  'ConcatVideoReferences',
  'ConcatSameTypeFrames',
  'SeqDefaultFormatBundle',
  'PairSampling',
] as const

/** Whether a pipeline makes its images on the host (SeqAffineCrop), not by MMTracking's steps on the device. */
export function isHostPipeline(steps: TrainSteps): boolean {
  return steps.some(({ type }) => type === cropStep)
}

/** Sides of template and search window, pixels. @throws ConfigError without the step that cuts them */
export function windowSizes(steps: TrainSteps): readonly [number, number] {
  const crop = steps.find((step) => step.type === cropStep)
  if (crop?.type === cropStep) return crop.target_size
  const found = steps.map(({ type }) => type)
  throw new ConfigError([{ path: 'train_pipeline', found, expected: `a step ${cropStep}` }])
}

/** @throws ConfigError unless there is one SeqAffineCrop, behind SeqSubBox and before all steps on its windows */
function checkHostSteps(steps: TrainSteps): void {
  const kinds = steps.map(({ type }) => type).filter((type) => !isOneOf(naming, type))
  const crop = kinds.indexOf(cropStep)
  const fits = kinds.every((type, k) =>
    k === crop ? type === cropStep : isOneOf(k < crop ? stepsBefore : stepsAfter, type),
  )
  if (crop >= 0 && fits) return
  const expected = `${stepsBefore.join(', ')} or nothing, one ${cropStep}, then any of ${stepsAfter.join(', ')}`
  throw new ConfigError([{ path: 'train_pipeline', found: kinds, expected }])
}

function isOneOf(kinds: readonly string[], type: string): boolean {
  return kinds.includes(type)
}

type OcclusionStep = Extract<TrainStep, { type: 'SeqOcclude' }>

/** Makes the windows of pairs. */
export class PairCropper {
  readonly #steps: TrainSteps
  readonly #pictures: Pictures
  /** Photographs of the steps that cover objects by pieces of them. */
  readonly #covers = new Map<OcclusionStep, readonly string[]>()

  /** @throws ConfigError; DatasetMissingError for a step whose folder has no photograph */
  constructor(steps: TrainSteps, pictures: Pictures) {
    checkHostSteps(steps)
    this.#steps = steps
    this.#pictures = pictures
    for (const step of steps) {
      if (step.type !== 'SeqOcclude' || step.img_prefix === undefined) continue
      this.#covers.set(step, listPhotographs(step.img_prefix))
    }
  }

  /** @throws SourceNotFoundError, UnreadableImageError that name the file */
  async crop(request: PairRequest, random: Random): Promise<CroppedPair> {
    const { template, search, positive } = request
    const pictures = await Promise.all([this.#pictures.open(template.source), this.#pictures.open(search.source)])
    const still = isSameFile(template.source, search.source)
    let open: OpenPair = { pictures, boxes: [template.box, search.box], positive, still }
    let cropped: CroppedPair | undefined
    for (const step of this.#steps) {
      if (step.type === 'SeqSubBox') open = subBox(step, open, random)
      else if (step.type === 'SeqAffineCrop') cropped = affineCrop(step, open, random)
      else if (cropped !== undefined) cropped = await this.#change(step, cropped, { random, own: pictures[0] })
    }
    if (cropped === undefined) throw new RangeError(`no ${cropStep} among the steps`)
    return cropped
  }

  async #change(
    step: TrainStep,
    pair: CroppedPair,
    { random, own }: { readonly random: Random; readonly own: Picture },
  ): Promise<CroppedPair> {
    switch (step.type) {
      case 'SeqOcclude': {
        if (!(random.next() < step.prob) || !pair.positive) return pair
        const covers = this.#covers.get(step) ?? []
        const cover = covers.length > 0 ? covers[random.integer(covers.length)] : undefined
        occlude(pair, cover === undefined ? own : await this.#pictures.photograph(cover), random)
        return pair
      }
      case 'SeqLightAug':
        lightAug(step, pair, random)
        return pair
      case 'SeqGrayAug':
        greyAug(step, pair, random)
        return pair
      case 'SeqFocusAug':
        return focusAug(step, pair, random)
      case 'SeqNoiseAug':
        noiseAug(step, pair, random)
        return pair
      default:
        return pair
    }
  }
}

function isSameFile(a: PixelSource, b: PixelSource): boolean {
  return a.kind === 'file' && b.kind === 'file' && a.path === b.path
}
