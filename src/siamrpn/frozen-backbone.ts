// The pass through a backbone that learns nothing, a few images at a time: on a processor the maps of a few images stay in its
// cache, which those of a whole batch do not. Nothing in it is kept for a backward pass.

import type { Recorder } from '../gpu/recorder.ts'
import { elementBytes, type GpuTensor } from '../gpu/tensor.ts'
import { copySamples, joinSamples } from '../kernels/samples.ts'
import { CountingLayers } from '../nn/counting-layers.ts'
import { single, type TapeLayers } from '../nn/tape-layers.ts'
import type { TrainingMode } from '../nn/trainable-conv.ts'
import type { Backbone } from './backbone.ts'

/** Bytes of the input and output of one layer that a processor's cache is taken to hold. */
const cacheBytes = 12 << 20

/** Whether no parameter of the backbone trains, and no batch norm of it uses the batch's statistics. */
export function isFrozen({ convs }: Backbone, mode: TrainingMode): boolean {
  return convs.every(({ name, norm }) => {
    const names = [`${name}.weight`, `${name}.bias`, ...(norm ? [`${norm}.weight`, `${norm}.bias`] : [])]
    return !names.some((parameter) => mode.trains(parameter)) && !(norm && mode.usesBatch(norm))
  })
}

/** Images that go through the backbone together: all of them on a GPU, or where they could not be bound. */
export function imagesAtOnce(backbone: Backbone, { shape, bytes, dtype }: GpuTensor, { adapter }: Recorder): number {
  const [batch = 1, size = 1] = shape
  if (adapter.kind !== 'cpu' || bytes > adapter.maxBindingBytes) return batch
  const layers = new CountingLayers()
  backbone.forward(layers, [{ name: 'image', channels: 3, size }])
  const largest = layers.nodes.reduce((most, node) => {
    if (node.op !== 'conv') return most
    return Math.max(most, node.inSize ** 2 * node.spec.inChannels + node.outSize ** 2 * node.spec.outChannels)
  }, 1)
  return Math.max(1, Math.min(batch, Math.floor(cacheBytes / (elementBytes[dtype] * largest))))
}

/** The backbone's outputs for `[N, H, W, 4]`, `count` images at a time: values as those of one pass over all of them. */
export function frozenLevels(
  backbone: Backbone,
  layers: TapeLayers,
  images: GpuTensor,
  count: number,
): (readonly [ReturnType<typeof single>])[] {
  const { tape } = layers
  const [batch = 1] = images.shape
  const slices: GpuTensor[][] = []
  for (let first = 0; first < batch; first += count) {
    const some = { first, count: Math.min(count, batch - first) }
    const input = some.count === batch ? images : copySamples(tape.r, { input: images, ...some, label: 'images' })
    slices.push(backbone.forward(layers, [tape.constant(input)]).map((level) => single(level, 'backbone').data))
  }
  return (slices[0] ?? []).map((first, level) => {
    const parts = slices.map((slice) => slice[level] ?? first)
    return [tape.constant(parts.length === 1 ? first : joinSamples(tape.r, parts, `backbone.level${level}`))]
  })
}
