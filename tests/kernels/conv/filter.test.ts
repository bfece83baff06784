import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { ShapeError } from '../../../src/gpu/errors.ts'
import {
  packConvWeight,
  packOihw,
  panelOf,
  releaseConvWeight,
  unpackConvWeight,
} from '../../../src/kernels/conv/filter.ts'
import { random, sizeOf } from '../../helpers/tensors.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe('a packed filter', () => {
  test.each([
    { shape: [5, 3, 3, 2], padInput: 0, packed: [1, 3, 2, 3, 8] },
    { shape: [4, 3, 7, 7], padInput: 4, packed: [1, 7, 7, 4, 4] },
    { shape: [128, 2, 1, 1], padInput: 0, packed: [4, 1, 1, 2, 32] },
    { shape: [65, 1, 1, 3], padInput: 0, packed: [1, 1, 3, 1, 68] },
  ])('is unpacked to what it was: $shape, inputs padded to $padInput', async ({ shape, padInput, packed }) => {
    const values = Float32Array.from(random(`filter ${shape}`, shape).data)
    const weight = packConvWeight(device, values, shape, { padInput })
    expect(weight.tensor.shape).toEqual(packed)
    const stored = await device.readF32(weight.tensor)
    expect(stored).toEqual(packOihw(values, shape, weight.inChannels))
    expect(unpackConvWeight(stored, weight, shape)).toEqual(values)
    const [outChannels = 0, , , width = 0] = shape
    const nonZero = stored.reduce((count, value) => count + (value === 0 ? 0 : 1), 0)
    expect(nonZero).toBe(sizeOf(shape)) // the padding is zero
    expect(stored[0]).toBe(values[0])
    // The next output channel is the next element; the next column comes after all inputs of a panel.
    if (outChannels > 1) expect(stored[1]).toBe(values[sizeOf(shape) / outChannels])
    if (width > 1) expect(stored[weight.inChannels * panelOf(outChannels)]).toBe(values[1])
    releaseConvWeight(device, weight)
  })

  test('has panels of 16 to 32 output channels where those come out even, else one of a multiple of 4', () => {
    expect([1, 4, 5, 30, 32, 40, 64, 144, 192].map(panelOf)).toEqual([4, 4, 8, 32, 32, 20, 32, 24, 32])
    expect([44, 63, 66, 68].map(panelOf)).toEqual([44, 64, 68, 68])
  })

  test('refuses values of another number, on the way in and out', () => {
    const shape = [2, 2, 1, 1]
    expect(() => packConvWeight(device, new Float32Array(3), shape, { label: 'odd' })).toThrow(ShapeError)
    const weight = packConvWeight(device, new Float32Array(4), shape, { label: 'odd' })
    expect(() => unpackConvWeight(new Float32Array(4), weight, shape)).toThrow('`odd` has 8 packed values, found 4')
    releaseConvWeight(device, weight)
  })
})
