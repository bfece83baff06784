// Sizes of the feature and score maps that a model configuration leads to, counted through the backbone itself.

import { CountingLayers } from '../../nn/counting-layers.ts'
import { createBackbone } from '../create-backbone.ts'
import type { BackboneConfig, ModelConfig } from './schema.ts'

/** Sides of the square maps, in positions, for one exemplar and one search size. */
export interface MapSizes {
  /** Features of the exemplar, one per level; behind the neck, where it resizes them. */
  readonly exemplar: readonly number[]
  /** Features of the search image, likewise. */
  readonly search: readonly number[]
  /** Score and box map, one per level: correlation of the search map with the centre of the exemplar map. */
  readonly score: readonly number[]
}

/** Map sizes of a model for images of the given sizes; a size below 1 means that the images are too small. */
export function mapSizes(
  model: Pick<ModelConfig, 'backbone' | 'neck' | 'head' | 'test_cfg'>,
  exemplarSize = model.test_cfg.exemplar_size,
  searchSize = model.test_cfg.search_size,
): MapSizes {
  const exemplar = levelSizes(model, exemplarSize)
  const search = levelSizes(model, searchSize)
  const lost = model.head.kernel_size - 1
  const kernel = model.test_cfg.center_size - lost
  return { exemplar, search, score: search.map((size) => size - lost - kernel + 1) }
}

/** Channels of the backbone's outputs, one per entry of `out_indices`. */
export function backboneChannels(backbone: BackboneConfig): readonly number[] {
  return createBackbone(backbone).outChannels
}

/** Pixels per position of the levels that the head reads, one per entry of `out_indices`. */
export function levelStrides({ backbone, neck }: Pick<ModelConfig, 'backbone' | 'neck'>): readonly number[] {
  const { strides } = createBackbone(backbone)
  return neck?.upsample_cfg ? strides.map(() => strides[0] ?? 0) : strides
}

function levelSizes({ backbone, neck }: Pick<ModelConfig, 'backbone' | 'neck'>, size: number): readonly number[] {
  const levels = createBackbone(backbone).forward(new CountingLayers(), [{ name: 'image', channels: 3, size }])
  const sizes = levels.map(([level]) => level?.size ?? 0)
  return neck?.upsample_cfg ? sizes.map(() => sizes[0] ?? 0) : sizes
}
