// The network that tracks, as one object: its weights on a device, batch norms folded, and the two halves of a tracking step up
// to the maps. Nothing here knows frames or boxes.

import { CheckpointError } from '../formats/errors.ts'
import { type StateDict, toFloat32 } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import type { Precision } from '../gpu/half.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import {
  FoldedLayers,
  type FoldedMap,
  FoldedWeights,
  foldedMap,
  type Observe,
  type OnLoaded,
} from '../nn/folded-layers.ts'
import type { ModelConfig } from './config.ts'
import { lostModel } from './long-term.ts'
import { convUses, SiameseNetwork } from './siamese-network.ts'
import type { HeadMaps } from './siamese-rpn-head.ts'

/** Logits `[N, H, W, 2 A]` and deltas `[N, H, W, 4 A]`. */
export type HeadOutput = HeadMaps<GpuTensor>

export class Network {
  readonly #graph: SiameseNetwork
  readonly #weights: FoldedWeights

  /** @param precision of the filters as they are stored */
  constructor(model: ModelConfig, precision: Precision = 'f32') {
    this.#graph = new SiameseNetwork(model)
    const lost = lostModel(model)
    const counts = lost === undefined ? [] : [new SiameseNetwork(lost).count()]
    this.#weights = new FoldedWeights(convUses(this.#graph.count(), ...counts), this.#graph.head.vectors, precision)
  }

  /** Uploads all weights. @throws CheckpointError for a missing tensor; PrecisionError; OutOfMemoryError */
  async load(device: Device, state: StateDict, onLoaded?: OnLoaded): Promise<void> {
    const weights = (name: string) => {
      const tensor = state.get(name)
      if (tensor) return toFloat32(tensor)
      throw new CheckpointError(`Tensor \`${name}\` is missing from the state dict`)
    }
    await this.#weights.load(device, weights, onLoaded)
  }

  /** Features of the exemplar's centre: `[N, 127, 127, 4]` to `[N, 7, 7, C]` per level. */
  forwardTemplate(r: Recorder, images: GpuTensor, observe?: Observe): GpuTensor[] {
    return this.#graph.forwardTemplate(this.#layers(r, observe), foldedMap(images)).map(tensorOf)
  }

  /** Features of the search image: `[N, 255, 255, 4]` to `[N, 31, 31, C]` per level. */
  forwardSearch(r: Recorder, images: GpuTensor, observe?: Observe): GpuTensor[] {
    return this.#graph.forwardSearch(this.#layers(r, observe), foldedMap(images)).map(tensorOf)
  }

  /** Features of `forwardTemplate` to correlation kernels `[N, 5, 5, 2 C]` per level: cls, then reg. */
  forwardKernels(r: Recorder, template: readonly GpuTensor[], observe?: Observe): GpuTensor[] {
    return this.#graph.head.forwardKernels(this.#layers(r, observe), asMaps(template)).map(tensorOf)
  }

  /** Kernels of `forwardKernels` and features of `forwardSearch` to the maps. @throws ShapeError for too few of them */
  forwardMaps(r: Recorder, kernels: readonly GpuTensor[], search: readonly GpuTensor[], observe?: Observe): HeadOutput {
    const halves = kernels.map((kernel) => {
      const half = (kernel.shape.at(-1) ?? 0) / 2
      return foldedMap(kernel, [half, half])
    })
    const { cls, bbox } = this.#graph.head.forward(this.#layers(r, observe), halves, asMaps(search))
    return { cls: cls.tensor, bbox: bbox.tensor }
  }

  /** Both sides' features to the maps. Tracking computes the template's side once; see `forwardKernels`. */
  forwardHead(
    r: Recorder,
    template: readonly GpuTensor[],
    search: readonly GpuTensor[],
    observe?: Observe,
  ): HeadOutput {
    return this.forwardMaps(r, this.forwardKernels(r, template, observe), search, observe)
  }

  /** Frees all weights. */
  release(device: Device): void {
    this.#weights.release(device)
  }

  #layers(r: Recorder, observe: Observe | undefined): FoldedLayers {
    return new FoldedLayers(r, this.#weights, observe)
  }
}

function tensorOf({ tensor }: FoldedMap): GpuTensor {
  return tensor
}

function asMaps(tensors: readonly GpuTensor[]): FoldedMap[] {
  return tensors.map((tensor) => foldedMap(tensor))
}
