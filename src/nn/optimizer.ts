// SGD, Adam and AdamW over named parameters, with the parameter groups of mmcv's DefaultOptimizerConstructor and PyTorch's rule that
// a parameter without gradient has no state and does not move. The update is recorded into the training step; before each
// run `begin` writes what changes: learning rates, and what depends on how many steps a parameter has made.
// Sources: torch/optim/sgd.py, adam.py, adamw.py; mmcv/runner/optimizer/default_constructor.py, hooks/optimizer.py.

import type { Device } from '../gpu/device.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { adamWRow, adamWUpdate, clipFactor, scalarRow, sgdRow, sgdUpdate, squaredSums } from '../kernels/optimizer.ts'
import { OptimizerError } from './errors.ts'

/** What the optimizer needs of a parameter. */
export interface Optimized {
  /** Name in the state dict. */
  readonly name: string
  /** The values, f32, in the kernels' layout; state and gradients have it too. */
  readonly data: GpuTensor
}

interface GroupSettings {
  readonly paramwise_cfg?: {
    readonly custom_keys: Readonly<Record<string, { readonly lr_mult: number; readonly decay_mult: number }>>
  } | null
}

export interface SgdSettings extends GroupSettings {
  readonly type: 'SGD'
  readonly lr: number
  readonly momentum: number
  readonly dampening: number
  readonly weight_decay: number
  readonly nesterov: boolean
}

export interface AdamWSettings extends GroupSettings {
  /** They differ in the weight decay: Adam's is a part of the gradient. */
  readonly type: 'AdamW' | 'Adam'
  readonly lr: number
  readonly betas: readonly [number, number]
  readonly eps: number
  readonly weight_decay: number
  /** Divide by the largest average of the square so far. Default false. */
  readonly amsgrad?: boolean | undefined
}

export type OptimizerSettings = SgdSettings | AdamWSettings

/** Parameters that share a learning rate and a weight decay. */
export interface ParameterGroup {
  /** The key of `custom_keys` that its names contain; null for all that contain none. */
  readonly key: string | null
  /** Learning rate before the schedule's factor. */
  readonly lr: number
  readonly weightDecay: number
}

/** The groups of an optimizer: what no key matches first, then one per key of `custom_keys` in its order. */
export function parameterGroups({ lr, weight_decay, paramwise_cfg }: OptimizerSettings): ParameterGroup[] {
  const keys = Object.entries(paramwise_cfg?.custom_keys ?? {})
  return [
    { key: null, lr, weightDecay: weight_decay },
    ...keys.map(([key, { lr_mult, decay_mult }]) => ({
      key,
      lr: lr * lr_mult,
      weightDecay: weight_decay * decay_mult,
    })),
  ]
}

/** Which group a parameter belongs to: that of the longest key that its name contains, the alphabetically first of equals. */
export function groupOf(groups: readonly ParameterGroup[], name: string): number {
  let best = 0
  for (const [index, { key }] of groups.entries()) {
    if (key === null || !name.includes(key)) continue
    const known = groups[best]?.key ?? null
    if (known === null || key.length > known.length || (key.length === known.length && key < known)) best = index
  }
  return best
}

/** Names of a parameter's state, as torch.optim calls it. */
export const stateKinds = {
  SGD: ['momentum_buffer'],
  Adam: ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'],
  AdamW: ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'],
} as const satisfies Record<OptimizerSettings['type'], readonly string[]>

export type StateKind = (typeof stateKinds)[OptimizerSettings['type']][number]

/** The state of a parameter that has been updated at least once, or is about to be. */
export interface ParameterState {
  readonly parameter: Optimized
  /** Updates so far. */
  readonly step: number
  readonly tensors: ReadonlyMap<StateKind, GpuTensor>
}

export interface Update {
  readonly parameter: Optimized
  /** In the parameter's layout and shape. */
  readonly gradient: GpuTensor
}

interface Slot {
  readonly parameter: Optimized
  readonly group: number
  readonly tensors: ReadonlyMap<StateKind, GpuTensor>
  step: number
  row: number
}

