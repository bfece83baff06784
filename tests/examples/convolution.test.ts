// examples/convolution.ts: arrays in, array out.

import { expect, test } from 'vitest'
import { convolve } from '../../examples/convolution.ts'
import { openDevice } from '../../src/gpu/device.ts'
import { expectClose, random } from '../helpers/tensors.ts'
import { conv2d } from '../reference/conv2d.ts'

test('convolves two arrays, and leaves no memory behind', async () => {
  const device = await openDevice()
  const input = random('image', [2, 7, 9, 3])
  const weight = random('filter', [5, 3, 3, 3])
  const values = ({ data, shape }: typeof input) => ({ data: Float32Array.from(data), shape })
  const run = () => convolve(device, values(input), values(weight), 1)
  expectClose(await run(), conv2d({ input, weight, padding: 1 }))
  const before = device.memory.bytes // what reading back keeps for the next time
  await run()
  expect(device.memory.bytes).toBe(before)
  await device.close()
})
