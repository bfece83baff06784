// The losses of the head: value and gradient of the prediction in one go, element-wise weights inside, summed in a fixed
// order (a partial sum per workgroup, then the sum of those), so that two runs give the same bits. Reduction as mmdet's
// weight_reduce_loss without avg_factor: `mean` divides by all elements, whatever their weights.
// Source: mmdet/models/losses (cross_entropy_loss.py, focal_loss.py, smooth_l1_loss.py, iou_loss.py, utils.py).

import { ShapeError } from '../gpu/errors.ts'
import type { Params } from '../gpu/params.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { Constants } from '../gpu/shader.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectShape, imageShape, kernel, linearGrid } from './launch.ts'
import type { ShaderName } from './shaders.generated.ts'
import { batchSlices, sliceOf } from './slices.ts'

/** What every loss returns. */
export interface Loss {
  /** `[1]`, reduced and times `lossWeight`. */
  readonly loss: GpuTensor
  /** d loss / d prediction, in the prediction's layout. */
  readonly gradient: GpuTensor
}

export interface ReductionArgs {
  /** Default `mean`, as in mmdet. */
  readonly reduction?: 'mean' | 'sum'
  /** Factor of the reduced loss. Default 1. */
  readonly lossWeight?: number
  readonly label?: string
}

export interface ClassificationLossArgs extends ReductionArgs {
  /** Logits `[N, H, W, 2 * A]`, channel `class * A + anchor`, class 1 = object. */
  readonly cls: GpuTensor
  /** `[N, H * W * A]` f32: 0 background, 1 object. */
  readonly labels: GpuTensor
  /** `[N, H * W * A]` */
  readonly labelWeights: GpuTensor
}

export interface RegressionLossArgs extends ReductionArgs {
  /** Deltas `[N, H, W, 4 * A]`, channel `coordinate * A + anchor`. */
  readonly bbox: GpuTensor
  /** `[N, H * W * A, 4]` */
  readonly boxTargets: GpuTensor
  /** `[N, H * W * A, 4]` */
  readonly boxWeights: GpuTensor
}

export interface CrossEntropyLossArgs extends ClassificationLossArgs {
  /** Factors of the background's and the object's anchors. Default ones. */
  readonly classWeight?: readonly [number, number] | null
}

export interface FocalLossArgs extends ClassificationLossArgs {
  /** How much an anchor that is answered well counts less. Default 2. */
  readonly gamma?: number
  /** Weight of the class that the label names; the other class has `1 - alpha`. Default 0.25. */
  readonly alpha?: number
}

export interface SmoothL1LossArgs extends RegressionLossArgs {
  /** Distance at which the parabola becomes a line. Default 1. */
  readonly beta?: number
}

export interface GIoULossArgs extends RegressionLossArgs {
  /** Smallest area that is divided by. Default 1e-6. */
  readonly eps?: number
}

export interface IoULossArgs extends RegressionLossArgs {
  /** `1 - iou`, `1 - iou^2` or `-log(iou)`. Default `log`. */
  readonly mode?: 'linear' | 'square' | 'log'
  /** Smallest overlap that the loss sees. Default 1e-6. */
  readonly eps?: number
}

const workgroup = 256
const classes = 2
const coordinates = 4

/**
 * Softmax cross entropy of each anchor's two logits; `mean` is over anchors. Finite for all finite logits.
 * @throws ShapeError if the shapes do not belong together
 */
export function crossEntropyLoss(r: Recorder, args: CrossEntropyLossArgs): Loss {
  const { label = 'crossEntropyLoss', classWeight } = args
  const op = classification('crossEntropyLoss', args)
  return recordLoss(r, {
    ...op,
    shader: 'loss_classification',
    label,
    params: { scale: lossScale(args, op.elements), class_weight: classWeight ?? [1, 1], gamma: 0, alpha: 0 },
    flops: 14,
  })
}

