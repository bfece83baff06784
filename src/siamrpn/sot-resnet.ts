// ResNet-50 with dilated last stages: the backbone of SiamRPN++. No padding at the stem, 3x3 downsamples, stride 8 in all.
// Block 0 of a dilated stage uses half the dilation; its 3x3 downsample too.
// Source: SOTResNet and SOTBottleneck of mmtrack/models/backbones/sot_resnet.py; Li et al., SiamRPN++, CVPR 2019, section 3.

import type { ConvSpec } from '../nn/conv-module.ts'
import type { Layers } from '../nn/layers.ts'
import type { Backbone } from './backbone.ts'
import type { BackboneConfig } from './config/schema.ts'
import { conv, imageChannels } from './conv-specs.ts'

/** Bottleneck blocks per stage of a ResNet-50. */
const stageBlocks = [3, 4, 6, 3] as const

/** Output channels of a bottleneck, in units of its width. */
const expansion = 4

/** The stride of the first convolution and the pooling together. */
const stemStride = 4

/** One bottleneck block. */
interface Block {
  readonly conv1: ConvSpec
  readonly conv2: ConvSpec
  readonly conv3: ConvSpec
  readonly downsample: ConvSpec | undefined
}

type SOTResNetConfig = Extract<BackboneConfig, { type: 'SOTResNet' }>

export class SOTResNet implements Backbone {
  readonly stem: ConvSpec
  /** Stages, each a list of blocks. */
  readonly stages: readonly (readonly Block[])[]
  readonly strides: readonly number[]
  readonly outChannels: readonly number[]
  readonly #outIndices: readonly number[]

  constructor(config: SOTResNetConfig) {
    const { base_channels, stem_channels, num_stages, strides, dilations, norm_cfg, out_indices } = config
    const { eps } = norm_cfg
    let channels = stem_channels ?? base_channels
    this.#outIndices = out_indices
    this.outChannels = out_indices.map((stage) => base_channels * 2 ** stage * expansion)
    this.strides = out_indices.map((stage) => {
      return strides.slice(0, stage + 1).reduce<number>((product, stride) => product * stride, stemStride)
    })
    this.stem = conv('backbone.conv1', [3, channels], 7, {
      ...{ stride: 2, norm: 'backbone.bn1', eps, padInput: imageChannels },
    })
    this.stages = stageBlocks.slice(0, num_stages).map((blocks, stage) => {
      const width = base_channels * 2 ** stage
      return Array.from({ length: blocks }, (_, block) => {
        const stride = block === 0 ? (strides[stage] ?? 1) : 1
        const specs = blockSpecs({ stage, block, channels, width, stride, dilation: dilations[stage] ?? 1, eps })
        channels = width * expansion
        return specs
      })
    })
  }

  get convs(): readonly ConvSpec[] {
    const blocks = this.stages.flat().flatMap(({ conv1, conv2, conv3, downsample }) => {
      return downsample ? [conv1, conv2, conv3, downsample] : [conv1, conv2, conv3]
    })
    return [this.stem, ...blocks]
  }

  forward<T>(layers: Layers<T>, images: T): T[] {
    layers.observeBare(images, this.stem)
    let x = layers.conv(images, this.stem, { activation: 'relu' })
    x = layers.maxPool(x, { kernel: 3, stride: 2, padding: 1 }, 'backbone.maxpool')
    layers.observe('backbone.maxpool', x)
    const outputs: T[] = []
    for (const [stage, blocks] of this.stages.entries()) {
      if (stage > Math.max(...this.#outIndices)) break
      for (const block of blocks) x = bottleneck(layers, x, block)
      layers.observe(`backbone.layer${stage + 1}`, x)
      outputs.push(x)
    }
    return outputs.filter((_, stage) => this.#outIndices.includes(stage))
  }
}

function bottleneck<T>(layers: Layers<T>, input: T, { conv1, conv2, conv3, downsample }: Block): T {
  const relu = { activation: 'relu' } as const
  const inner = layers.conv(layers.conv(input, conv1, relu), conv2, relu)
  const residual = downsample ? layers.conv(input, downsample) : input
  return layers.conv(inner, conv3, { residual, ...relu })
}

interface BlockShape {
  readonly stage: number
  readonly block: number
  readonly channels: number
  readonly width: number
  readonly stride: number
  readonly dilation: number
  readonly eps: number
}

function blockSpecs({ stage, block, channels, width, stride, dilation, eps }: BlockShape): Block {
  const name = `backbone.layer${stage + 1}.${block}`
  const outer = width * expansion
  const first = block === 0
  const dilated = dilation > 1
  const spread = dilated && first ? Math.floor(dilation / 2) : dilation
  const padding = dilated || !first ? spread : 2 - stride
  const needsDownsample = first && (stride > 1 || channels !== outer)
  return {
    conv1: conv(`${name}.conv1`, [channels, width], 1, { norm: `${name}.bn1`, eps }),
    conv2: conv(`${name}.conv2`, [width, width], 3, { stride, padding, dilation: spread, norm: `${name}.bn2`, eps }),
    conv3: conv(`${name}.conv3`, [width, outer], 1, { norm: `${name}.bn3`, eps }),
    downsample: needsDownsample
      ? conv(`${name}.downsample.0`, [channels, outer], stride > 1 || dilated ? 3 : 1, {
          stride,
          padding: dilated ? spread : 0,
          dilation: dilated ? spread : 1,
          norm: `${name}.downsample.1`,
          eps,
        })
      : undefined,
  }
}
