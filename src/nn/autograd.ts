// Reverse-mode differentiation over a recording. A tape notes, for every op, which tensors went in, what came out and the rule
// that turns the output's gradient into the inputs'. `backward` walks the notes from the last to the first. Everything is
// recorded, nothing runs: the memory of an intermediate goes back after its last reader, forward or backward, because the
// recorder's planner sees the whole step. Source of the scheme: Griewank and Walther, Evaluating Derivatives, chapter 3.

import { ShapeError } from '../gpu/errors.ts'
import { checkPrecision, type Precision } from '../gpu/half.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { add, fill } from '../kernels/elementwise.ts'
import type { Parameter } from './parameter.ts'

/** A tensor that a tape knows: its values, and whether a gradient with respect to it is wanted. */
export class Tensor {
  /** For the forward pass; rules read `saved`. */
  readonly data: GpuTensor
  readonly requiresGrad: boolean
  readonly #recompute: (() => GpuTensor) | undefined
  #saved: GpuTensor | undefined

  /** @param recompute records the same values anew, so that they need not be kept until the backward pass */
  constructor(data: GpuTensor, requiresGrad: boolean, recompute?: () => GpuTensor) {
    this.data = data
    this.requiresGrad = requiresGrad
    this.#recompute = recompute
  }

  /** The values for a rule: those of the forward pass, or computed again by the first rule that asks. */
  get saved(): GpuTensor {
    this.#saved ??= this.#recompute?.() ?? this.data
    return this.#saved
  }
}

/** The gradient of the loss with respect to an op's output, to those with respect to its inputs, in their order. */
export type Rule = (gradient: GpuTensor) => readonly (GpuTensor | undefined)[]

interface Node {
  readonly inputs: readonly (Tensor | undefined)[]
  readonly output: Tensor
  readonly rule: Rule
}

export interface TapeOptions {
  /** Of maps. Default f32. Ops give what they are given: `ops.convert` brings an image into it. */
  readonly precision?: Precision | undefined
}

export class Tape {
  readonly r: Recorder
  /** In which images and maps are stored, and their gradients. Parameters, their gradients and losses are f32 always. */
  readonly precision: Precision
  readonly #nodes: Node[] = []
  readonly #parameters = new Map<Parameter, Tensor>()
  /** Those that come last on the way back, whenever they were noted. */
  readonly #lastNodes: Node[] = []
  #recording = true
  #comesLast = false

  /** @throws FeatureError for half precision on an adapter without it */
  constructor(recorder: Recorder, { precision = 'f32' }: TapeOptions = {}) {
    checkPrecision(recorder, precision)
    this.r = recorder
    this.precision = precision
  }

  /** A tensor without gradient. */
  constant(data: GpuTensor): Tensor {
    return new Tensor(data, false)
  }

  /** A tensor whose gradient is wanted. */
  variable(data: GpuTensor): Tensor {
    return new Tensor(data, true)
  }

  /** The parameter as a tensor: the same one however often it is used, so that its gradients add up. */
  parameter(parameter: Parameter, trains: boolean): Tensor {
    const known = this.#parameters.get(parameter)
    if (known) return known
    const tensor = new Tensor(parameter.data, trains)
    this.#parameters.set(parameter, tensor)
    return tensor
  }

  /** Whether an op on these inputs is noted: some input wants a gradient, and this is not inside `noGrad`. */
  tracks(inputs: readonly (Tensor | undefined)[]): boolean {
    return this.#recording && inputs.some((input) => input?.requiresGrad)
  }

  /** What `body` records is not noted; nothing in it is kept for a backward pass. */
  noGrad<T>(body: () => T): T {
    const before = this.#recording
    this.#recording = false
    try {
      return body()
    } finally {
      this.#recording = before
    }
  }

  /**
   * What `body` records comes after all else on the way back: the gradients of its parameters become whole one after the other.
   * Its ops may take from outside only what wants no gradient, and parameters. @throws ShapeError otherwise
   */
  lastOnTheWayBack<T>(body: () => T): T {
    const before = this.#comesLast
    this.#comesLast = true
    try {
      return body()
    } finally {
      this.#comesLast = before
    }
  }

  /** Notes an op that has been recorded: its output wants a gradient if one of its inputs does. */
  note(inputs: readonly (Tensor | undefined)[], output: GpuTensor, rule: Rule, recompute?: () => GpuTensor): Tensor {
    const tracked = this.tracks(inputs)
    const tensor = new Tensor(output, tracked, tracked ? recompute : undefined)
    if (!tracked) return tensor
    if (this.#comesLast && this.#nodes.some((node) => inputs.includes(node.output))) {
      throw new ShapeError(
        `\`${output.label}\` is last on the way back, but takes what is not, and its gradient would be lost`,
      )
    }
    const nodes = this.#comesLast ? this.#lastNodes : this.#nodes
    nodes.push({ inputs, output: tensor, rule })
    return tensor
  }

