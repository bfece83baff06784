// The network as a list: every convolution with its geometry and its names in the state dict, in PyTorch's order. Modules take
// their convolutions from here, checkpoints are checked against it, and nothing else knows the names.
// Sources: mmtrack/models/backbones/sot_resnet.py (block 0 of a dilated stage uses half the dilation; its 3x3 downsample
// too), mmdet/models/necks/channel_mapper.py, mmtrack/models/track_heads/siamese_rpn_head.py.

import { type ConvSpec, convShapes } from '../nn/conv-module.ts'
import type { ModelConfig } from './config.ts'

/** Bottleneck blocks per stage of a ResNet-50. */
export const STAGE_BLOCKS = [3, 4, 6, 3] as const

/** Output channels of a bottleneck, in units of its width. */
const EXPANSION = 4

/** One bottleneck block. */
export interface BlockSpecs {
  readonly name: string
  readonly conv1: ConvSpec
  readonly conv2: ConvSpec
  readonly conv3: ConvSpec
  readonly downsample: ConvSpec | undefined
}

export interface BackboneSpecs {
  readonly stem: ConvSpec
  /** Stages, each a list of blocks. */
  readonly stages: readonly (readonly BlockSpecs[])[]
}

/** One level of one branch of the head. */
export interface CorrelationSpecs {
  readonly name: string
  readonly kernelConv: ConvSpec
  readonly searchConv: ConvSpec
  readonly headConvs: readonly [ConvSpec, ConvSpec]
}

type Geometry = Partial<Pick<ConvSpec, 'stride' | 'padding' | 'dilation' | 'bias' | 'norm' | 'eps'>>

function conv(name: string, channels: readonly [number, number], kernel: number, geometry: Geometry = {}): ConvSpec {
  const [inChannels, outChannels] = channels
  const defaults = { stride: 1, padding: 0, dilation: 1, bias: false, eps: 1e-5 }
  return { name, inChannels, outChannels, kernel, ...defaults, ...geometry }
}

export function backboneSpecs({ backbone }: Pick<ModelConfig, 'backbone'>): BackboneSpecs {
  const { base_channels, stem_channels, num_stages, strides, dilations, norm_cfg } = backbone
  const { eps } = norm_cfg
  const stemChannels = stem_channels ?? base_channels
  const stem = conv('backbone.conv1', [3, stemChannels], 7, { stride: 2, norm: 'backbone.bn1', eps })
  let channels = stemChannels
  const stages = STAGE_BLOCKS.slice(0, num_stages).map((blocks, stage) => {
    const width = base_channels * 2 ** stage
    return Array.from({ length: blocks }, (_, block) => {
      const first = block === 0
      const stride = first ? (strides[stage] ?? 1) : 1
      const specs = blockSpecs({ stage, block, channels, width, stride, dilation: dilations[stage] ?? 1, eps })
      channels = width * EXPANSION
      return specs
    })
  })
  return { stem, stages }
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

function blockSpecs({ stage, block, channels, width, stride, dilation, eps }: BlockShape): BlockSpecs {
  const name = `backbone.layer${stage + 1}.${block}`
  const outer = width * EXPANSION
  const first = block === 0
  const dilated = dilation > 1
  const spread = dilated && first ? Math.floor(dilation / 2) : dilation
  const padding = dilated || !first ? spread : 2 - stride
  const needsDownsample = first && (stride > 1 || channels !== outer)
  return {
    name,
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

export function neckSpecs({ neck }: Pick<ModelConfig, 'neck'>): ConvSpec[] {
  const { in_channels, out_channels, kernel_size, norm_cfg } = neck
  return in_channels.map((channels, level) => {
    const name = `neck.convs.${level}`
    const norm = norm_cfg ? { norm: `${name}.bn`, eps: norm_cfg.eps } : { bias: true }
    return conv(`${name}.conv`, [channels, out_channels], kernel_size, { padding: (kernel_size - 1) / 2, ...norm })
  })
}

/** Levels of one branch: `cls` has 2 outputs per anchor, `reg` 4. */
export function headSpecs({ head }: Pick<ModelConfig, 'head'>, branch: 'cls' | 'reg'): CorrelationSpecs[] {
  const { in_channels, kernel_size, norm_cfg } = head
  const { eps } = norm_cfg
  const outputs = anchorsPerPosition({ head }) * (branch === 'cls' ? 2 : 4)
  return in_channels.map((channels, level) => {
    const name = `head.${branch}_heads.${level}`
    const square = [channels, channels] as const
    const module = (part: string, size: number) =>
      conv(`${name}.${part}.conv`, square, size, { norm: `${name}.${part}.bn`, eps })
    return {
      name,
      kernelConv: module('kernel_convs', kernel_size),
      searchConv: module('search_convs', kernel_size),
      headConvs: [module('head_convs.0', 1), conv(`${name}.head_convs.1.conv`, [channels, outputs], 1, { bias: true })],
    }
  })
}

export function anchorsPerPosition({ head }: Pick<ModelConfig, 'head'>): number {
  return head.anchor_generator.ratios.length * head.anchor_generator.scales.length
}

/** Every convolution, in PyTorch's order. */
export function convSpecs(model: ModelConfig): ConvSpec[] {
  const { stem, stages } = backboneSpecs(model)
  const blocks = stages.flat().flatMap(({ conv1, conv2, conv3, downsample }) => {
    return downsample ? [conv1, conv2, conv3, downsample] : [conv1, conv2, conv3]
  })
  return [stem, ...blocks, ...neckSpecs(model), ...branchConvs(model, 'cls'), ...branchConvs(model, 'reg')]
}

function branchConvs(model: ModelConfig, branch: 'cls' | 'reg'): ConvSpec[] {
  return headSpecs(model, branch).flatMap(({ kernelConv, searchConv, headConvs }) => {
    return [kernelConv, searchConv, ...headConvs]
  })
}

/** Every tensor of the model's state dict with its shape, in PyTorch's order. */
export function stateDictShapes(model: ModelConfig): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  let inHead = false
  for (const spec of convSpecs(model)) {
    if (spec.name.startsWith('head.') && !inHead) {
      inHead = true
      if (model.head.weighted_sum) {
        for (const branch of ['cls', 'reg']) shapes.set(`head.${branch}_weight`, [model.head.in_channels.length])
      }
    }
    for (const [name, shape] of convShapes(spec)) shapes.set(name, shape)
  }
  return shapes
}
