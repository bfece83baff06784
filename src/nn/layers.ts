// The layers that a network is written over, once, whatever its maps are: tensors of a recording with folded weights (tracking),
// of a tape (training), or sizes alone (counting). A map may have several parts side by side, the outputs of convolutions that
// read the same input; layers that say nothing else work on all parts alike.

import type { Activation } from '../kernels/activation.ts'
import type { ConvSpec } from './conv-module.ts'

/** What follows a convolution and its batch norm or bias. */
export interface After<T> {
  /** Added before the activation. */
  readonly residual?: T
  /** Default: none. */
  readonly activation?: Activation
}

/** Square windows. */
export interface Window {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
}

/** Layers over maps of type T, `[N, h, w, C]`. Labels name outputs in profiles and listings. */
export interface Layers<T> {
  /**
   * A convolution with its batch norm or bias, the residual and the activation. Several convolutions of one input and geometry
   * give a map of several parts.
   */
  conv(input: T, specs: ConvSpec | readonly [ConvSpec, ...ConvSpec[]], after?: After<T>): T
  /** Maximum of each window. */
  maxPool(input: T, window: Window, label: string): T
  /** The middle `size` x `size`. */
  centerCrop(input: T, size: number, label: string): T
  /** Bilinear, corners aligned, to the size of another map; a map of that size stays as it is. */
  resizeLike(input: T, other: T, label: string): T
  /** Each channel correlated with the same channel of the sample's kernel. */
  correlation(input: T, kernel: T, label: string): T
  /** One part of a map. */
  part(map: T, index: number): T
  /** Sum with the softmax of the parameter of this name (one logit for each map), or the average without one. */
  weightedSum(maps: readonly T[], weights: string | undefined, label: string): T
  /** Shows a map to an observer, if there is one, under a name for each of its parts. */
  observe(names: string | readonly string[], map: T): void
  /** Shows an observer, if there is one, a convolution without batch norm, bias and activation. */
  observeBare(input: T, spec: ConvSpec): void
}

/** The specs of a `conv` call as a list. */
export function specList(specs: ConvSpec | readonly [ConvSpec, ...ConvSpec[]]): readonly [ConvSpec, ...ConvSpec[]] {
  return 'name' in specs ? [specs] : specs
}
