// Samples behind their batch, and the way back of their gradients.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { toHalf } from '../../src/gpu/half.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import { convert } from '../../src/kernels/elementwise.ts'
import { appendSamples, appendSamplesGradient, copySamples, joinSamples } from '../../src/kernels/samples.ts'
import { evaluate, expectClose, random, upload } from '../helpers/tensors.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const cases = [
  { shape: [4, 3, 5, 7], first: 1, count: 2 },
  { shape: [5, 2, 2, 4], first: 0, count: 5 },
  { shape: [3, 11], first: 2, count: 1 },
]

describe.each(cases)('$count samples of $shape from $first', ({ shape, first, count }) => {
  const [batch = 0, ...rest] = shape
  const size = rest.reduce((product, side) => product * side, 1)

  test('stand behind the batch', async () => {
    const host = random(`batch ${shape}`, shape)
    const input = upload(device, host)
    const data = Float64Array.of(...host.data, ...host.data.slice(first * size, (first + count) * size))
    const found = await evaluate(device, (r) => appendSamples(r, { input, first, count }))
    expectClose(found, { data, shape: [batch + count, ...rest] })
    device.release(input)
  })

  test('give their gradients to those they repeat', async () => {
    const host = random(`gradient ${shape}`, [batch + count, ...rest])
    const gradient = upload(device, host)
    const data = Float64Array.from({ length: batch * size }, (_, i) => {
      const sample = Math.floor(i / size)
      const repeated = sample >= first && sample < first + count
      return host.data[i]! + (repeated ? host.data[(batch - first) * size + i]! : 0)
    })
    const found = await evaluate(device, (r) => appendSamplesGradient(r, { gradient, first, count }))
    expectClose(found, { data, shape })
    device.release(gradient)
  })
})

test('samples outside of the batch are refused', async () => {
  const input = device.empty([3, 4])
  const recording = capture(device, (r) => appendSamples(r, { input, first: 2, count: 2 }))
  await expect(recording).rejects.toThrow(ShapeError)
})

test.each([
  ['f32', 3],
  ['f16', 3],
  ['f32', 5],
] as const)('tensors above the binding limit are copied in pieces: %s, %i channels', async (precision, channels) => {
  const shapes = [1, 4, 2].map((count) => [count, 5, 7, channels])
  const parts = shapes.map((shape) => upload(device, random(`part ${shape}`, shape)))
  const program = await runOnce(device, (r) => {
    const stored = parts.map((part) => convert(r, part, precision))
    Object.defineProperty(r, 'adapter', { value: { ...r.adapter, maxBindingBytes: 1024 } })
    const joined = joinSamples(r, stored)
    expect(joined.bytes).toBeGreaterThan(1024)
    return [joined, copySamples(r, { input: joined, first: 3, count: 4 })]
  })
  const values = shapes.flatMap((shape) => [...random(`part ${shape}`, shape).data])
  const expected = (list: number[]) => (precision === 'f16' ? toHalf(Float32Array.from(list)) : Float32Array.from(list))
  expect(await device.read(program.result[0]!)).toEqual(expected(values))
  expect(await device.read(program.result[1]!)).toEqual(expected(values.slice(3 * 35 * channels)))
  program.destroy()
  for (const part of parts) device.release(part)
})
