// The search branch of SiamRPN++ as data: every layer of one tracked frame between the crop and the choice of the box, in the
// order of computation, from the model's configuration. The benches take their shapes from it, and the peers their network.

import { type ConvSpec, convShapes } from '../src/nn/conv-module.ts'
import type { ModelConfig } from '../src/siamrpn/config.ts'
import { type BlockSpecs, backboneSpecs, headSpecs, neckSpecs } from '../src/siamrpn/layout.ts'

/** A convolution with what follows it: batch norm or bias, sum with `residual`, ReLU. Maps are square; sizes in pixels. */
export interface ConvNode {
  readonly op: 'conv'
  readonly spec: ConvSpec
  readonly input: string
  readonly output: string
  readonly residual: string | undefined
  readonly relu: boolean
  readonly inSize: number
  readonly outSize: number
}

/** Maximum of 3x3 windows, stride 2, padding 1. */
export interface PoolNode {
  readonly op: 'maxPool'
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

export type NetworkNode = ConvNode | PoolNode | CorrelationNode | WeightedSumNode

/** A square map by name. */
export interface Feature {
  readonly name: string
  readonly channels: number
  readonly size: number
}

export interface SearchNetwork {
  /** The search image: blue, green, red. */
  readonly image: Feature
  /** The target's correlation kernels, computed once per target: `cls_kernel0`, ..., `reg_kernel0`, ... */
  readonly kernels: readonly Feature[]
  readonly nodes: readonly NetworkNode[]
  /** `cls`, channel `class * A + anchor`, and `bbox`, channel `coordinate * A + anchor`. */
  readonly outputs: readonly Feature[]
}

/** The layers of one frame for this model. */
export function searchNetwork(model: ModelConfig): SearchNetwork {
  const draft = new Draft()
  const image = { name: 'search', channels: 3, size: model.test_cfg.search_size }
  const features = neck(draft, model, backbone(draft, model, image))
  const cls = head(draft, model, features, 'cls')
  const reg = head(draft, model, features, 'reg')
  return { image, kernels: [...cls.kernels, ...reg.kernels], nodes: draft.nodes, outputs: [cls.output, reg.output] }
}

/** Multiply-adds of a node; those of a pooling or a sum are not counted. */
export function multiplyAdds(node: NetworkNode): number {
  if (node.op === 'conv')
    return node.outSize ** 2 * node.spec.outChannels * node.spec.kernel ** 2 * node.spec.inChannels
  return node.op === 'correlation' ? node.outSize ** 2 * node.channels * node.kernelSize ** 2 : 0
}

/** Names and shapes of a convolution's tensors, and how many numbers each has. */
export function convTensors(spec: ConvSpec): Map<string, number> {
  return new Map(convShapes(spec).map(([name, shape]) => [name, shape.reduce((product, size) => product * size, 1)]))
}

interface After {
  readonly residual?: Feature
  readonly relu?: boolean
}

class Draft {
  readonly nodes: NetworkNode[] = []

  conv(input: Feature, spec: ConvSpec, { residual, relu = false }: After = {}): Feature {
    const { name, padding, dilation, kernel, stride, outChannels } = spec
    const outSize = Math.floor((input.size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
    const sizes = { inSize: input.size, outSize }
    this.nodes.push({ op: 'conv', spec, input: input.name, output: name, residual: residual?.name, relu, ...sizes })
    return { name, channels: outChannels, size: outSize }
  }

  maxPool({ name: input, channels, size: inSize }: Feature, output: string): Feature {
    const outSize = Math.floor((inSize - 1) / 2) + 1
    this.nodes.push({ op: 'maxPool', input, output, channels, inSize, outSize })
    return { name: output, channels, size: outSize }
  }

  correlation({ name: input, channels, size: inSize }: Feature, kernel: Feature, output: string): Feature {
    const outSize = inSize - kernel.size + 1
    const sizes = { inSize, kernelSize: kernel.size, outSize }
    this.nodes.push({ op: 'correlation', input, kernel: kernel.name, output, channels, ...sizes })
    return { name: output, channels, size: outSize }
  }

  weightedSum(maps: readonly Feature[], weights: string | undefined, output: string): Feature {
    const { channels = 0, size = 0 } = maps[0] ?? {}
    const inputs = maps.map(({ name }) => name)
    this.nodes.push({ op: 'weightedSum', inputs, output, weights, channels, outSize: size })
    return { name: output, channels, size }
  }
}

function backbone(draft: Draft, model: ModelConfig, image: Feature): Feature[] {
  const { stem, stages } = backboneSpecs(model)
  let x = draft.maxPool(draft.conv(image, stem, { relu: true }), 'backbone.maxpool')
  const outputs = stages.map((blocks) => {
    for (const block of blocks) x = bottleneck(draft, x, block)
    return x
  })
  return model.backbone.out_indices.flatMap((stage) => outputs[stage] ?? [])
}

function bottleneck(draft: Draft, x: Feature, { conv1, conv2, conv3, downsample }: BlockSpecs): Feature {
  const inner = draft.conv(draft.conv(x, conv1, { relu: true }), conv2, { relu: true })
  const residual = downsample ? draft.conv(x, downsample) : x
  return draft.conv(inner, conv3, { residual, relu: true })
}

function neck(draft: Draft, model: ModelConfig, levels: readonly Feature[]): Feature[] {
  const relu = model.neck.act_cfg !== null
  const specs = neckSpecs(model)
  return levels.flatMap((level, index) => {
    const spec = specs[index]
    return spec ? [draft.conv(level, spec, { relu })] : []
  })
}

function head(draft: Draft, model: ModelConfig, features: readonly Feature[], branch: 'cls' | 'reg') {
  const size = model.test_cfg.center_size - model.head.kernel_size + 1
  const kernels: Feature[] = []
  const maps = headSpecs(model, branch).flatMap(({ name, searchConv, headConvs }, level) => {
    const feature = features[level]
    if (!feature) return []
    const kernel = { name: `${branch}_kernel${level}`, channels: searchConv.outChannels, size }
    kernels.push(kernel)
    const correlated = draft.correlation(draft.conv(feature, searchConv, { relu: true }), kernel, `${name}.correlation`)
    return [draft.conv(draft.conv(correlated, headConvs[0], { relu: true }), headConvs[1])]
  })
  const weights = model.head.weighted_sum ? `head.${branch}_weight` : undefined
  return { kernels, output: draft.weightedSum(maps, weights, branch === 'cls' ? 'cls' : 'bbox') }
}
