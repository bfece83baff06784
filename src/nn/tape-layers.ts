// Layers for a network that trains: every convolution and batch norm with parameters of its own, recorded on a tape. A map's
// parts are tensors of their own.

import type { Device } from '../gpu/device.ts'
import type { Tape, Tensor } from './autograd.ts'
import type { ConvSpec, WeightSource } from './conv-module.ts'
import { ModuleStateError } from './errors.ts'
import { type After, type Layers, specList, type Window } from './layers.ts'
import * as ops from './ops.ts'
import { Parameter } from './parameter.ts'
import { TrainableConv, type TrainableNorm, type TrainingMode } from './trainable-conv.ts'

/** The weights of a network that trains, on a device. */
export class TapeWeights {
  readonly convs: ReadonlyMap<string, TrainableConv>
  /** Logits of weighted sums. */
  readonly vectors: ReadonlyMap<string, Parameter>

  /**
   * Uploads all weights. @throws whatever `weights` throws for a missing name; OutOfMemoryError
   * @param momentum of the running statistics of a convolution's batch norm
   */
  constructor(device: Device, { convs, vectors, weights, momentum }: TapeWeightsSource) {
    this.convs = new Map(
      convs.map((spec) => [spec.name, new TrainableConv(device, spec, weights, { momentum: momentum(spec) })]),
    )
    this.vectors = new Map(
      vectors.map((name) => {
        const values = weights(name)
        return [name, new Parameter(device, { name, shape: [values.length], values })]
      }),
    )
  }

  get parameters(): Parameter[] {
    return [...[...this.convs.values()].flatMap((conv) => conv.parameters), ...this.vectors.values()]
  }

  get norms(): TrainableNorm[] {
    return [...this.convs.values()].flatMap(({ norm }) => norm ?? [])
  }

  /** Frees the device memory. */
  release(device: Device): void {
    for (const conv of this.convs.values()) conv.release(device)
    for (const vector of this.vectors.values()) vector.release(device)
  }
}

export interface TapeWeightsSource {
  readonly convs: readonly ConvSpec[]
  /** Names of the logits of weighted sums. */
  readonly vectors: readonly string[]
  readonly weights: WeightSource
  readonly momentum: (spec: ConvSpec) => number
}

export class TapeLayers implements Layers<readonly Tensor[]> {
  readonly tape: Tape
  /** How often one run of the recording updates running statistics, by batch norm. */
  readonly updates = new Map<string, number>()
  readonly #weights: TapeWeights
  readonly #mode: TrainingMode

  constructor(tape: Tape, weights: TapeWeights, mode: TrainingMode) {
    this.tape = tape
    this.#weights = weights
    this.#mode = mode
  }

  conv(
    input: readonly Tensor[],
    specs: ConvSpec | readonly [ConvSpec, ...ConvSpec[]],
    { residual, activation }: After<readonly Tensor[]> = {},
  ): readonly Tensor[] {
    return specList(specs).map(({ name }) => {
      const conv = this.#weights.convs.get(name)
      if (!conv) throw new ModuleStateError(`The network has no convolution \`${name}\``)
      const norm = conv.norm?.name
      if (norm && this.#mode.usesBatch(norm)) this.updates.set(norm, (this.updates.get(norm) ?? 0) + 1)
      const after = { residual: residual && single(residual, name), activation }
      return conv.forward(this.tape, single(input, name), this.#mode, after)
    })
  }

  maxPool(input: readonly Tensor[], window: Window, label: string): readonly Tensor[] {
    return input.map((part) => ops.maxPool(this.tape, part, { ...window, label }))
  }

  centerCrop(input: readonly Tensor[], size: number, label: string): readonly Tensor[] {
    return input.map((part) => ops.centerCrop(this.tape, part, size, label))
  }

  resizeLike(input: readonly Tensor[], other: readonly Tensor[], label: string): readonly Tensor[] {
    const [, size = 0] = single(other, label).data.shape
    return input.map((part) => {
      return part.data.shape[1] === size
        ? part
        : ops.bilinearResize(this.tape, part, { size, alignCorners: true, label })
    })
  }

  correlation(input: readonly Tensor[], kernel: readonly Tensor[], label: string): readonly Tensor[] {
    return input.map((part, index) => {
      const own = partOf(kernel, index)
      return ops.depthwiseCorrelation(this.tape, part, own, input.length > 1 ? `${label}.${index}` : label)
    })
  }

  part(map: readonly Tensor[], index: number): readonly Tensor[] {
    return [partOf(map, index)]
  }

  weightedSum(maps: readonly (readonly Tensor[])[], weights: string | undefined, label: string): readonly Tensor[] {
    const inputs = maps.map((map) => single(map, label))
    return [ops.weightedSum(this.tape, inputs, weights === undefined ? undefined : this.#vector(weights), label)]
  }

  observe(): void {}

  observeBare(): void {}

  #vector(name: string): Tensor {
    const vector = this.#weights.vectors.get(name)
    if (!vector) throw new ModuleStateError(`The network has no parameter \`${name}\``)
    return this.tape.parameter(vector, this.#mode.trains(name))
  }
}

/** The one part of a map. @throws ModuleStateError if it has several */
export function single(map: readonly Tensor[], label: string): Tensor {
  if (map.length === 1) return partOf(map, 0)
  throw new ModuleStateError(`${label}: found a map of ${map.length} parts, expected one`)
}

function partOf(map: readonly Tensor[], index: number): Tensor {
  const part = map[index]
  if (part) return part
  throw new ModuleStateError(`part ${index} of a map of ${map.length} parts: expected one of them`)
}
