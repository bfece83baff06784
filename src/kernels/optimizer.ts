// Optimizer steps, element by element and in place: SGD, Adam and AdamW as torch.optim computes them, the norm of all gradients
// and the factor that clips it (torch.nn.utils.clip_grad_norm_), and gradient accumulation. What changes from step to step
// (learning rates, bias corrections) is read from a small tensor, because uniforms are fixed when a program is captured.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { Constants } from '../gpu/shader.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, kernel, linearGrid } from './launch.ts'
import { chooseWidth, valueAlias } from './map.ts'
import { batchSlices, sliceOf } from './slices.ts'

/** Values per row of the scalars of `sgdUpdate` and `adamWUpdate`. */
export const scalarRow = 4

const workgroup = 64
const reduceWorkgroup = 256
/** Additions in a row before the workgroup's sums are folded. */
const rounds = 16

interface UpdateArgs {
  /** f32 of any shape; changed in place. */
  readonly parameter: GpuTensor
  /** f32 of the parameter's shape. */
  readonly gradient: GpuTensor
  /** `[rows, 4]` */
  readonly scalars: GpuTensor
  /** The row of `scalars` that belongs to this parameter. */
  readonly row: number
  /** `[2]` from `clipFactor`: nothing changes if its norm is not finite. */
  readonly clip: GpuTensor
  readonly label?: string
}

/** Row of scalars: `[learning rate, share of the new direction in the velocity, -, -]`; see `sgdRow`. */
export interface SgdArgs extends UpdateArgs {
  /** The momentum buffer, f32 of the parameter's shape, zero at first; changed in place. Absent: no momentum. */
  readonly velocity?: GpuTensor
  /** Factor of the old velocity; 0 without `velocity`. */
  readonly momentum?: number
  readonly weightDecay?: number
  readonly nesterov?: boolean
}

/**
 * One step of SGD: `v = momentum v + share d`, with `d = clip gradient + weightDecay parameter`; `parameter -= rate v`.
 * A share of 1 on a velocity of zeros is PyTorch's first step, which copies the direction whatever the dampening is.
 * @throws ShapeError if the shapes differ, or momentum is asked for without a velocity
 */
export function sgdUpdate(r: Recorder, args: SgdArgs): void {
  const { parameter, gradient, velocity, momentum = 0, weightDecay = 0, nesterov = false, label = 'sgdUpdate' } = args
  if (momentum !== 0 && !velocity) throw new ShapeError(`${label}: momentum is ${momentum}, but there is no velocity`)
  checkUpdate(args, velocity ? { velocity } : {})
  elementwise(r, {
    shader: 'sgd_update',
    label,
    tensors: { parameter, gradient, ...(velocity ? { velocity } : {}) },
    shared: { scalars: args.scalars, clip: args.clip, ...(velocity ? {} : { velocity: unusedTensor(r, parameter) }) },
    constants: { MOMENTUM: velocity !== undefined, NESTEROV: nesterov },
    params: { row: args.row, momentum, weight_decay: weightDecay },
    flops: velocity ? 7 : 5,
    written: velocity ? 2 : 1,
  })
}

/** The row of scalars of an SGD step. `step` counts the parameter's own steps from 1. */
export function sgdRow(lr: number, step: number, dampening = 0): readonly [number, number, number, number] {
  return [lr, step === 1 ? 1 : 1 - dampening, 0, 0]
}

/** Row of scalars: `[lr / (1 - beta1^t), 1 - lr * weight decay, sqrt(1 - beta2^t), weight decay of Adam]`; see `adamWRow`. */
export interface AdamWArgs extends UpdateArgs {
  /** Running average of the gradient, f32 of the parameter's shape, zero at first; changed in place. */
  readonly average: GpuTensor
  /** Running average of its square, likewise. */
  readonly averageSquare: GpuTensor
  /** The largest running average of the square so far, likewise, which then is divided by (AMSGrad). Absent: the current one is. */
  readonly largestSquare?: GpuTensor
  readonly betas: readonly [number, number]
  readonly eps: number
}

