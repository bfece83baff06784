// The neck: one convolution with batch norm per level, to a common number of channels.
// Source: ChannelMapper of mmdet/models/necks/channel_mapper.py.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { ConvModule } from '../nn/conv-module.ts'
import type { ModelConfig } from './config.ts'
import { neckSpecs } from './layout.ts'
import { noObserver, type Observe } from './observe.ts'

export class ChannelMapper {
  readonly modules: readonly ConvModule[]
  readonly #relu: boolean

  constructor(model: Pick<ModelConfig, 'neck'>) {
    this.modules = neckSpecs(model).map((spec) => new ConvModule([spec]))
    this.#relu = model.neck.act_cfg !== null
  }

  /** Level by level, `[N, h, w, C_level]` to `[N, h, w, out_channels]`. @throws ShapeError for another number of levels */
  forward(r: Recorder, levels: readonly GpuTensor[], observe: Observe = noObserver): GpuTensor[] {
    if (levels.length !== this.modules.length) {
      throw new ShapeError(`neck: found ${levels.length} levels, expected ${this.modules.length}`)
    }
    return this.modules.flatMap((module, level) => {
      const input = levels[level]
      if (!input) return []
      const output = module.forward(r, input, { relu: this.#relu })
      observe(`neck.convs.${level}`, output)
      return [output]
    })
  }
}
