// MobileNetV2: inverted residuals of a 1x1 expansion, a 3x3 depthwise convolution and a linear 1x1 projection, ReLU6 behind the
// first two. Only the layers up to the last output exist. Padding is symmetric, which is also TensorFlow's at images of
// 32 k + 1 pixels.
// pysot's variant pads neither the first convolution nor strided blocks.
// Sources: Sandler et al., MobileNetV2, CVPR 2018; MobileNetV2 of mmcls/models/backbones/mobilenet_v2.py, whose names the state
// dict has; strides and dilations by layer as MobileNetV2 of pysot/models/backbone/mobile_v2.py has them.

import type { ConvSpec } from '../nn/conv-module.ts'
import type { Layers } from '../nn/layers.ts'
import type { Backbone } from './backbone.ts'
import type { BackboneConfig } from './config/schema.ts'
import { conv, imageChannels } from './conv-specs.ts'

type MobileNetV2Config = Extract<BackboneConfig, { type: 'MobileNetV2' }>

/** The layers: factor of the expansion, output channels at `widen_factor` 1, blocks. */
const mobileNetLayers = [
  { expansion: 1, channels: 16, blocks: 1 },
  { expansion: 6, channels: 24, blocks: 2 },
  { expansion: 6, channels: 32, blocks: 3 },
  { expansion: 6, channels: 64, blocks: 4 },
  { expansion: 6, channels: 96, blocks: 3 },
  { expansion: 6, channels: 160, blocks: 3 },
  { expansion: 6, channels: 320, blocks: 1 },
] as const

const stemChannels = 32
const stemStride = 2

/** One inverted residual. */
interface Block {
  /** Absent where the factor of the expansion is 1. */
  readonly expand: ConvSpec | undefined
  readonly depthwise: ConvSpec
  readonly project: ConvSpec
  /** Whether the input is added to the output. */
  readonly residual: boolean
}

export class MobileNetV2 implements Backbone {
  readonly stem: ConvSpec
  /** Layers up to the last output, each a list of blocks. */
  readonly layers: readonly (readonly Block[])[]
  readonly strides: readonly number[]
  readonly outChannels: readonly number[]
  readonly #outIndices: readonly number[]

  constructor({ widen_factor, out_indices, strides, dilations, variant, norm_cfg: { eps } }: MobileNetV2Config) {
    const pysot = variant === 'pysot'
    const width = (channels: number) => {
      return pysot ? Math.max(1, Math.trunc(channels * widen_factor)) : divisible(channels * widen_factor)
    }
    let channels = width(stemChannels)
    this.#outIndices = out_indices
    this.stem = conv('backbone.conv1.conv', [3, channels], 3, {
      ...{ stride: stemStride, padding: pysot ? 0 : 1, norm: 'backbone.conv1.bn', eps, padInput: imageChannels },
    })
    this.layers = mobileNetLayers
      .slice(0, Math.max(...out_indices) + 1)
      .map(({ expansion, channels: narrow, blocks }, layer) => {
        return Array.from({ length: blocks }, (_, index) => {
          const first = index === 0
          const block = blockSpecs({
            ...{ name: `backbone.layer${layer + 1}.${index}.conv`, expansion, eps, pysot },
            ...{ inChannels: channels, outChannels: width(narrow) },
            stride: first ? (strides[layer] ?? 1) : 1,
            // The first block reads a map that is as dense as the layer before made it.
            dilation: (first ? dilations[layer - 1] : dilations[layer]) ?? 1,
          })
          channels = width(narrow)
          return block
        })
      })
    this.strides = out_indices.map((index) => {
      return strides.slice(0, index + 1).reduce<number>((product, stride) => product * stride, stemStride)
    })
    this.outChannels = out_indices.map((index) => width(mobileNetLayers[index]?.channels ?? 0))
  }

  get convs(): readonly ConvSpec[] {
    const blocks = this.layers.flat().flatMap(({ expand, depthwise, project }) => {
      return expand ? [expand, depthwise, project] : [depthwise, project]
    })
    return [this.stem, ...blocks]
  }

  forward<T>(layers: Layers<T>, images: T): T[] {
    let x = layers.conv(images, this.stem, { activation: 'relu6' })
    layers.observe('backbone.conv1', x)
    const outputs: T[] = []
    for (const [index, blocks] of this.layers.entries()) {
      for (const block of blocks) x = invertedResidual(layers, x, block)
      layers.observe(`backbone.layer${index + 1}`, x)
      outputs.push(x)
    }
    return outputs.filter((_, index) => this.#outIndices.includes(index))
  }
}

function invertedResidual<T>(layers: Layers<T>, input: T, { expand, depthwise, project, residual }: Block): T {
  const wide = expand ? layers.conv(input, expand, { activation: 'relu6' }) : input
  const filtered = layers.conv(wide, depthwise, { activation: 'relu6' })
  return layers.conv(filtered, project, residual ? { residual: input } : {})
}

interface BlockShape {
  readonly name: string
  readonly inChannels: number
  readonly outChannels: number
  readonly expansion: number
  readonly stride: number
  readonly dilation: number
  readonly eps: number
  readonly pysot: boolean
}

function blockSpecs({ name, inChannels, outChannels, expansion, stride, dilation, eps, pysot }: BlockShape): Block {
  const wide = inChannels * expansion
  const expands = pysot || expansion !== 1
  const module = (index: number) => ({ name: `${name}.${index}.conv`, norm: `${name}.${index}.bn` })
  const [first, second, third] = expands ? [module(0), module(1), module(2)] : [undefined, module(0), module(1)]
  const geometry = { stride, padding: pysot && stride > 1 && dilation === 1 ? 0 : dilation, dilation, groups: wide }
  return {
    expand: first && conv(first.name, [inChannels, wide], 1, { norm: first.norm, eps }),
    depthwise: conv(second.name, [wide, wide], 3, { ...geometry, norm: second.norm, eps }),
    project: conv(third.name, [wide, outChannels], 1, { norm: third.norm, eps }),
    residual: stride === 1 && inChannels === outChannels,
  }
}

/** Rounded to a multiple of 8, but by no more than a tenth downwards: mmcls' `make_divisible`. */
function divisible(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return rounded < 0.9 * channels ? rounded + 8 : rounded
}