/**
 * One step of AdamW (Loshchilov and Hutter, arXiv:1711.05101), or of Adam (Kingma and Ba, arXiv:1412.6980): which of them, the row
 * of scalars says. With `largestSquare` it is AMSGrad (Reddi et al., arXiv:1904.09237).
 * @throws ShapeError if the shapes differ
 */
export function adamWUpdate(r: Recorder, args: AdamWArgs): void {
  const { parameter, average, averageSquare, largestSquare, gradient, betas, eps, label = 'adamWUpdate' } = args
  const largest = largestSquare && { largest_square: largestSquare }
  checkUpdate(args, { average, averageSquare, ...largest })
  elementwise(r, {
    shader: 'adamw_update',
    label,
    tensors: { parameter, average, average_square: averageSquare, gradient, ...largest },
    shared: {
      scalars: args.scalars,
      clip: args.clip,
      ...(largest ? {} : { largest_square: unusedTensor(r, parameter) }),
    },
    constants: { AMSGRAD: largest !== undefined },
    params: { row: args.row, one_minus_beta1: 1 - betas[0], beta2: betas[1], one_minus_beta2: 1 - betas[1], eps },
    flops: 18,
    written: largest ? 4 : 3,
  })
}

export interface AdamWStep {
  readonly lr: number
  /** Counts the parameter's own steps from 1. */
  readonly step: number
  readonly betas: readonly [number, number]
  readonly weightDecay: number
  /** Adam's weight decay, a part of the gradient; AdamW's shrinks the parameter. Default false. */
  readonly coupled?: boolean
}

/** The row of scalars of a step of AdamW or Adam. */
export function adamWRow(values: AdamWStep): readonly [number, number, number, number] {
  const { lr, step, betas, weightDecay, coupled = false } = values
  const [decay, pull] = coupled ? [1, weightDecay] : [1 - lr * weightDecay, 0]
  return [lr / (1 - betas[0] ** step), decay, Math.sqrt(1 - betas[1] ** step), pull]
}

export interface AccumulateArgs {
  /** f32; changed in place. */
  readonly sum: GpuTensor
  readonly gradient: GpuTensor
  /** `[2]`: the factor of the sum (0: it begins anew, whatever it held), and that of the gradient. */
  readonly scalars: GpuTensor
  readonly label?: string
}

/** `sum = sum * keep + gradient * factor`. @throws ShapeError if the shapes differ */
export function accumulateGradient(
  r: Recorder,
  { sum, gradient, scalars, label = 'accumulate' }: AccumulateArgs,
): void {
  expectShape(label, sum, sum.shape)
  expectShape(label, gradient, sum.shape)
  expectShape(label, scalars, [2])
  elementwise(r, {
    shader: 'accumulate',
    label,
    tensors: { sum, gradient },
    shared: { scalars },
    constants: {},
    params: {},
    flops: 2,
    written: 1,
  })
}

/**
 * Sums of squares over runs of the gradients' elements, `[T]` with at least one per gradient, for `clipFactor`.
 * Their sum is the squared norm of all gradients together; the order of additions depends on the shapes alone.
 * @param unscale `[1]`, 1 / the scale that the loss was multiplied by: the squares are of what the gradients are without it
 * @throws ShapeError without gradients
 */
export function squaredSums(
  r: Recorder,
  gradients: readonly GpuTensor[],
  label = 'squaredSums',
  unscale?: GpuTensor,
): GpuTensor {
  if (gradients.length === 0) throw new ShapeError(`${label}: no gradients, expected at least one`)
  const parts = gradients.flatMap((gradient) => {
    expectShape(label, gradient, gradient.shape)
    return elementSlices(r, [gradient]).map(([input = gradient]) => {
      const width = chooseWidth(input.size)
      return { input, width, runs: Math.ceil(input.size / width / (reduceWorkgroup * rounds)) }
    })
  })
  const partial = r.alloc([parts.reduce((sum, { runs }) => sum + runs, 0)], 'f32', label)
  if (unscale) expectShape(label, unscale, [1])
  let base = 0
  for (const { input, width, runs } of parts) {
    r.dispatch({
      kernel: kernel('squared_sum', {
        ...valueAlias(width),
        WIDTH: width,
        WORKGROUP: reduceWorkgroup,
        SCALED: unscale !== undefined,
      }),
      label: `${label} ${input.label}`,
      workgroups: linearGrid(r.adapter, runs, 1),
      bindings: { input, partial, unscale: unscale ?? input, params: { count: input.size / width, rounds, base } },
      flops: 2 * input.size,
      bytes: input.bytes,
    })
    base += runs
  }
  return partial
}

