// The interface of a backbone, as the tracker uses it.

import type { ConvSpec } from '../nn/conv-module.ts'
import type { Layers } from '../nn/layers.ts'

/** A network from an image to maps of several levels. */
export interface Backbone {
  /** Every convolution, in PyTorch's order. */
  readonly convs: readonly ConvSpec[]
  /** Channels of the outputs, one per level. */
  readonly outChannels: readonly number[]
  /** Pixels per position of the outputs, one per level. */
  readonly strides: readonly number[]
  /**
   * @param images `[N, H, W, 4]`
   * @returns the stages of `out_indices`, `[N, h, w, C]` each
   */
  forward<T>(layers: Layers<T>, images: T): T[]
}
