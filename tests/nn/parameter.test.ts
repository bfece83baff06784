import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { Parameter } from '../../src/nn/parameter.ts'
import { random } from '../helpers/tensors.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe('a parameter', () => {
  test.each([
    { shape: [6, 3, 3, 3], padInput: 4, elements: 8 * 4 * 9 },
    { shape: [64, 8, 1, 1], padInput: 0, elements: 512 },
    { shape: [7], padInput: 0, elements: 7 },
    { shape: [6, 5], padInput: 0, elements: 8 * 5 },
  ])('goes from PyTorch’s layout to the kernels’ and back: $shape', async ({ shape, padInput, elements }) => {
    const values = Float32Array.from(random(`parameter ${shape}`, shape).data)
    const before = device.memory.bytes
    const parameter = new Parameter(device, { name: 'p', shape, values }, { padInput })
    expect(parameter.data.size).toBe(elements)
    expect(parameter.filter?.tensor).toBe(shape.length > 1 ? parameter.data : undefined)
    const stored = parameter.fromPyTorch(values)
    expect(parameter.toPyTorch(stored)).toEqual(values)
    parameter.release(device)
    expect(device.memory.bytes).toBe(before)
    const again = new Parameter(device, { name: 'p', shape, values }, { padInput })
    expect(await device.readF32(again.data)).toEqual(stored)
    again.release(device)
  })

  test('refuses values of another number', () => {
    const values = new Float32Array(5)
    expect(() => new Parameter(device, { name: 'p', shape: [6], values })).toThrow(ShapeError)
    expect(() => new Parameter(device, { name: 'p', shape: [6, 1, 1, 1], values })).toThrow(ShapeError)
  })
})