/**
 * `[2]`: the norm of all gradients from `squaredSums`, and `min(1, maxNorm / (norm + 1e-6))`, the factor that clips it.
 * @param maxNorm absent: nothing is clipped, the factor is 1
 * @param unscale as `squaredSums` had it; the factor takes the scale out of the gradients, too
 */
export function clipFactor(
  r: Recorder,
  sums: GpuTensor,
  maxNorm?: number,
  label = 'clipFactor',
  unscale?: GpuTensor,
): GpuTensor {
  expectShape(label, sums, [sums.size])
  if (unscale) expectShape(label, unscale, [1])
  const clip = r.alloc([2], 'f32', label)
  r.dispatch({
    kernel: kernel('clip_factor', {
      WORKGROUP: reduceWorkgroup,
      LIMIT: maxNorm !== undefined,
      SCALED: unscale !== undefined,
    }),
    label,
    workgroups: [1],
    bindings: { partial: sums, clip, unscale: unscale ?? sums, params: { count: sums.size, max_norm: maxNorm ?? 0 } },
    flops: sums.size,
    bytes: sums.bytes,
  })
  return clip
}

interface Elementwise {
  readonly shader: 'sgd_update' | 'adamw_update' | 'accumulate'
  readonly label: string
  /** Tensors of one shape, by variable name. */
  readonly tensors: Readonly<Record<string, GpuTensor>>
  /** Tensors that every slice binds whole. */
  readonly shared: Readonly<Record<string, GpuTensor>>
  readonly constants: Constants
  readonly params: Readonly<Record<string, number>>
  /** Floating-point operations per element. */
  readonly flops: number
  /** How many of the tensors are written, too. */
  readonly written: number
}

function elementwise(r: Recorder, op: Elementwise): void {
  const names = Object.keys(op.tensors)
  for (const parts of elementSlices(r, Object.values(op.tensors))) {
    const size = parts[0]?.size ?? 0
    const width = chooseWidth(size)
    const count = size / width
    r.dispatch({
      kernel: kernel(op.shader, { ...valueAlias(width), WORKGROUP: workgroup, ...op.constants }),
      label: op.label,
      workgroups: linearGrid(r.adapter, count, workgroup),
      bindings: {
        ...Object.fromEntries(parts.map((part, i) => [names[i] ?? '', part])),
        ...op.shared,
        params: { count, ...op.params },
      },
      flops: op.flops * size,
      bytes: (parts.length + op.written) * size * 4,
    })
  }
}

/** The tensors as flat lists of elements, all cut alike so that each part can be bound. */
function elementSlices(r: Recorder, tensors: readonly GpuTensor[]): GpuTensor[][] {
  const flat = tensors.map((tensor) => tensor.reshape([tensor.size]))
  return batchSlices(r.adapter, flat).map((slice) => flat.map((tensor) => sliceOf(tensor, slice)))
}

function checkUpdate(args: UpdateArgs, state: Readonly<Record<string, GpuTensor>>): void {
  const { parameter, gradient, scalars, clip, row, label = 'update' } = args
  for (const tensor of [parameter, gradient, ...Object.values(state)]) expectShape(label, tensor, parameter.shape)
  const [rows = 0] = scalars.shape
  expectShape(label, scalars, [rows, scalarRow])
  expectShape(label, clip, [2])
  expectInteger(label, 'row', row, 0)
  if (row >= rows) throw new ShapeError(`${label}: row is ${row}, expected one of the ${rows} rows of scalars`)
}

/** Bound where the specialised shader reads and writes nothing. */
function unusedTensor(r: Recorder, like: GpuTensor): GpuTensor {
  return r.alloc([chooseWidth(like.size)], 'f32', 'unused')
}
