import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import {
  crossEntropyLoss,
  focalLoss,
  giouLoss,
  iouLoss,
  type Loss,
  l1Loss,
  smoothL1Loss,
} from '../../src/kernels/losses.ts'
import { expectClose, type HostTensor, random, sizeOf, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/losses.ts'
import { boxPairs, classificationLosses, classified, overlapLosses } from '../reference/losses-pytorch.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** Batch, height, width, anchors per position: odd sizes, one and several workgroups. */
const shapes = [
  [1, 3, 5, 5],
  [3, 7, 5, 3],
  [2, 1, 1, 1],
] as const

type MapShape = readonly [number, number, number, number]

/** A prediction map, and what it is compared with. */
interface Case {
  readonly map: HostTensor
  readonly target: HostTensor
  readonly weight: HostTensor
}

function classificationCase([n, h, w, a]: MapShape): Case {
  const key = `losses ${n} ${h} ${w} ${a}`
  const shape = [n, h * w * a]
  const label = random(`${key} labels`, shape)
  return {
    map: random(`${key} logits`, [n, h, w, 2 * a], 4),
    target: { data: label.data.map((value) => (value > 0.2 ? 1 : 0)), shape },
    weight: sparse(random(`${key} weights`, shape)),
  }
}

function regressionCase([n, h, w, a]: MapShape): Case {
  const key = `losses ${n} ${h} ${w} ${a}`
  const shape = [n, h * w * a, 4]
  return {
    map: random(`${key} deltas`, [n, h, w, 4 * a], 2),
    target: random(`${key} targets`, shape, 2),
    weight: sparse(random(`${key} weights`, shape)),
  }
}

/** Boxes whose corners are in order: the first between -1 and 1, the second between 1.5 and 3.5. */
function boxCase(shape: MapShape): Case {
  const one = regressionCase(shape)
  const ordered = ({ data, shape }: HostTensor, channelOf: (i: number) => number) => ({
    data: data.map((value, i) => value / 2 + (channelOf(i) >= 2 ? 2.5 : 0)),
    shape,
  })
  const anchors = shape[3]
  return {
    map: ordered(one.map, (i) => Math.floor((i % (4 * anchors)) / anchors)),
    target: ordered(one.target, (i) => i % 4),
    weight: one.weight,
  }
}

/** Weights as they are: none negative, many of them zero. */
function sparse({ data, shape }: HostTensor): HostTensor {
  return { data: data.map((value) => Math.max(0, value)), shape }
}

function classificationArgs(on: Device, { map, target, weight }: Case) {
  return { cls: upload(on, map), labels: upload(on, target), labelWeights: upload(on, weight) }
}

function regressionArgs(on: Device, { map, target, weight }: Case) {
  return { bbox: upload(on, map), boxTargets: upload(on, target), boxWeights: upload(on, weight) }
}

async function run(on: Device, record: (r: Recorder) => Loss) {
  const program = await runOnce(on, (r) => ({ ...record(r) }))
  const { loss, gradient } = program.result
  const found = {
    loss: { data: await on.readF32(loss), shape: loss.shape },
    gradient: { data: await on.readF32(gradient), shape: gradient.shape },
    dispatches: program.stats.dispatches,
  }
  program.destroy()
  return found
}

/** Compares value and gradient with the reference and its central differences. */
async function check(
  record: (r: Recorder) => Loss,
  one: Case,
  wanted: { loss: reference.Reference; reduction?: 'mean' | 'sum'; factor?: number },
  on = device,
): Promise<number> {
  const found = await run(on, record)
  const classes = one.map.data.length === one.target.data.length ? 4 : 2
  const rows = {
    prediction: reference.toRows(one.map, classes),
    target: chunks(one.target.data, classes === 4 ? 4 : 1),
    weight: chunks(one.weight.data, classes === 4 ? 4 : 1),
  }
  const { loss, gradient } = reference.evaluateLoss(wanted.loss, rows, wanted.reduction ?? 'mean', wanted.factor)
  expectClose(found.loss, { data: Float64Array.of(loss), shape: [1] })
  expectClose(found.gradient, reference.fromRows(gradient, one.map.shape))
  return found.dispatches
}

function chunks(values: Float32Array | Float64Array, size: number): number[][] {
  return Array.from({ length: values.length / size }, (_, row) => [...values.subarray(row * size, (row + 1) * size)])
}

describe.each(shapes)('losses of a batch of %i, map of %i x %i, %i anchors', (...shape: MapShape) => {
  test('cross entropy is the weighted softmax loss', async () => {
    const one = classificationCase(shape)
    const args = classificationArgs(device, one)
    await check((r) => crossEntropyLoss(r, { ...args, reduction: 'sum', lossWeight: 1.5 }), one, {
      loss: reference.crossEntropy(),
      reduction: 'sum',
      factor: 1.5,
    })
    const classWeight = [0.5, 3] as const
    await check((r) => crossEntropyLoss(r, { ...args, classWeight }), one, {
      loss: reference.crossEntropy(classWeight),
    })
  })

  test.each([
    { gamma: 2, alpha: 0.25, reduction: 'mean', factor: 2 },
    { gamma: 0.5, alpha: 0.75, reduction: 'sum', factor: 1 },
    { gamma: 0, alpha: 1, reduction: 'mean', factor: 1 },
  ] as const)('focal loss asks about each logit: $gamma, $alpha, $reduction', async (options) => {
    const { gamma, alpha, reduction, factor } = options
    const one = classificationCase(shape)
    const args = { ...classificationArgs(device, one), gamma, alpha, reduction, lossWeight: factor }
    await check((r) => focalLoss(r, args), one, { loss: reference.focal(gamma, alpha), reduction, factor })
  })

  test('L1 is the weighted distance', async () => {
    const one = regressionCase(shape)
    const args = regressionArgs(device, one)
    const sum = { loss: reference.l1, reduction: 'sum', factor: 1.2 } as const
    await check((r) => l1Loss(r, { ...args, reduction: 'sum', lossWeight: 1.2 }), one, sum)
    await check((r) => l1Loss(r, args), one, { loss: reference.l1 })
  })

  test.each([0.1, 1, 10])('smooth L1 is a parabola below beta %d', async (beta) => {
    const one = regressionCase(shape)
    const args = regressionArgs(device, one)
    const wanted = { loss: reference.smoothL1(beta), reduction: 'sum', factor: 0.5 } as const
    await check((r) => smoothL1Loss(r, { ...args, beta, reduction: 'sum', lossWeight: 0.5 }), one, wanted)
    await check((r) => smoothL1Loss(r, { ...args, beta }), one, { loss: reference.smoothL1(beta) })
  })

  test.each(['linear', 'square', 'log'] as const)('IoU loss, %s', async (mode) => {
    const one = boxCase(shape)
    const args = regressionArgs(device, one)
    const wanted = { loss: reference.iou(mode, 1e-6), reduction: 'sum', factor: 1.2 } as const
    await check((r) => iouLoss(r, { ...args, mode, reduction: 'sum', lossWeight: 1.2 }), one, wanted)
    await check((r) => iouLoss(r, { ...args, mode, eps: 0.3 }), one, { loss: reference.iou(mode, 0.3) })
  })

  test('GIoU loss', async () => {
    const one = boxCase(shape)
    const args = regressionArgs(device, one)
    const wanted = { loss: reference.giou(1e-6), reduction: 'sum', factor: 1.2 } as const
    await check((r) => giouLoss(r, { ...args, reduction: 'sum', lossWeight: 1.2 }), one, wanted)
    await check((r) => giouLoss(r, { ...args, eps: 6 }), one, { loss: reference.giou(6) })
  })
})

describe('losses equal PyTorch', () => {
  const tolerance = 2e-6

  test.each(['linear', 'square', 'log', 'giou'] as const)(
    '%s overlap of touching, equal, empty, inverted boxes',
    async (mode) => {
      for (const [i, [prediction, target]] of boxPairs.entries()) {
        const one = {
          map: { data: Float32Array.from(prediction), shape: [1, 1, 1, 4] },
          target: { data: Float32Array.from(target), shape: [1, 1, 4] },
          weight: { data: Float32Array.of(1, 0, 2, 1), shape: [1, 1, 4] },
        }
        const args = { ...regressionArgs(device, one), reduction: 'sum' } as const
        const found = await run(device, (r) => (mode === 'giou' ? giouLoss(r, args) : iouLoss(r, { ...args, mode })))
        const wanted = overlapLosses[mode]
        expect(Math.abs(found.loss.data[0]! - wanted.loss[i]!), `loss ${i}`).toBeLessThan(tolerance)
        for (const [c, slope] of wanted.gradient[i]!.entries()) {
          expect(Math.abs(found.gradient.data[c]! - slope), `gradient ${i} ${c}`).toBeLessThan(tolerance)
        }
      }
    },
  )

  test('classification of ordinary and of extreme logits', async () => {
    const count = classified.labels.length
    const args = classificationArgs(device, {
      map: { data: Float32Array.from(classified.logits), shape: [1, 1, count, 2] },
      target: { data: Float32Array.from(classified.labels), shape: [1, count] },
      weight: { data: Float32Array.from(classified.weights), shape: [1, count] },
    })
    const sum = { ...args, reduction: 'sum', alpha: 0.6 } as const
    const losses: Record<keyof typeof classificationLosses, (r: Recorder) => Loss> = {
      crossEntropyMean: (r) => crossEntropyLoss(r, args),
      crossEntropySumClassWeights: (r) => crossEntropyLoss(r, { ...sum, classWeight: [0.5, 3] }),
      focalMean: (r) => focalLoss(r, args),
      focalSumGamma1p5Alpha0p6: (r) => focalLoss(r, { ...sum, gamma: 1.5 }),
      focalSumGamma0Alpha0p6: (r) => focalLoss(r, { ...sum, gamma: 0 }),
    }
    for (const [name, wanted] of Object.entries(classificationLosses)) {
      const found = await run(device, losses[name as keyof typeof classificationLosses])
      expectClose(found.loss, { data: Float64Array.of(wanted.loss), shape: [1] }, tolerance)
      expectClose(found.gradient, { data: Float64Array.from(wanted.gradient), shape: [1, 1, count, 2] }, tolerance)
    }
  })
})

describe('losses at the edges', () => {
  const logits = [1e4, -1e4, -1e4, 1e4, 1e4, 1e4, 60, -60] // one anchor a position: background, object
  const extreme: Case = {
    map: { data: Float32Array.from(logits), shape: [1, 2, 2, 2] },
    target: { data: Float32Array.of(0, 0, 1, 1), shape: [1, 4] },
    weight: { data: Float32Array.of(1, 1, 1, 1), shape: [1, 4] },
  }

  test('cross entropy of logits of 10 000 is finite, and exact', async () => {
    const args = { ...classificationArgs(device, extreme), reduction: 'sum' } as const
    const found = await run(device, (r) => crossEntropyLoss(r, args))
    expectClose(found.loss, { data: Float64Array.of(2e4 + Math.LN2 + 120), shape: [1] }, 1e-6)
    expectClose(found.gradient, { data: Float64Array.of(0, 0, -1, 1, 0.5, -0.5, 1, -1), shape: [1, 2, 2, 2] }, 1e-6)
  })

  test.each([0, 2])('focal loss of logits of 10 000 is finite, and exact: gamma %i', async (gamma) => {
    const args = { ...classificationArgs(device, extreme), reduction: 'sum', gamma } as const
    const found = await run(device, (r) => focalLoss(r, args))
    expectClose(found.loss, { data: Float64Array.of(1e4 + 7.5e3 + 60), shape: [1] }, 1e-6)
    expectClose(
      found.gradient,
      { data: Float64Array.of(0, 0, -0.25, 0.75, 0.75, 0, 0.75, -0.25), shape: [1, 2, 2, 2] },
      1e-6,
    )
  })

  test('a confident anchor keeps its small loss', async () => {
    const one: Case = {
      map: { data: Float32Array.of(-12, 12), shape: [1, 1, 1, 2] },
      target: { data: Float32Array.of(1), shape: [1, 1] },
      weight: { data: Float32Array.of(1), shape: [1, 1] },
    }
    const args = classificationArgs(device, one)
    const found = await run(device, (r) => crossEntropyLoss(r, args))
    const loss = Math.log1p(Math.exp(-24))
    expectClose(found.loss, { data: Float64Array.of(loss), shape: [1] })
    expectClose(found.gradient, { data: Float64Array.of(loss, -loss), shape: [1, 1, 1, 2] })
  })

  test('L1 has no gradient where the prediction is the target', async () => {
    const one = regressionCase([1, 2, 2, 1])
    const same = { ...one, target: { data: Float32Array.from(reference.toRows(one.map, 4).flat()), shape: [1, 4, 4] } }
    const { loss, gradient } = await run(device, (r) => l1Loss(r, regressionArgs(device, same)))
    expect([...loss.data, ...gradient.data].every((value) => value === 0)).toBe(true)
  })

  test('are zero where all weights are', async () => {
    const zero = ({ shape }: HostTensor) => ({ data: new Float32Array(sizeOf(shape)), shape })
    const cls = classificationCase([2, 3, 3, 5])
    const box = regressionCase([2, 3, 3, 5])
    const labelled = classificationArgs(device, { ...cls, weight: zero(cls.weight) })
    const boxed = regressionArgs(device, { ...box, weight: zero(box.weight) })
    const losses: ((r: Recorder) => Loss)[] = [
      (r) => crossEntropyLoss(r, labelled),
      (r) => focalLoss(r, labelled),
      (r) => l1Loss(r, boxed),
      (r) => smoothL1Loss(r, boxed),
      (r) => iouLoss(r, boxed),
      (r) => giouLoss(r, boxed),
    ]
    for (const record of losses) {
      const { loss, gradient } = await run(device, record)
      expect([...loss.data, ...gradient.data].every((value) => value === 0)).toBe(true)
    }
  })

  test('give the same bits in every run', async () => {
    const one = classificationCase([3, 7, 9, 5])
    const args = classificationArgs(device, one)
    const [first, second] = [
      await run(device, (r) => crossEntropyLoss(r, args)),
      await run(device, (r) => crossEntropyLoss(r, args)),
    ]
    expect(second).toEqual(first)
  })
})

describe('losses of maps above the binding limit', () => {
  test('are worked on in batch slices, with equal results', async () => {
    const limited = await openDevice({ bindingLimit: 4096 })
    const shape = [5, 8, 8, 2] as const
    const cls = classificationCase(shape)
    const labelled = classificationArgs(limited, cls)
    const wanted = { loss: reference.crossEntropy() }
    expect(await check((r) => crossEntropyLoss(r, labelled), cls, wanted, limited)).toBe(3)
    const box = boxCase(shape)
    const boxed = regressionArgs(limited, box)
    expect(await check((r) => giouLoss(r, boxed), box, { loss: reference.giou(1e-6) }, limited)).toBe(4)
    await limited.close()
  })
})

describe('shapes', () => {
  test('must belong together, and the message names the tensor', async () => {
    const { cls, labels, labelWeights } = classificationArgs(device, classificationCase([2, 3, 3, 5]))
    const other = device.empty([2, 46], 'f32', 'other')
    const odd = device.empty([2, 3, 3, 7], 'f32', 'odd')
    const refused = [
      { cls, labels: other, labelWeights },
      { cls, labels, labelWeights: other },
      { cls: odd, labels, labelWeights },
    ]
    for (const args of refused) {
      const recorded = capture(device, (r) => ({ ...crossEntropyLoss(r, args) }))
      await expect(recorded).rejects.toThrow(ShapeError)
      await expect(recorded).rejects.toThrow(/`(other|odd)`/)
    }
    const { bbox, boxTargets } = regressionArgs(device, regressionCase([2, 3, 3, 5]))
    const flat = device.empty([2, 180], 'f32', 'flat')
    const recorded = capture(device, (r) => ({ ...l1Loss(r, { bbox, boxTargets, boxWeights: flat }) }))
    await expect(recorded).rejects.toThrow(/l1Loss: tensor `flat`/)
  })
})
