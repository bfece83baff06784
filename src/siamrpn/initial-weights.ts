// The weights that training from scratch begins with. As MMTracking's modules draw them: the backbone's convolutions by Kaiming
// (normal, fan out), the neck's by its init_cfg (Xavier), the head's by its own or else by mmcv's ConvModule (Kaiming, normal, fan
// out), biases 0; or as bare PyTorch modules do. Batch norms begin with 1 and 0, the levels' logits with 1. Values are seeded per tensor.
// Sources: mmdet/models/backbones/resnet.py and necks/channel_mapper.py (init_cfg), mmcv/cnn/bricks/conv_module.py
// (init_weights), mmtrack/models/track_heads/siamese_rpn_head.py.

import { fromFloat32, type NamedTensor, type StateDict } from '../formats/state-dict.ts'
import { fans, kaiming, resetParameters, xavier } from '../nn/init.ts'
import type { ModelConfig } from './config.ts'
import { stateDictShapes } from './layout.ts'
import { Random } from './random.ts'

/** `mmtracking`: its modules' initialisers; `pytorch`: reset_parameters of every module. */
export type InitScheme = 'mmtracking' | 'pytorch'

/** A state dict to train from. Equal seeds give equal weights. */
export function initialWeights(
  model: ModelConfig,
  seed: number | string,
  scheme: InitScheme = 'mmtracking',
): StateDict {
  const shapes = stateDictShapes(model)
  const init = scheme === 'pytorch' ? resetTensor : mmtrackingTensor
  return new Map(
    [...shapes].map(([name, shape]): [string, NamedTensor] => {
      if (name.endsWith('.num_batches_tracked')) return [name, { dtype: 'i64', shape, data: new Uint8Array(8) }]
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
      init(values, { model, name, shape, shapes, random: new Random('initial weights', seed, name) })
      return [name, fromFloat32(values, shape)]
    }),
  )
}

interface Initialised {
  readonly model: ModelConfig
  readonly name: string
  readonly shape: readonly number[]
  /** Shapes of all tensors. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly random: Random
}

function mmtrackingTensor(values: Float32Array, { model, name, shape, random }: Initialised): void {
  const init_cfg = initOf(model, name)
  if (shape.length !== 4) values.fill(constantOf(name))
  else if (init_cfg?.type === 'Xavier') xavier(values, shape, random, init_cfg)
  else kaiming(values, shape, random, init_cfg ?? {})
}

function initOf({ neck, head }: ModelConfig, name: string) {
  if (name.startsWith('neck.')) return neck?.init_cfg ?? null
  return name.startsWith('head.') ? head.init_cfg : null
}

function resetTensor(values: Float32Array, { name, shape, shapes, random }: Initialised): void {
  const filter = shape.length === 4 ? shape : shapes.get(name.replace(/\.bias$/, '.weight'))
  if (filter?.length === 4 && (shape.length === 4 || name.endsWith('.bias'))) {
    resetParameters(values, fans(filter).fanIn, random)
  } else values.fill(constantOf(name))
}

/** What a vector begins with: 1 for scales, variances and the levels' logits, 0 for shifts and means. */
function constantOf(name: string): number {
  return name.endsWith('weight') || name.endsWith('.running_var') ? 1 : 0
}
