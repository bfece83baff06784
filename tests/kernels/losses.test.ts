import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import { crossEntropyLoss, type Loss, l1Loss } from '../../src/kernels/losses.ts'
import { expectClose, type HostTensor, random, sizeOf, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/losses.ts'

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

interface Case {
  readonly map: HostTensor
  readonly target: HostTensor
  readonly weight: HostTensor
}

function classificationCase([n, h, w, a]: MapShape, scale = 4): Case {
  const key = `losses ${n} ${h} ${w} ${a}`
  const shape = [n, h * w * a]
  const label = random(`${key} labels`, shape)
  return {
    map: random(`${key} logits`, [n, h, w, 2 * a], scale),
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

/** The float64 loss, its numeric gradient in the map's layout, both times `factor`. */
function expected(one: Case, loss: (inputs: reference.LossInputs) => number, factor: number) {
  const classes = one.map.data.length / one.target.data.length === 1 ? 4 : 2
  const inputs = { prediction: reference.toRows(one.map, classes), target: one.target.data, weight: one.weight.data }
  const gradient = reference.numericGradient(inputs, loss).map((value) => factor * value)
  return {
    loss: { data: Float64Array.of(factor * loss(inputs)), shape: [1] },
    gradient: reference.fromRows(gradient, one.map.shape, classes),
  }
}

type Found = Awaited<ReturnType<typeof run>>

function compare(found: Found, wanted: ReturnType<typeof expected>): void {
  expectClose(found.loss, wanted.loss)
  expectClose(found.gradient, wanted.gradient)
}

describe.each(shapes)('losses of a batch of %i, map of %i x %i, %i anchors', (...shape: MapShape) => {
  it('cross entropy is the weighted softmax loss and its gradient', async () => {
    const one = classificationCase(shape)
    const args = classificationArgs(device, one)
    const sum = await run(device, (r) => crossEntropyLoss(r, { ...args, reduction: 'sum', lossWeight: 1.5 }))
    compare(
      sum,
      expected(one, (inputs) => reference.crossEntropy(inputs, 'sum'), 1.5),
    )
    const mean = await run(device, (r) => crossEntropyLoss(r, { ...args, classWeight: [0.5, 3] }))
    compare(
      mean,
      expected(one, (inputs) => reference.crossEntropy(inputs, 'mean', [0.5, 3]), 1),
    )
  })

  it('L1 is the weighted distance and its sign', async () => {
    const one = regressionCase(shape)
    const args = regressionArgs(device, one)
    const sum = await run(device, (r) => l1Loss(r, { ...args, reduction: 'sum', lossWeight: 1.2 }))
    compare(
      sum,
      expected(one, (inputs) => reference.l1(inputs, 'sum'), 1.2),
    )
    const mean = await run(device, (r) => l1Loss(r, args))
    compare(
      mean,
      expected(one, (inputs) => reference.l1(inputs, 'mean'), 1),
    )
  })
})

describe('losses at the edges', () => {
  it('cross entropy of logits of 10 000 is finite, and exact', async () => {
    const logits = [1e4, -1e4, -1e4, 1e4, 1e4, 1e4, 60, -60] // one anchor a position: background, object
    const one: Case = {
      map: { data: Float32Array.from(logits), shape: [1, 2, 2, 2] },
      target: { data: Float32Array.of(0, 0, 1, 1), shape: [1, 4] },
      weight: { data: Float32Array.of(1, 1, 1, 1), shape: [1, 4] },
    }
    const found = await run(device, (r) =>
      crossEntropyLoss(r, { ...classificationArgs(device, one), reduction: 'sum' }),
    )
    expectClose(found.loss, { data: [2e4 + Math.LN2 + 120], shape: [1] } as unknown as HostTensor, 1e-6)
    expectClose(found.gradient, { data: Float64Array.of(0, 0, -1, 1, 0.5, -0.5, 1, -1), shape: [1, 2, 2, 2] }, 1e-6)
  })

  it('a confident anchor keeps its small loss', async () => {
    const one: Case = {
      map: { data: Float32Array.of(-12, 12), shape: [1, 1, 1, 2] },
      target: { data: Float32Array.of(1), shape: [1, 1] },
      weight: { data: Float32Array.of(1), shape: [1, 1] },
    }
    const found = await run(device, (r) => crossEntropyLoss(r, classificationArgs(device, one)))
    compare(
      found,
      expected(one, (inputs) => reference.crossEntropy(inputs, 'mean'), 1),
    )
  })

  it('L1 has no gradient where the prediction is the target', async () => {
    const one = regressionCase([1, 2, 2, 1])
    const same = { ...one, target: { data: reference.toRows(one.map, 4), shape: one.target.shape } }
    const found = await run(device, (r) => l1Loss(r, regressionArgs(device, same)))
    expect([...found.loss.data, ...found.gradient.data].every((value) => value === 0)).toBe(true)
  })

  it('are zero where all weights are', async () => {
    const zero = ({ shape }: HostTensor) => ({ data: new Float32Array(sizeOf(shape)), shape })
    const cls = classificationCase([2, 3, 3, 5])
    const box = regressionCase([2, 3, 3, 5])
    const weightless = [
      await run(device, (r) => crossEntropyLoss(r, classificationArgs(device, { ...cls, weight: zero(cls.weight) }))),
      await run(device, (r) => l1Loss(r, regressionArgs(device, { ...box, weight: zero(box.weight) }))),
    ]
    for (const { loss, gradient } of weightless) {
      expect([...loss.data, ...gradient.data].every((value) => value === 0)).toBe(true)
    }
  })
})

describe('losses of maps above the binding limit', () => {
  it('are worked on in batch slices, with equal results', async () => {
    const limited = await openDevice({ bindingLimit: 4096 })
    const shape = [5, 8, 8, 2] as const
    const cls = classificationCase(shape)
    const box = regressionCase(shape)
    const sliced = await run(limited, (r) => crossEntropyLoss(r, classificationArgs(limited, cls)))
    expect(sliced.dispatches).toBe(3)
    compare(
      sliced,
      expected(cls, (inputs) => reference.crossEntropy(inputs, 'mean'), 1),
    )
    const slicedBoxes = await run(limited, (r) => l1Loss(r, regressionArgs(limited, box)))
    expect(slicedBoxes.dispatches).toBe(6)
    compare(
      slicedBoxes,
      expected(box, (inputs) => reference.l1(inputs, 'mean'), 1),
    )
    await limited.close()
  })
})

describe('shapes', () => {
  it('must belong together, and the message names the tensor', async () => {
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
  })
})