/** Rows of scalars: a group's parameters need one for every step count among them. */
const mostRows = 256

export class Optimizer {
  readonly settings: OptimizerSettings
  readonly groups: readonly ParameterGroup[]
  readonly #device: Device
  readonly #maxNorm: number | undefined
  readonly #scalars: GpuTensor
  readonly #slots = new Map<string, Slot>()
  #active: Slot[] = []

  /**
   * @param maxNorm gradients are scaled down to this Euclidean norm of all of them; absent: never
   * @throws OptimizerError for Nesterov's momentum with dampening, as torch.optim.SGD
   */
  constructor(device: Device, settings: OptimizerSettings, maxNorm?: number) {
    if (settings.type === 'SGD' && settings.nesterov && (settings.momentum === 0 || settings.dampening !== 0)) {
      throw new OptimizerError(
        `nesterov needs a momentum and no dampening, found momentum ${settings.momentum}, dampening ${settings.dampening}`,
      )
    }
    this.#device = device
    this.settings = settings
    this.groups = parameterGroups(settings)
    this.#maxNorm = maxNorm
    this.#scalars = device.empty([mostRows, scalarRow], 'f32', 'optimizer.scalars')
  }

  /** Another one with the same settings and no state. */
  blank(): Optimizer {
    return new Optimizer(this.#device, this.settings, this.#maxNorm)
  }

  /** Whether the parameter has state. */
  has({ name }: Optimized): boolean {
    return this.#slots.has(name)
  }

  /** Bytes of state that a parameter brings with it. */
  stateBytes({ data }: Optimized): number {
    return this.#kinds().length * data.bytes
  }

  /**
   * Gives every parameter that has none its state, zeros. Needed before `record`, outside of the capture.
   * @throws OutOfMemoryError
   */
  prepare(parameters: Iterable<Optimized>): void {
    for (const parameter of parameters) {
      if (this.#slots.has(parameter.name)) continue
      const { name, data } = parameter
      const tensors = new Map(
        this.#kinds().map((kind) => [kind, this.#device.empty(data.shape, 'f32', `${name}.${kind}`)]),
      )
      this.#slots.set(name, { parameter, group: groupOf(this.groups, name), tensors, step: 0, row: 0 })
    }
  }

  /**
   * Records the norm of the gradients, its clipping and the update of every parameter given. From then on `begin` counts
   * steps for these parameters, until the next recording. If the norm is not finite at run time, nothing moves.
   * @param unscale `[1]`, 1 / the scale that the loss was multiplied by: norm, clipping and updates are of what the gradients are
   * without it. Default: they have none
   * @returns `[2]`: the norm, and the factor that the gradients were scaled by
   * @throws OptimizerError if a parameter has not been prepared; ShapeError
   */
  record(r: Recorder, updates: readonly Update[], unscale?: GpuTensor): GpuTensor {
    const slots = updates.map(({ parameter }) => this.#slot(parameter.name))
    this.#active = slots
    this.#assignRows()
    const gradients = updates.map(({ gradient }) => gradient)
    const sums = squaredSums(r, gradients, 'optimizer.norm', unscale)
    const clip = clipFactor(r, sums, this.#maxNorm, 'optimizer.clip', unscale)
    for (const [index, slot] of slots.entries()) {
      const gradient = gradients[index]
      if (gradient) this.#update(r, slot, gradient, clip)
    }
    return clip
  }

  /**
   * Must be called once before each run of the recorded step: counts it and writes the learning rates.
   * @param lr one learning rate per group
   * @throws OptimizerError if there are too few or too many
   */
  begin(lr: readonly number[]): void {
    if (lr.length !== this.groups.length) {
      throw new OptimizerError(`found ${lr.length} learning rates, expected ${this.groups.length}, one per group`)
    }
    const rows = new Float32Array(mostRows * scalarRow)
    for (const slot of this.#active) {
      slot.step++
      rows.set(this.#row(slot, lr[slot.group] ?? 0), slot.row * scalarRow)
    }
    this.#device.write(this.#scalars, rows)
  }

  /** Takes back the count of the last `begin`: the norm was not finite, and nothing has moved. */
  takeBack(): void {
    for (const slot of this.#active) slot.step--
  }

  /** The state of all parameters that have one, in the order in which they got it. */
  *states(): Iterable<ParameterState> {
    for (const { parameter, step, tensors } of this.#slots.values()) yield { parameter, step, tensors }
  }

  /**
   * Continues from saved state: prepares the parameter and overwrites what it has. Call it before `record`: parameters that
   * have made different numbers of steps read different scalars.
   * @param values by kind, in the kernels' layout
   * @throws OptimizerError if a kind is missing or unknown, or its length is wrong
   */
  restore(parameter: Optimized, step: number, values: ReadonlyMap<string, Float32Array>): void {
    this.prepare([parameter])
    const slot = this.#slot(parameter.name)
    const unknown = [...values.keys()].find((kind) => !slot.tensors.has(kind as StateKind))
    if (unknown !== undefined) {
      const known = this.#kinds().join(', ') || 'no state'
      throw new OptimizerError(
        `state of ${parameter.name}: found ${unknown}, expected ${known} of ${this.settings.type}`,
      )
    }
    for (const [kind, tensor] of slot.tensors) {
      const data = values.get(kind)
      if (data?.length !== tensor.size) {
        const found = data === undefined ? 'nothing' : `${data.length} values`
        throw new OptimizerError(`state of ${parameter.name}: ${kind} has ${found}, expected ${tensor.size} values`)
      }
      this.#device.write(tensor, data)
    }
    slot.step = step
  }

  /** Forgets the state of all parameters. */
  clear(): void {
    for (const { tensors } of this.#slots.values()) for (const tensor of tensors.values()) this.#device.release(tensor)
    this.#slots.clear()
    this.#active = []
  }

  /** Frees the state, and what the optimizer itself needs. */
  release(): void {
    this.clear()
    this.#device.release(this.#scalars)
  }

  #kinds(): readonly StateKind[] {
    const { settings } = this
    if (settings.type === 'SGD') return settings.momentum === 0 ? [] : stateKinds.SGD
    return stateKinds[settings.type].filter((kind) => kind !== 'max_exp_avg_sq' || settings.amsgrad)
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name)
    if (!slot) throw new OptimizerError(`parameter ${name} has no state yet: it must be prepared before the capture`)
    return slot
  }

  /** One row for each group and number of steps among the active parameters; they count on together. */
  #assignRows(): void {
    const rows = new Map<string, number>()
    for (const slot of this.#active) {
      const key = `${slot.group}/${slot.step}`
      const row = rows.get(key) ?? rows.size
      rows.set(key, row)
      slot.row = row
    }
    if (rows.size > mostRows) {
      throw new OptimizerError(`found ${rows.size} combinations of group and step count, expected at most ${mostRows}`)
    }
  }

  #row({ step, group }: Slot, lr: number): readonly [number, number, number, number] {
    const { settings } = this
    if (settings.type === 'SGD') return sgdRow(lr, step, settings.dampening)
    const coupled = settings.type === 'Adam'
    return adamWRow({ lr, step, betas: settings.betas, weightDecay: this.groups[group]?.weightDecay ?? 0, coupled })
  }

  #update(r: Recorder, slot: Slot, gradient: GpuTensor, clip: GpuTensor): void {
    const { settings } = this
    const { parameter, tensors, row } = slot
    const common = { parameter: parameter.data, gradient, scalars: this.#scalars, row, clip, label: parameter.name }
    const [first, second, third] = [...tensors.values()]
    if (settings.type === 'SGD') {
      const weightDecay = this.groups[slot.group]?.weightDecay ?? 0
      const moving = first ? { velocity: first, momentum: settings.momentum, nesterov: settings.nesterov } : {}
      sgdUpdate(r, { ...common, weightDecay, ...moving })
    } else if (first && second) {
      const { betas, eps } = settings
      const largest = third && { largestSquare: third }
      adamWUpdate(r, { ...common, average: first, averageSquare: second, ...largest, betas, eps })
    }
  }
}
