// Sizes of the feature and score maps that a model configuration leads to. Only the first block of a stage changes the size:
// its 3x3 convolution has no padding when it strides, and half the stage's dilation when the stage is dilated.
// Source: mmtrack/models/backbones/sot_resnet.py (SOTBottleneck), mmtrack/models/track_heads/siamese_rpn_head.py.

import type { BackboneConfig, ModelConfig } from './schema.ts'

/** Sides of the square maps, in positions, for one exemplar and one search size. */
export interface MapSizes {
  /** Backbone output of the exemplar, one per level. */
  readonly exemplar: readonly number[]
  /** Backbone output of the search image, one per level. */
  readonly search: readonly number[]
  /** Score and box map, one per level: correlation of the search map with the centre of the exemplar map. */
  readonly score: readonly number[]
}

/** Map sizes of a model for images of the given sizes; a size below 1 means that the images are too small. */
export function mapSizes(
  model: Pick<ModelConfig, 'backbone' | 'head' | 'test_cfg'>,
  exemplarSize = model.test_cfg.exemplar_size,
  searchSize = model.test_cfg.search_size,
): MapSizes {
  const exemplar = backboneSizes(model.backbone, exemplarSize)
  const search = backboneSizes(model.backbone, searchSize)
  const lost = model.head.kernel_size - 1
  const kernel = model.test_cfg.center_size - lost
  return { exemplar, search, score: search.map((size) => size - lost - kernel + 1) }
}

/** Channels of the backbone's outputs, one per entry of `out_indices`. */
export function backboneChannels({ base_channels, out_indices }: BackboneConfig): number[] {
  return out_indices.map((stage) => base_channels * 2 ** stage * 4)
}

/** Pixels per position of the backbone's outputs, one per entry of `out_indices`. */
export function backboneStrides({ strides, out_indices }: BackboneConfig): number[] {
  return out_indices.map((stage) => strides.slice(0, stage + 1).reduce((product, stride) => product * stride, 4))
}

function backboneSizes({ strides, dilations, out_indices }: BackboneConfig, imageSize: number): number[] {
  let size = convSize(convSize(imageSize, 7, 2), 3, 2, 1)
  const stages = strides.map((stride, stage) => {
    const dilation = dilations[stage] ?? 1
    if (dilation > 1) {
      const half = Math.floor(dilation / 2)
      size = convSize(size, 2 * half + 1, stride, half)
    } else if (stride > 1) {
      size = convSize(size, 3, stride)
    }
    return size
  })
  return out_indices.map((stage) => stages[stage] ?? 0)
}

function convSize(size: number, extent: number, stride: number, padding = 0): number {
  return Math.floor((size + 2 * padding - extent) / stride) + 1
}
