// The head alone, fitted to features that were computed once: neck and backbone stay as they are, and so do the running
// statistics of the head's batch norms. A step is recorded once and replayed on other samples, which are copied into its inputs
// from the bank of features on the device.

import { fromFloat32, type NamedTensor, type StateDict, toFloat32 } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import { Pacer } from '../gpu/pacer.ts'
import { capture, type Program } from '../gpu/program.ts'
import { GpuTensor } from '../gpu/tensor.ts'
import { Tape } from '../nn/autograd.ts'
import { Optimizer } from '../nn/optimizer.ts'
import { single, TapeLayers, TapeWeights } from '../nn/tape-layers.ts'
import type { ModelConfig } from './config.ts'
import { headLoss } from './head-loss.ts'
import { SiameseRPNHead } from './siamese-rpn-head.ts'
import { emptyTargets, releaseTargets, type TargetTensors, writeTargets } from './target-tensors.ts'
import type { Targets } from './targets.ts'

/** Features of several samples, `[N, h, w, C]` per level. */
export type FeatureBank = readonly GpuTensor[]

/** Gradients are scaled down to this norm. */
const maxNorm = 10

const betas = [0.9, 0.999] as const
const eps = 1e-8

export interface HeadFitSource {
  readonly device: Device
  readonly model: ModelConfig
  /** The whole model's weights. */
  readonly state: StateDict
  readonly exemplars: FeatureBank
  readonly windows: FeatureBank
  /** Pairs of a step. */
  readonly batch: number
  /** Anchors of a score map. */
  readonly anchors: number
}

interface StepTensors {
  readonly loss: GpuTensor
  readonly norm: GpuTensor
}

export class HeadFit {
  readonly #source: HeadFitSource
  readonly #weights: TapeWeights
  readonly #optimizer: Optimizer
  readonly #exemplars: FeatureBank
  readonly #windows: FeatureBank
  readonly #targets: TargetTensors
  readonly #pacer: Pacer
  #step: Program<StepTensors> | undefined

  /** Uploads the head's weights. `record` must follow. */
  constructor(source: HeadFitSource) {
    const { device, model, state, batch } = source
    const head = new SiameseRPNHead(model.head)
    this.#source = source
    this.#weights = new TapeWeights(device, {
      convs: head.convs,
      vectors: head.vectors,
      weights: (name) => toFloat32(entry(state, name)),
      momentum: () => 0,
    })
    this.#optimizer = new Optimizer(device, { type: 'AdamW', lr: 0, betas, eps, weight_decay: 0 }, maxNorm)
    this.#exemplars = source.exemplars.map((bank) => emptyBatch(device, bank, batch))
    this.#windows = source.windows.map((bank) => emptyBatch(device, bank, batch))
    this.#targets = emptyTargets(device, batch, source.anchors)
    this.#pacer = new Pacer(device)
  }

  /** Records the step and compiles its kernels. @throws OutOfMemoryError; ShaderError */
  async record(onProgress?: (done: number, total: number) => void): Promise<void> {
    const { device, model } = this.#source
    const head = new SiameseRPNHead(model.head)
    this.#optimizer.prepare(this.#weights.parameters)
    const mode = { trains: () => true, usesBatch: () => false }
    this.#step = await capture(
      device,
      (r) => {
        const tape = new Tape(r)
        const layers = new TapeLayers(tape, this.#weights, mode)
        const constants = (bank: FeatureBank) => bank.map((level) => [tape.constant(level)])
        const kernels = head.forwardKernels(layers, constants(this.#exemplars))
        const maps = head.forward(layers, kernels, constants(this.#windows))
        const [cls, bbox] = [single(maps.cls, 'head.cls'), single(maps.bbox, 'head.reg')]
        const losses = headLoss(tape, model, { cls, bbox }, this.#targets)
        const gradients = [...tape.backward(losses.total).parameters]
        const updates = gradients.map(([parameter, gradient]) => ({ parameter, gradient }))
        return { loss: losses.total.data, norm: this.#optimizer.record(r, updates) }
      },
      { label: 'teach', onProgress },
    )
  }

  /**
   * One step on pairs of an exemplar and a window. @param lr learning rate
   * @returns the loss before the step, and the norm of its gradients
   */
  async step(pairs: readonly (readonly [exemplar: number, window: number])[], targets: Targets, lr: number) {
    const { device } = this.#source
    for (const [row, [exemplar, window]] of pairs.entries()) {
      copyRow(device, this.#source.exemplars, exemplar, this.#exemplars, row)
      copyRow(device, this.#source.windows, window, this.#windows, row)
    }
    writeTargets(device, this.#targets, targets)
    this.#optimizer.begin([lr])
    const step = this.#step
    if (!step) throw new Error('HeadFit.step: the step has not been recorded')
    return await this.#pacer.through(
      () => step.run(),
      async () => {
        const [loss, norm] = await Promise.all([device.readF32(step.result.loss), device.readF32(step.result.norm)])
        return { loss: loss[0] ?? Number.NaN, norm: norm[0] ?? Number.NaN }
      },
    )
  }

  /** The fitted parameters of the head by name, in PyTorch's layouts. */
  async parameters(): Promise<StateDict> {
    const found: StateDict = new Map()
    for (const parameter of this.#weights.parameters) {
      const values = parameter.toPyTorch(await this.#source.device.readF32(parameter.data))
      found.set(parameter.name, fromFloat32(values, parameter.shape))
    }
    return found
  }

  /** Frees everything but the banks. */
  release(): void {
    const { device } = this.#source
    this.#step?.destroy()
    this.#optimizer.release()
    this.#weights.release(device)
    releaseTargets(device, this.#targets)
    for (const tensor of [...this.#exemplars, ...this.#windows]) device.release(tensor)
  }
}

function emptyBatch(device: Device, bank: GpuTensor, batch: number): GpuTensor {
  return device.empty([batch, ...bank.shape.slice(1)], 'f32', `${bank.label}.batch`)
}

/** Copies sample `from` of every level of a bank to sample `to` of another. */
function copyRow(device: Device, bank: FeatureBank, from: number, into: FeatureBank, to: number): void {
  for (const [level, source] of bank.entries()) {
    const target = into[level]
    const bytes = source.bytes / (source.shape[0] ?? 1)
    const shape = [1, ...source.shape.slice(1)]
    // A copy may begin at any word, a binding may not: hence no view by `samples`.
    const sample = new GpuTensor(source.storage, shape, source.dtype, source.byteOffset + from * bytes)
    if (target) device.copyInto(sample, target, to * bytes)
  }
}

function entry(state: StateDict, name: string): NamedTensor {
  const tensor = state.get(name)
  if (tensor) return tensor
  throw new Error(`Tensor \`${name}\` is missing from the state dict`)
}
