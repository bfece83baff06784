// ResNet-50 with dilated last stages: the backbone of SiamRPN++. No padding at the stem, 3x3 downsamples, stride 8 in all.
// Source: SOTResNet and SOTBottleneck of mmtrack/models/backbones/sot_resnet.py; Li et al., SiamRPN++, CVPR 2019, section 3.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { maxPool } from '../kernels/spatial.ts'
import { ConvModule } from '../nn/conv-module.ts'
import type { ModelConfig } from './config.ts'
import { type BlockSpecs, backboneSpecs } from './layout.ts'
import { noObserver, type Observe } from './observe.ts'

/** Images have a fourth channel of zeros here. */
const IMAGE_CHANNELS = 4

export class SOTResNet {
  readonly modules: readonly ConvModule[]
  readonly #stem: ConvModule
  readonly #stages: readonly (readonly Bottleneck[])[]
  readonly #outIndices: readonly number[]

  constructor(model: Pick<ModelConfig, 'backbone'>) {
    const { stem, stages } = backboneSpecs(model)
    this.#stem = new ConvModule([stem], { padInput: IMAGE_CHANNELS })
    this.#stages = stages.map((blocks) => blocks.map((block) => new Bottleneck(block)))
    this.#outIndices = model.backbone.out_indices
    this.modules = [this.#stem, ...this.#stages.flat().flatMap((block) => block.modules)]
  }

  /**
   * @param images `[N, H, W, 4]`: blue, green, red from 0 to 255, and zero
   * @returns the stages of `out_indices`, `[N, h, w, C]` each
   */
  forward(r: Recorder, images: GpuTensor, observe: Observe = noObserver): GpuTensor[] {
    if (observe !== noObserver) observe('backbone.conv1', this.#stem.convolve(r, images))
    let x = this.#stem.forward(r, images, { relu: true })
    x = maxPool(r, { input: x, kernel: 3, stride: 2, padding: 1, label: 'backbone.maxpool' })
    observe('backbone.maxpool', x)
    const outputs = new Map<number, GpuTensor>()
    for (const [stage, blocks] of this.#stages.entries()) {
      if (stage > Math.max(...this.#outIndices)) break
      for (const block of blocks) x = block.forward(r, x)
      observe(`backbone.layer${stage + 1}`, x)
      outputs.set(stage, x)
    }
    return this.#outIndices.flatMap((stage) => outputs.get(stage) ?? [])
  }
}

class Bottleneck {
  readonly modules: readonly ConvModule[]
  readonly #conv1: ConvModule
  readonly #conv2: ConvModule
  readonly #conv3: ConvModule
  readonly #downsample: ConvModule | undefined

  constructor({ conv1, conv2, conv3, downsample }: BlockSpecs) {
    this.#conv1 = new ConvModule([conv1])
    this.#conv2 = new ConvModule([conv2])
    this.#conv3 = new ConvModule([conv3])
    this.#downsample = downsample && new ConvModule([downsample])
    this.modules = [this.#conv1, this.#conv2, this.#conv3, ...(this.#downsample ? [this.#downsample] : [])]
  }

  forward(r: Recorder, input: GpuTensor): GpuTensor {
    const inner = this.#conv2.forward(r, this.#conv1.forward(r, input, { relu: true }), { relu: true })
    const residual = this.#downsample ? this.#downsample.forward(r, input) : input
    return this.#conv3.forward(r, inner, { residual, relu: true })
  }
}
