// The search branch of SiamRPN++ as data: every layer of one tracked frame between the crop and the choice of the box, in the
// order of computation. The benches take their shapes from it, and the peers their network.

import { type ConvSpec, convShapes } from '../src/nn/conv-module.ts'
import { CountingLayers, type Feature, type Features, type NetworkNode } from '../src/nn/counting-layers.ts'
import type { ModelConfig } from '../src/siamrpn/config.ts'
import { SiameseNetwork } from '../src/siamrpn/siamese-network.ts'

export interface SearchNetwork {
  /** The search image: blue, green, red. */
  readonly image: Feature
  /** The target's correlation kernels, computed once per target: `cls_kernel0`, ..., `reg_kernel0`, ... */
  readonly kernels: readonly Feature[]
  readonly nodes: readonly NetworkNode[]
  /** `cls`, channel `class * A + anchor`, and `bbox`, channel `coordinate * A + anchor`. */
  readonly outputs: readonly Feature[]
}

/** What the outputs are called. */
const outputNames = ['cls', 'bbox']

/** The layers of one frame for this model. */
export function searchNetwork(model: ModelConfig): SearchNetwork {
  const network = new SiameseNetwork(model)
  const [layers, template] = [new CountingLayers(), new CountingLayers()]
  const { exemplar_size, search_size } = model.test_cfg
  const image = { name: 'search', channels: 3, size: search_size }
  const exemplar = network.forwardTemplate(template, [{ name: 'template', channels: 3, size: exemplar_size }])
  const kernels = network.head.forwardKernels(template, exemplar).map(namedKernels)
  const { cls, bbox } = network.head.forward(layers, kernels, network.forwardSearch(layers, [image]))
  const branches = [0, 1].flatMap((branch) => kernels.flatMap((parts) => parts[branch] ?? []))
  const outputs = new Map([...cls, ...bbox].map((map, index) => [map.name, { ...map, name: outputNames[index] ?? '' }]))
  const nodes = layers.nodes.map((node) => ({ ...node, output: outputs.get(node.output)?.name ?? node.output }))
  return { image, kernels: branches, nodes, outputs: [...outputs.values()] }
}

/** Multiply-adds of a node for one image; those of a pooling, a resize or a sum are not counted. */
export function multiplyAdds(node: NetworkNode): number {
  if (node.op === 'correlation') return node.outSize ** 2 * node.channels * node.kernelSize ** 2
  if (node.op !== 'conv') return 0
  const { outChannels, inChannels, kernel, groups = 1 } = node.spec
  return node.outSize ** 2 * outChannels * kernel ** 2 * (inChannels / groups)
}

/** Names and shapes of a convolution's tensors, and how many numbers each has. */
export function convTensors(spec: ConvSpec): Map<string, number> {
  return new Map(convShapes(spec).map(([name, shape]) => [name, shape.reduce((product, size) => product * size, 1)]))
}

function namedKernels(parts: Features, level: number): Features {
  return parts.map((part, index) => ({ ...part, name: `${index === 0 ? 'cls' : 'reg'}_kernel${level}` }))
}
