// The types of training pairs that the pixel pipeline makes batches of. Source of the pairs: mmtrack/datasets/sot_train_dataset.py.

import type { RgbFrame } from '../../siamrpn/frame.ts'
import type { Random } from '../../siamrpn/random.ts'

/** Left, top, right, bottom in pixels of the frame. */
export type Xyxy = readonly [number, number, number, number]

/** One of the two images of a pair. */
export interface PairFrame {
  /** Where the object is. */
  readonly box: Xyxy
}

/** A training sample: the template's frame, the search frame, and whether both show the same object. */
export interface PairSample {
  /** Names the sample in messages: dataset, video, frames. */
  readonly id: string
  readonly template: PairFrame
  readonly search: PairFrame
  readonly positive: boolean
}

/** A pair with its pixels, ready for the pipeline. `random` continues the sample's own stream. */
export interface DecodedPair {
  readonly request: PairSample
  readonly template: RgbFrame
  readonly search: RgbFrame
  /** The objects in both, where the images are finished windows; absent: the request's boxes. */
  readonly boxes?: readonly [Xyxy, Xyxy]
  readonly random: Random
}
