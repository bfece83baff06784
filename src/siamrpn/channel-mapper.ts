// The neck: one convolution with batch norm per level, to a common number of channels; behind it coarser levels are resized to
// the first one's size, where the configuration says so. A model may have none: its head then reads the backbone's maps.
// Source: ChannelMapper of mmdet/models/necks/channel_mapper.py; upsample_cfg of FPN in fpn.py.

import { ShapeError } from '../gpu/errors.ts'
import type { Activation } from '../kernels/activation.ts'
import type { ConvSpec } from '../nn/conv-module.ts'
import type { Layers } from '../nn/layers.ts'
import type { NeckConfig } from './config/schema.ts'
import { conv } from './conv-specs.ts'

/** From the backbone's levels to the head's. */
export interface Neck {
  /** Every convolution, in PyTorch's order. */
  readonly convs: readonly ConvSpec[]
  forward<T>(layers: Layers<T>, levels: readonly T[]): T[]
}

/** The neck of a configuration, without weights; null gives one that passes its levels on. */
export function createNeck(config: NeckConfig | null): Neck {
  return config === null ? { convs: [], forward: (_, levels) => [...levels] } : new ChannelMapper(config)
}

export class ChannelMapper implements Neck {
  /** One per level. */
  readonly convs: readonly ConvSpec[]
  readonly #activation: Activation
  readonly #resizes: boolean

  constructor({ in_channels, out_channels, kernel_size, norm_cfg, act_cfg, upsample_cfg }: NeckConfig) {
    this.convs = in_channels.map((channels, level) => {
      const name = `neck.convs.${level}`
      const norm = norm_cfg ? { norm: `${name}.bn`, eps: norm_cfg.eps } : { bias: true }
      return conv(`${name}.conv`, [channels, out_channels], kernel_size, { padding: (kernel_size - 1) / 2, ...norm })
    })
    this.#resizes = upsample_cfg !== null
    this.#activation = act_cfg === null ? 'none' : 'relu'
  }

  /** Level by level, `[N, h, w, C_level]` to `[N, h, w, out_channels]`. @throws ShapeError for another number of levels */
  forward<T>(layers: Layers<T>, levels: readonly T[]): T[] {
    if (levels.length !== this.convs.length) {
      throw new ShapeError(`neck: found ${levels.length} levels, expected ${this.convs.length}`)
    }
    const outputs: T[] = []
    for (const [level, spec] of this.convs.entries()) {
      const input = levels[level]
      if (input === undefined) continue
      const output = layers.conv(input, spec, { activation: this.#activation })
      layers.observe(`neck.convs.${level}`, output)
      const [first = output] = outputs
      outputs.push(this.#resizes ? layers.resizeLike(output, first, `neck.resize.${level}`) : output)
    }
    return outputs
  }
}
