// The choice of hard negatives against a sort in float64, ties and scarcity included.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { hardNegatives } from '../../src/kernels/hard-negatives.ts'
import { evaluate, expectClose, random } from '../helpers/tensors.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

interface Case {
  /** N, H, W, A */
  readonly shape: readonly [number, number, number, number]
  readonly num: number
  /** Rounds logits to whole numbers, so that many are equal. */
  readonly ties?: boolean
  /** Share of anchors that are positive or ignored. */
  readonly others?: number
}

function reference(
  cls: Float32Array,
  labels: Float32Array,
  weights: Float32Array,
  { shape, num }: Case,
  weight: number,
) {
  const [batch, height, width, anchors] = shape
  const count = height * width * anchors
  const result = Float64Array.from(weights)
  for (let n = 0; n < batch; n++) {
    const margins = Array.from({ length: count }, (_, i) => {
      const at = (n * height * width + Math.floor(i / anchors)) * 2 * anchors + (i % anchors)
      return { i, margin: Math.fround(cls[at + anchors]! - cls[at]!) }
    })
    const negatives = margins.filter(({ i }) => labels[n * count + i] === 0 && weights[n * count + i]! > 0)
    const chosen = negatives.sort((a, b) => b.margin - a.margin || a.i - b.i).slice(0, num)
    for (const { i } of chosen) result[n * count + i]! += weight / chosen.length
  }
  return result
}

describe('hardNegatives', () => {
  test.each<Case>([
    { shape: [2, 19, 19, 5], num: 32 },
    { shape: [3, 5, 7, 3], num: 11, others: 0.4 },
    { shape: [2, 9, 9, 5], num: 32, ties: true, others: 0.2 },
    { shape: [1, 2, 2, 1], num: 32 },
    { shape: [2, 4, 4, 2], num: 32, others: 0.8, ties: true },
    { shape: [1, 3, 3, 2], num: 1 },
  ])('raises the negatives of largest loss: $shape, $num', async (one) => {
    const [batch, height, width, anchors] = one.shape
    const count = height * width * anchors
    const logits = random(`logits ${one.shape}`, [batch, height, width, 2 * anchors], 4)
    const cls = Float32Array.from(logits.data, (value) => (one.ties ? Math.round(value) : value))
    const draw = random(`labels ${one.shape}`, [batch * count]).data
    const others = one.others ?? 0
    const kind = (i: number) =>
      (draw[i]! + 1) / 2 < others ? (draw[i]! + 1 < others ? 'positive' : 'ignored') : 'negative'
    const labels = Float32Array.from({ length: batch * count }, (_, i) => (kind(i) === 'positive' ? 1 : 0))
    const weights = Float32Array.from({ length: batch * count }, (_, i) => (kind(i) === 'ignored' ? 0 : 0.125))
    const tensors = {
      cls: device.tensor(cls, [batch, height, width, 2 * anchors]),
      labels: device.tensor(labels, [batch, count]),
      labelWeights: device.tensor(weights, [batch, count]),
    }
    const found = await evaluate(device, (r) => hardNegatives(r, { ...tensors, num: one.num, weight: 0.3 }))
    expectClose(found, { data: reference(cls, labels, weights, one, 0.3), shape: [batch, count] })
    for (const tensor of Object.values(tensors)) device.release(tensor)
  })

  test('refuses labels of another size', async () => {
    const [cls, labels] = [device.empty([2, 3, 3, 10]), device.empty([2, 9])]
    const recording = capture(device, (r) => hardNegatives(r, { cls, labels, labelWeights: labels, num: 3, weight: 1 }))
    await expect(recording).rejects.toThrow(ShapeError)
  })
})
