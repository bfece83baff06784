// The types of training pairs: a dataset names two frames (PairRequest), a decoder makes pixels of each, and the pixel
// pipeline makes a training batch of them. Source of the pairs: mmtrack/datasets/sot_train_dataset.py.

import type { RgbFrame } from '../../siamrpn/frame.ts'
import type { Random } from '../../siamrpn/random.ts'

/** Left, top, right, bottom in pixels of the frame. */
export type Xyxy = readonly [number, number, number, number]

/** Where a frame's pixels come from; plain data, so that a worker can be asked for it. */
export type PixelSource =
  | { readonly kind: 'file'; readonly path: string }
  | CollageSource
  /** Frame `frame` of the clip that `SyntheticClips` renders for `seed` and `clip`, of this size and length. */
  | {
      readonly kind: 'synthetic'
      readonly seed: number
      readonly clip: number
      readonly frame: number
      readonly width: number
      readonly height: number
      readonly frames: number
      /** x, y, width, height in pixels: nothing else is looked at, and need not be rendered. */
      readonly window?: readonly [x: number, y: number, width: number, height: number]
    }

/** A map of the plane: x' = a x + b y, y' = c x + d y. */
type LinearMap = readonly [a: number, b: number, c: number, d: number]

/** Something laid into a collage: the place `from` of its own image comes to lie at `to`; the map says what lies around. */
interface Laid {
  readonly path: string
  readonly map: LinearMap
  readonly from: readonly [x: number, y: number]
  readonly to: readonly [x: number, y: number]
}

/** An object with a mask in a collage. */
export interface CollageObject extends Laid {
  /** File of the mask, as large as the image. */
  readonly mask: string
  /** On the object alone: clip(t * gain + offset) ^ gamma * tint for a color t in [0, 1]. */
  readonly light?: {
    readonly gain: number
    readonly offset: number
    readonly gamma: number
    readonly tint: readonly [number, number, number]
  }
}

/** Objects over a photograph, the last one on top. */
export interface CollageSource {
  readonly kind: 'collage'
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** `from` in parts of the photograph's sides. With what it shows outside of itself. */
  readonly background: Laid & { readonly fill: 'mean' | 'replicate' | readonly [number, number, number] }
  readonly objects: readonly CollageObject[]
}

/** One of the two images of a pair. */
export interface PairFrame {
  readonly source: PixelSource
  readonly box: Xyxy
}

/** A training sample: the template's frame, the search frame, and whether both show the same object. */
export interface PairRequest {
  /** Names the sample in messages: dataset, video, frames. */
  readonly id: string
  readonly template: PairFrame
  readonly search: PairFrame
  readonly positive: boolean
}

/** A training dataset. Sample `index` of an epoch draws everything it needs from `random`, which is keyed by the caller. */
export interface PairDataset {
  readonly length: number
  /** How many an epoch draws if the configuration does not say; absent: each sample once. */
  readonly samplesPerEpoch?: number | undefined
  /** Told before each epoch; datasets that pick a new subset per epoch do it here, from the seed. */
  startEpoch?(epoch: number, seed: number): void
  sample(index: number, random: Random): PairRequest
}

/** A pair with its pixels, ready for the pipeline. `random` continues the sample's own stream. */
export interface DecodedPair {
  readonly request: PairRequest
  readonly template: RgbFrame
  readonly search: RgbFrame
  /** The objects in both, where the images are finished windows; absent: the request's boxes. */
  readonly boxes?: readonly [Xyxy, Xyxy]
  readonly random: Random
}
