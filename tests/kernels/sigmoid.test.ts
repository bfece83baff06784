// The logistic function and its gradient against float64.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { sigmoid, sigmoidGradient } from '../../src/kernels/elementwise.ts'
import { evaluate, expectClose, random, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/elementwise.ts'
import { finiteDifferences } from '../reference/finite-differences.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe('sigmoid', () => {
  test.each([[[5]], [[2, 3, 4, 4]], [[3, 7]]])('of %j, forward and gradient', async (shape) => {
    const host = random(`sigmoid ${shape}`, shape, 6)
    const expected = reference.sigmoid(host)
    const output = upload(device, expected)
    expectClose(await evaluate(device, (r) => sigmoid(r, upload(device, host))), expected)
    const upstream = random(`upstream ${shape}`, shape)
    const gradient = upload(device, upstream)
    const found = await evaluate(device, (r) => sigmoidGradient(r, { gradient, output }))
    expectClose(found, finiteDifferences(reference.sigmoid, host, upstream))
  })

  test('is finite for all finite inputs', async () => {
    const input = device.tensor(Float32Array.of(-3e38, -200, 0, 200, 3e38), [5])
    const { data } = await evaluate(device, (r) => sigmoid(r, input))
    expect([...data]).toEqual([0, 0, 0.5, 1, 1])
  })

  test('refuses a gradient of another shape', async () => {
    const [gradient, output] = [device.empty([4]), device.empty([5])]
    await expect(capture(device, (r) => sigmoidGradient(r, { gradient, output }))).rejects.toThrow(ShapeError)
  })
})
