// SiamRPN++ with parameters that train: the forward pass of a training step over a tape, and the way from and to a state dict.
// `Network` is the same model with folded weights, for tracking.
// Sources: SiamRPN.forward_train of mmtrack/models/sot/siamrpn.py, SiameseRPNHead.loss of siamese_rpn_head.py.

import { CheckpointError } from '../formats/errors.ts'
import { fromFloat32, type NamedTensor, type StateDict, toFloat32, toTypedArray } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { Tape, Tensor } from '../nn/autograd.ts'
import * as ops from '../nn/ops.ts'
import { Parameter } from '../nn/parameter.ts'
import { TrainableConv, type TrainableForward, type TrainingMode } from '../nn/trainable-conv.ts'
import type { ModelConfig } from './config.ts'
import { type HeadLosses, headLoss } from './head-loss.ts'
import { type BackboneSpecs, backboneSpecs, convSpecs, headSpecs, neckSpecs, stateDictShapes } from './layout.ts'
import type { TargetTensors } from './target-tensors.ts'

/** Images have a fourth channel of zeros here. */
const IMAGE_CHANNELS = 4

/** Maps of the head: logits `[N, H, W, 2 A]` and deltas `[N, H, W, 4 A]`. */
export interface TrainableOutput {
  readonly cls: Tensor
  readonly bbox: Tensor
  /** How often one run of the pass updates the running statistics, by batch norm: for `countBatches`. */
  readonly updates: ReadonlyMap<string, number>
}

export interface TrainableLosses extends HeadLosses, Pick<TrainableOutput, 'updates'> {}

export interface TrainingImages {
  /** `[N, 127, 127, 4]`: blue, green, red from 0 to 255, and zero. */
  readonly template: GpuTensor
  /** `[N, 255, 255, 4]` */
  readonly search: GpuTensor
}

/** A forward pass while it is recorded. */
interface Pass {
  readonly tape: Tape
  readonly mode: TrainingMode
  readonly updates: Map<string, number>
}

export class TrainableSiamRPN {
  readonly model: ModelConfig
  readonly #device: Device
  readonly #convs: ReadonlyMap<string, TrainableConv>
  readonly #backbone: BackboneSpecs
  /** Logits of the weighted sums of levels. */
  readonly #levels: { readonly cls: Parameter; readonly reg: Parameter } | undefined
  /** How often each batch norm has updated its running statistics. */
  readonly #batches = new Map<string, number>()

