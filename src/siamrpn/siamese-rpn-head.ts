// The head: at each level, template and search features are correlated channel by channel, once for classification and once
// for regression; levels are then summed. The two branches of a level read the same features, so their 3x3 convolutions
// stand side by side in one filter and their correlations in one dispatch. The template's side does not change from frame
// to frame and is a function of its own, computed once.
// Source: SiameseRPNHead and CorrelationHead of mmtrack/models/track_heads/siamese_rpn_head.py.

import type { Device } from '../gpu/device.ts'
import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { depthwiseCorrelation } from '../kernels/correlation.ts'
import { weightedSum } from '../kernels/elementwise.ts'
import { ConvModule, type WeightSource } from '../nn/conv-module.ts'
import type { ModelConfig } from './config.ts'
import { headSpecs } from './layout.ts'
import { noObserver, type Observe } from './observe.ts'

/** Maps of the head: logits `[N, H, W, 2 A]` and deltas `[N, H, W, 4 A]`, channel = class or coordinate * A + anchor. */
export interface HeadOutput {
  readonly cls: GpuTensor
  readonly bbox: GpuTensor
}

interface Level {
  readonly names: { readonly cls: string; readonly reg: string }
  /** Channels of one branch. */
  readonly channels: number
  readonly kernelConv: ConvModule
  readonly searchConv: ConvModule
  readonly cls: readonly [ConvModule, ConvModule]
  readonly reg: readonly [ConvModule, ConvModule]
}

export class SiameseRPNHead {
  readonly modules: readonly ConvModule[]
  readonly #levels: readonly Level[]
  readonly #weighted: boolean
  #weights: { readonly cls: GpuTensor; readonly reg: GpuTensor } | undefined

  constructor(model: Pick<ModelConfig, 'head' | 'test_cfg'>) {
    const kernelSize = model.test_cfg.center_size - model.head.kernel_size + 1
    const reg = headSpecs(model, 'reg')
    this.#levels = headSpecs(model, 'cls').flatMap((cls, level) => {
      const other = reg[level]
      if (!other) return []
      return {
        names: { cls: cls.name, reg: other.name },
        channels: cls.searchConv.outChannels,
        kernelConv: new ConvModule([cls.kernelConv, other.kernelConv], { outputSize: kernelSize }),
        searchConv: new ConvModule([cls.searchConv, other.searchConv]),
        cls: [new ConvModule([cls.headConvs[0]]), new ConvModule([cls.headConvs[1]])],
        reg: [new ConvModule([other.headConvs[0]]), new ConvModule([other.headConvs[1]])],
      }
    })
    this.#weighted = model.head.weighted_sum
    this.modules = this.#levels.flatMap((level) => [level.kernelConv, level.searchConv, ...level.cls, ...level.reg])
  }

  /** The weights of the levels; the convolutions load themselves. */
  loadWeights(device: Device, weights: WeightSource): void {
    this.releaseWeights(device)
    if (!this.#weighted) return
    const [cls, reg] = [weights('head.cls_weight'), weights('head.reg_weight')]
    this.#weights = {
      cls: device.tensor(cls, [cls.length], 'head.cls_weight'),
      reg: device.tensor(reg, [reg.length], 'head.reg_weight'),
    }
  }

  releaseWeights(device: Device): void {
    if (this.#weights) for (const tensor of [this.#weights.cls, this.#weights.reg]) device.release(tensor)
    this.#weights = undefined
  }

  /** Centre crops of the template's features, `[N, 7, 7, C]` per level, to correlation kernels `[N, 5, 5, 2 C]`: cls, then reg. */
  forwardKernels(r: Recorder, template: readonly GpuTensor[], observe: Observe = noObserver): GpuTensor[] {
    return this.#each(template, 'template').map(({ level, input }) => {
      const kernel = level.kernelConv.forward(r, input, { relu: true })
      observeBranches(observe, level, 'kernel_convs', kernel)
      return kernel
    })
  }

  /** Kernels of `forwardKernels` and search features `[N, h, w, C]` per level to the maps. */
  forward(
    r: Recorder,
    kernels: readonly GpuTensor[],
    search: readonly GpuTensor[],
    observe: Observe = noObserver,
  ): HeadOutput {
    const levels = this.#each(search, 'search').map(({ level, input }, index) => {
      const kernel = kernels[index]
      if (!kernel) throw new ShapeError(`head: found ${kernels.length} kernels, expected ${this.#levels.length}`)
      const features = level.searchConv.forward(r, input, { relu: true })
      observeBranches(observe, level, 'search_convs', features)
      const correlation = depthwiseCorrelation(r, { input: features, kernel, label: `head.${index}.correlation` })
      return {
        cls: branch(r, { correlation, name: level.names.cls, convs: level.cls, firstChannel: 0, observe }),
        reg: branch(r, { correlation, name: level.names.reg, convs: level.reg, firstChannel: level.channels, observe }),
      }
    })
    const sum = (inputs: GpuTensor[], weights: GpuTensor | undefined, label: string) =>
      weightedSum(r, { inputs, ...(weights && { weights }), label })
    return {
      cls: sum(
        levels.map(({ cls }) => cls),
        this.#weights?.cls,
        'head.cls',
      ),
      bbox: sum(
        levels.map(({ reg }) => reg),
        this.#weights?.reg,
        'head.reg',
      ),
    }
  }

  #each(inputs: readonly GpuTensor[], side: string): { level: Level; input: GpuTensor }[] {
    if (inputs.length !== this.#levels.length) {
      throw new ShapeError(`head: found ${inputs.length} levels of ${side} features, expected ${this.#levels.length}`)
    }
    return this.#levels.flatMap((level, index) => {
      const input = inputs[index]
      return input ? [{ level, input }] : []
    })
  }
}

interface Branch {
  readonly correlation: GpuTensor
  readonly name: string
  readonly convs: readonly [ConvModule, ConvModule]
  readonly firstChannel: number
  readonly observe: Observe
}

function branch(r: Recorder, { correlation, name, convs, firstChannel, observe }: Branch): GpuTensor {
  const hidden = convs[0].forward(r, correlation, { relu: true, firstChannel })
  observe(`${name}.head_convs.0`, hidden)
  const output = convs[1].forward(r, hidden)
  observe(name, output)
  return output
}

function observeBranches(observe: Observe, { names, channels }: Level, part: string, tensor: GpuTensor): void {
  observe(`${names.cls}.${part}`, tensor, { first: 0, count: channels })
  observe(`${names.reg}.${part}`, tensor, { first: channels, count: channels })
}
