// Losses of section B: each on a tape, from the prediction to its value and its gradient. Rows of scores or boxes are a map
// of one line with one anchor per position, which is the same order in memory; the loss of the head has maps of its own.

import * as z from 'zod'
import type { Device } from '../../../src/gpu/device.ts'
import { runOnce } from '../../../src/gpu/program.ts'
import type { Recorder } from '../../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import {
  crossEntropyLoss,
  focalLoss,
  giouLoss,
  iouLoss,
  type Loss,
  l1Loss,
  type RegressionLossArgs,
  smoothL1Loss,
} from '../../../src/kernels/losses.ts'
import { Tape } from '../../../src/nn/autograd.ts'
import * as ops from '../../../src/nn/ops.ts'
import { type ModelConfig, parseConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { headLoss } from '../../../src/siamrpn/head-loss.ts'
import { goldenMap, readMap, uploadMap, withTensors } from './maps.ts'
import { largestMagnitude } from './measure.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import type { CaseReport } from './report.ts'
import { kernelTolerance } from './tolerances.ts'

/** Description of a case in the file. */
export interface LossDescription {
  readonly id: string
  readonly params: Readonly<Record<string, unknown>>
  readonly inputs: Readonly<Record<string, string>>
  /** Tensor keys. */
  readonly outputs: Readonly<Record<string, string | number>>
  /** Tensor keys. */
  readonly grads: Readonly<Record<string, unknown>>
}

/** What each check works with. */
interface LossCase {
  readonly device: Device
  readonly section: GoldenSection<unknown>
  readonly golden: LossDescription
  readonly one: CaseReport
}

/** Checks one case: value and gradients. */
export type CheckLoss = (loss: LossCase) => Promise<void>

export const lossOps: Readonly<Record<string, CheckLoss>> = {
  cross_entropy: onTape('score', crossEntropy),
  siamrpn_head_loss: checkHead,
  l1_loss: onTape('pred', (one, rows) => {
    const options = reductionOf(one)
    return regression(rows, (r, args) => l1Loss(r, { ...args, ...options }))
  }),
  smooth_l1_loss: onTape('pred', (one, rows) => {
    const options = { ...reductionOf(one), beta: numberOf(one, 'beta') }
    return regression(rows, (r, args) => smoothL1Loss(r, { ...args, ...options }))
  }),
  sigmoid_focal_loss: onTape('pred', sigmoidFocal),
  iou_loss: overlap('log'),
  iou_loss_linear: overlap('linear'),
  iou_loss_square: overlap('square'),
  giou_loss: overlap('giou'),
}

/** Numbers of the file, and tensors that are released after the case. */
interface Rows {
  /** Values of an input. */
  values(role: string): Float32Array
  lend(values: Float32Array, shape: readonly number[]): GpuTensor
}

/** A prediction on the device and its loss. */
interface Prepared {
  readonly prediction: GpuTensor
  record(r: Recorder): Loss
  /** The gradient in the file's order, where that is not the map's. */
  inOrder?(gradient: Float32Array): Float32Array
}

type Prepare = (one: LossCase, rows: Rows) => Prepared

/** A loss of one prediction, the input `role`. */
function onTape(role: string, prepare: Prepare): CheckLoss {
  return (loss) => {
    const { device, section, golden, one } = loss
    return withTensors(device, async (lend) => {
      const { prediction, record, inOrder } = prepare(loss, {
        values: (name) => section.float32(inputKey(golden, name)),
        lend: (values, shape) => lend(device.tensor(values, shape)),
      })
      const program = await runOnce(device, (r) => {
        const tape = new Tape(r)
        const variable = tape.variable(prediction)
        const value = ops.loss(tape, variable, record(r))
        return { value: value.data, gradient: gradientOf(tape.backward(value).of(variable)) }
      })
      try {
        one.relative('y', await device.readF32(program.result.value), outputOf(loss, 'y'), kernelTolerance)
        const gradient = await device.readF32(program.result.gradient)
        const found = inOrder?.(gradient) ?? gradient
        const key = gradientKey(golden, role)
        const expected = section.float32(key)
        one.relative(`gradient of ${role}`, found, expected, kernelTolerance)
        const scales = rowMagnitudes(expected, section.tensor(key).shape.at(-1) ?? 1)
        const scaled = (values: Float32Array) => Float64Array.from(values, (value, i) => value / (scales[i] || 1))
        one.absolute(`gradient of ${role}, row by row`, scaled(found), scaled(expected), kernelTolerance)
      } finally {
        program.destroy()
      }
    })
  }
}

/** A row whose gradient is below this part of the largest one has none, but for rounding: two equal boxes, for example. */
const vanishing = 1e-9

/** For each value the largest magnitude of its row, so that rows of small gradients count as much as those of large ones. */
function rowMagnitudes(values: Float32Array, length: number): Float64Array {
  const all = largestMagnitude(values)
  return Float64Array.from(values, (_, i) => {
    const start = i - (i % length)
    const row = largestMagnitude(values.subarray(start, start + length))
    return row < vanishing * all ? all : row
  })
}

function crossEntropy(one: LossCase, { values, lend }: Rows): Prepared {
  const label = values('label')
  const options = reductionOf(one)
  const cls = lend(values('score'), [1, 1, label.length, values('score').length / label.length])
  const labels = lend(label, [1, label.length])
  const labelWeights = lend(values('weight'), [1, label.length])
  return {
    prediction: cls,
    record: (r) => crossEntropyLoss(r, { cls, labels, labelWeights, ...options }),
  }
}

function regression({ values, lend }: Rows, record: (r: Recorder, args: RegressionLossArgs) => Loss): Prepared {
  const count = values('pred').length / 4
  const bbox = lend(values('pred'), [1, 1, count, 4])
  const boxTargets = lend(values('target'), [1, count, 4])
  const weight = values('weight')
  // A weight per box stands for four of its coordinates.
  const weights =
    weight.length === count ? Float32Array.from({ length: 4 * count }, (_, i) => weight[i >> 2] ?? 0) : weight
  const boxWeights = lend(weights, [1, count, 4])
  return { prediction: bbox, record: (r) => record(r, { bbox, boxTargets, boxWeights }) }
}

function overlap(mode: 'linear' | 'square' | 'log' | 'giou'): CheckLoss {
  return onTape('pred', (one, rows) => {
    const options = { ...reductionOf(one), eps: numberOf(one, 'eps') }
    return regression(rows, (r, args) =>
      mode === 'giou' ? giouLoss(r, { ...args, ...options }) : iouLoss(r, { ...args, ...options, mode }),
    )
  })
}

/** A logit that answers no so surely that its loss and gradient are zero. */
const sure = 1e4

/**
 * Any number of classes, each a question of its own: an anchor of our two-class loss. Its logit is the one of the object, next
 * to a background that is answered rightly beyond doubt. A label past the last class is the background: no to every question.
 */
function sigmoidFocal(one: LossCase, { values, lend }: Rows): Prepared {
  const [pred, label, weight] = [values('pred'), values('label'), values('weight')]
  const rows = label.length
  const classes = pred.length / rows
  const labels = Float32Array.from(pred, (_, i) => (label[Math.floor(i / classes)] === i % classes ? 1 : 0))
  const map = new Float32Array(2 * pred.length)
  for (let row = 0; row < rows; row++) {
    const from = row * classes
    map.set(
      labels.subarray(from, from + classes).map((yes) => (yes ? -sure : sure)),
      2 * from,
    )
    map.set(pred.subarray(from, from + classes), 2 * from + classes)
  }
  const cls = lend(map, [1, 1, rows, 2 * classes])
  const args = {
    cls,
    labels: lend(labels, [1, pred.length]),
    labelWeights: lend(
      pred.map((_, i) => weight[Math.floor(i / classes)] ?? 0),
      [1, pred.length],
    ),
    gamma: numberOf(one, 'gamma'),
    alpha: numberOf(one, 'alpha'),
    ...reductionOf(one),
  }
  return {
    prediction: cls,
    record: (r) => focalLoss(r, args),
    inOrder: (gradient) =>
      Float32Array.from(pred, (_, i) => gradient[i + (Math.floor(i / classes) + 1) * classes] ?? Number.NaN),
  }
}

const headParams = z.object({ bbox_loss_weight: z.number() })

/** The loss of the head as the configuration names it, with gradients of both maps. */
function checkHead(loss: LossCase): Promise<void> {
  const { device, section, golden, one } = loss
  const head = headOf(headParams.parse(golden.params).bbox_loss_weight)
  return withTensors(device, async (lend) => {
    const map = (role: string) => lend(uploadMap(device, goldenMap(section, inputKey(golden, role))))
    const tensor = (role: string) => {
      const key = inputKey(golden, role)
      return lend(device.tensor(section.float32(key), section.tensor(key).shape))
    }
    const inputs = { cls: map('cls_score'), bbox: map('bbox_pred') }
    const targets = {
      labels: tensor('labels'),
      labelWeights: tensor('labels_weights'),
      boxTargets: tensor('bbox_targets'),
      boxWeights: tensor('bbox_weights'),
    }
    const program = await runOnce(device, (r) => {
      const tape = new Tape(r)
      const output = { cls: tape.variable(inputs.cls), bbox: tape.variable(inputs.bbox) }
      const losses = headLoss(tape, { head, train_cfg: null }, output, targets)
      const gradients = tape.backward(losses.total)
      return {
        y: losses.total.data,
        loss_rpn_cls: losses.cls.data,
        loss_rpn_bbox: losses.bbox.data,
        cls_score: gradientOf(gradients.of(output.cls)),
        bbox_pred: gradientOf(gradients.of(output.bbox)),
      }
    })
    try {
      for (const name of ['y', 'loss_rpn_cls', 'loss_rpn_bbox'] as const) {
        one.relative(name, await device.readF32(program.result[name]), outputOf(loss, name), kernelTolerance)
      }
      for (const role of ['cls_score', 'bbox_pred'] as const) {
        const found = await readMap(device, program.result[role])
        const key = gradientKey(golden, role)
        one.exact(`gradient of ${role}, shape`, found.shape, section.tensor(key).shape)
        one.relative(`gradient of ${role}`, found.data, section.float32(key), kernelTolerance)
      }
    } finally {
      program.destroy()
    }
  })
}

function headOf(bboxLossWeight: number): ModelConfig['head'] {
  const { head } = parseConfig(r50, 'r50').model
  return { ...head, loss_bbox: { ...head.loss_bbox, loss_weight: bboxLossWeight } }
}

/** What mmdet adds to an average factor: the distance from 1 to the next float32. */
const factorEps = 2 ** -23

const reductionParams = z.object({
  reduction: z.enum(['sum', 'mean']),
  loss_weight: z.number().default(1),
  avg_factor: z.number().optional(),
})

/** SiameseRPNHead gives no average factor, and our losses know none: such a mean is a sum with another weight. */
function reductionOf({ golden }: LossCase) {
  const { reduction, loss_weight: lossWeight, avg_factor: factor } = reductionParams.parse(golden.params)
  if (factor === undefined) return { reduction, lossWeight }
  if (reduction !== 'mean') throw new GoldenDataError(`case ${golden.id}: avg_factor with reduction '${reduction}'`)
  return { reduction: 'sum', lossWeight: lossWeight / (factor + factorEps) } as const
}

function numberOf({ golden }: LossCase, name: string): number {
  const value = golden.params[name]
  if (typeof value === 'number') return value
  throw new GoldenDataError(`case ${golden.id}: parameter '${name}' is ${JSON.stringify(value)}, expected a number`)
}

function inputKey({ id, inputs }: LossDescription, role: string): string {
  const key = inputs[role]
  if (key !== undefined) return key
  throw new GoldenDataError(`case ${id} of section B has no input '${role}'`)
}

function gradientKey({ id, grads }: LossDescription, role: string): string {
  const key = grads[role]
  if (typeof key === 'string') return key
  throw new GoldenDataError(`case ${id} of section B has no gradient of '${role}'`)
}

function outputOf({ section, golden }: LossCase, role: string): Float32Array {
  return section.float32(String(golden.outputs[role]))
}

function gradientOf(tensor: GpuTensor | undefined): GpuTensor {
  if (tensor) return tensor
  throw new GoldenDataError('a loss without a gradient')
}
