// Bytes for the tests of the checkpoint readers: golden files, hand-built pickles and zip archives, seeded numbers.

import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { isTensor } from '../../src/formats/pickle-value.ts'
import { itemBytes, type NamedTensor } from '../../src/formats/state-dict.ts'

const goldenFolder = new URL('../golden/', import.meta.url)

export function goldenBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, goldenFolder)))
}

export function goldenJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, goldenFolder), 'utf8')) as T
}

/** Bytes from numbers, latin1 texts and arrays of bytes. */
export function bytesOf(...parts: readonly (number | string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      parts.map((part) => {
        if (typeof part === 'number') return Uint8Array.of(part)
        return typeof part === 'string' ? Buffer.from(part, 'latin1') : part
      }),
    ),
  )
}

/**
 * A value with every tensor in it replaced by a text that holds its dtype, shape and all of its bytes: comparing those
 * is much faster than comparing the arrays element by element.
 */
export function withTensorTexts(value: unknown): unknown {
  if (isTensor(value)) {
    const { dtype, shape, data } = value
    return `${dtype} [${shape.join(', ')}] ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}`
  }
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, withTensorTexts(item)]))
  return Array.isArray(value) ? value.map(withTensorTexts) : value
}

/** The pickle instruction for a short text. */
export function text(value: string): Uint8Array {
  return bytesOf(0x58, value.length, 0, 0, 0, value)
}

export function f32(shape: readonly number[], values: readonly number[]): NamedTensor {
  return { dtype: 'f32', shape, data: new Uint8Array(Float32Array.from(values).buffer) }
}

export function zeros(shape: readonly number[], dtype: NamedTensor['dtype'] = 'f32'): NamedTensor {
  return { dtype, shape, data: new Uint8Array(shape.reduce((a, b) => a * b, 1) * itemBytes[dtype]) }
}

export interface ZipEntrySpec {
  readonly name: string
  readonly data: Uint8Array
  readonly method?: number
  readonly flags?: number
  readonly crc?: number
  /** Sizes that lie, in the central directory and in the local header. */
  readonly centralSize?: number
  readonly packedSize?: number
  readonly localSize?: number
  readonly localPackedSize?: number
  readonly localName?: string
  /** Local header offset that lies. */
  readonly offset?: number
}

/** A zip archive with 32-bit records, as older versions of PyTorch write it, and with whatever lies are asked for. */
export function zip(
  entries: readonly ZipEntrySpec[],
  end: { count?: number; directorySize?: number } = {},
): Uint8Array {
  const locals: Uint8Array[] = []
  const centrals: Uint8Array[] = []
  let offset = 0
  for (const entry of entries) {
    const { data, method = 0, flags = 0 } = entry
    const crc = entry.crc ?? crc32(data)
    const localName = entry.localName ?? entry.name
    const size = entry.localSize ?? data.length
    const local = bytesOf(
      le(4, 0x04034b50),
      le(2, 20, flags, method, 0, 0),
      le(4, crc, entry.localPackedSize ?? size, size),
      le(2, localName.length, 0),
      localName,
      data,
    )
    const packed = entry.packedSize ?? entry.centralSize ?? data.length
    centrals.push(
      bytesOf(
        le(4, 0x02014b50),
        le(2, 20, 20, flags, method, 0, 0),
        le(4, crc, packed, entry.centralSize ?? data.length),
        le(2, entry.name.length, 0, 0, 0, 0),
        le(4, 0, entry.offset ?? offset),
        entry.name,
      ),
    )
    locals.push(local)
    offset += local.length
  }
  const directory = bytesOf(...centrals)
  const count = end.count ?? entries.length
  return bytesOf(
    ...locals,
    directory,
    le(4, 0x06054b50),
    le(2, 0, 0, count, count),
    le(4, end.directorySize ?? directory.length, offset),
    le(2, 0),
  )
}

/** Little-endian numbers of `size` bytes each. */
export function le(size: number, ...values: readonly number[]): Uint8Array {
  return Uint8Array.from(
    values.flatMap((value) => Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256)),
  )
}

/** A generator of numbers in [0, 1) that is the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The golden set's hash generator (see tests/golden/README.md): `count` values `fround(a * u + b)`. */
export function hashValues(key: string, count: number, [a, b]: readonly [number, number]): Float32Array {
  let seed = 0x811c9dc5
  for (const byte of new TextEncoder().encode(key)) seed = Math.imul(seed ^ byte, 0x01000193)
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (seed + Math.imul(i, 0x9e3779b9)) >>> 0
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return a * (((x ^ (x >>> 16)) >>> 0) / 2 ** 32) + b
  })
}
