// What datasets ask of decoders: two frames to a pair, and where the pixels of each come from.

import type { Random } from 'siamrpn'
import type { DecodedPair, PairFrame, PairSample } from 'siamrpn/train'

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

/** One of the two images of a pair, and where its pixels come from. */
export interface SourcedFrame extends PairFrame {
  readonly source: PixelSource
}

/** A training sample whose pixels are to be decoded. */
export interface PairRequest extends PairSample {
  readonly template: SourcedFrame
  readonly search: SourcedFrame
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

/** A pair with its pixels, and where they came from. */
export interface LoadedPair extends DecodedPair {
  readonly request: PairRequest
}
