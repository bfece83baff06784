import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import { chooseKernelGradient, depthwiseCorrelationGradient } from '../../src/kernels/correlation.ts'
import { expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import { finiteDifferences } from '../reference/finite-differences.ts'
import * as gradients from '../reference/gradients.ts'
import { depthwiseCorrelation } from '../reference/spatial.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

interface Problem {
  readonly x: HostTensor
  readonly k: HostTensor
  readonly upstream: HostTensor
}

function problem([n = 1, h = 1, w = 1, c = 1]: readonly number[], [kh = 1, kw = 1]: readonly number[]): Problem {
  const name = `${[n, h, w, c, kh, kw]}`
  return {
    x: random(`x ${name}`, [n, h, w, c]),
    k: random(`k ${name}`, [n, kh, kw, c]),
    upstream: random(`upstream ${name}`, [n, h - kh + 1, w - kw + 1, c]),
  }
}

async function gradientsOn(on: Device, { x, k, upstream }: Problem, kind = on.adapter.kind) {
  const args = { gradient: upload(on, upstream), input: upload(on, x), kernel: upload(on, k) }
  const program = await runOnce(on, (r) => {
    Object.defineProperty(r, 'adapter', { value: { ...on.adapter, kind } })
    return { ...depthwiseCorrelationGradient(r, args) }
  })
  const { input, kernel } = program.result
  const found = {
    input: { data: await on.readF32(input), shape: input.shape },
    kernel: { data: await on.readF32(kernel), shape: kernel.shape },
  }
  program.destroy()
  for (const tensor of Object.values(args)) on.release(tensor)
  return found
}

function expectGradients(found: Awaited<ReturnType<typeof gradientsOn>>, { x, k, upstream }: Problem): void {
  const expected = gradients.depthwiseCorrelation(upstream, x, k)
  expectClose(found.input, expected.input)
  expectClose(found.kernel, expected.kernel)
}

describe('choice of the gradient with respect to the kernel', () => {
  const r50 = { height: 29, width: 29, kernelHeight: 5, kernelWidth: 5, channels: 256 }

  test('keeps a sample whole on a software adapter, and divides it for a GPU', () => {
    expect(chooseKernelGradient({ kind: 'cpu' }, r50)).toMatchObject({ parts: 1, constants: { STRIP: 5, ROWS: 25 } })
    const hardware = chooseKernelGradient({ kind: 'gpu' }, r50)
    expect(hardware).toMatchObject({ parts: 10, constants: { STRIP: 5, STRIPS_PER_PART: 1, ROWS: 13 } })
  })

  test('leaves kernels that do not fit in registers to the forward shader', () => {
    expect(chooseKernelGradient({ kind: 'cpu' }, { ...r50, kernelHeight: 8, kernelWidth: 7 })).toBeUndefined()
  })
})

describe('gradient of the depthwise correlation', () => {
  test('is written out in the reference as finite differences have it', () => {
    const { x, k, upstream } = problem([2, 5, 4, 2], [3, 2])
    const found = gradients.depthwiseCorrelation(upstream, x, k)
    expectClose(
      finiteDifferences((moved) => depthwiseCorrelation(moved, k), x, upstream),
      found.input,
      1e-7,
    )
    expectClose(
      finiteDifferences((moved) => depthwiseCorrelation(x, moved), k, upstream),
      found.kernel,
      1e-7,
    )
  })

  test.each([
    { shape: [1, 8, 9, 4], kernel: [5, 5] },
    { shape: [2, 9, 11, 3], kernel: [5, 5] },
    { shape: [3, 7, 8, 5], kernel: [4, 3] },
    { shape: [2, 38, 19, 6], kernel: [5, 5] }, // several tiles each way
    { shape: [2, 6, 6, 2], kernel: [6, 6] }, // one output
    { shape: [2, 12, 14, 7], kernel: [9, 8] }, // too many taps for registers
    { shape: [1, 3, 3, 1], kernel: [1, 1] },
  ])('with respect to both inputs: $shape with $kernel', async ({ shape, kernel }) => {
    const one = problem(shape, kernel)
    expectGradients(await gradientsOn(device, one), one)
  })

  test('is the same with the tiles of a GPU, and the same bits each time', async () => {
    const one = problem([2, 33, 30, 5], [5, 5])
    const found = await gradientsOn(device, one, 'gpu')
    expectGradients(found, one)
    expect(await gradientsOn(device, one, 'gpu')).toEqual(found)
  })

  test('works on batches above the binding limit in slices', async () => {
    const limited = await openDevice({ bindingLimit: 40_000 })
    const one = problem([4, 12, 12, 64], [5, 5])
    expectGradients(await gradientsOn(limited, one), one)
    await limited.close()
  })

  test('refuses shapes that do not belong together', async () => {
    const input = device.empty([2, 8, 8, 4])
    const refused = (kernel: readonly number[], gradient: readonly number[]) =>
      expect(
        capture(device, (r) => ({
          ...depthwiseCorrelationGradient(r, { input, kernel: device.empty(kernel), gradient: device.empty(gradient) }),
        })),
      ).rejects.toThrow(ShapeError)
    await refused([1, 3, 3, 4], [2, 6, 6, 4])
    await refused([2, 9, 3, 4], [2, 6, 6, 4])
    await refused([2, 3, 3, 4], [2, 8, 8, 4])
  })
})
