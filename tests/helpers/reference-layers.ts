// Layers in float64 by their definitions: what a network over any other layers is compared with.

import type { ConvSpec, WeightSource } from '../../src/nn/conv-module.ts'
import { type After, type Layers, specList, type Window } from '../../src/nn/layers.ts'
import { conv2d } from '../reference/conv2d.ts'
import * as elementwise from '../reference/elementwise.ts'
import * as spatial from '../reference/spatial.ts'
import type { HostTensor } from './tensors.ts'

/** The parts of a map. */
type Maps = readonly HostTensor[]

export class ReferenceLayers implements Layers<Maps> {
  readonly #weights: WeightSource

  constructor(weights: WeightSource) {
    this.#weights = weights
  }

  conv([input]: Maps, specs: ConvSpec | readonly [ConvSpec, ...ConvSpec[]], after: After<Maps> = {}): Maps {
    return specList(specs).map((spec) => {
      const { name, norm, outChannels, inChannels, kernel, groups = 1, stride, padding, dilation, eps } = spec
      const vector = (key: string): HostTensor => ({ data: this.#weights(key), shape: [outChannels] })
      const shape = [outChannels, inChannels / groups, kernel, kernel]
      const image = input!.shape[3] === inChannels ? input! : firstChannels(input!, inChannels)
      const weight = { data: this.#weights(`${name}.weight`), shape }
      const bias = spec.bias ? { bias: vector(`${name}.bias`) } : {}
      const convolved = conv2d({ input: image, weight, stride, padding, dilation, groups, ...bias })
      const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((key) =>
        norm ? vector(`${norm}.${key}`).data : new Float32Array(),
      )
      const affine = { gamma: gamma!, beta: beta!, mean: mean!, variance: variance! }
      const normed = norm ? elementwise.batchNorm(convolved, affine, eps) : convolved
      const summed = after.residual ? elementwise.add(normed, after.residual[0]!) : normed
      return elementwise.activate(summed, after.activation)
    })
  }

  maxPool([input]: Maps, { kernel, stride, padding }: Window): Maps {
    return [spatial.maxPool(input!, kernel, stride, padding)]
  }

  centerCrop(input: Maps, size: number): Maps {
    return input.map((part) => spatial.centerCrop(part, size))
  }

  resizeLike([input]: Maps, [other]: Maps): Maps {
    return [spatial.bilinearResize(input!, other!.shape[1]!, true)]
  }

  correlation(input: Maps, kernel: Maps): Maps {
    return input.map((part, index) => spatial.depthwiseCorrelation(part, kernel[index]!))
  }

  part(map: Maps, index: number): Maps {
    return [map[index]!]
  }

  weightedSum(maps: readonly Maps[], weights: string | undefined): Maps {
    const inputs = maps.map(([map]) => map!)
    return [elementwise.weightedSum(inputs, weights === undefined ? undefined : this.#weights(weights))]
  }

  observe(): void {}

  observeBare(): void {}
}

function firstChannels({ data, shape }: HostTensor, count: number): HostTensor {
  const [n = 0, h = 0, w = 0, channels = 1] = shape
  const picked = Float64Array.from(
    { length: n * h * w * count },
    (_, i) => data[Math.floor(i / count) * channels + (i % count)]!,
  )
  return { data: picked, shape: [n, h, w, count] }
}
