// Layers for a network that only runs: batch norms folded into their convolutions, residual and activation in the same dispatch,
// convolutions of one input in one filter. Their outputs lie side by side in one tensor; a part is a range of its channels.

import type { Device } from '../gpu/device.ts'
import type { Precision } from '../gpu/half.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { depthwiseCorrelation } from '../kernels/correlation.ts'
import { bilinearResize } from '../kernels/resize.ts'
import { centerCrop, maxPool } from '../kernels/spatial.ts'
import { weightedSum } from '../kernels/weighted-sum.ts'
import { ConvModule, type ConvSpec, type WeightSource } from './conv-module.ts'
import { ModuleStateError } from './errors.ts'
import { type After, type Layers, specList, type Window } from './layers.ts'

/** Channels `first .. first + count` of a tensor that holds several modules' outputs side by side. */
export interface ChannelRange {
  readonly first: number
  readonly count: number
}

/** Called while a forward pass is recorded; keep the tensor (`recorder.keep`) to read it after a run. */
export type Observe = (module: string, tensor: GpuTensor, channels?: ChannelRange) => void

/** Some channels of a tensor, and the widths of the parts that they are made of. */
export interface FoldedMap extends ChannelRange {
  readonly tensor: GpuTensor
  readonly parts: readonly number[]
}

/** A tensor as a map. @param parts channels of each part; default: one part, all of them */
export function foldedMap(tensor: GpuTensor, parts: readonly number[] = [tensor.shape.at(-1) ?? 0]): FoldedMap {
  return { tensor, first: 0, count: tensor.shape.at(-1) ?? 0, parts }
}

/** Told after each convolution whose weights are on the device. */
export type OnLoaded = (done: number, total: number) => void

/** Convolutions that share a filter, and the sizes of the inputs that they are given, each once. */
export interface ConvUse {
  readonly specs: readonly [ConvSpec, ...ConvSpec[]]
  readonly inSizes: readonly number[]
}

/** The weights of a network that only runs, on a device. */
export class FoldedWeights {
  readonly #modules = new Map<string, ConvModule>()
  readonly #vectorNames: readonly string[]
  readonly #vectors = new Map<string, GpuTensor>()

  /**
   * @param convs every convolution of the network, with the inputs that it is given
   * @param vectors names of the logits of weighted sums
   * @param precision of the filters as they are stored
   */
  constructor(convs: readonly ConvUse[], vectors: readonly string[], precision: Precision = 'f32') {
    for (const { specs, inSizes } of convs) {
      this.#modules.set(specs[0].name, new ConvModule(specs, { inputSizes: inSizes, precision }))
    }
    this.#vectorNames = vectors
  }

