// Half precision on the host, against the reader of such tensors, and against the definition of rounding.

import { expect, test } from 'vitest'
import { toFloat32 } from '../../src/formats/state-dict.ts'
import { toHalf } from '../../src/gpu/half.ts'

const valuesOf = (bits: Uint16Array) =>
  toFloat32({ dtype: 'f16', shape: [bits.length], data: new Uint8Array(bits.buffer as ArrayBuffer) })

const every = Uint16Array.from({ length: 1 << 16 }, (_, i) => i)
const isNaNBits = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0

test('every half comes back from its value, and a NaN as a NaN', () => {
  const back = toHalf(valuesOf(every))
  expect(every.filter((bits, i) => !isNaNBits(bits) && back[i] !== bits)).toEqual(new Uint16Array())
  expect(every.filter((bits, i) => isNaNBits(bits) && !isNaNBits(back[i]!))).toEqual(new Uint16Array())
})

test('what lies between two halves goes to the nearer one, and from the middle to the even one', () => {
  const finite = every.filter((bits) => bits < 0x7bff)
  const low = valuesOf(finite)
  const high = valuesOf(finite.map((bits) => bits + 1))
  const between = (share: number) => toHalf(low.map((value, i) => value + share * (high[i]! - value)))
  expect(between(0.499)).toEqual(finite)
  expect(between(0.501)).toEqual(finite.map((bits) => bits + 1))
  expect(between(0.5)).toEqual(finite.map((bits) => bits + (bits & 1)))
})

test('what is too large is an infinity, what is too small a zero, both with their sign', () => {
  const values = Float32Array.of(65519, 65520, -1e30, Number.POSITIVE_INFINITY, 1e-10, -1e-10, 2 ** -25, 1.1 * 2 ** -25)
  expect([...toHalf(values)]).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7c00, 0, 0x8000, 0, 1])
})
