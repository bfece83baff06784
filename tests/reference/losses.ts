// Slow, obvious float64 versions of the losses on flat rows, as mmdet computes them: element-wise loss, times weight, reduced.
// Gradients are central differences of these values.

import type { HostTensor } from '../helpers/tensors.ts'

/** One classification or regression loss over M anchors. */
export interface LossInputs {
  /** `[M, classes or coordinates]` */
  readonly prediction: Float64Array
  /** `[M]` labels, or `[M, 4]` targets. */
  readonly target: ArrayLike<number>
  /** As `target`. */
  readonly weight: ArrayLike<number>
}

export type Reduction = 'mean' | 'sum'

/** `[N, H, W, classes * A]` with channel `class * A + a` to `[N * H * W * A, classes]`. */
export function toRows({ data, shape }: HostTensor, classes: number): Float64Array {
  const anchors = shape.at(-1)! / classes
  return Float64Array.from(data, (_, i) => {
    const row = Math.floor(i / classes)
    return data[Math.floor(row / anchors) * classes * anchors + (i % classes) * anchors + (row % anchors)]!
  })
}

/** The inverse of `toRows`. */
export function fromRows(rows: ArrayLike<number>, shape: readonly number[], classes: number): HostTensor {
  const anchors = shape.at(-1)! / classes
  const data = Float64Array.from(rows, (_, i) => {
    const channel = i % (classes * anchors)
    const row = Math.floor(i / (classes * anchors)) * anchors + (channel % anchors)
    return rows[row * classes + Math.floor(channel / anchors)]!
  })
  return { data, shape }
}

export function crossEntropy(
  { prediction, target, weight }: LossInputs,
  reduction: Reduction,
  classWeight: readonly number[] = [1, 1],
): number {
  return reduce(
    Array.from(target, (label, i) => {
      const [own, other] = [prediction[2 * i + label]!, prediction[2 * i + 1 - label]!]
      return softplus(other - own) * classWeight[label]! * weight[i]!
    }),
    reduction,
  )
}

export function l1({ prediction, target, weight }: LossInputs, reduction: Reduction): number {
  return reduce(
    Array.from(prediction, (value, i) => Math.abs(value - target[i]!) * weight[i]!),
    reduction,
  )
}

/** Central differences of `loss` with respect to every value of the prediction. */
export function numericGradient(inputs: LossInputs, loss: (inputs: LossInputs) => number, step = 1e-5): Float64Array {
  return inputs.prediction.map((value, i) => {
    const at = (shifted: number) => loss({ ...inputs, prediction: inputs.prediction.with(i, shifted) })
    return (at(value + step) - at(value - step)) / (2 * step)
  })
}

function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)))
}

function reduce(losses: readonly number[], reduction: Reduction): number {
  const sum = losses.reduce((total, loss) => total + loss, 0)
  return reduction === 'sum' ? sum : sum / losses.length
}
