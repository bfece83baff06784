// DEFLATE against zlib's packer, in all of its strategies, and what is refused.

import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { CheckpointError } from '../../src/formats/errors.ts'
import { inflate } from '../../src/formats/inflate.ts'
import { seededRandom } from './helpers.ts'

const random = seededRandom(1)
const contents: [string, Uint8Array][] = [
  ['nothing', new Uint8Array(0)],
  ['one byte', Uint8Array.of(7)],
  ['zeros', new Uint8Array(100_000)],
  ['noise', Uint8Array.from({ length: 70_001 }, () => 256 * random())],
  ['text', new TextEncoder().encode('weights and biases, '.repeat(999))],
  ['skewed bytes', Uint8Array.from({ length: 90_000 }, () => 256 * random() ** 9)],
]
const packings = [0, 1, 6, 9].flatMap((level) => [0, 1, 2, 3, 4].map((strategy) => ({ level, strategy })))

test.each(contents)('unpacks %s, however zlib has packed it', (_, data) => {
  for (const packing of packings) {
    const packed = new Uint8Array(deflateRawSync(data, packing))
    expect(Buffer.compare(inflate(packed, data.length, 'it'), data)).toBe(0)
  }
})

test('refuses streams that are cut off or damaged', () => {
  const data = contents[5]![1]
  const packed = new Uint8Array(deflateRawSync(data))
  for (let length = 0; length < packed.length; length += 997) {
    expect(() => inflate(packed.subarray(0, length), data.length, 'it')).toThrow(CheckpointError)
  }
  for (let at = 0; at < packed.length; at += 97) {
    const damaged = packed.with(at, packed[at]! ^ (1 << (at % 8)))
    try {
      expect(inflate(damaged, data.length, 'it')).toHaveLength(data.length)
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError)
    }
  }
})

test('stops at the size that is announced', () => {
  const bomb = new Uint8Array(deflateRawSync(new Uint8Array(50_000_000)))
  expect(() => inflate(bomb, 1000, 'entry')).toThrow(/entry is damaged.*more than the 1000 bytes/)
})
