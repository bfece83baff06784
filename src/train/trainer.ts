// The training step of SiamRPN++ as programs that are replayed: forward, backward, clipping and update recorded once per
// phase. The phase changes when SiameseRPNOptimizerHook releases the backbone; the memory of every phase of the schedule is
// planned, and asked for once, before the first step, so that the schedule cannot fail half way.
// Sources: SiamRPN.train_step of mmtrack/models/sot/siamrpn.py; mmtrack/core/optimizer/sot_optimizer_hook.py.

import type { StateDict } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import { checkPrecision, type Precision } from '../gpu/half.ts'
import { Pacer, rested } from '../gpu/pacer.ts'
import { capture, type Profile, type Program, type ProgramStats } from '../gpu/program.ts'
import { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { OnKernel } from '../gpu/warm-up.ts'
import { type BenchmarkOptions, benchmarkConvs, type ConvChoice } from '../kernels/conv/benchmark.ts'
import { Tape } from '../nn/autograd.ts'
import { Optimizer } from '../nn/optimizer.ts'
import type { Config } from '../siamrpn/config.ts'
import { emptyTargets, releaseTargets, writeTargets } from '../siamrpn/target-tensors.ts'
import type { Targets } from '../siamrpn/targets.ts'
import { TrainableSiamRPN, type TrainingImages } from '../siamrpn/trainable.ts'
import { type EpochMode, epochMode } from '../siamrpn/training-mode.ts'
import { TrainerError } from './errors.ts'
import type { BucketExchange, GradientExchange } from './gradient-exchange.ts'
import { GradientSums } from './gradient-sums.ts'
import { checkHalfPrecision, LossScaler, type LossScaling } from './loss-scaler.ts'
import { averaged, MovingAverage } from './moving-average.ts'
import { readOptimizerState, writeOptimizerState } from './optimizer-state.ts'
import {
  type LossTensors,
  makePhase,
  type Phase,
  type PhasePlan,
  planPhase,
  type Receiver,
  recordGradients,
  recordLosses,
  type StepParts,
} from './phase.ts'

export type { PhasePlan } from './phase.ts'

/** One batch; its images are in the trainer's image tensors already. */
export interface TrainBatch {
  readonly ids: readonly string[]
  readonly targets: Targets
}

export interface Losses {
  readonly loss_rpn_cls: number
  readonly loss_rpn_bbox: number
  /** The sum of the others. */
  readonly loss: number
}

export interface StepResult {
  readonly losses: Losses & Readonly<Record<string, number>>
  /** Euclidean norm of all gradients before clipping, without the scale of the loss; absent where gradients are only gathered. */
  readonly gradNorm: number | undefined
  /** Of training in half precision (`fp16`). */
  readonly scaling: LossScaling | undefined
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
  /**
   * How images, maps and their gradients are stored; `f16` needs an adapter with `shader-f16`. Default: `f16` with `fp16` in the
   * configuration, otherwise `f32`. The scale of the loss is the configuration's either way.
   */
  readonly precision?: Precision
  /**
   * Other processes that train the same model on other batches: an update takes the mean of all their gradients, and every
   * step of one rank needs a step of each. Weights must be equal at the start. Default: none.
   */
  readonly exchange?: GradientExchange | undefined
}

export class Trainer {
  readonly batchSize: number
  readonly model: TrainableSiamRPN
  readonly optimizer: Optimizer
  readonly #options: TrainerOptions
  readonly #parts: StepParts
  readonly #cumulative: number
  readonly #sums: GradientSums | undefined
  readonly #average: MovingAverage | undefined
  readonly #scaler: LossScaler | undefined
  /** What the last step's gradients are multiplied by. */
  #gradientScale = 1
  #phase: Phase | undefined
  #pacer: Pacer
  /** Losses without training, once asked for. */
  #validation: { readonly program: Program<LossTensors>; readonly pacer: Pacer } | undefined
  #gathered = 0

  /** @throws TrainerError, CheckpointError; FeatureError for half precision on an adapter without it */
  constructor(options: TrainerOptions) {
    const { device, config, state, images, keepGradients = false, cumulativeIters = 1, epochs } = options
    const { precision = config.fp16 ? 'f16' : 'f32' } = options
    const [batch = 0] = images.template.shape
    if (images.search.shape[0] !== batch) {
      throw new TrainerError(`Batch sizes differ: ${batch} templates, ${images.search.shape[0]} search images`)
    }
    const { optimizer, optimizer_config } = config
    if (!optimizer) throw new TrainerError('The configuration has no `optimizer`; training needs one')
    if (options.precision === undefined) checkHalfPrecision(device.adapter, config)
    else checkPrecision(device, precision)
    this.batchSize = batch
    this.#options = options
    this.#cumulative = cumulativeIters
    this.#pacer = new Pacer(device)
    this.model = new TrainableSiamRPN(device, config.model, state)
    this.optimizer = new Optimizer(device, optimizer, optimizer_config?.grad_clip?.max_norm)
    const gathered = cumulativeIters * (options.exchange?.ranks ?? 1)
    const gathers = cumulativeIters > 1 || options.exchange !== undefined
    this.#sums = gathers ? new GradientSums(device, gathered) : undefined
    const [ema] = config.custom_hooks
    if (ema) {
      const changing = averaged(this.model, config, ema, epochs ?? config.total_epochs ?? 1)
      this.#average = new MovingAverage(device, ema, changing)
    }
    const targets = emptyTargets(device, ...mapsOf(this.model, images, device))
    this.#scaler = config.fp16 ? new LossScaler(config.fp16) : undefined
    const scalar = (name: string) => device.empty([1], 'f32', name)
    const lossScale = this.#scaler && { scale: scalar('loss scale'), unscale: scalar('1 / loss scale') }
    this.#parts = { device, model: this.model, images, targets, keepGradients, precision, lossScale }
  }

  /**
   * Plans every phase of the schedule, and asks the device once for the memory of each, beyond what is in use now.
   * @throws OutOfMemoryError that names the phase
   */
  async plan(): Promise<PhasePlan[]> {
    const plans: PhasePlan[] = []
    for (const mode of this.#modes()) {
      plans.push(await planPhase(this.#parts, mode, this.#receiver, this.#cumulative))
    }
    return plans
  }

  /**
   * Times the kernels that can do each convolution of every phase, forward and for the gradients, and takes the fastest from then
   * on (`cudnn_benchmark`). Before `plan` and `startEpoch`.
   */
  async benchmark(options: BenchmarkOptions = {}): Promise<ConvChoice[]> {
    const record = (r: Recorder) => {
      for (const mode of this.#modes()) recordGradients(r, this.#parts, mode)
    }
    return await benchmarkConvs(this.#options.device, record, options)
  }

  get #receiver(): Receiver {
    return { optimizer: this.optimizer, sums: this.#sums, exchange: this.#options.exchange }
  }

  /** The phases of the schedule, each once. */
  #modes(): readonly EpochMode[] {
    const { config, epochs = config.total_epochs ?? 1 } = this.#options
    const modes = new Map<EpochMode['name'], EpochMode>()
    for (let epoch = 0; epoch < epochs; epoch++) {
      const mode = epochMode(config, epoch)
      modes.set(mode.name, mode)
    }
    return [...modes.values()]
  }

  /** Makes the programs of the epoch's phase, if it is another than before. @throws OutOfMemoryError; ShaderError */
  async startEpoch(epoch: number, onProgress?: OnKernel): Promise<void> {
    const mode = epochMode(this.#options.config, epoch)
    this.#endValidation()
    if (this.#phase?.mode.name === mode.name) return
    this.#endPhase()
    await this.#average?.prepare()
    this.#phase = await makePhase(this.#parts, mode, this.#receiver, onProgress)
    this.#pacer = new Pacer(this.#options.device)
  }

  /**
   * One step on the batch whose images are in place. If the gradients are not finite, nothing is updated: no parameter, no state
   * of the optimizer, no moving average; in half precision the scale of the loss is lowered, if it is dynamic. Batch norms that use
   * the batch's statistics have seen it all the same, as in PyTorch; those that are finite go into the running ones.
   * @param lr one learning rate per group of the optimizer
   * @throws TrainerError before `startEpoch`; ShapeError for targets of another batch size
   */
  async step({ targets }: TrainBatch, lr: readonly number[]): Promise<StepResult> {
    const { device } = this.#options
    const phase = this.#phase
    if (!phase) throw new TrainerError('Trainer.step: no epoch has been started')
    writeTargets(device, this.#parts.targets, targets)
    const last = this.#gathered + 1 === this.#cumulative
    const scale = this.#setScale()
    this.#sums?.begin(this.#gathered, scale)
    if (last) this.optimizer.begin(lr)
    const { step, update } = phase
    const exchange = last ? phase.exchange : undefined
    const { clip = last ? update?.result : undefined, updates } = step.result
    const readNorm = async () => (clip && (await device.readF32(clip))[0]) ?? undefined
    const [losses, gradNorm] = exchange
      ? await this.#exchange(phase, exchange, readNorm)
      : await this.#pacer.through(
          () => {
            step.run()
            if (last) phase.update?.run()
          },
          async () => await Promise.all([this.#read(step.result), readNorm()]),
        )
    this.model.countBatches(updates)
    this.#gathered = last ? 0 : this.#gathered + 1
    return { losses, gradNorm, scaling: last ? this.#settle(gradNorm) : this.#scaler?.gathering }
  }

  /** A step and its update, with the gradients of all ranks. */
  async #exchange(phase: Phase, exchange: BucketExchange, readNorm: () => Promise<number | undefined>) {
    const { device } = this.#options
    const { step } = phase
    const exchanged = exchange.run(step)
    const [losses] = await rested(device, Promise.all([this.#read(step.result), exchanged]))
    phase.update?.run()
    return [losses, await rested(device, readNorm())] as const
  }

  /** Tells the device the scale of the loss. */
  #setScale(): number {
    const { device } = this.#options
    const { lossScale } = this.#parts
    const scale = this.#scaler?.scale ?? 1
    this.#gradientScale = scale
    if (lossScale) {
      device.write(lossScale.scale, Float32Array.of(scale))
      device.write(lossScale.unscale, Float32Array.of(1 / scale))
    }
    return scale
  }

  /** What follows an update, which has moved nothing unless the norm of its gradients is finite: the same on all ranks. */
  #settle(gradNorm = Number.NaN): LossScaling | undefined {
    const finite = Number.isFinite(gradNorm)
    if (finite) this.#average?.update()
    else this.optimizer.takeBack()
    return this.#scaler?.update(finite)
  }

  /**
   * Losses of the batch whose images are in place, without training on it: batch norms with their running statistics. Needs
   * memory of its own until the next epoch starts.
   * @throws ShapeError for targets of another batch size; OutOfMemoryError
   */
  async losses({ targets }: TrainBatch): Promise<StepResult['losses']> {
    const { device } = this.#options
    const label = 'losses without training'
    this.#validation ??= {
      program: await capture(device, (r) => recordLosses(r, this.#parts), { label }),
      pacer: new Pacer(device),
    }
    const { program, pacer } = this.#validation
    writeTargets(device, this.#parts.targets, targets)
    return await pacer.through(
      () => program.run(),
      () => this.#read(program.result),
    )
  }

  /** Whether the next step begins a new update: only then is the state complete. */
  get betweenUpdates(): boolean {
    return this.#gathered === 0
  }

  /** The model with PyTorch's names and layouts; its weights are averages, where the configuration asks for them. */
  async modelState(): Promise<StateDict> {
    const averages = (await this.#average?.averages()) ?? new Map()
    return new Map([...(await this.model.stateDict())].map(([name, tensor]) => [name, averages.get(name) ?? tensor]))
  }

  /**
   * The optimizer's state by `<parameter>.<kind>`, in PyTorch's layout; see `optimizer-state.ts`. Beside averaged weights, those
   * that training goes on from; see `moving-average.ts`. In half precision, the scale of the loss; see `loss-scaler.ts`.
   */
  async optimizerState(): Promise<StateDict> {
    const state = await writeOptimizerState(this.#options.device, this.optimizer, this.model.parameters)
    return new Map([...state, ...((await this.#average?.state()) ?? []), ...(this.#scaler?.state() ?? [])])
  }

  /**
   * Continues from saved state, the optimizer from none if none is given; `startEpoch` must be called before the next step.
   * @throws CheckpointError; OptimizerError
   */
  load(model: StateDict, optimizer?: StateDict): void {
    this.#endPhase()
    this.model.load(model)
    this.#average?.load(optimizer)
    this.#scaler?.load(optimizer)
    this.optimizer.clear()
    if (optimizer) readOptimizerState(this.optimizer, this.model.parameters, optimizer)
  }

  /**
   * The last step's gradients before clipping, without the scale of the loss, by parameter, in PyTorch's layout.
   * @throws TrainerError unless they are kept
   */
  async gradients(): Promise<ReadonlyMap<string, Float32Array>> {
    const kept = this.#phase?.step.result.gradients
    if (!kept || !this.#options.keepGradients) throw new TrainerError('Trainer.gradients: no gradients were kept')
    const found = new Map<string, Float32Array>()
    for (const parameter of this.model.parameters) {
      const gradient = kept[parameter.name]
      if (!gradient) continue
      const values = parameter.toPyTorch(await this.#options.device.readF32(gradient))
      found.set(parameter.name, this.#scaler ? values.map((value) => value / this.#gradientScale) : values)
    }
    return found
  }

  /** The numbers of the program of the phase that runs. */
  get stats(): ProgramStats | undefined {
    return this.#phase?.step.stats
  }

  /** Times of all dispatches of one step on the current batch, update included. @throws FeatureError; TrainerError */
  async profile(): Promise<Profile> {
    if (!this.#phase) throw new TrainerError('Trainer.profile: no epoch has been started')
    return await this.#phase.step.profile()
  }

  /** Frees all device memory of the trainer; the images are the caller's. */
  release(): void {
    this.#endValidation()
    this.#endPhase()
    this.optimizer.release()
    this.#sums?.release()
    this.#average?.release()
    this.model.release()
    const { device } = this.#options
    releaseTargets(device, this.#parts.targets)
    for (const tensor of Object.values(this.#parts.lossScale ?? {})) device.release(tensor)
  }

  async #read({ cls, bbox, total }: LossTensors): Promise<StepResult['losses']> {
    const read = async (tensor: GpuTensor) => (await this.#options.device.readF32(tensor))[0] ?? Number.NaN
    const [loss_rpn_cls, loss_rpn_bbox, loss] = await Promise.all([read(cls), read(bbox), read(total)])
    return { loss_rpn_cls, loss_rpn_bbox, loss }
  }

  #endPhase(): void {
    this.#phase?.step.destroy()
    this.#phase?.update?.destroy()
    this.#phase = undefined
    this.#gathered = 0
  }

  #endValidation(): void {
    this.#validation?.program.destroy()
    this.#validation = undefined
  }
}

/** Pairs that the head sees, and anchors of each. */
function mapsOf(model: TrainableSiamRPN, images: TrainingImages, device: Device): [pairs: number, anchors: number] {
  const pass = model.forward(new Tape(new Recorder(device)), images, { trains: () => false, usesBatch: () => false })
  const [pairs = 0, height = 0, width = 0, channels = 0] = pass.cls.data.shape
  return [pairs, (height * width * channels) / 2]
}
