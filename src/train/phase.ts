// A phase of training: the programs of a step while the same parameters train, recorded, and planned ahead of time.
// Sources: SiamRPN.train_step of mmtrack/models/sot/siamrpn.py, OptimizerHook of mmcv (runner/hooks/optimizer.py).

import type { Device } from '../gpu/device.ts'
import { OutOfMemoryError } from '../gpu/errors.ts'
import type { Precision } from '../gpu/half.ts'
import { capture, type Program, plan } from '../gpu/program.ts'
import { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { OnKernel } from '../gpu/warm-up.ts'
import { scale } from '../kernels/elementwise.ts'
import { Tape, type Tensor } from '../nn/autograd.ts'
import type { Optimizer } from '../nn/optimizer.ts'
import type { Parameter } from '../nn/parameter.ts'
import type { TrainingMode } from '../nn/trainable-conv.ts'
import type { TargetTensors } from '../siamrpn/target-tensors.ts'
import type { TrainableOutput, TrainableSiamRPN, TrainingImages } from '../siamrpn/trainable.ts'
import type { EpochMode } from '../siamrpn/training-mode.ts'
import { BucketExchange, type Gathered, type GradientExchange } from './gradient-exchange.ts'
import { GradientSums } from './gradient-sums.ts'

/** What all phases share. */
export interface StepParts {
  readonly device: Device
  readonly model: TrainableSiamRPN
  readonly images: TrainingImages
  readonly targets: TargetTensors
  /** Keep every gradient of a step, to look at. */
  readonly keepGradients: boolean
  /** Of images and maps, and their gradients. */
  readonly precision: Precision
  /** What the loss is multiplied by before the backward pass, and 1 / that; `[1]` each. Absent: 1. */
  readonly lossScale?: { readonly scale: GpuTensor; readonly unscale: GpuTensor } | undefined
}

/** Where gradients go: to the optimizer at once, or by way of sums over several steps. */
export interface Receiver {
  readonly optimizer: Optimizer
  readonly sums: GradientSums | undefined
  /** Other processes whose gradients go in. */
  readonly exchange?: GradientExchange | undefined
}

/** All `[1]`. */
export interface LossTensors {
  readonly cls: GpuTensor
  readonly bbox: GpuTensor
  readonly total: GpuTensor
}

export interface StepOutputs extends LossTensors {
  /** `[2]`, as `Optimizer.record` returns it; absent where gradients are only gathered. */
  readonly clip: GpuTensor | undefined
  /** By parameter, if they are kept. */
  readonly gradients: Readonly<Record<string, GpuTensor>>
  /** Sums of gradients, in the order in which the backward pass comes to them. */
  readonly gathered: readonly Gathered[]
  readonly updates: TrainableOutput['updates']
}

export interface Phase {
  readonly mode: EpochMode
  readonly step: Program<StepOutputs>
  /** Applies the gathered gradients, where several steps, or several ranks, make one update. */
  readonly update: Program<GpuTensor> | undefined
  /** Adds the gathered gradients up over all ranks. */
  readonly exchange: BucketExchange | undefined
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

/** Losses alone: every batch norm with its running statistics, nothing trains. */
export function recordLosses(r: Recorder, { model, images, targets, precision }: StepParts): LossTensors {
  const { cls, bbox, total } = model.forwardTrain(new Tape(r, { precision }), images, targets, evaluation)
  return { cls: cls.data, bbox: bbox.data, total: total.data }
}

const evaluation: TrainingMode = { trains: () => false, usesBatch: () => false }

/** Makes the programs of a phase, and the state that its parameters need. @throws OutOfMemoryError; ShaderError */
export async function makePhase(
  parts: StepParts,
  mode: EpochMode,
  receiver: Receiver,
  onProgress?: OnKernel,
): Promise<Phase> {
  const { device } = parts
  const parameters = trainedParameters(parts, mode)
  receiver.optimizer.prepare(parameters)
  receiver.sums?.prepare(parameters)
  const label = `training step, ${mode.name}`
  const options = { label, ...(onProgress && { onProgress }) }
  const step = await capture(device, (r) => recordStep(r, parts, mode, receiver), options)
  try {
    const gathers = receiver.sums !== undefined
    const record = (r: Recorder) => recordUpdate(r, parameters, receiver)
    const update = gathers ? await capture(device, record, { label: 'update' }) : undefined
    const exchange = receiver.exchange && new BucketExchange(device, receiver.exchange, step.result.gathered)
    return { mode, step, update, exchange }
  } catch (error) {
    step.destroy()
    throw error
  }
}

/**
 * Plans a phase, and asks the device once for all the memory that it will need beyond what is in use.
 * @param receiver the state that is there already
 * @param steps per update
 * @throws OutOfMemoryError
 */
export async function planPhase(
  parts: StepParts,
  mode: EpochMode,
  receiver: Receiver,
  steps: number,
): Promise<PhasePlan> {
  const { device } = parts
  const parameters = trainedParameters(parts, mode)
  const optimizer = receiver.optimizer.blank()
  const sums = receiver.sums && new GradientSums(device, steps)
  try {
    // A recording binds the state, so some must be there; it is given back before the memory is asked for.
    optimizer.prepare(parameters)
    sums?.prepare(parameters)
    const step = plan(device, (r) => recordStep(r, parts, mode, { optimizer, sums }))
    const update = sums && plan(device, (r) => recordUpdate(r, parameters, { optimizer, sums }))
    const arena = [...step.bufferBytes, ...(update?.bufferBytes ?? [])]
    const state = parameters.flatMap((each) => [optimizer.stateBytes(each), sums ? each.data.bytes : 0])
    const missing = parameters.flatMap((each) => [
      receiver.optimizer.has(each) ? 0 : optimizer.stateBytes(each),
      receiver.sums?.has(each) === false ? each.data.bytes : 0,
    ])
    optimizer.release()
    sums?.release()
    const [arenaBytes, stateBytes] = [total(arena), total(state)]
    await tryMemory(device, [...arena, ...missing], `phase \`${mode.name}\``)
    return { name: mode.name, arenaBytes, stateBytes, dispatches: step.dispatches, flops: step.flops }
  } finally {
    optimizer.release()
    sums?.release()
  }
}

/** Those that a step has gradients for: they train, and the loss depends on them. */
function trainedParameters(parts: StepParts, mode: EpochMode): Parameter[] {
  const { device, model, images, targets, precision } = parts
  const tape = new Tape(new Recorder(device), { precision })
  return [...tape.backward(model.forwardTrain(tape, images, targets, mode).total).parameters.keys()]
}

/** A step without its update: every convolution of it. */
export function recordGradients(r: Recorder, parts: StepParts, mode: EpochMode): void {
  const { model, images, targets, precision } = parts
  const tape = new Tape(r, { precision })
  tape.backward(model.forwardTrain(tape, images, targets, mode).total)
}

function recordStep(r: Recorder, parts: StepParts, mode: EpochMode, { optimizer, sums }: Receiver): StepOutputs {
  const tape = new Tape(r, { precision: parts.precision })
  const { cls, bbox, total, updates } = parts.model.forwardTrain(tape, parts.images, parts.targets, mode)
  const gathered: Gathered[] = []
  const gather = (parameter: Parameter, gradient: GpuTensor) => {
    if (!sums) return
    sums.record(r, parameter, gradient)
    gathered.push({ tensor: sums.tensor(parameter), dispatches: r.steps.length })
  }
  const gradients = tape.backward(scaled(tape, total, parts), gather).parameters
  const kept = parts.keepGradients ? [...gradients].map(([{ name }, gradient]) => [name, gradient]) : []
  const losses = { cls: cls.data, bbox: bbox.data, total: total.data }
  const toUpdate = [...gradients].map(([parameter, gradient]) => ({ parameter, gradient }))
  const clip = sums ? undefined : optimizer.record(r, toUpdate, parts.lossScale?.unscale)
  return { ...losses, clip, gradients: Object.fromEntries(kept), gathered, updates }
}

/** The loss whose gradient is its scale instead of 1. */
function scaled(tape: Tape, total: Tensor, { lossScale }: StepParts): Tensor {
  if (!lossScale) return total
  const { scale: factor } = lossScale
  return tape.note([total], total.data, (gradient) => [scale(tape.r, { input: gradient, factor, label: 'loss.scale' })])
}

/** The sums are without the scale of the loss. */
function recordUpdate(r: Recorder, parameters: readonly Parameter[], { optimizer, sums }: Receiver): GpuTensor {
  return optimizer.record(r, sums?.updates(parameters) ?? [])
}

/** Asks for buffers of these sizes all at once and gives them back. @throws OutOfMemoryError */
async function tryMemory(device: Device, sizes: readonly number[], what: string): Promise<void> {
  const tensors: GpuTensor[] = []
  const inUse = device.memory.bytes
  try {
    for (const bytes of sizes)
      if (bytes > 0) tensors.push(device.empty([bytes / 4], 'f32', 'memory of a training phase'))
    await device.settle()
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error
    const needed = `${total(sizes)} bytes beyond the ${inUse} in use`
    throw new OutOfMemoryError(`Training ${what} needs ${needed}; a smaller batch needs less. ${error.message}`, {
      cause: error,
    })
  } finally {
    for (const tensor of tensors) device.release(tensor)
  }
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}
