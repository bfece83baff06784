// The mean over all pixels and its gradient against float64.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { globalAveragePool, globalAveragePoolGradient } from '../../src/kernels/average-pool.ts'
import { evaluate, expectClose, random, upload } from '../helpers/tensors.ts'
import * as gradients from '../reference/gradients.ts'
import * as reference from '../reference/spatial.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe('global average pool', () => {
  test.each([[[1, 7, 5, 8]], [[3, 4, 6, 3]], [[2, 1, 1, 4]], [[1, 25, 25, 2]]])(
    'of %j, forward and gradient',
    async (shape) => {
      const host = random(`pool ${shape}`, shape)
      const input = upload(device, host)
      const expected = reference.globalAveragePool(host)
      expectClose(await evaluate(device, (r) => globalAveragePool(r, input)), expected)
      const upstream = random(`upstream ${shape}`, expected.shape)
      const gradient = upload(device, upstream)
      const found = await evaluate(device, (r) => globalAveragePoolGradient(r, { gradient, inputShape: shape }))
      expectClose(found, gradients.linear(upstream, shape, reference.globalAveragePool))
      for (const tensor of [input, gradient]) device.release(tensor)
    },
  )

  test('works in slices above the binding limit', async () => {
    const limited = await openDevice({ bindingLimit: 20_000 })
    const host = random('sliced', [5, 8, 8, 64])
    const input = upload(limited, host)
    const found = await evaluate(limited, (r) => globalAveragePool(r, input))
    expect(found.dispatches).toBeGreaterThan(1)
    expectClose(found, reference.globalAveragePool(host))
    await limited.close()
  })

  test('refuses other ranks and other batches', async () => {
    const flat = device.empty([4, 3])
    await expect(capture(device, (r) => globalAveragePool(r, flat))).rejects.toThrow(ShapeError)
    const gradient = device.empty([2, 1, 1, 4])
    const other = capture(device, (r) => globalAveragePoolGradient(r, { gradient, inputShape: [1, 3, 3, 4] }))
    await expect(other).rejects.toThrow(ShapeError)
  })
})
