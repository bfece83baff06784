import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { ArgumentError, ShapeError } from '../../src/gpu/errors.ts'
import { dtypeOf, GpuTensor, Storage } from '../../src/gpu/tensor.ts'

function tensor(shape: number[]): GpuTensor {
  const bytes = 4 * shape.reduce((a, b) => a * b)
  return new GpuTensor(new Storage(bytes, 'features', { owner: {} }), shape, 'f32')
}

describe('the element type of data', () => {
  test.each([
    ['Float32Array', 'f32'],
    ['Uint16Array', 'f16'],
    ['Uint32Array', 'u32'],
    ['Int32Array', 'i32'],
  ])('%s, of this realm and of another, is %s', (kind, expected) => {
    for (const data of [runInNewContext(`new ${kind}(4)`), new (Reflect.get(globalThis, kind))(4)]) {
      expect(dtypeOf(data)).toBe(expected)
    }
  })

  test.each([new Float64Array(4), new Uint8Array(4), [1, 2], undefined])('%j is none', (data) => {
    expect(() => dtypeOf(data as never)).toThrow(ArgumentError)
    expect(() => dtypeOf(data as never)).toThrow(/expected one of Float32Array, Uint16Array, Uint32Array, Int32Array/)
  })
})

describe('GpuTensor', () => {
  test('reshapes over the same storage', () => {
    const view = tensor([2, 3, 4]).reshape([6, 4])
    expect([view.shape, view.bytes, view.byteOffset]).toEqual([[6, 4], 96, 0])
    expect(() => view.reshape([5, 5])).toThrow('Tensor `features` [6,4] cannot be reshaped to [5,5]')
  })

  test('takes a slice of the batch, also of a slice', () => {
    const features = tensor([4, 8, 8])
    const view = features.samples(1, 3).samples(1, 2)
    expect([view.shape, view.byteOffset, view.bytes]).toEqual([[2, 8, 8], 512, 512])
    expect(view.storage).toBe(features.storage)
  })

  test('refuses a slice that cannot be bound or lies outside', () => {
    expect(() => tensor([4, 7]).samples(1, 1)).toThrow(
      'Sample 1 of tensor `features` [4,7] begins at byte 28, which is not a multiple of 256',
    )
    expect(tensor([4, 7]).samples(0, 2).shape).toEqual([2, 7])
    for (const [start, count] of [
      [-1, 1],
      [0, 0],
      [3, 2],
      [0.5, 1],
    ] as const) {
      expect(() => tensor([4, 64]).samples(start, count)).toThrow(ShapeError)
    }
  })

  test('refuses shapes with other than positive integers', () => {
    expect(() => tensor([2, 0])).toThrow('Tensor `features` has shape [2,0]')
    expect(() => tensor([2, 2]).reshape([-2, -2])).toThrow(ShapeError)
  })
})
