// Layers that compute nothing: they list what a network does, every operation with its sizes, in the order of computation.
// Geometry, benches and other frameworks' graphs come from this list.

import type { Activation } from '../kernels/activation.ts'
import type { ConvSpec } from './conv-module.ts'
import { ModuleStateError } from './errors.ts'
import { type After, type Layers, specList, type Window } from './layers.ts'

/** A square map by name. */
export interface Feature {
  readonly name: string
  readonly channels: number
  /** Height and width; below 1 where the image is too small for the network. */
  readonly size: number
}

/** A convolution with what follows it: batch norm or bias, sum with `residual`, activation. */
export interface ConvNode {
  readonly op: 'conv'
  readonly spec: ConvSpec
  readonly input: string
  readonly output: string
  readonly residual: string | undefined
  readonly activation: Activation
  readonly inSize: number
  readonly outSize: number
}

/** Maximum of square windows. */
export interface PoolNode extends Window {
  readonly op: 'maxPool'
  readonly input: string
  readonly output: string
  readonly channels: number
  readonly inSize: number
  readonly outSize: number
}

/** Bilinear interpolation, corners aligned. */
export interface ResizeNode {
  readonly op: 'resize'
  readonly input: string
  readonly output: string
  readonly channels: number
  readonly inSize: number
  readonly outSize: number
}

/** The middle of a map. */
export interface CropNode {
  readonly op: 'centerCrop'
  readonly input: string
  readonly output: string
  readonly channels: number
  readonly inSize: number
  readonly outSize: number
}

/** Each channel of `input` correlated with the same channel of `kernel`. */
export interface CorrelationNode {
  readonly op: 'correlation'
  readonly input: string
  readonly kernel: string
  readonly output: string
  readonly channels: number
  readonly inSize: number
  readonly kernelSize: number
  readonly outSize: number
}

/** Sum weighed by the softmax of the tensor `weights`; undefined: the average. */
export interface WeightedSumNode {
  readonly op: 'weightedSum'
  readonly inputs: readonly string[]
  readonly output: string
  readonly weights: string | undefined
  readonly channels: number
  readonly outSize: number
}

export type NetworkNode = ConvNode | PoolNode | ResizeNode | CropNode | CorrelationNode | WeightedSumNode

/** Convolutions that are one call, and one filter where weights are folded. */
export interface ConvCall {
  readonly specs: readonly [ConvSpec, ...ConvSpec[]]
  readonly inSize: number
  readonly outSize: number
}

/** The parts of a map. */
export type Features = readonly Feature[]

export class CountingLayers implements Layers<Features> {
  readonly nodes: NetworkNode[] = []
  readonly convs: ConvCall[] = []

  conv(
    input: Features,
    specs: ConvSpec | readonly [ConvSpec, ...ConvSpec[]],
    { residual, activation = 'none' }: After<Features> = {},
  ): Features {
    const { name, size: inSize } = single(input, 'conv')
    const list = specList(specs)
    const outSize = convSize(inSize, list[0])
    this.convs.push({ specs: list, inSize, outSize })
    return list.map((spec) => {
      const sizes = { inSize, outSize }
      const added = residual && single(residual, 'conv').name
      this.nodes.push({ op: 'conv', spec, input: name, output: spec.name, residual: added, activation, ...sizes })
      return { name: spec.name, channels: spec.outChannels, size: outSize }
    })
  }

  maxPool(input: Features, window: Window, label: string): Features {
    const { name, channels, size: inSize } = single(input, label)
    const outSize = Math.floor((inSize + 2 * window.padding - window.kernel) / window.stride) + 1
    this.nodes.push({ op: 'maxPool', input: name, output: label, channels, inSize, outSize, ...window })
    return [{ name: label, channels, size: outSize }]
  }

  centerCrop(input: Features, size: number, label: string): Features {
    const { name, channels, size: inSize } = single(input, label)
    this.nodes.push({ op: 'centerCrop', input: name, output: label, channels, inSize, outSize: size })
    return [{ name: label, channels, size }]
  }

  resizeLike(input: Features, other: Features, label: string): Features {
    const { name, channels, size: inSize } = single(input, label)
    const { size: outSize } = single(other, label)
    if (inSize === outSize) return input
    this.nodes.push({ op: 'resize', input: name, output: label, channels, inSize, outSize })
    return [{ name: label, channels, size: outSize }]
  }

  correlation(input: Features, kernel: Features, label: string): Features {
    return input.map(({ name, channels, size: inSize }, index) => {
      const { name: kernelName, size: kernelSize } = partOf(kernel, index)
      const outSize = inSize - kernelSize + 1
      const output = input.length > 1 ? `${label}.${index}` : label
      const sizes = { channels, inSize, kernelSize, outSize }
      this.nodes.push({ op: 'correlation', input: name, kernel: kernelName, output, ...sizes })
      return { name: output, channels, size: outSize }
    })
  }

  part(map: Features, index: number): Features {
    return [partOf(map, index)]
  }

  weightedSum(maps: readonly Features[], weights: string | undefined, label: string): Features {
    const parts = maps.map((map) => single(map, label))
    const { channels = 0, size = 0 } = parts[0] ?? {}
    const inputs = parts.map(({ name }) => name)
    this.nodes.push({ op: 'weightedSum', inputs, output: label, weights, channels, outSize: size })
    return [{ name: label, channels, size }]
  }

  observe(): void {}

  observeBare(): void {}
}

function convSize(size: number, { padding, dilation, kernel, stride }: ConvSpec): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
}

function partOf(map: Features, index: number): Feature {
  const part = map[index]
  if (part) return part
  throw new ModuleStateError(`part ${index} of a map of ${map.length} parts: expected one of them`)
}

/** The one part of a map. @throws ModuleStateError if it has several */
function single(map: Features, label: string): Feature {
  if (map.length === 1) return partOf(map, 0)
  throw new ModuleStateError(`${label}: found a map of ${map.length} parts, expected one`)
}
