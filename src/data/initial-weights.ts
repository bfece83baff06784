// The weights that training from scratch begins with, as MMTracking's modules draw them: the backbone's convolutions by Kaiming
// (normal, fan out), the neck's by Xavier (uniform), the head's by mmcv's ConvModule (Kaiming, normal, fan out); biases 0, batch
// norms 1 and 0; the levels' logits 1. Values are seeded per tensor, so that a model's width does not change its neighbours'.
// Sources: mmdet/models/backbones/resnet.py and necks/channel_mapper.py (init_cfg), mmcv/cnn/bricks/conv_module.py
// (init_weights), mmtrack/models/track_heads/siamese_rpn_head.py; He et al., ICCV 2015; Glorot and Bengio, AISTATS 2010.

import { fromFloat32, type NamedTensor, type StateDict } from '../formats/state-dict.ts'
import type { ModelConfig } from '../siamrpn/config.ts'
import { stateDictShapes } from '../siamrpn/layout.ts'
import { Random } from './random.ts'

/** A state dict to train from. Equal seeds give equal weights. */
export function initialWeights(model: ModelConfig, seed: number | string): StateDict {
  return new Map(
    [...stateDictShapes(model)].map(([name, shape]) => [name, initialTensor(model, name, shape, seed)] as const),
  )
}

function initialTensor(model: ModelConfig, name: string, shape: readonly number[], seed: number | string): NamedTensor {
  if (name.endsWith('.num_batches_tracked')) return { dtype: 'i64', shape, data: new Uint8Array(8) }
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  if (shape.length === 4) fillFilter(values, shape, new Random('initial weights', seed, name), initOf(model, name))
  else values.fill(name.endsWith('weight') || name.endsWith('.running_var') ? 1 : 0)
  return fromFloat32(values, shape)
}

type Init = { readonly kind: 'kaiming' } | { readonly kind: 'xavier'; readonly gain: number; readonly normal: boolean }

function initOf({ neck }: ModelConfig, name: string): Init {
  if (!name.startsWith('neck.') || neck.init_cfg === null) return { kind: 'kaiming' }
  return { kind: 'xavier', gain: neck.init_cfg.gain, normal: neck.init_cfg.distribution === 'normal' }
}

function fillFilter(values: Float32Array, shape: readonly number[], random: Random, init: Init): void {
  const [outChannels = 1, inChannels = 1, height = 1, width = 1] = shape
  const fanIn = inChannels * height * width
  const fanOut = outChannels * height * width
  const variance = init.kind === 'kaiming' ? 2 / fanOut : (2 * init.gain ** 2) / (fanIn + fanOut)
  const normal = init.kind === 'kaiming' || init.normal
  const scale = Math.sqrt(normal ? variance : 3 * variance)
  for (let i = 0; i < values.length; i++) values[i] = scale * (normal ? random.normal() : random.uniform(-1, 1))
}
