import { describe, expect, test } from 'vitest'
import { ShapeError } from '../../src/gpu/errors.ts'
import { GpuTensor, Storage } from '../../src/gpu/tensor.ts'
import { linearGrid } from '../../src/kernels/launch.ts'
import { batchSlices, sliceOf } from '../../src/kernels/slices.ts'

function tensor(shape: readonly number[]): GpuTensor {
  const bytes = shape.reduce((product, size) => product * size, 4)
  return new GpuTensor(new Storage(bytes, 't', { owner: {} }), shape, 'f32')
}

describe('batch slices', () => {
  test('leave tensors alone that fit the binding limit', () => {
    const whole = tensor([3, 5])
    const slices = batchSlices({ maxBindingBytes: 60 }, [whole])
    expect(slices).toEqual([{ start: 0, count: 3 }])
    expect(sliceOf(whole, slices[0]!)).toBe(whole)
  })

  test('are as large as the largest tensor allows, and cover the batch once', () => {
    const pair = [tensor([7, 64]), tensor([7, 128])]
    const slices = batchSlices({ maxBindingBytes: 1600 }, pair)
    expect(slices).toEqual([
      { start: 0, count: 3 },
      { start: 3, count: 3 },
      { start: 6, count: 1 },
    ])
    expect(sliceOf(pair[1]!, slices[1]!)).toMatchObject({ byteOffset: 3 * 512, bytes: 3 * 512, shape: [3, 128] })
  })

  test('begin at multiples of 256 bytes in every tensor', () => {
    const tensors = [tensor([20, 32]), tensor([20, 24])] // 128 and 96 bytes a sample: every 2nd and 8th may begin a slice
    const slices = batchSlices({ maxBindingBytes: 1500 }, tensors)
    expect(slices.map(({ start }) => start)).toEqual([0, 8, 16])
    expect(slices.at(-1)?.count).toBe(4)
    for (const slice of slices) for (const one of tensors) expect(sliceOf(one, slice).byteOffset % 256).toBe(0)
  })

  test('are refused where no slice can fit, naming tensor, bytes and limit', () => {
    const one = tensor([4, 100])
    expect(() => batchSlices({ maxBindingBytes: 399 }, [one])).toThrow(ShapeError)
    expect(() => batchSlices({ maxBindingBytes: 399 }, [one])).toThrow(/`t` \[4,100\].*399 bytes/)
    expect(() => batchSlices({ maxBindingBytes: 800 }, [one])).toThrow(/16 sample\(s\) of 400 bytes/)
  })

  test('need one batch size', () => {
    expect(() => batchSlices({ maxBindingBytes: 1e6 }, [tensor([2, 4]), tensor([3, 4])])).toThrow(ShapeError)
  })
})

describe('linear grid', () => {
  test('spreads over y above the limit per dimension and covers every invocation', () => {
    const adapter = { maxWorkgroupsPerDimension: 65535 }
    expect(linearGrid(adapter, 65535 * 64, 64)).toEqual([65535, 1])
    const [x, y] = linearGrid(adapter, 65535 * 64 + 1, 64)
    expect(y).toBe(2)
    expect(x * y).toBeGreaterThanOrEqual(65536)
    expect(x).toBeLessThan(65535)
  })
})