  /**
   * Records the backward pass of a loss, `[1]`.
   * @param onGradient told of the gradient of each parameter as soon as what has been recorded so far computes all of it
   * @returns the gradients of all tensors that want one and on which the loss depends
   * @throws ShapeError if the loss has more than one element, or depends on nothing that wants a gradient
   */
  backward(loss: Tensor, onGradient?: (parameter: Parameter, gradient: GpuTensor) => void): Gradients {
    if (loss.data.size !== 1) {
      throw new ShapeError(`backward: the loss \`${loss.data.label}\` is [${loss.data.shape}], expected one element`)
    }
    if (!loss.requiresGrad) throw new ShapeError('backward: the loss depends on no tensor that wants a gradient')
    const gradients = new Gradients(this.#parameters)
    const wayBack = [...this.#nodes.toReversed(), ...this.#lastNodes.toReversed()]
    const uses = new Uses(wayBack, this.#parameters)
    gradients.add(this.r, loss, fill(this.r, loss.data.shape, 1, 'backward.seed'))
    for (const { inputs, output, rule } of wayBack) {
      const gradient = gradients.take(output)
      for (const [index, part] of gradient ? rule(gradient).entries() : []) {
        const input = inputs[index]
        if (input?.requiresGrad && part) gradients.add(this.r, input, part)
      }
      for (const input of inputs) {
        const parameter = input && uses.end(input)
        const whole = parameter && gradients.of(input)
        if (whole) onGradient?.(parameter, whole)
      }
    }
    return gradients
  }
}

/** How often each parameter is still to be met on the way back. */
class Uses {
  readonly #parameters: ReadonlyMap<Tensor, Parameter>
  readonly #left = new Map<Tensor, number>()

  constructor(nodes: readonly Node[], parameters: ReadonlyMap<Parameter, Tensor>) {
    this.#parameters = new Map([...parameters].map(([parameter, tensor]) => [tensor, parameter]))
    for (const input of nodes.flatMap(({ inputs }) => inputs)) {
      if (input && this.#parameters.has(input)) this.#left.set(input, (this.#left.get(input) ?? 0) + 1)
    }
  }

  /** One use less. @returns the parameter, if that was the last one */
  end(tensor: Tensor): Parameter | undefined {
    const left = (this.#left.get(tensor) ?? 0) - 1
    this.#left.set(tensor, left)
    return left === 0 ? this.#parameters.get(tensor) : undefined
  }
}

/** Gradients by tensor, summed over all uses. */
export class Gradients {
  readonly #byTensor = new Map<Tensor, GpuTensor>()
  readonly #parameters: ReadonlyMap<Parameter, Tensor>

  constructor(parameters: ReadonlyMap<Parameter, Tensor>) {
    this.#parameters = parameters
  }

  /** The gradient of a leaf: a parameter's tensor, or a variable. Undefined if the loss does not depend on it. */
  of(tensor: Tensor): GpuTensor | undefined {
    return this.#byTensor.get(tensor)
  }

  /** The gradient of every parameter that the loss depends on and that trains, in the order of their first use. */
  get parameters(): ReadonlyMap<Parameter, GpuTensor> {
    const found = [...this.#parameters].flatMap(([parameter, tensor]) => {
      const gradient = this.#byTensor.get(tensor)
      return gradient ? [[parameter, gradient] as const] : []
    })
    return new Map(found)
  }

  /** Adds a contribution. @throws ShapeError if it has not the tensor's size: the rule that made it is wrong */
  add(r: Recorder, tensor: Tensor, part: GpuTensor): void {
    const { label, shape, size } = tensor.data
    if (part.size !== size) {
      throw new ShapeError(`Gradient \`${part.label}\` [${part.shape}] does not fit tensor \`${label}\` [${shape}]`)
    }
    const fitting = part.reshape(shape)
    const before = this.#byTensor.get(tensor)
    this.#byTensor.set(tensor, before ? add(r, { a: before, b: fitting, label: `${label}.gradient` }) : fitting)
  }

  /** An intermediate's gradient, which nobody asks for again. */
  take(tensor: Tensor): GpuTensor | undefined {
    const gradient = this.#byTensor.get(tensor)
    this.#byTensor.delete(tensor)
    return gradient
  }
}