/**
 * Sigmoid focal loss of each of the two logits (Lin et al., 2017): the label's class is to be answered yes, the other no;
 * `mean` is over logits. A head with a background logit is unusual for this loss, but it is what SiameseRPNHead gives it.
 * @throws ShapeError if the shapes do not belong together
 */
export function focalLoss(r: Recorder, args: FocalLossArgs): Loss {
  const { gamma = 2, alpha = 0.25, label = 'focalLoss' } = args
  const op = classification('focalLoss', args)
  return recordLoss(r, {
    ...op,
    constants: { ...op.constants, FOCAL: true },
    shader: 'loss_classification',
    label,
    params: { scale: lossScale(args, classes * op.elements), class_weight: [1, 1], gamma, alpha },
    flops: 46,
  })
}

/**
 * `|bbox - target|` of each coordinate; `mean` is over coordinates.
 * @throws ShapeError if the shapes do not belong together
 */
export function l1Loss(r: Recorder, args: RegressionLossArgs): Loss {
  const { label = 'l1Loss' } = args
  const op = regression('l1Loss', args)
  return recordLoss(r, {
    ...op,
    shader: 'loss_l1',
    label,
    params: { scale: lossScale(args, coordinates * op.elements), beta: 1 },
    flops: 24,
  })
}

/**
 * `d^2 / (2 beta)` where `d = |bbox - target|` is below beta, `d - beta / 2` elsewhere; `mean` is over coordinates.
 * @throws ShapeError if the shapes do not belong together
 */
export function smoothL1Loss(r: Recorder, args: SmoothL1LossArgs): Loss {
  const { beta = 1, label = 'smoothL1Loss' } = args
  const op = regression('smoothL1Loss', args)
  return recordLoss(r, {
    ...op,
    constants: { ...op.constants, SMOOTH: true },
    shader: 'loss_l1',
    label,
    params: { scale: lossScale(args, coordinates * op.elements), beta },
    flops: 40,
  })
}

/**
 * Loss of the overlap of prediction and target; an anchor's weight is the mean of its four, and `mean` is over anchors.
 * The four numbers are read as x1, y1, x2, y2: SiameseRPNHead hands over deltas and their targets as they are, not decoded,
 * and so they are compared here too.
 * @throws ShapeError if the shapes do not belong together
 */
export function iouLoss(r: Recorder, args: IoULossArgs): Loss {
  const { mode = 'log', eps = 1e-6, label = 'iouLoss' } = args
  return overlapLoss(r, args, { op: 'iouLoss', mode: iouModes[mode], eps, label })
}

/**
 * One minus the generalised overlap (Rezatofighi et al., 2019), otherwise as `iouLoss`.
 * @throws ShapeError if the shapes do not belong together
 */
export function giouLoss(r: Recorder, args: GIoULossArgs): Loss {
  const { eps = 1e-6, label = 'giouLoss' } = args
  return overlapLoss(r, args, { op: 'giouLoss', mode: generalised, eps, label })
}

const iouModes = { linear: 0, square: 1, log: 2 } as const
const generalised = 3

interface OverlapOptions {
  readonly op: string
  readonly mode: number
  readonly eps: number
  readonly label: string
}

function overlapLoss(r: Recorder, args: RegressionLossArgs, { op, mode, eps, label }: OverlapOptions): Loss {
  const inputs = regression(op, args)
  return recordLoss(r, {
    ...inputs,
    constants: { ...inputs.constants, MODE: mode },
    shader: 'loss_iou',
    label,
    params: { scale: lossScale(args, inputs.elements), eps },
    flops: 90,
  })
}

type LossShader = Extract<ShaderName, `loss_${string}`>

