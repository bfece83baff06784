// The training step of SiamRPN++ as programs that are replayed: forward, backward, clipping and update recorded once per
// phase. The phase changes when SiameseRPNOptimizerHook releases the backbone; the memory of every phase of the schedule is
// planned, and asked for once, before the first step, so that the schedule cannot fail half way.
// Sources: SiamRPN.train_step of mmtrack/models/sot/siamrpn.py; mmtrack/core/optimizer/sot_optimizer_hook.py.

import type { StateDict } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import { Pacer } from '../gpu/pacer.ts'
import { capture, type Plan, type Program, plan } from '../gpu/program.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { accumulateGradient } from '../kernels/optimizer.ts'
import { Tape } from '../nn/autograd.ts'
import { Optimizer } from '../nn/optimizer.ts'
import type { Parameter } from '../nn/parameter.ts'
import type { Config } from '../siamrpn/config.ts'
import { headLoss, type TargetTensors } from '../siamrpn/head-loss.ts'
import type { Targets } from '../siamrpn/targets.ts'
import { TrainableSiamRPN, type TrainingImages } from '../siamrpn/trainable.ts'
import { type EpochMode, epochMode } from '../siamrpn/training-mode.ts'
import { TrainerError } from './errors.ts'
import { readOptimizerState, writeOptimizerState } from './optimizer-state.ts'

/** One batch; its images are in the trainer's image tensors already. */
export interface TrainBatch {
  readonly ids: readonly string[]
  readonly targets: Targets
}

export interface StepResult {
  readonly losses: { readonly loss_rpn_cls: number; readonly loss_rpn_bbox: number; readonly loss: number }
  /** Euclidean norm of all gradients before clipping; absent where gradients are only gathered. */
  readonly gradNorm: number | undefined
}

export interface TrainerOptions {
  readonly device: Device
  readonly config: Config
  /** The model's initial weights. */
  readonly state: StateDict
  /** Where the batches' images are; their first dimension is the batch size. */
  readonly images: TrainingImages
  /** Steps whose gradients are averaged into one update. Default 1. */
  readonly cumulativeIters?: number
  /** Keep every gradient of a step, to look at: see `gradients`. Default false. */
  readonly keepGradients?: boolean
  /** Epochs whose phases are planned ahead. Default: the configuration's. */
  readonly epochs?: number
}

/** What a phase needs beyond the weights. */
export interface PhasePlan {
  readonly name: EpochMode['name']
  /** Intermediates, gradients included. */
  readonly arenaBytes: number
  /** Optimizer state, and gathered gradients. */
  readonly stateBytes: number
  readonly dispatches: number
  readonly flops: number
}

interface StepOutputs {
  readonly cls: GpuTensor
  readonly bbox: GpuTensor
  readonly total: GpuTensor
  readonly clip: GpuTensor | undefined
  /** By parameter, if they are kept. */
  readonly gradients: Readonly<Record<string, GpuTensor>>
}

interface Phase {
  readonly mode: EpochMode
  readonly step: Program<StepOutputs>
  /** Applies the gathered gradients, where several steps make one update. */
  readonly update: Program<GpuTensor> | undefined
}

export class Trainer {
  readonly batchSize: number
  readonly model: TrainableSiamRPN
  readonly optimizer: Optimizer
  readonly #options: TrainerOptions
  readonly #targets: TargetTensors
  readonly #pacer: Pacer
  readonly #cumulative: number
  /** `[2]`: whether a sum goes on (0 or 1), and a gradient's factor. */
  readonly #gather: GpuTensor
  readonly #sums = new Map<Parameter, GpuTensor>()
  #phase: Phase | undefined
  #gathered = 0

  constructor(options: TrainerOptions) {
    const { device, config, state, images } = options
    const { template, search } = images
    const batch = template.shape[0] ?? 0
    if (search.shape[0] !== batch) {
      throw new TrainerError(`Batch sizes differ: ${batch} templates, ${search.shape[0]} search images`)
    }
    this.batchSize = batch
    this.#options = options
    this.#cumulative = options.cumulativeIters ?? 1
    this.#pacer = new Pacer(device.adapter)
    this.model = new TrainableSiamRPN(device, config.model, state)
    const { optimizer, optimizer_config } = config
    if (!optimizer) throw new TrainerError('The configuration has no `optimizer`; training needs one')
    this.optimizer = new Optimizer(device, optimizer, optimizer_config?.grad_clip?.max_norm)
    this.#gather = device.empty([2], 'f32', 'gather')
    this.#targets = emptyTargets(device, this.model, images)
  }