  /** Uploads all weights. @throws CheckpointError for a tensor that is missing or has another shape */
  constructor(device: Device, model: ModelConfig, state: StateDict) {
    checkShapes(model, state)
    const weights = (name: string) => toFloat32(entry(state, name))
    this.#device = device
    this.model = model
    this.#backbone = backboneSpecs(model)
    this.#convs = new Map(
      convSpecs(model).map((spec) => {
        const stem = spec.name === this.#backbone.stem.name
        const momentum = normConfig(model, spec.name)?.momentum ?? 0.1
        const options = { momentum, ...(stem && { padInput: IMAGE_CHANNELS }) }
        return [spec.name, new TrainableConv(device, spec, weights, options)]
      }),
    )
    const level = (name: string) => {
      const values = weights(name)
      return new Parameter(device, { name, shape: [values.length], values })
    }
    this.#levels = model.head.weighted_sum
      ? { cls: level('head.cls_weight'), reg: level('head.reg_weight') }
      : undefined
    for (const { norm } of this.#convs.values()) {
      if (norm) this.#batches.set(norm.name, Number(toTypedArray(entry(state, `${norm.name}.num_batches_tracked`))[0]))
    }
  }

  /** All parameters, in PyTorch's order. */
  get parameters(): Parameter[] {
    const byName = new Map(
      [...this.#convs.values()].flatMap((conv) => conv.parameters).map((each) => [each.name, each]),
    )
    for (const each of this.#levels ? [this.#levels.cls, this.#levels.reg] : []) byName.set(each.name, each)
    return [...stateDictShapes(this.model).keys()].flatMap((name) => byName.get(name) ?? [])
  }

  /**
   * Template and search images to the maps, recorded on the tape. Batch norms that use the batch's statistics see two
   * batches: first the templates, then the search images. Source: SiamRPN.forward_train.
   */
  forward(tape: Tape, images: TrainingImages, mode: TrainingMode): TrainableOutput {
    const pass: Pass = { tape, mode, updates: new Map() }
    const size = this.model.test_cfg.center_size
    const template = this.#features(pass, images.template).map((level) => ops.centerCrop(tape, level, size))
    const search = this.#features(pass, images.search)
    const branch = (name: 'cls' | 'reg') => {
      const levels = headSpecs(this.model, name).map(({ kernelConv, searchConv, headConvs, name: label }, index) => {
        const [kernel, features] = [template[index], search[index]]
        if (!kernel || !features) throw new TypeError(`head: level ${index} has no features`)
        const a = this.#conv(pass, kernelConv.name, kernel, { relu: true })
        const b = this.#conv(pass, searchConv.name, features, { relu: true })
        const correlation = ops.depthwiseCorrelation(tape, b, a, `${label}.correlation`)
        const hidden = this.#conv(pass, headConvs[0].name, correlation, { relu: true })
        return this.#conv(pass, headConvs[1].name, hidden)
      })
      const logits = this.#levels && tape.parameter(this.#levels[name], mode.trains(`head.${name}_weight`))
      return ops.weightedSum(tape, levels, logits, `head.${name}`)
    }
    return { cls: branch('cls'), bbox: branch('reg'), updates: pass.updates }
  }

  /** `forward`, and the losses of its maps, reduced and weighted as the configuration says. Source: SiamRPN.forward_train. */
  forwardTrain(tape: Tape, images: TrainingImages, targets: TargetTensors, mode: TrainingMode): TrainableLosses {
    const output = this.forward(tape, images, mode)
    return { ...headLoss(tape, this.model, output, targets), updates: output.updates }
  }

  /** To be called after each run of a recorded pass, with its `updates`: counts them, for `num_batches_tracked`. */
  countBatches(updates: TrainableOutput['updates']): void {
    for (const [name, count] of updates) this.#batches.set(name, (this.#batches.get(name) ?? 0) + count)
  }

  /** The state dict, read back from the device, with PyTorch's names, layouts and order. */
  async stateDict(): Promise<StateDict> {
    const found = new Map<string, NamedTensor>()
    for (const parameter of this.parameters) {
      const values = parameter.toPyTorch(await this.#device.readF32(parameter.data))
      found.set(parameter.name, fromFloat32(values, parameter.shape))
    }
    for (const { norm } of this.#convs.values()) {
      if (!norm) continue
      const { mean, variance } = norm.statistics
      found.set(`${norm.name}.running_mean`, fromFloat32(await this.#device.readF32(mean), mean.shape))
      found.set(`${norm.name}.running_var`, fromFloat32(await this.#device.readF32(variance), variance.shape))
      const count = BigInt64Array.of(BigInt(this.#batches.get(norm.name) ?? 0))
      found.set(`${norm.name}.num_batches_tracked`, { dtype: 'i64', shape: [], data: new Uint8Array(count.buffer) })
    }
    return new Map([...stateDictShapes(this.model).keys()].map((name) => [name, entry(found, name)]))
  }

  /** Replaces all weights and statistics. @throws CheckpointError as the constructor, before anything is changed */
  load(state: StateDict): void {
    checkShapes(this.model, state)
    const values = (name: string) => toFloat32(entry(state, name))
    for (const each of this.parameters) this.#device.write(each.data, each.fromPyTorch(values(each.name)))
    for (const { norm } of this.#convs.values()) {
      if (!norm) continue
      this.#device.write(norm.statistics.mean, values(`${norm.name}.running_mean`))
      this.#device.write(norm.statistics.variance, values(`${norm.name}.running_var`))
      this.#batches.set(norm.name, Number(toTypedArray(entry(state, `${norm.name}.num_batches_tracked`))[0]))
    }
  }

  /** Frees the device memory. */
  release(): void {
    for (const conv of this.#convs.values()) conv.release(this.#device)
    if (this.#levels) for (const each of [this.#levels.cls, this.#levels.reg]) each.release(this.#device)
  }

  /** Backbone and neck: the levels that the head reads. */
  #features(pass: Pass, images: GpuTensor): Tensor[] {
    const { stem, stages } = this.#backbone
    const relu = { relu: true }
    let x = this.#conv(pass, stem.name, pass.tape.constant(images), relu)
    x = ops.maxPool(pass.tape, x, { kernel: 3, stride: 2, padding: 1, label: 'backbone.maxpool' })
    const outputs = stages.map((blocks) => {
      for (const block of blocks) {
        const inner = this.#conv(pass, block.conv1.name, x, relu)
        const middle = this.#conv(pass, block.conv2.name, inner, relu)
        const residual = block.downsample ? this.#conv(pass, block.downsample.name, x) : x
        x = this.#conv(pass, block.conv3.name, middle, { residual, relu: true })
      }
      return x
    })
    const clamp = { relu: this.model.neck.act_cfg !== null }
    return neckSpecs(this.model).flatMap(({ name }, level) => {
      const output = outputs[this.model.backbone.out_indices[level] ?? -1]
      return output ? [this.#conv(pass, name, output, clamp)] : []
    })
  }

  #conv({ tape, mode, updates }: Pass, name: string, input: Tensor, options: TrainableForward = {}): Tensor {
    const conv = this.#convs.get(name)
    if (!conv) throw new TypeError(`The model has no convolution ${name}`)
    const norm = conv.norm?.name
    if (norm && mode.usesBatch(norm)) updates.set(norm, (updates.get(norm) ?? 0) + 1)
    return conv.forward(tape, input, mode, options)
  }
}

function normConfig({ backbone, neck, head }: ModelConfig, name: string) {
  if (name.startsWith('backbone.')) return backbone.norm_cfg
  return name.startsWith('neck.') ? neck.norm_cfg : head.norm_cfg
}

function checkShapes(model: ModelConfig, state: StateDict): void {
  for (const [name, shape] of stateDictShapes(model)) {
    const found = entry(state, name).shape
    if (found.join() === shape.join()) continue
    throw new CheckpointError(`Tensor \`${name}\` of the state dict is [${found}], expected [${shape}]`)
  }
}

function entry(state: StateDict, name: string): NamedTensor {
  const tensor = state.get(name)
  if (tensor) return tensor
  throw new CheckpointError(`Tensor \`${name}\` is missing from the state dict`)
}
