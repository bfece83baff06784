// Resizing, bilinear and by the nearest neighbour, forward and gradient, against float64.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import {
  bilinearResize,
  bilinearResizeGradient,
  nearestResize,
  nearestResizeGradient,
  type ResizeTarget,
} from '../../src/kernels/resize.ts'
import { evaluate, expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import * as gradients from '../reference/gradients.ts'
import * as reference from '../reference/spatial.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

interface Resize {
  forward(r: Recorder, input: GpuTensor, size: ResizeTarget): GpuTensor
  gradient(r: Recorder, gradient: GpuTensor, inputShape: readonly number[]): GpuTensor
  reference(input: HostTensor, size: ResizeTarget): HostTensor
}

const bilinear = (alignCorners: boolean): Resize => ({
  forward: (r, input, size) => bilinearResize(r, { input, size, alignCorners }),
  gradient: (r, gradient, inputShape) => bilinearResizeGradient(r, { gradient, inputShape, alignCorners }),
  reference: (input, size) => reference.bilinearResize(input, size, alignCorners),
})

const nearest: Resize = {
  forward: (r, input, size) => nearestResize(r, { input, size }),
  gradient: (r, gradient, inputShape) => nearestResizeGradient(r, { gradient, inputShape }),
  reference: reference.nearestResize,
}

const cases: readonly { readonly shape: readonly [number, number, number, number]; readonly size: ResizeTarget }[] = [
  { shape: [1, 13, 13, 4], size: 25 },
  { shape: [1, 7, 9, 3], size: 11 },
  { shape: [2, 11, 9, 4], size: 5 },
  { shape: [2, 6, 6, 2], size: 6 },
  { shape: [1, 3, 2, 1], size: [13, 4] },
  { shape: [1, 1, 2, 8], size: 5 },
  { shape: [1, 5, 1, 2], size: [1, 3] },
  { shape: [1, 13, 12, 1], size: [2, 1] },
]

describe.each([
  ['bilinear resize with half-pixel centres', bilinear(false)],
  ['bilinear resize with aligned corners', bilinear(true)],
  ['nearest resize', nearest],
] as const)('%s', (_, op) => {
  test.each(cases)('of $shape to $size agrees with float64, forward and gradient', async ({ shape, size }) => {
    const host = random(`resize ${shape}`, shape, 255)
    const input = upload(device, host)
    const expected = op.reference(host, size)
    expectClose(await evaluate(device, (r) => op.forward(r, input, size)), expected, 1e-6)
    const upstream = random(`upstream ${expected.shape}`, expected.shape)
    const gradient = upload(device, upstream)
    const found = await evaluate(device, (r) => op.gradient(r, gradient, shape))
    expectClose(
      found,
      gradients.linear(upstream, shape, (x) => op.reference(x, size)),
    )
    for (const tensor of [input, gradient]) device.release(tensor)
  })

  test('refuses sizes that are none, and gradients of other maps', async () => {
    const input = device.empty([1, 5, 5, 4])
    for (const size of [0, 2.5, [3, -1]] as const) {
      await expect(capture(device, (r) => op.forward(r, input, size))).rejects.toThrow(/size is .* expected an integer/)
    }
    for (const shape of [
      [2, 4, 4, 4],
      [1, 4, 4, 3],
      [4, 4, 4],
    ]) {
      await expect(capture(device, (r) => op.gradient(r, input, shape))).rejects.toThrow(ShapeError)
    }
    device.release(input)
  })
})

describe('bilinear resize with aligned corners', () => {
  test('keeps every second pixel where the size is doubled less one', async () => {
    const host = random('kept', [1, 4, 3, 1])
    const input = upload(device, host)
    const { data } = await evaluate(device, (r) => bilinearResize(r, { input, size: [7, 5], alignCorners: true }))
    const kept = Array.from({ length: 12 }, (_, i) => data[Math.floor(i / 3) * 2 * 5 + (i % 3) * 2])
    expect(kept).toEqual([...host.data])
    device.release(input)
  })
})
