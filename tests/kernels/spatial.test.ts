import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { centerCrop, maxPool } from '../../src/kernels/spatial.ts'
import { evaluate, expectClose, random, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/spatial.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe('max pooling', () => {
  test.each([
    { shape: [1, 9, 9, 2], kernel: 3, stride: 2, padding: 1 },
    { shape: [2, 8, 11, 8], kernel: 3, stride: 2, padding: 1 },
    { shape: [3, 5, 4, 3], kernel: 2, stride: 1, padding: 0 },
    { shape: [1, 7, 6, 4], kernel: 4, stride: 3, padding: 2 },
  ])('takes the largest of each window: $shape, kernel $kernel, stride $stride, padding $padding', async (problem) => {
    const { shape, kernel, stride, padding } = problem
    const host = random(`pool ${shape}`, shape)
    const input = upload(device, host)
    const found = await evaluate(device, (r) => maxPool(r, { input, kernel, stride, padding }))
    expectClose(found, reference.maxPool(host, kernel, stride, padding), 0)
  })

  test('never takes the padding, even where all values are negative', async () => {
    const host = { data: new Float32Array(2 * 3 * 3 * 4).fill(-7), shape: [2, 3, 3, 4] }
    const input = upload(device, host)
    const found = await evaluate(device, (r) => maxPool(r, { input, kernel: 3, stride: 2, padding: 1 }))
    expect(new Set(found.data)).toEqual(new Set([-7]))
  })

  test('refuses a window that does not fit', async () => {
    const input = device.empty([1, 2, 9, 4])
    const pool = (kernel: number, padding: number) =>
      capture(device, (r) => maxPool(r, { input, kernel, stride: 1, padding }))
    await expect(pool(5, 1)).rejects.toThrow(ShapeError)
    await expect(pool(3, 3)).rejects.toThrow(ShapeError)
  })
})

describe('centre crop', () => {
  test.each([
    { shape: [1, 15, 15, 8], size: 7 }, // rows 4 to 10, as MMTracking cuts the template
    { shape: [3, 8, 9, 5], size: 3 },
    { shape: [2, 4, 4, 4], size: 4 },
  ])('copies the middle: $shape to $size', async ({ shape, size }) => {
    const host = random(`crop ${shape}`, shape)
    const input = upload(device, host)
    expectClose(await evaluate(device, (r) => centerCrop(r, { input, size })), reference.centerCrop(host, size), 0)
  })

  test('refuses a size above the image', async () => {
    const input = device.empty([1, 5, 6, 4])
    await expect(capture(device, (r) => centerCrop(r, { input, size: 6 }))).rejects.toThrow(/size 6 is larger/)
  })
})

describe('a batch above the binding limit', () => {
  test('is worked on in slices, with equal results', async () => {
    const limited = await openDevice({ bindingLimit: 20_000 })
    const host = random('sliced pool', [5, 16, 16, 16])
    const input = upload(limited, host)
    const found = await evaluate(limited, (r) => maxPool(r, { input, kernel: 3, stride: 2, padding: 1 }))
    expect(found.dispatches).toBe(5)
    expectClose(found, reference.maxPool(host, 3, 2, 1), 0)
    await limited.close()
  })
})