  /** Plans every phase of the schedule, and asks the device once for the memory of the largest. @throws OutOfMemoryError */
  async plan(): Promise<PhasePlan[]> {
    const { device, config } = this.#options
    const epochs = this.#options.epochs ?? config.total_epochs ?? 1
    const modes = new Map<EpochMode['name'], EpochMode>()
    for (let epoch = 0; epoch < epochs; epoch++) {
      const mode = epochMode(config, epoch)
      if (!modes.has(mode.name)) modes.set(mode.name, mode)
    }
    const plans: PhasePlan[] = []
    for (const mode of modes.values()) {
      const planned = this.#plan(mode)
      const { bufferBytes, dispatches, flops, result } = planned
      const sums = this.#cumulative > 1 ? [...result.keys()].reduce((sum, { data }) => sum + data.bytes, 0) : 0
      const stateBytes = [...result.keys()].reduce((sum, each) => sum + this.optimizer.stateBytes(each), sums)
      const arenaBytes = bufferBytes.reduce((sum, bytes) => sum + bytes, 0)
      plans.push({ name: mode.name, arenaBytes, stateBytes, dispatches, flops })
      await tryMemory(device, [...bufferBytes, ...[...result.keys()].flatMap((each) => this.#stateSizes(each))])
    }
    return plans
  }

  /** Makes the programs of the epoch's phase, if it is another than before. @throws OutOfMemoryError; ShaderError */
  async startEpoch(epoch: number, onProgress?: (done: number, total: number) => void): Promise<void> {
    const { device, config } = this.#options
    const mode = epochMode(config, epoch)
    if (this.#phase?.mode.name === mode.name) return
    this.#endPhase()
    const parameters = [...this.#plan(mode).result.keys()]
    this.optimizer.prepare(parameters)
    if (this.#cumulative > 1) this.#prepareSums(parameters)
    const label = `training step, ${mode.name}`
    const step = await capture(device, (r) => this.#record(r, mode), { label, ...(onProgress && { onProgress }) })
    const update =
      this.#cumulative > 1 ? await capture(device, (r) => this.#recordUpdate(r), { label: 'update' }) : undefined
    this.#phase = { mode, step, update }
    this.#gathered = 0
  }

  /**
   * One step on the batch whose images are in place. A step whose gradients are not finite changes no parameter.
   * @param lr one learning rate per group of the optimizer
   * @throws TrainerError before `startEpoch`, or for targets of another batch size
   */
  async step({ targets }: TrainBatch, lr: readonly number[]): Promise<StepResult> {
    const { device } = this.#options
    const phase = this.#phase
    if (!phase) throw new TrainerError('Trainer.step: no epoch has been started')
    this.#write(targets)
    const last = this.#gathered + 1 === this.#cumulative
    if (this.#cumulative > 1) {
      device.write(this.#gather, Float32Array.of(this.#gathered > 0 ? 1 : 0, 1 / this.#cumulative))
    }
    if (last) this.optimizer.begin(lr)
    const clip = phase.step.result.clip ?? (last ? phase.update?.result : undefined)
    const read = await this.#pacer.through(
      () => {
        phase.step.run()
        if (last) phase.update?.run()
      },
      () => this.#read(phase.step.result, clip),
    )
    this.model.countBatches()
    this.#gathered = last ? 0 : this.#gathered + 1
    return read
  }

  /** Whether the next step begins a new update: only then is the state complete. */
  get betweenUpdates(): boolean {
    return this.#gathered === 0
  }

  /** The model with PyTorch's names and layouts. */
  modelState(): Promise<StateDict> {
    return this.model.stateDict()
  }

  /** The optimizer's state by `<parameter>.<kind>`, in PyTorch's layout; see `optimizer-state.ts`. */
  optimizerState(): Promise<StateDict> {
    return writeOptimizerState(this.#options.device, this.optimizer, this.model.parameters)
  }

  /** Continues from saved state; the programs are made anew by the next `startEpoch`. @throws CheckpointError */
  load(model: StateDict, optimizer?: StateDict): void {
    this.model.load(model)
    if (optimizer) readOptimizerState(this.optimizer, this.model.parameters, optimizer)
    this.#endPhase()
  }

  /** The last step's gradients before clipping, by parameter, in PyTorch's layout. @throws TrainerError unless they are kept */
  async gradients(): Promise<ReadonlyMap<string, Float32Array>> {
    const kept = this.#phase?.step.result.gradients
    if (!kept || !this.#options.keepGradients) throw new TrainerError('Trainer.gradients: no gradients were kept')
    const found = new Map<string, Float32Array>()
    for (const parameter of this.model.parameters) {
      const gradient = kept[parameter.name]
      if (gradient) found.set(parameter.name, parameter.toPyTorch(await this.#options.device.readF32(gradient)))
    }
    return found
  }

  /** Of the phase that runs: its program's numbers. */
  get stats(): Program<StepOutputs>['stats'] | undefined {
    return this.#phase?.step.stats
  }

  /** Times of all dispatches of one step on the current batch, update included. */
  async profile(): ReturnType<Program<StepOutputs>['profile']> {
    if (!this.#phase) throw new TrainerError('Trainer.profile: no epoch has been started')
    return await this.#phase.step.profile()
  }

  release(): void {
    const { device } = this.#options
    this.#endPhase()
    this.optimizer.release()
    this.model.release()
    for (const tensor of [...Object.values(this.#targets), ...this.#sums.values(), this.#gather]) device.release(tensor)
  }

  #plan(mode: EpochMode): Plan<ReadonlyMap<Parameter, GpuTensor>> {
    return plan(this.#options.device, (r) => this.#gradients(r, mode).gradients)
  }

  #gradients(r: Recorder, mode: EpochMode) {
    const tape = new Tape(r)
    const output = this.model.forward(tape, this.#options.images, mode)
    const losses = headLoss(tape, this.#options.config.model, output, this.#targets)
    const gradients = tape.backward(losses.total).parameters
    for (const gradient of gradients.values()) r.keep(gradient)
    return { losses, gradients }
  }

  #record(r: Recorder, mode: EpochMode): StepOutputs {
    const tape = new Tape(r)
    const output = this.model.forward(tape, this.#options.images, mode)
    const losses = headLoss(tape, this.#options.config.model, output, this.#targets)
    const gradients = tape.backward(losses.total).parameters
    const kept = this.#options.keepGradients ? [...gradients].map(([{ name }, gradient]) => [name, gradient]) : []
    const maps = { cls: losses.cls.data, bbox: losses.bbox.data, total: losses.total.data }
    const outputs = { ...maps, gradients: Object.fromEntries(kept) }
    if (this.#cumulative === 1) {
      const updates = [...gradients].map(([parameter, gradient]) => ({ parameter, gradient }))
      return { ...outputs, clip: this.optimizer.record(r, updates) }
    }
    for (const [parameter, gradient] of gradients) {
      const sum = this.#sums.get(parameter)
      if (sum) accumulateGradient(r, { sum, gradient, scalars: this.#gather, label: `${parameter.name}.gather` })
    }
    return { ...outputs, clip: undefined }
  }

  #recordUpdate(r: Recorder): GpuTensor {
    return this.optimizer.record(
      r,
      [...this.#sums].map(([parameter, gradient]) => ({ parameter, gradient })),
    )
  }

  #prepareSums(parameters: readonly Parameter[]): void {
    const { device } = this.#options
    for (const each of parameters) {
      if (!this.#sums.has(each)) this.#sums.set(each, device.empty(each.data.shape, 'f32', `${each.name}.sum`))
    }
  }

  #stateSizes(parameter: Parameter): number[] {
    const bytes = this.optimizer.stateBytes(parameter)
    return [...(bytes > 0 ? [bytes] : []), ...(this.#cumulative > 1 ? [parameter.data.bytes] : [])]
  }

  #write({ labels, labelWeights, boxTargets, boxWeights }: Targets): void {
    const { device } = this.#options
    const tensors = this.#targets
    if (labels.length !== tensors.labels.size) {
      throw new TrainerError(`Targets have ${labels.length} labels, expected ${tensors.labels.size}`)
    }
    device.write(tensors.labels, labels)
    device.write(tensors.labelWeights, labelWeights)
    device.write(tensors.boxTargets, boxTargets)
    device.write(tensors.boxWeights, boxWeights)
  }

  async #read({ cls, bbox, total }: StepOutputs, clip: GpuTensor | undefined): Promise<StepResult> {
    const { device } = this.#options
    const tensors = [cls, bbox, total, ...(clip ? [clip] : [])]
    const values = await Promise.all(tensors.map((tensor) => device.readF32(tensor)))
    const [loss_rpn_cls = Number.NaN, loss_rpn_bbox = Number.NaN, loss = Number.NaN] = values.map(([first]) => first)
    return { losses: { loss_rpn_cls, loss_rpn_bbox, loss }, gradNorm: values[3]?.[0] }
  }

  #endPhase(): void {
    this.#phase?.step.destroy()
    this.#phase?.update?.destroy()
    this.#phase = undefined
  }
}

function emptyTargets(device: Device, model: TrainableSiamRPN, images: TrainingImages): TargetTensors {
  const { result } = plan(device, (r) => {
    const tape = new Tape(r)
    const frozen = { trains: () => false, usesBatch: () => false }
    return model.forward(tape, images, frozen).cls.data
  })
  const [batch = 0, height = 0, width = 0, channels = 0] = result.shape
  const anchors = (height * width * channels) / 2
  return {
    labels: device.empty([batch, anchors], 'f32', 'labels'),
    labelWeights: device.empty([batch, anchors], 'f32', 'label weights'),
    boxTargets: device.empty([batch, anchors, 4], 'f32', 'box targets'),
    boxWeights: device.empty([batch, anchors, 4], 'f32', 'box weights'),
  }
}

/** Asks for buffers of these sizes all at once and gives them back. @throws OutOfMemoryError */
async function tryMemory(device: Device, sizes: readonly number[]): Promise<void> {
  const tensors: GpuTensor[] = []
  try {
    for (const bytes of sizes) tensors.push(device.empty([bytes / 4], 'f32', 'memory of a training phase'))
    await device.settle()
  } finally {
    for (const tensor of tensors) device.release(tensor)
  }
}
