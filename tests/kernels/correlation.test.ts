import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { chooseCorrelation, depthwiseCorrelation } from '../../src/kernels/correlation.ts'
import { evaluate, expectClose, random, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/spatial.ts'

const r50 = { height: 29, width: 29, kernelHeight: 5, kernelWidth: 5, channels: 256 }

describe('choice of the correlation', () => {
  test('takes tall tiles on a software adapter and small ones on a GPU', () => {
    const software = chooseCorrelation({ kind: 'cpu' }, r50)
    expect(software).toMatchObject({
      shader: 'depthwise_correlation_rolling',
      constants: { ROWS: 25, STRIP: 5 },
      invocationsPerSample: 5 * 256,
    })
    const hardware = chooseCorrelation({ kind: 'gpu' }, r50)
    expect(hardware).toMatchObject({ constants: { ROWS: 5, STRIP: 5 }, invocationsPerSample: 5 * 5 * 256 })
  })

  test('balances tiles, so that none is nearly empty', () => {
    const { constants } = chooseCorrelation({ kind: 'cpu' }, { ...r50, width: 10, height: 40 })
    expect(constants).toMatchObject({ STRIP: 3, ROWS: 18 })
  })

  test('leaves kernels that do not fit in registers to the plain shader', () => {
    const plan = chooseCorrelation({ kind: 'gpu' }, { ...r50, kernelHeight: 25, kernelWidth: 25 })
    expect(plan).toMatchObject({ shader: 'depthwise_correlation', invocationsPerSample: 5 * 5 * 256 })
  })
})

describe('depthwise correlation', () => {
  let device: Device
  beforeAll(async () => {
    device = await openDevice()
  })
  afterAll(() => device.close())

  test.each([
    { shape: [1, 8, 9, 4], kernel: [5, 5] },
    { shape: [2, 9, 11, 3], kernel: [5, 5] },
    { shape: [3, 7, 8, 5], kernel: [4, 3] },
    { shape: [2, 38, 19, 6], kernel: [5, 5] }, // several tiles each way
    { shape: [2, 6, 6, 2], kernel: [6, 6] }, // one output
    { shape: [2, 12, 14, 7], kernel: [9, 8] }, // too many taps for registers
    { shape: [1, 3, 3, 1], kernel: [1, 1] },
  ])("uses each sample's own kernel: $shape with $kernel", async ({ shape, kernel: [kh, kw] }) => {
    const x = random(`x ${shape}`, shape)
    const k = random(`k ${shape}`, [shape[0]!, kh!, kw!, shape[3]!])
    const args = { input: upload(device, x), kernel: upload(device, k) }
    const expected = reference.depthwiseCorrelation(x, k)
    expectClose(await evaluate(device, (r) => depthwiseCorrelation(r, args)), expected)
  })

  test('gives the same with the tiles of a GPU', async () => {
    const x = random('gpu x', [2, 13, 12, 5])
    const k = random('gpu k', [2, 5, 5, 5])
    const args = { input: upload(device, x), kernel: upload(device, k) }
    const found = await evaluate(device, (r) => {
      Object.defineProperty(r, 'adapter', { value: { ...device.adapter, kind: 'gpu' } })
      return depthwiseCorrelation(r, args)
    })
    expectClose(found, reference.depthwiseCorrelation(x, k))
  })

  test('works on batches above the binding limit in slices', async () => {
    const limited = await openDevice({ bindingLimit: 40_000 })
    const x = random('sliced x', [4, 12, 12, 64])
    const k = random('sliced k', [4, 5, 5, 64])
    const args = { input: upload(limited, x), kernel: upload(limited, k) }
    const found = await evaluate(limited, (r) => depthwiseCorrelation(r, args))
    expect(found.dispatches).toBe(4)
    expectClose(found, reference.depthwiseCorrelation(x, k))
    await limited.close()
  })

  test('states its cost', async () => {
    const args = { input: device.empty([2, 8, 9, 4]), kernel: device.empty([2, 3, 4, 4]) }
    const program = await capture(device, (r) => depthwiseCorrelation(r, args))
    expect(program.stats.flops).toBe(2 * (2 * 6 * 6 * 4) * 12)
    expect(program.stats.bytes).toBe(4 * (2 * 8 * 9 * 4 + 2 * 3 * 4 * 4 + 2 * 6 * 6 * 4))
    program.destroy()
  })

  test('refuses a kernel of another batch, other channels, or too large', async () => {
    const input = device.empty([2, 8, 8, 4])
    for (const shape of [
      [1, 3, 3, 4],
      [2, 3, 3, 8],
      [2, 9, 3, 4],
      [2, 3, 9, 4],
    ]) {
      const kernel = device.empty(shape)
      await expect(capture(device, (r) => depthwiseCorrelation(r, { input, kernel }))).rejects.toThrow(ShapeError)
    }
  })
})
