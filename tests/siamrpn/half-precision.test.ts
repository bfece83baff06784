// Tracking with filters in half precision: boxes, memory, and what is refused. A golden sequence is in the slow tests.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ArgumentError, FeatureError } from '../../src/gpu/errors.ts'
import type { Precision } from '../../src/gpu/half.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { clipFrame, firstBox, micro, microWeights, numbersOf } from './helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const create = (precision: Precision) => SiamRPN.create(microWeights(), { config: micro, device, precision })

async function follow(tracker: SiamRPN) {
  const target = await tracker.init(clipFrame(0), firstBox)
  const found = [
    await target.update(clipFrame(1)),
    await target.update(clipFrame(2)),
    await target.update(clipFrame(3)),
  ]
  await target.release()
  return found
}

test('the boxes are those of single precision within half a pixel, not their bits, and the same bits twice', async () => {
  const [single, half] = [await create('f32'), await create('f16')]
  const [expected, found] = [await follow(single), await follow(half)]
  expect(await follow(half)).toEqual(found)
  let largest = 0
  for (const [t, { box }] of expected.entries()) {
    const values = numbersOf(found[t]!.box)
    for (const [i, value] of numbersOf(box).entries()) largest = Math.max(largest, Math.abs(values[i]! - value))
  }
  expect(largest).toBeGreaterThan(0)
  expect(largest).toBeLessThanOrEqual(0.5)
  expect([single.precision, half.precision]).toEqual(['f32', 'f16'])
  await single.close()
  await half.close()
})

test('filters take half the memory, and what is saved keeps single precision', async () => {
  const bytesOf = async (precision: Precision) => {
    const before = device.memory.bytes
    const tracker = await create(precision)
    const bytes = device.memory.bytes - before
    for (const { dtype } of tracker.weights().values()) expect(['f32', 'i64']).toContain(dtype)
    await tracker.close()
    return bytes
  }
  const filters = [...microWeights()].filter(([, { shape }]) => shape.length === 4)
  const values = filters.reduce((sum, [, { shape }]) => sum + shape.reduce((product, size) => product * size, 1), 0)
  expect((await bytesOf('f32')) - (await bytesOf('f16'))).toBeGreaterThanOrEqual(2 * values)
})

test('it is refused on an adapter without shader-f16, which is named, and nothing is left behind', async () => {
  const plain = await openDevice({ hideFeatures: ['shader-f16'] })
  const loading = SiamRPN.create(microWeights(), { config: micro, device: plain, precision: 'f16' })
  await expect(loading).rejects.toThrow(FeatureError)
  await expect(loading).rejects.toThrow(plain.adapter.description)
  expect(plain.memory.bytes).toBe(0)
  await plain.close()
})

test('another precision is none', async () => {
  const loading = SiamRPN.create(microWeights(), { config: micro, device, precision: 'f8' as Precision })
  await expect(loading).rejects.toThrow(ArgumentError)
  await expect(loading).rejects.toThrow("precision is \"f8\", expected 'f32' or 'f16'")
})
