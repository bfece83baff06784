// The losses that a head may be configured with: values and gradients of the maps, weighted and reduced.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { type ConfigInput, parseConfig } from '../../src/siamrpn/config.ts'
import { micro } from '../../src/siamrpn/configs/micro.ts'
import { headLoss } from '../../src/siamrpn/head-loss.ts'
import { expectClose, type HostTensor, random, relativeError, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/losses.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

type HeadInput = NonNullable<ConfigInput['model']>['head']
type LossCls = HeadInput['loss_cls']
type LossBbox = HeadInput['loss_bbox']

const [pairs, size, anchors] = [2, 3, 5]
const count = pairs * size * size * anchors
const cls = random('cls', [pairs, size, size, 2 * anchors], 3)
const bbox = random('bbox', [pairs, size, size, 4 * anchors], 2)
const labels = { ...random('labels', [pairs, count / pairs]) }
labels.data = labels.data.map((value) => (value > 0.5 ? 1 : 0))
const boxTargets = random('targets', [pairs, count / pairs, 4], 2)
const labelWeights = positive('label weights', [pairs, count / pairs])
/** The four of an anchor are equal, as IoU losses want them. */
const boxWeights = {
  data: Float32Array.from({ length: 4 * count }, (_, i) => labelWeights.data[Math.floor(i / 4)]!),
  shape: boxTargets.shape,
}

function positive(key: string, shape: readonly number[]): HostTensor {
  const { data } = random(key, shape)
  return { data: data.map((value) => Math.max(0, value)), shape }
}

/** A tensor of the targets as one row per anchor. */
function flat({ data }: HostTensor, length: number): number[][] {
  return Array.from({ length: count }, (_, anchor) => [...data.slice(anchor * length, (anchor + 1) * length)])
}

const classRows = { prediction: reference.toRows(cls, 2), target: flat(labels, 1), weight: flat(labelWeights, 1) }
const boxRows = { prediction: reference.toRows(bbox, 4), target: flat(boxTargets, 4), weight: flat(boxWeights, 4) }

async function losses(loss_cls: LossCls, loss_bbox: LossBbox) {
  const { model } = parseConfig({
    ...micro,
    model: { ...micro.model, head: { ...micro.model.head, loss_cls, loss_bbox } },
  } as ConfigInput)
  const hosts = { labels, labelWeights, boxTargets, boxWeights }
  const [classes, boxes] = [upload(device, cls), upload(device, bbox)]
  const tensors = {
    ...{ labels: upload(device, hosts.labels), labelWeights: upload(device, hosts.labelWeights) },
    ...{ boxTargets: upload(device, hosts.boxTargets), boxWeights: upload(device, hosts.boxWeights) },
  }
  const program = await runOnce(device, (r) => {
    const tape = new Tape(r)
    const output = { cls: tape.variable(classes), bbox: tape.variable(boxes), updates: new Map<string, number>() }
    const found = headLoss(tape, model, output, tensors)
    const gradients = tape.backward(found.total)
    const values = [found.cls.data, found.bbox.data, found.total.data]
    return { values, cls: gradients.of(output.cls)!, bbox: gradients.of(output.bbox)! }
  })
  const values: number[] = []
  for (const value of program.result.values) values.push((await device.readF32(value))[0]!)
  const gradients = [await device.readF32(program.result.cls), await device.readF32(program.result.bbox)] as const
  program.destroy()
  for (const each of [classes, boxes, ...Object.values(tensors)]) device.release(each)
  return { values, gradients }
}

const cases: readonly (readonly [LossCls, reference.Reference, LossBbox, reference.Reference])[] = [
  [
    { type: 'CrossEntropyLoss', reduction: 'sum', loss_weight: 1 },
    reference.crossEntropy(),
    { type: 'L1Loss', reduction: 'sum', loss_weight: 1.2 },
    reference.l1,
  ],
  [
    { type: 'CrossEntropyLoss', reduction: 'mean', loss_weight: 0.5, class_weight: [0.25, 2] },
    reference.crossEntropy([0.25, 2]),
    { type: 'SmoothL1Loss', reduction: 'mean', loss_weight: 3, beta: 0.5 },
    reference.smoothL1(0.5),
  ],
  [
    { type: 'FocalLoss', reduction: 'sum', loss_weight: 2, gamma: 1.5, alpha: 0.4 },
    reference.focal(1.5, 0.4),
    { type: 'IoULoss', reduction: 'mean', loss_weight: 1, mode: 'linear' },
    reference.iou('linear', 1e-6),
  ],
  [
    { type: 'FocalLoss', reduction: 'mean', loss_weight: 1 },
    reference.focal(2, 0.25),
    { type: 'GIoULoss', reduction: 'sum', loss_weight: 0.7 },
    reference.giou(1e-6),
  ],
]

describe('the loss of the head', () => {
  test.each(cases)('is what the configuration says: %o', async (lossCls, clsReference, lossBbox, bboxReference) => {
    const { values, gradients } = await losses(lossCls, lossBbox)
    const weigh = (loss: LossCls | LossBbox) => [loss?.reduction ?? 'mean', loss?.loss_weight ?? 1] as const
    const expected = [
      reference.evaluateLoss(clsReference, classRows, ...weigh(lossCls)),
      reference.evaluateLoss(bboxReference, boxRows, ...weigh(lossBbox)),
    ] as const
    expect(
      relativeError(values, [expected[0].loss, expected[1].loss, expected[0].loss + expected[1].loss]),
    ).toBeLessThan(1e-5)
    for (const [i, { shape }] of [cls, bbox].entries()) {
      expectClose({ data: gradients[i]!, shape }, reference.fromRows(expected[i]!.gradient, shape), 1e-4)
    }
  })
})
