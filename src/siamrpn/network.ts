// The network as one object: backbone, neck and head with their weights on a device, and the two halves of a tracking step up
// to the maps. Nothing here knows frames or boxes. Source: SiamRPN.forward_template and SiamRPN.forward_search of
// mmtrack/models/sot/siamrpn.py.

import { CheckpointError } from '../formats/errors.ts'
import { type StateDict, toFloat32 } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { centerCrop } from '../kernels/spatial.ts'
import { ChannelMapper } from './channel-mapper.ts'
import type { ModelConfig } from './config.ts'
import { noObserver, type Observe } from './observe.ts'
import { type HeadOutput, SiameseRPNHead } from './siamese-rpn-head.ts'
import { SOTResNet } from './sot-resnet.ts'

/** Told after each convolution whose weights are on the device. */
export type OnLoaded = (done: number, total: number) => void

export class Network {
  readonly backbone: SOTResNet
  readonly neck: ChannelMapper
  readonly head: SiameseRPNHead
  readonly #centerSize: number

  constructor(model: ModelConfig) {
    this.backbone = new SOTResNet(model)
    this.neck = new ChannelMapper(model)
    this.head = new SiameseRPNHead(model)
    this.#centerSize = model.test_cfg.center_size
  }

  /** Uploads all weights. @throws CheckpointError for a missing tensor; OutOfMemoryError */
  async load(device: Device, state: StateDict, onLoaded: OnLoaded = () => {}): Promise<void> {
    const weights = (name: string) => {
      const tensor = state.get(name)
      if (tensor) return toFloat32(tensor)
      throw new CheckpointError(`Tensor \`${name}\` is missing from the state dict`)
    }
    const modules = this.#modules()
    try {
      for (const [index, module] of modules.entries()) {
        await module.load(device, weights)
        onLoaded(index + 1, modules.length)
        // A turn of the event loop: progress is drawn, and buffers whose contents have been taken over are freed.
        await new Promise((resolve) => setTimeout(resolve))
      }
      this.head.loadWeights(device, weights)
      await device.settle()
    } catch (error) {
      this.release(device)
      throw error
    }
  }

  /**
   * Features of the exemplar: the whole map goes through backbone and neck, then its centre is cut out.
   * @param images `[N, 127, 127, 4]`
   * @returns `[N, 7, 7, C]` per level
   */
  forwardTemplate(r: Recorder, images: GpuTensor, observe: Observe = noObserver): GpuTensor[] {
    const levels = this.neck.forward(r, this.backbone.forward(r, images, observe), observe)
    return levels.map((input) => centerCrop(r, { input, size: this.#centerSize, label: 'template.center' }))
  }

  /** Features of the search image: `[N, 255, 255, 4]` to `[N, 31, 31, C]` per level. */
  forwardSearch(r: Recorder, images: GpuTensor, observe: Observe = noObserver): GpuTensor[] {
    return this.neck.forward(r, this.backbone.forward(r, images, observe), observe)
  }

  /** Both sides' features to the maps. Tracking computes the template's side once; see `head.forwardKernels`. */
  forwardHead(
    r: Recorder,
    template: readonly GpuTensor[],
    search: readonly GpuTensor[],
    observe: Observe = noObserver,
  ): HeadOutput {
    return this.head.forward(r, this.head.forwardKernels(r, template, observe), search, observe)
  }

  /** Frees all weights. */
  release(device: Device): void {
    for (const module of this.#modules()) module.release(device)
    this.head.releaseWeights(device)
  }

  #modules() {
    return [...this.backbone.modules, ...this.neck.modules, ...this.head.modules]
  }
}
