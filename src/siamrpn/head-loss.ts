// The loss of the head as the configuration names it: classification plus regression, each reduced and weighted.
// Source: SiameseRPNHead.loss of mmtrack/models/track_heads/siamese_rpn_head.py.

import { hardNegatives } from '../kernels/hard-negatives.ts'
import { crossEntropyLoss, focalLoss, giouLoss, iouLoss, l1Loss, smoothL1Loss } from '../kernels/losses.ts'
import type { Tape, Tensor } from '../nn/autograd.ts'
import * as ops from '../nn/ops.ts'
import type { ModelConfig, TrainConfig } from './config.ts'
import type { HeadMaps } from './siamese-rpn-head.ts'
import type { TargetTensors } from './target-tensors.ts'

/** All `[1]`; `total` is the sum of the others, and the one to go backward from. */
export interface HeadLosses {
  readonly cls: Tensor
  readonly bbox: Tensor
  readonly total: Tensor
}

/**
 * Records the losses of the head's maps.
 * @throws ShapeError if the targets are of another number of pairs or anchors
 */
export function headLoss(
  tape: Tape,
  { head, train_cfg }: Pick<ModelConfig, 'head' | 'train_cfg'>,
  output: HeadMaps<Tensor>,
  targets: TargetTensors,
): HeadLosses {
  const hard = train_cfg?.rpn.hard_negatives ?? null
  const cls = ops.loss(tape, output.cls, classificationLoss(tape, head, output, weighed(tape, output, targets, hard)))
  const bbox = ops.loss(tape, output.bbox, regressionLoss(tape, head, output, targets))
  return { cls, bbox, total: ops.add(tape, cls, bbox, { label: 'loss' }) }
}

type HardNegatives = TrainConfig['rpn']['hard_negatives']

/** The targets with more weight for hard negatives, which the maps themselves point out; no gradient flows through the choice. */
function weighed({ r }: Tape, { cls }: HeadMaps<Tensor>, targets: TargetTensors, hard: HardNegatives): TargetTensors {
  if (hard === null) return targets
  const { labels, labelWeights } = targets
  const pairs = labels.shape[0] ?? 1
  const chosen = { cls: cls.data, labels, labelWeights, num: hard.num, weight: hard.weight / pairs }
  return { ...targets, labelWeights: hardNegatives(r, { ...chosen, label: 'loss_rpn_cls.hard' }) }
}

function classificationLoss(
  { r }: Tape,
  { loss_cls }: ModelConfig['head'],
  output: HeadMaps<Tensor>,
  t: TargetTensors,
) {
  const { reduction, loss_weight: lossWeight } = loss_cls
  const args = { cls: output.cls.data, labels: t.labels, labelWeights: t.labelWeights, reduction, lossWeight }
  const label = 'loss_rpn_cls'
  if (loss_cls.type === 'FocalLoss') {
    return focalLoss(r, { ...args, gamma: loss_cls.gamma, alpha: loss_cls.alpha, label })
  }
  return crossEntropyLoss(r, { ...args, classWeight: loss_cls.class_weight, label })
}

function regressionLoss({ r }: Tape, { loss_bbox }: ModelConfig['head'], output: HeadMaps<Tensor>, t: TargetTensors) {
  const { reduction, loss_weight: lossWeight } = loss_bbox
  const { boxTargets, boxWeights } = t
  const args = { bbox: output.bbox.data, boxTargets, boxWeights, reduction, lossWeight, label: 'loss_rpn_bbox' }
  switch (loss_bbox.type) {
    case 'L1Loss':
      return l1Loss(r, args)
    case 'SmoothL1Loss':
      return smoothL1Loss(r, { ...args, beta: loss_bbox.beta })
    case 'IoULoss':
      return iouLoss(r, { ...args, mode: loss_bbox.mode, eps: loss_bbox.eps })
    case 'GIoULoss':
      return giouLoss(r, { ...args, eps: loss_bbox.eps })
  }
}
