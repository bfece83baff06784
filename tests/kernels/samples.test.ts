// Samples behind their batch, and the way back of their gradients.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { appendSamples, appendSamplesGradient } from '../../src/kernels/samples.ts'
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
