// safetensors in and out, bit for bit, and every way in which a header can lie.
// The golden file and its description in J.json are the reference.

import { describe, expect, test } from 'vitest'
import {
  CheckpointWriteError,
  CorruptCheckpointError,
  TruncatedCheckpointError,
  UnsupportedCheckpointError,
} from '../../src/formats/errors.ts'
import { readSafetensors, safetensorsChunks, writeSafetensors } from '../../src/formats/safetensors.ts'
import { itemBytes, type StateDict, type TensorDType, toTypedArray } from '../../src/formats/state-dict.ts'
import { SiamRpnError } from '../../src/gpu/errors.ts'
import { bytesOf, goldenBytes, goldenJson, le, zeros } from './helpers.ts'

const file = (header: unknown, data: number): Uint8Array => {
  const json = typeof header === 'string' ? header : JSON.stringify(header)
  return bytesOf(le(8, json.length), json, new Uint8Array(data))
}
const entry = (shape: number[], begin: number, end: number, dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

describe('reading', () => {
  test('gives every tensor that the golden description lists, without copying', () => {
    const bytes = goldenBytes('J.safetensors')
    const { tensors } = readSafetensors(bytes)
    const listed = goldenJson<{ tensors: Record<string, { dtype: string; shape: number[] }> }>('J.json').tensors
    expect(new Set(tensors.keys())).toEqual(new Set(Object.keys(listed)))
    for (const [name, { dtype, shape }] of Object.entries(listed)) {
      expect(tensors.get(name)).toMatchObject({ dtype: dtype === 'int64' ? 'i64' : 'f32', shape })
      expect(tensors.get(name)!.data.buffer).toBe(bytes.buffer)
    }
  })

  test('reads a file that lies at an odd offset in its buffer', () => {
    const bytes = writeSafetensors(new Map([['a', zeros([2], 'f64')]]))
    const shifted = new Uint8Array(bytes.length + 1)
    shifted.set(bytes, 1)
    expect(toTypedArray(readSafetensors(shifted.subarray(1)).tensors.get('a')!)).toEqual(new Float64Array(2))
  })
})

describe('writing', () => {
  const everything: StateDict = new Map(
    (Object.keys(itemBytes) as TensorDType[]).map((dtype, i) => {
      const data = Uint8Array.from(
        { length: 3 * itemBytes[dtype] },
        (_, k) => (37 * k + i) % (dtype === 'bool' ? 2 : 256),
      )
      return [`tensor of ${dtype} – ünï`, { dtype, shape: [3, 1], data }]
    }),
  )
  everything.set('scalar', zeros([]))
  everything.set('empty', zeros([0, 3]))
  everything.set('__proto__', zeros([1]))

  test('keeps every dtype bit for bit, the order of the names and the metadata', () => {
    const metadata = { format: 'pt', note: 'kept "as is"' }
    const back = readSafetensors(writeSafetensors(everything, metadata))
    expect(back.metadata).toEqual(metadata)
    expect([...back.tensors]).toEqual([...everything])
  })

  test('aligns each tensor to its own size', () => {
    const bytes = writeSafetensors(everything)
    for (const { dtype, data } of readSafetensors(bytes).tensors.values()) {
      expect(data.byteOffset % itemBytes[dtype]).toBe(0)
    }
  })

  test('hands the tensor data through as chunks, without copying them', () => {
    const tensor = zeros([1000])
    expect([...safetensorsChunks(new Map([['a', tensor]]))][1]).toBe(tensor.data)
  })

  test('writes a file without tensors', () => {
    expect(readSafetensors(writeSafetensors(new Map())).tensors.size).toBe(0)
  })

  test('refuses the reserved name', () => {
    expect(() => writeSafetensors(new Map([['__metadata__', zeros([1])]]))).toThrow(CheckpointWriteError)
  })
})

describe('bad files', () => {
  test('refuses a header that claims two gigabytes, before believing it', () => {
    expect(() => readSafetensors(bytesOf(le(8, 2 ** 31), '{"a":1}'))).toThrow(CorruptCheckpointError)
    expect(() => readSafetensors(bytesOf(le(8, 2 ** 31), '{"a":1}'))).toThrow(/claims 2147483648 bytes.*100000000/)
    expect(() => readSafetensors(bytesOf(new Uint8Array(8).fill(255), '{'))).toThrow(CorruptCheckpointError)
  })

  test('refuses a header that is longer than the file', () => {
    expect(() => readSafetensors(bytesOf(le(8, 1000), '{"a":1}'))).toThrow(TruncatedCheckpointError)
  })

  test.each([
    ['out of range', entry([2], 0, 8), 4, TruncatedCheckpointError, /'weights' lies in bytes 0 to 8/],
    ['a wrong byte count', entry([3], 0, 8), 8, CorruptCheckpointError, /'weights' has 8 bytes, expected 12/],
    ['an end before the begin', entry([1], 4, 0), 8, CorruptCheckpointError, /'weights' ends at 0/],
    ['an unknown dtype', entry([1], 0, 4, 'F8_E4M3'), 4, UnsupportedCheckpointError, /'weights' has dtype "F8_E4M3"/],
    ['no dtype', { shape: [1], data_offsets: [0, 4] }, 4, UnsupportedCheckpointError, /'weights'/],
    ['a negative size', entry([-1], 0, 4), 4, CorruptCheckpointError, /'weights'/],
    ['a shape too large to count', entry([2 ** 40, 2 ** 40], 0, 4), 4, CorruptCheckpointError, /'weights'/],
    ['fractional offsets', entry([1], 0.5, 4.5), 8, CorruptCheckpointError, /'weights'/],
    ['one offset', { dtype: 'F32', shape: [1], data_offsets: [0] }, 4, CorruptCheckpointError, /'weights'/],
    ['no description', 7, 4, CorruptCheckpointError, /'weights'/],
  ])('refuses a tensor with %s and names it', (_, weights, data, error, message) => {
    const read = () => readSafetensors(file({ weights }, data))
    expect(read).toThrow(error)
    expect(read).toThrow(message)
  })

  test('refuses overlaps, holes and unused bytes at the end', () => {
    expect(() => readSafetensors(file({ a: entry([2], 0, 8), b: entry([1], 4, 8) }, 8))).toThrow(/'a' and 'b' overlap/)
    expect(() => readSafetensors(file({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12))).toThrow(/4 unused.*'b'/)
    expect(() => readSafetensors(file({ a: entry([1], 0, 4) }, 6))).toThrow(/2 unused bytes follow/)
  })

  test.each(['{"a":', '[]', 'null', '7', '{"__metadata__":7}', '{"__metadata__":{"a":7}}', '[[['])(
    'refuses the header %s',
    (header) => {
      expect(() => readSafetensors(file(header, 0))).toThrow(CorruptCheckpointError)
    },
  )

  test.each<[string, string, RegExp]>([
    [
      'a list of millions of lists',
      `{"a":[${'[],'.repeat(5e6)}[]]}`,
      /holds too many arrays and objects, expected at most 200000/,
    ],
    [
      'a list of millions of numbers',
      `{"a":[${'0,'.repeat(5e6)}0]}`,
      /holds too many names and values, expected at most 1000000/,
    ],
    [
      'millions of names',
      `{${'"a":0,'.repeat(2e6)}"b":0}`,
      /holds too many names and values, expected at most 1000000/,
    ],
    ['a dtype that nests a million levels', `{"a":{"dtype":${'['.repeat(1e6)}`, /nests deeper than 3 levels/],
    [
      'texts of 40 MB',
      `{"__metadata__":{"a":"${'x'.repeat(4e7)}"}}`,
      /too many characters in its texts, expected at most 33554432/,
    ],
    ['a long name', `{"${'n'.repeat(1e6)}":7}`, /^.{0,200}$/s],
    ['a long dtype', `{"a":{"dtype":"${'n'.repeat(1e6)}"}}`, /^.{0,300}$/s],
    ['a long shape', `{"a":{"dtype":"F32","shape":[${'1,'.repeat(1e5)}2],"data_offsets":[0,0]}}`, /^.{0,300}$/s],
  ])('refuses %s at once and in few words', (_, header, message) => {
    const bytes = file(header, 0)
    const start = process.cpuUsage()
    expect(() => readSafetensors(bytes)).toThrow(message)
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2)
  })

  test('refuses every prefix of a file', () => {
    const bytes = writeSafetensors(
      new Map([
        ['a', zeros([3])],
        ['b', zeros([2, 2], 'f16')],
      ]),
      { k: 'v' },
    )
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readSafetensors(bytes.subarray(0, length))).toThrow(SiamRpnError)
    }
  })
})
