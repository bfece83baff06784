// Slow, obvious float64 versions of the losses, one anchor at a time, as mmdet computes them: element-wise loss, times weight,
// summed. Gradients are central differences.

import type { HostTensor } from '../helpers/tensors.ts'

/** Weighted loss of one anchor, summed over its elements. */
export type RowLoss = (prediction: readonly number[], target: readonly number[], weight: readonly number[]) => number

/** A loss by anchor, and how many elements of each a mean counts. */
export interface Reference {
  readonly row: RowLoss
  readonly elements: number
}

/** Anchors as rows. */
export interface Rows {
  /** `[M, 2]` logits or `[M, 4]` deltas. */
  readonly prediction: readonly (readonly number[])[]
  /** `[M, 1]` labels or `[M, 4]` targets. */
  readonly target: readonly (readonly number[])[]
  /** As `target`. */
  readonly weight: readonly (readonly number[])[]
}

/** Loss and its gradient, `[M][classes]`, both times `factor`. */
export function evaluateLoss({ row, elements }: Reference, rows: Rows, reduction: 'mean' | 'sum', factor = 1) {
  const scale = reduction === 'sum' ? factor : factor / (elements * rows.prediction.length)
  const losses = rows.prediction.map((values, i) => row(values, rows.target[i]!, rows.weight[i]!))
  const gradient = rows.prediction.map((values, i) =>
    values.map((_, c) => scale * slope((shifted) => row(shifted, rows.target[i]!, rows.weight[i]!), values, c)),
  )
  return { loss: scale * losses.reduce((sum, loss) => sum + loss, 0), gradient }
}

export function crossEntropy(classWeight: readonly number[] = [1, 1]): Reference {
  const row: RowLoss = (logits, [label = 0], [weight = 0]) =>
    weight * classWeight[label]! * softplus(logits[1 - label]! - logits[label]!)
  return { row, elements: 1 }
}

export function focal(gamma: number, alpha: number): Reference {
  const row: RowLoss = (logits, [label = 0], [weight = 0]) => {
    const losses = logits.map((logit, c) => {
      const yes = c === label
      const right = 1 / (1 + Math.exp(yes ? -logit : logit))
      return (yes ? alpha : 1 - alpha) * (1 - right) ** gamma * -Math.log(right)
    })
    return weight * sum(losses)
  }
  return { row, elements: 2 }
}

export const l1: Reference = {
  row: (deltas, targets, weights) => sum(deltas.map((delta, c) => weights[c]! * Math.abs(delta - targets[c]!))),
  elements: 4,
}

export function smoothL1(beta: number): Reference {
  const row: RowLoss = (deltas, targets, weights) =>
    sum(
      deltas.map((delta, c) => {
        const distance = Math.abs(delta - targets[c]!)
        return weights[c]! * (distance < beta ? (distance * distance) / (2 * beta) : distance - beta / 2)
      }),
    )
  return { row, elements: 4 }
}

export function iou(mode: 'linear' | 'square' | 'log', eps: number): Reference {
  const row: RowLoss = (prediction, target, weights) => {
    const { overlap, union } = areas(prediction, target)
    const value = Math.max(eps, overlap / Math.max(1e-6, union))
    const loss = mode === 'linear' ? 1 - value : mode === 'square' ? 1 - value ** 2 : -Math.log(value)
    return (sum(weights) / 4) * loss
  }
  return { row, elements: 1 }
}

export function giou(eps: number): Reference {
  const row: RowLoss = (prediction, target, weights) => {
    const { overlap, union, hull } = areas(prediction, target)
    const [whole, enclosing] = [Math.max(eps, union), Math.max(eps, hull)]
    return (sum(weights) / 4) * (1 - overlap / whole + (enclosing - whole) / enclosing)
  }
  return { row, elements: 1 }
}

/** `[N, H, W, classes * A]` with channel `class * A + a` as one row per anchor. */
export function toRows({ data, shape }: HostTensor, classes: number): number[][] {
  const anchors = shape.at(-1)! / classes
  return Array.from({ length: data.length / classes }, (_, row) => {
    const start = Math.floor(row / anchors) * classes * anchors + (row % anchors)
    return Array.from({ length: classes }, (_, c) => data[start + c * anchors]!)
  })
}

/** The inverse of `toRows`. */
export function fromRows(rows: readonly (readonly number[])[], shape: readonly number[]): HostTensor {
  const classes = rows[0]!.length
  const anchors = shape.at(-1)! / classes
  const data = new Float64Array(rows.length * classes)
  for (const [row, values] of rows.entries()) {
    const start = Math.floor(row / anchors) * classes * anchors + (row % anchors)
    for (const [c, value] of values.entries()) data[start + c * anchors] = value
  }
  return { data, shape }
}

function areas(prediction: readonly number[], target: readonly number[]) {
  const [px1 = 0, py1 = 0, px2 = 0, py2 = 0] = prediction
  const [tx1 = 0, ty1 = 0, tx2 = 0, ty2 = 0] = target
  const area = (width: number, height: number) => Math.max(0, width) * Math.max(0, height)
  const overlap = area(Math.min(px2, tx2) - Math.max(px1, tx1), Math.min(py2, ty2) - Math.max(py1, ty1))
  const union = (px2 - px1) * (py2 - py1) + (tx2 - tx1) * (ty2 - ty1) - overlap
  const hull = area(Math.max(px2, tx2) - Math.min(px1, tx1), Math.max(py2, ty2) - Math.min(py1, ty1))
  return { overlap, union, hull }
}

function slope(loss: (values: readonly number[]) => number, values: readonly number[], c: number): number {
  const step = 1e-5
  const at = (shift: number) => loss(values.with(c, values[c]! + shift))
  return (at(step) - at(-step)) / (2 * step)
}

function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
