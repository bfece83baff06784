// AlexNet as the first SiamRPN trackers have it: five convolutions with bias and batch norm, none of them padded, two poolings, no
// activation behind the last. One level, stride 8 in all.
// Sources: Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012; AlexNet of
// pysot/models/backbone/alexnet.py, whose names the state dict has.

import type { ConvSpec } from '../nn/conv-module.ts'
import type { Layers } from '../nn/layers.ts'
import type { Backbone } from './backbone.ts'
import type { BackboneConfig } from './config/schema.ts'
import { conv, imageChannels } from './conv-specs.ts'

/** The layers: output channels at `widen_factor` 1, and whether a pooling follows. */
const alexNetLayers = [
  { channels: 96, kernel: 11, stride: 2, pools: true },
  { channels: 256, kernel: 5, stride: 1, pools: true },
  { channels: 384, kernel: 3, stride: 1, pools: false },
  { channels: 384, kernel: 3, stride: 1, pools: false },
  { channels: 256, kernel: 3, stride: 1, pools: false },
] as const

const pooling = { kernel: 3, stride: 2, padding: 0 } as const

type AlexNetConfig = Extract<BackboneConfig, { type: 'AlexNet' }>

export class AlexNet implements Backbone {
  readonly convs: readonly ConvSpec[]
  readonly strides: readonly number[]
  readonly outChannels: readonly number[]

  constructor({ widen_factor, norm_cfg: { eps } }: AlexNetConfig) {
    let channels = 3
    this.convs = alexNetLayers.map(({ channels: width, kernel, stride }, index) => {
      const [inputs, outputs] = [channels, Math.max(1, Math.trunc(width * widen_factor))]
      channels = outputs
      const name = `backbone.layer${index + 1}`
      const image = index === 0 ? { padInput: imageChannels } : {}
      return conv(`${name}.0`, [inputs, outputs], kernel, { stride, bias: true, norm: `${name}.1`, eps, ...image })
    })
    this.outChannels = [channels]
    this.strides = [
      alexNetLayers.reduce((product, { stride, pools }) => product * stride * (pools ? pooling.stride : 1), 1),
    ]
  }

  forward<T>(layers: Layers<T>, images: T): T[] {
    let x = images
    for (const [index, spec] of this.convs.entries()) {
      const name = `backbone.layer${index + 1}`
      // The maximum of a window is the same before and behind a ReLU.
      x = layers.conv(x, spec, index === this.convs.length - 1 ? {} : { activation: 'relu' })
      if (alexNetLayers[index]?.pools) x = layers.maxPool(x, pooling, `${name}.maxpool`)
      layers.observe(name, x)
    }
    return [x]
  }
}