  /** Uploads all weights; on failure none stay. @throws whatever `weights` throws for a missing name; OutOfMemoryError */
  async load(device: Device, weights: WeightSource, onLoaded: OnLoaded = () => {}): Promise<void> {
    this.#releaseVectors(device)
    try {
      let done = 0
      for (const module of this.#modules.values()) {
        await module.load(device, weights)
        onLoaded(++done, this.#modules.size)
        // A turn of the event loop: progress is drawn, and buffers whose contents have been taken over are freed.
        await new Promise((resolve) => setTimeout(resolve))
      }
      for (const name of this.#vectorNames) {
        const values = weights(name)
        this.#vectors.set(name, device.tensor(values, [values.length], name))
      }
      await device.settle()
    } catch (error) {
      this.release(device)
      throw error
    }
  }

  /** @throws ModuleStateError if the network has no such convolution */
  module({ name }: ConvSpec): ConvModule {
    const module = this.#modules.get(name)
    if (module) return module
    throw new ModuleStateError(`The network has no convolution \`${name}\``)
  }

  /** @throws ModuleStateError if the vector has not been loaded */
  vector(name: string): GpuTensor {
    const vector = this.#vectors.get(name)
    if (vector) return vector
    throw new ModuleStateError(`Module \`${name}\` has no weights; load them before it is used`)
  }

  /** Frees the device memory. */
  release(device: Device): void {
    for (const module of this.#modules.values()) module.release(device)
    this.#releaseVectors(device)
  }

  #releaseVectors(device: Device): void {
    for (const vector of this.#vectors.values()) device.release(vector)
    this.#vectors.clear()
  }
}

export class FoldedLayers implements Layers<FoldedMap> {
  readonly #r: Recorder
  readonly #weights: FoldedWeights
  readonly #observe: Observe | undefined

  constructor(recorder: Recorder, weights: FoldedWeights, observe?: Observe) {
    this.#r = recorder
    this.#weights = weights
    this.#observe = observe
  }

  conv(
    input: FoldedMap,
    specs: ConvSpec | readonly [ConvSpec, ...ConvSpec[]],
    { residual, activation }: After<FoldedMap> = {},
  ): FoldedMap {
    const list = specList(specs)
    const { tensor, first, count } = input
    const view = count === tensor.shape.at(-1) ? {} : { firstChannel: first }
    const after = {
      residual: residual && whole(residual, list[0].name),
      activation,
      ...view,
    }
    const output = this.#weights.module(list[0]).forward(this.#r, tensor, after)
    return foldedMap(
      output,
      list.map(({ outChannels }) => outChannels),
    )
  }

  maxPool(input: FoldedMap, window: Window, label: string): FoldedMap {
    return { ...input, tensor: maxPool(this.#r, { input: whole(input, label), ...window, label }) }
  }

  centerCrop(input: FoldedMap, size: number, label: string): FoldedMap {
    return { ...input, tensor: centerCrop(this.#r, { input: whole(input, label), size, label }) }
  }

  resizeLike(input: FoldedMap, { tensor: other }: FoldedMap, label: string): FoldedMap {
    const [, size = 0] = other.shape
    if (input.tensor.shape[1] === size) return input
    return {
      ...input,
      tensor: bilinearResize(this.#r, { input: whole(input, label), size, alignCorners: true, label }),
    }
  }

  correlation(input: FoldedMap, kernel: FoldedMap, label: string): FoldedMap {
    const maps = { input: whole(input, label), kernel: whole(kernel, label) }
    return { ...input, tensor: depthwiseCorrelation(this.#r, { ...maps, label }) }
  }

  part({ tensor, first, parts }: FoldedMap, index: number): FoldedMap {
    const count = parts[index]
    if (count === undefined) {
      throw new ModuleStateError(`part ${index} of \`${tensor.label}\`: expected one of ${parts.length}`)
    }
    const before = parts.slice(0, index).reduce((sum, width) => sum + width, 0)
    return { tensor, first: first + before, count, parts: [count] }
  }

  weightedSum(maps: readonly FoldedMap[], weights: string | undefined, label: string): FoldedMap {
    const inputs = maps.map((map) => whole(map, label))
    const logits = weights === undefined ? {} : { weights: this.#weights.vector(weights) }
    return foldedMap(weightedSum(this.#r, { inputs, ...logits, label }))
  }

  observe(names: string | readonly string[], { tensor, first, parts }: FoldedMap): void {
    if (!this.#observe) return
    if (typeof names === 'string') {
      this.#observe(names, tensor)
      return
    }
    let at = first
    for (const [index, name] of names.entries()) {
      const count = parts[index] ?? 0
      this.#observe(name, tensor, { first: at, count })
      at += count
    }
  }

  observeBare(input: FoldedMap, spec: ConvSpec): void {
    if (!this.#observe) return
    this.#observe(spec.name, this.#weights.module(spec).convolve(this.#r, whole(input, spec.name)))
  }
}

/** The tensor of a map that has all of its channels. @throws ModuleStateError for a part of one */
function whole({ tensor, count }: FoldedMap, label: string): GpuTensor {
  if (count === tensor.shape.at(-1)) return tensor
  throw new ModuleStateError(`${label}: found ${count} channels of \`${tensor.label}\`, expected all of them`)
}
