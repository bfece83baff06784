// SiamRPN++ written once, over layers of any kind: backbone, neck and head, and what they make of template and search image.
// Nothing here knows weights, frames or boxes. Source: SiamRPN.forward_template and SiamRPN.forward_search of
// mmtrack/models/sot/siamrpn.py.

import type { ConvSpec } from '../nn/conv-module.ts'
import { CountingLayers, type Features } from '../nn/counting-layers.ts'
import type { ConvUse } from '../nn/folded-layers.ts'
import type { Layers } from '../nn/layers.ts'
import type { Backbone } from './backbone.ts'
import { createNeck, type Neck } from './channel-mapper.ts'
import type { ModelConfig } from './config/schema.ts'
import { createBackbone } from './create-backbone.ts'
import { SiameseRPNHead } from './siamese-rpn-head.ts'

export class SiameseNetwork {
  readonly model: ModelConfig
  readonly backbone: Backbone
  readonly neck: Neck
  readonly head: SiameseRPNHead

  constructor(model: ModelConfig) {
    this.model = model
    this.backbone = createBackbone(model.backbone)
    this.neck = createNeck(model.neck)
    this.head = new SiameseRPNHead(model.head)
  }

  /** Every convolution, in PyTorch's order. */
  get convs(): readonly ConvSpec[] {
    return [...this.backbone.convs, ...this.neck.convs, ...this.head.convs]
  }

  /**
   * Features of the exemplar: the whole map goes through backbone and neck, then its centre is cut out.
   * @param images `[N, 127, 127, 4]`
   * @returns `[N, 7, 7, C]` per level
   */
  forwardTemplate<T>(layers: Layers<T>, images: T): T[] {
    return this.templateFeatures(layers, this.backbone.forward(layers, images))
  }

  /** The same from the backbone's outputs. */
  templateFeatures<T>(layers: Layers<T>, levels: readonly T[]): T[] {
    const size = this.model.test_cfg.center_size
    return this.neck.forward(layers, levels).map((level) => layers.centerCrop(level, size, 'template.center'))
  }

  /** Features of the search image: `[N, 255, 255, 4]` to `[N, 31, 31, C]` per level. */
  forwardSearch<T>(layers: Layers<T>, images: T): T[] {
    return this.neck.forward(layers, this.backbone.forward(layers, images))
  }

  /** What is computed once per target and in every frame, with sizes. Maps of images that are too small have sizes below 1. */
  count(): { readonly template: CountingLayers; readonly search: CountingLayers } {
    const { exemplar_size, search_size } = this.model.test_cfg
    const [template, search] = [new CountingLayers(), new CountingLayers()]
    const image = (name: string, size: number): Features => [{ name, channels: 3, size }]
    const kernels = this.head.forwardKernels(template, this.forwardTemplate(template, image('template', exemplar_size)))
    this.head.forward(search, kernels, this.forwardSearch(search, image('search', search_size)))
    return { template, search }
  }
}

/** Every convolution of tracking once, with the sizes of all inputs that it is given. */
export function convUses(...counts: readonly ReturnType<SiameseNetwork['count']>[]): ConvUse[] {
  const uses = new Map<string, { readonly specs: ConvUse['specs']; readonly inSizes: number[] }>()
  for (const { specs, inSize, outSize } of counts.flatMap(({ template, search }) => [
    ...search.convs,
    ...template.convs,
  ])) {
    const { name } = specs[0]
    const use = uses.get(name) ?? { specs, inSizes: [] }
    if (outSize >= 1 && !use.inSizes.includes(inSize)) use.inSizes.push(inSize)
    uses.set(name, use)
  }
  return [...uses.values()]
}