/** A loss over elements (anchors, or samples) that all belong to one sample each, equally many. */
export interface LossKernel {
  readonly shader: LossShader
  readonly label: string
  readonly prediction: GpuTensor
  /** Tensors by variable name, the prediction included; the first dimension is the batch. */
  readonly inputs: Readonly<Record<string, GpuTensor>>
  /** Anchors or samples of the whole batch: invocations. */
  readonly elements: number
  readonly constants: Constants
  readonly params: Params
  /** Floating-point operations per element; an exponential or a logarithm counts as one. */
  readonly flops: number
}

type LossInputs = Pick<LossKernel, 'prediction' | 'inputs' | 'elements' | 'constants'>

function classification(op: string, { cls, labels, labelWeights }: ClassificationLossArgs): LossInputs {
  const { batch, anchors, perPosition } = anchorsOf(op, cls, classes)
  expectShape(op, labels, [batch, anchors])
  expectShape(op, labelWeights, [batch, anchors])
  return {
    prediction: cls,
    inputs: { logits: cls, labels, weights: labelWeights },
    elements: batch * anchors,
    constants: { ANCHORS: perPosition },
  }
}

function regression(op: string, { bbox, boxTargets, boxWeights }: RegressionLossArgs): LossInputs {
  const { batch, anchors, perPosition } = anchorsOf(op, bbox, coordinates)
  expectShape(op, boxTargets, [batch, anchors, coordinates])
  expectShape(op, boxWeights, [batch, anchors, coordinates])
  return {
    prediction: bbox,
    inputs: { prediction: bbox, targets: boxTargets, weights: boxWeights },
    elements: batch * anchors,
    constants: { ANCHORS: perPosition },
  }
}

/** Anchors per sample and per position of a map with `channels` channels per anchor. */
function anchorsOf(op: string, map: GpuTensor, channels: number) {
  const { batch, height, width, channels: all } = imageShape(op, map)
  const perPosition = all / channels
  if (!Number.isInteger(perPosition)) {
    throw new ShapeError(
      `${op}: tensor \`${map.label}\` [${map.shape}] has ${all} channels, expected ${channels} per anchor`,
    )
  }
  return { batch, perPosition, anchors: height * width * perPosition }
}

/** What every element's loss and gradient are multiplied by. */
export function lossScale({ reduction = 'mean', lossWeight = 1 }: ReductionArgs, elements: number): number {
  return reduction === 'mean' ? lossWeight / elements : lossWeight
}

/** Records the loss's shader, slice by slice, and the sum of its workgroups' partial sums. */
export function recordLoss(r: Recorder, op: LossKernel): Loss {
  const { shader, label, prediction, inputs } = op
  const gradient = r.alloc(prediction.shape, 'f32', `${label}.gradient`)
  const loss = r.alloc([1], 'f32', label)
  const cut = { ...inputs, gradient }
  const slices = batchSlices(r.adapter, Object.values(cut))
  const perSample = op.elements / (prediction.shape[0] ?? 1)
  const groups = slices.map(({ count }) => Math.ceil((count * perSample) / workgroup))
  const partials = r.alloc([groups.reduce((sum, count) => sum + count, 0)], 'f32', `${label}.partials`)
  let first = 0
  for (const [index, slice] of slices.entries()) {
    const parts = Object.fromEntries(Object.entries(cut).map(([name, tensor]) => [name, sliceOf(tensor, slice)]))
    const count = slice.count * perSample
    r.dispatch({
      kernel: kernel(shader, { WORKGROUP: workgroup, ...op.constants }),
      label,
      workgroups: linearGrid(r.adapter, count, workgroup),
      bindings: { ...parts, partials, params: { ...op.params, count, first } },
      flops: count * op.flops,
      bytes: Object.values(parts).reduce((sum, tensor) => sum + tensor.bytes, 0),
    })
    first += groups[index] ?? 0
  }
  r.dispatch({
    kernel: kernel('loss_sum', { WORKGROUP: workgroup }),
    label: `${label}.sum`,
    workgroups: [1],
    bindings: { partials, loss, params: { count: first } },
    flops: first,
    bytes: partials.bytes + loss.bytes,
  })
  return { loss, gradient }
}
