// SiamRPN++ with parameters that train: the forward pass of a training step over a tape, and the way from and to a state dict.
// Sources: SiamRPN.forward_train of mmtrack/models/sot/siamrpn.py, SiameseRPNHead.loss of siamese_rpn_head.py.

import { CheckpointError } from '../formats/errors.ts'
import { fromFloat32, type NamedTensor, type StateDict, toFloat32, toTypedArray } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { Tape, Tensor } from '../nn/autograd.ts'
import type { ConvSpec } from '../nn/conv-module.ts'
import * as ops from '../nn/ops.ts'
import type { Parameter } from '../nn/parameter.ts'
import { single, TapeLayers, TapeWeights } from '../nn/tape-layers.ts'
import type { TrainingMode } from '../nn/trainable-conv.ts'
import type { ModelConfig } from './config.ts'
import { frozenLevels, imagesAtOnce, isFrozen } from './frozen-backbone.ts'
import { type HeadLosses, headLoss } from './head-loss.ts'
import { stateDictShapes } from './layout.ts'
import { SiameseNetwork } from './siamese-network.ts'
import type { HeadMaps } from './siamese-rpn-head.ts'
import type { TargetTensors } from './target-tensors.ts'

/** Maps of the head: logits `[N, H, W, 2 A]` and deltas `[N, H, W, 4 A]`. */
export interface TrainableOutput extends HeadMaps<Tensor> {
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

/** A tensor that a batch norm keeps beside its parameters. */
export interface StatisticTensor {
  /** Name in the state dict. */
  readonly name: string
  readonly shape: readonly number[]
  readonly data: GpuTensor
}

export class TrainableSiamRPN {
  readonly model: ModelConfig
  readonly #device: Device
  readonly #graph: SiameseNetwork
  readonly #weights: TapeWeights
  /** How often each batch norm has updated its running statistics. */
  readonly #batches = new Map<string, number>()

  /** Uploads all weights. @throws CheckpointError for a tensor that is missing or has another shape */
  constructor(device: Device, model: ModelConfig, state: StateDict) {
    checkShapes(model, state)
    this.#device = device
    this.model = model
    this.#graph = new SiameseNetwork(model)
    this.#weights = new TapeWeights(device, {
      convs: this.#graph.convs,
      vectors: this.#graph.head.vectors,
      weights: (name) => toFloat32(entry(state, name)),
      momentum: (spec) => normConfig(model, spec)?.momentum ?? 0.1,
    })
    for (const { name } of this.#weights.norms) this.#batches.set(name, batchesOf(state, name))
  }

  /** All parameters, in PyTorch's order. */
  get parameters(): Parameter[] {
    const byName = new Map(this.#weights.parameters.map((each) => [each.name, each]))
    return [...stateDictShapes(this.model).keys()].flatMap((name) => byName.get(name) ?? [])
  }

  /** The running statistics of all batch norms. */
  get statistics(): { readonly norm: string; readonly tensors: readonly StatisticTensor[] }[] {
    return this.#weights.norms.map(({ name: norm, statistics: { mean, variance } }) => {
      const tensors = [
        { name: `${norm}.running_mean`, data: mean },
        { name: `${norm}.running_var`, data: variance },
      ]
      return { norm, tensors: tensors.map((each) => ({ ...each, shape: each.data.shape })) }
    })
  }

  /**
   * Template and search images to the maps, recorded on the tape: those of the batch, and behind them those of `cross_pairs`,
   * which have their features from the batch. The tape's precision is that of all maps between; those of the head are f32
   * (`force_fp32` of mmcv). Batch norms that use the batch's statistics see two
   * batches: first the templates, then the search images. Source: SiamRPN.forward_train.
   */
  forward(tape: Tape, images: TrainingImages, mode: TrainingMode): TrainableOutput {
    const layers = new TapeLayers(tape, this.#weights, mode)
    const { backbone, neck } = this.#graph
    const frozen = isFrozen(backbone, mode)
    const levels = (image: GpuTensor) => {
      const input = ops.convert(tape, tape.constant(image), tape.precision, 'image')
      if (!frozen) return backbone.forward(layers, [input])
      return frozenLevels(backbone, layers, input.data, imagesAtOnce(backbone, input.data, tape.r))
    }
    const template = this.#graph.templateFeatures(layers, levels(images.template))
    // On the way back this is the longest pass. As the last one it makes the backbone's gradients whole layer by layer, and they
    // may travel to other ranks meanwhile.
    const searched = tape.lastOnTheWayBack(() => levels(images.search))
    const search = neck.forward(layers, searched)
    const kernels = this.#graph.head.forwardKernels(layers, template)
    const crossed = this.model.train_cfg?.rpn.cross_pairs ?? 0
    const append = (map: readonly Tensor[], first: number) =>
      map.map((part) => ops.appendSamples(tape, part, { first, count: crossed }, 'cross_pairs'))
    const { cls, bbox } = this.#graph.head.forward(layers, kernels, search, ({ kernel, features }) => {
      if (crossed === 0) return { kernel, features }
      return { kernel: append(kernel, 1), features: append(features, 0) }
    })
    const whole = (map: readonly Tensor[], name: string) =>
      ops.convert(tape, single(map, name), 'f32', `${name}.single`)
    return { cls: whole(cls, 'head.cls'), bbox: whole(bbox, 'head.reg'), updates: layers.updates }
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
    for (const { name, statistics } of this.#weights.norms) {
      const { mean, variance } = statistics
      found.set(`${name}.running_mean`, fromFloat32(await this.#device.readF32(mean), mean.shape))
      found.set(`${name}.running_var`, fromFloat32(await this.#device.readF32(variance), variance.shape))
      const count = BigInt64Array.of(BigInt(this.#batches.get(name) ?? 0))
      found.set(`${name}.num_batches_tracked`, { dtype: 'i64', shape: [], data: new Uint8Array(count.buffer) })
    }
    return new Map([...stateDictShapes(this.model).keys()].map((name) => [name, entry(found, name)]))
  }

  /** Replaces all weights and statistics. @throws CheckpointError as the constructor, before anything is changed */
  load(state: StateDict): void {
    checkShapes(this.model, state)
    const values = (name: string) => toFloat32(entry(state, name))
    for (const each of this.parameters) this.#device.write(each.data, each.fromPyTorch(values(each.name)))
    for (const { name, statistics } of this.#weights.norms) {
      this.#device.write(statistics.mean, values(`${name}.running_mean`))
      this.#device.write(statistics.variance, values(`${name}.running_var`))
      this.#batches.set(name, batchesOf(state, name))
    }
  }

  /** Frees the device memory. */
  release(): void {
    this.#weights.release(this.#device)
  }
}

function normConfig({ backbone, neck, head }: ModelConfig, { name }: ConvSpec) {
  if (name.startsWith('backbone.')) return backbone.norm_cfg
  return name.startsWith('neck.') ? neck?.norm_cfg : head.norm_cfg
}

function batchesOf(state: StateDict, norm: string): number {
  return Number(toTypedArray(entry(state, `${norm}.num_batches_tracked`))[0])
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
