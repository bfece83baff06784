// Softmax cross entropy of samples against float64 and finite differences.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import { softmaxCrossEntropy } from '../../src/kernels/softmax-loss.ts'
import { expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import { finiteDifferences } from '../reference/finite-differences.ts'
import * as reference from '../reference/softmax-loss.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

async function onDevice(on: Device, logits: HostTensor, labels: readonly number[], options: object = {}) {
  const args = { logits: upload(on, logits), labels: on.tensor(Float32Array.from(labels), [labels.length]) }
  const program = await runOnce(on, (r) => ({ ...softmaxCrossEntropy(r, { ...args, ...options }) }))
  const { loss, gradient } = program.result
  const found = {
    loss: { data: await on.readF32(loss), shape: loss.shape },
    gradient: { data: await on.readF32(gradient), shape: gradient.shape },
  }
  program.destroy()
  for (const tensor of Object.values(args)) on.release(tensor)
  return found
}

const classOf = (classes: number) => (_: unknown, n: number) => (7 * n + 2) % classes
const one: HostTensor = { data: Float64Array.of(1), shape: [1] }

describe('softmax cross entropy', () => {
  test.each([
    [1, 2],
    [5, 3],
    [7, 10],
    [300, 4], // several workgroups
  ])(
    'of %i samples of %i classes agrees with float64, the gradient with finite differences',
    async (samples, classes) => {
      const logits = random(`logits ${samples}`, [samples, classes], 5)
      const labels = Array.from({ length: samples }, classOf(classes))
      const loss = (moved: HostTensor) => reference.softmaxCrossEntropy(moved, labels)
      const sum = await onDevice(device, logits, labels, { reduction: 'sum' })
      expectClose(sum.loss, loss(logits))
      expectClose(sum.gradient, finiteDifferences(loss, logits, one))
      const mean = await onDevice(device, logits, labels, { lossWeight: 3 })
      expectClose(mean.loss, { data: Float64Array.of((3 * loss(logits).data[0]!) / samples), shape: [1] })
    },
  )

  test('takes logits with ones between, and large ones', async () => {
    const logits = { data: Float64Array.of(800, -900, 3, 1e30, -1e30, 0), shape: [2, 1, 1, 3] }
    const { loss, gradient } = await onDevice(device, logits, [1, 0], { reduction: 'sum' })
    expectClose(loss, { data: Float64Array.of(1700), shape: [1] })
    expectClose(gradient, { data: Float64Array.of(1, -1, 0, 0, 0, 0), shape: [2, 1, 1, 3] })
  })

  test('leaves samples out whose label is no class', async () => {
    const logits = random('ignored', [4, 3])
    const labels = [-1, 2, 3, 0]
    const found = await onDevice(device, logits, labels, { reduction: 'sum' })
    const loss = (moved: HostTensor) => reference.softmaxCrossEntropy(moved, labels)
    expectClose(found.loss, loss(logits))
    expectClose(found.gradient, finiteDifferences(loss, logits, one))
  })

  test('works in slices above the binding limit', async () => {
    const limited = await openDevice({ bindingLimit: 8192 })
    const logits = random('sliced', [700, 6])
    const labels = Array.from({ length: 700 }, classOf(6))
    const found = await onDevice(limited, logits, labels, { reduction: 'sum' })
    const loss = (moved: HostTensor) => reference.softmaxCrossEntropy(moved, labels)
    expectClose(found.loss, loss(logits))
    expectClose(found.gradient, (await onDevice(device, logits, labels, { reduction: 'sum' })).gradient)
    await limited.close()
  })

  test('refuses shapes that do not belong together', async () => {
    const refused = (logits: readonly number[], labels: readonly number[]) =>
      expect(
        capture(device, (r) => {
          return { ...softmaxCrossEntropy(r, { logits: device.empty(logits), labels: device.empty(labels) }) }
        }),
      ).rejects.toThrow(ShapeError)
    await refused([4, 3], [3])
    await refused([4, 2, 2, 3], [4])
    await refused([12], [12])
  })
})
