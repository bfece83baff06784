// The model's state dict as a list: names and shapes in PyTorch's order. Checkpoints are checked against it.

import { type ConvSpec, convShapes } from '../nn/conv-module.ts'
import type { ModelConfig } from './config/schema.ts'
import { SiameseNetwork } from './siamese-network.ts'

/** Every tensor of the model's state dict with its shape, in PyTorch's order. */
export function stateDictShapes(model: ModelConfig): Map<string, readonly number[]> {
  const { backbone, neck, head } = new SiameseNetwork(model)
  const shapes = new Map<string, readonly number[]>()
  const add = (specs: readonly ConvSpec[]) => {
    for (const [name, shape] of specs.flatMap(convShapes)) shapes.set(name, shape)
  }
  add(backbone.convs)
  add(neck.convs)
  for (const name of head.vectors) shapes.set(name, [head.levels.length])
  add(head.convs)
  return shapes
}
