// Element types, conversion to float32, counting of elements, and the checksum of zip.
// Every half-precision number is compared with its definition.

import { crc32 as nodeCrc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { crc32 } from '../../src/formats/crc32.ts'
import { CheckpointError } from '../../src/formats/errors.ts'
import { elementCount, fromFloat32, type NamedTensor, toFloat32, toTypedArray } from '../../src/formats/state-dict.ts'
import { seededRandom } from './helpers.ts'

const tensor = (dtype: NamedTensor['dtype'], values: ArrayBufferView, length: number): NamedTensor => ({
  dtype,
  shape: [length],
  data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
})

test('converts every half-precision number to the float32 of the same value', () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, i) => i)
  const expected = Array.from(halves, (half) => {
    const [sign, exponent, mantissa] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023]
    if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
  })
  expect([...toFloat32(tensor('f16', halves, 65536))]).toEqual(expected)
})

test('converts bfloat16, float64, integers and booleans', () => {
  expect([...toFloat32(tensor('bf16', Uint16Array.of(0x3f80, 0xc000, 0x7f80), 3))]).toEqual([1, -2, Infinity])
  expect([...toFloat32(tensor('f64', Float64Array.of(0.1, -3), 2))]).toEqual([Math.fround(0.1), -3])
  expect([...toFloat32(tensor('i64', BigInt64Array.of(-2n, 1n << 40n), 2))]).toEqual([-2, 2 ** 40])
  expect([...toFloat32(tensor('i32', Int32Array.of(-7, 9), 2))]).toEqual([-7, 9])
  expect([...toFloat32(tensor('i16', Int16Array.of(-7, 9), 2))]).toEqual([-7, 9])
  expect([...toFloat32(tensor('i8', Int8Array.of(-7, 9), 2))]).toEqual([-7, 9])
  expect([...toFloat32(tensor('u8', Uint8Array.of(255, 9), 2))]).toEqual([255, 9])
  expect([...toFloat32(tensor('bool', Uint8Array.of(1, 0), 2))]).toEqual([1, 0])
  expect(toTypedArray(tensor('i64', BigInt64Array.of(-2n), 1))).toEqual(BigInt64Array.of(-2n))
})

test('gives float32 values without copying where they are aligned, and by a copy where they are not', () => {
  const buffer = new Uint8Array(16)
  const values = Float32Array.of(1.5, -2)
  const aligned = fromFloat32(values, [2])
  expect(toFloat32(aligned).buffer).toBe(values.buffer)
  for (const file of [buffer, Buffer.from(buffer.buffer)]) {
    file.set(new Uint8Array(values.buffer), 3)
    expect([...toFloat32({ dtype: 'f32', shape: [2], data: file.subarray(3, 11) })]).toEqual([1.5, -2])
  }
})

test('counts the elements of any shape, and refuses sizes that are no counts', () => {
  expect(elementCount([])).toBe(1)
  expect(elementCount([2 ** 40, 0, 2 ** 40])).toBe(0)
  expect(elementCount([2 ** 20, 2 ** 20])).toBe(2 ** 40)
  for (const shape of [[-1], [1.5], [2 ** 40, 2 ** 40], [Number.NaN]]) expect(elementCount(shape)).toBeNaN()
})

test('refuses a tensor whose bytes and shape disagree', () => {
  expect(() => fromFloat32(new Float32Array(3), [2, 2])).toThrow(CheckpointError)
  expect(() => toFloat32({ dtype: 'f32', shape: [2], data: new Uint8Array(7) })).toThrow(/7 bytes, expected 8/)
})

test('computes the checksum that zip uses, for every remainder of the eight-byte step', () => {
  const random = seededRandom(1)
  for (let length = 0; length < 40; length++) {
    const bytes = Uint8Array.from({ length }, () => random() * 256)
    expect(crc32(bytes)).toBe(nodeCrc32(bytes))
  }
})
