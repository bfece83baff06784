// Stored zip archives: those of torch.save, those of the writer, and hand-built ones that lie about sizes, places,
// names and checksums.

import { crc32, deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/formats/bytes.ts'
import {
  CorruptCheckpointError,
  TruncatedCheckpointError,
  UnsupportedCheckpointError,
} from '../../src/formats/errors.ts'
import { readZip } from '../../src/formats/zip.ts'
import { zipChunks } from '../../src/formats/zip-writer.ts'
import { bytesOf, goldenBytes, zip } from './helpers.ts'

const content = bytesOf('some stored content')
const one = { name: 'a/data.pkl', data: content }
const two = { name: 'a/data/0', data: bytesOf('more of it') }

describe('reading', () => {
  test('gives the entries of a file of torch.save as views', () => {
    const bytes = goldenBytes('tricky.zip.pth')
    const files = readZip(bytes)
    expect(files.size).toBe(13)
    expect(new TextDecoder().decode(files.get('tricky.zip/version'))).toBe('3\n')
    for (const data of files.values()) expect(data.buffer).toBe(bytes.buffer)
  })

  test('reads 32-bit records, without zip64', () => {
    expect(readZip(zip([one, two]))).toEqual(
      new Map([
        [one.name, one.data],
        [two.name, two.data],
      ]),
    )
  })

  test('finds the end record behind a comment', () => {
    const archive = zip([one])
    archive[archive.length - 2] = 5
    expect(readZip(bytesOf(archive, 'hello')).get(one.name)).toEqual(content)
  })

  test('reads what the writer writes, with zip64 records throughout, data aligned to 64 bytes', () => {
    const archive = concatBytes(
      zipChunks([
        ['ä/1', content],
        ['empty', new Uint8Array(0)],
        ['c', content],
      ]),
    )
    const files = readZip(archive)
    expect([...files.keys()]).toEqual(['ä/1', 'empty', 'c'])
    for (const data of files.values()) expect(data.byteOffset % 64).toBe(0)
    expect(files.get('c')).toEqual(content)
  })
})

describe('archives that were packed again', () => {
  const deflated = (data: Uint8Array, size = data.length): Uint8Array => {
    const packed = new Uint8Array(deflateRawSync(data))
    return zip([
      {
        ...one,
        data: packed,
        method: 8,
        centralSize: size,
        localSize: size,
        packedSize: packed.length,
        localPackedSize: packed.length,
        crc: crc32(data),
      },
    ])
  }

  test('are unpacked', () => {
    const data = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 5)
    expect(readZip(deflated(data)).get(one.name)).toEqual(data)
  })

  test('are refused if an entry unpacks to another size', () => {
    expect(() => readZip(deflated(content, content.length - 1))).toThrow(CorruptCheckpointError)
    expect(() => readZip(deflated(content, content.length + 1))).toThrow(/unpacks to \d+ bytes, expected \d+/)
  })

  test('are refused before they are unpacked if they grow beyond what weights do', () => {
    expect(() => readZip(deflated(new Uint8Array(2 ** 25)))).toThrow(/unpack to 33554432, expected at most 16777216/)
  })
})

describe('archives of hundreds of thousands of entries', () => {
  test('are refused by their number', () => {
    const archive = zip([one], { count: 60_000 })
    expect(() => readZip(archive)).toThrow(/60000 entries, expected at most 50000/)
  })
})

describe('bad archives', () => {
  test('names an entry that is compressed in a way that is not read, and says what to do', () => {
    const read = () => readZip(zip([{ ...one, method: 93 }]))
    expect(read).toThrow(UnsupportedCheckpointError)
    expect(read).toThrow(/'a\/data.pkl' is compressed with method 93.*torch.save/)
  })

  test('refuses an encrypted entry', () => {
    expect(() => readZip(zip([{ ...one, flags: 1 }]))).toThrow(UnsupportedCheckpointError)
  })

  test.each([
    ['a size beyond the archive', [{ ...one, centralSize: 2 ** 31, localSize: 2 ** 31 }], /claims 2147483648 bytes/],
    ['a size that covers the next entry', [{ ...one, centralSize: 40, localSize: 40 }, two], /overlap/],
    ['a size that differs between the headers', [{ ...one, centralSize: 5 }], /5 bytes in the directory, 19 locally/],
    ['a packed size that differs', [{ ...one, packedSize: 5 }], /5 packed, 19 unpacked/],
    ['a size that is too small', [{ ...one, centralSize: 5, localSize: 5 }], /CRC-32/],
    ['the same place twice', [one, { ...one, name: 'other', offset: 0 }], /called 'a\/data.pkl'|overlap/],
    ['the same name twice', [one, one], /twice/],
    ['another name in its local header', [{ ...one, localName: 'b/data.pkl' }], /called 'b\/data.pkl'/],
    ['an offset without a local header', [{ ...one, offset: 3 }], /no local header at byte 3/],
    ['a wrong checksum', [{ ...one, crc: 1 }], /'a\/data.pkl' is damaged/],
  ])('refuses an entry with %s', (_, entries, message) => {
    expect(() => readZip(zip(entries))).toThrow(CorruptCheckpointError)
    expect(() => readZip(zip(entries))).toThrow(message)
  })

  test('refuses an offset past the end of the archive', () => {
    expect(() => readZip(zip([{ ...one, offset: 2 ** 31 }]))).toThrow(TruncatedCheckpointError)
  })

  test('refuses end records whose count or directory size lies', () => {
    expect(() => readZip(zip([one], { count: 2 }))).toThrow(/lists 1 entries, its end record says 2/)
    expect(() => readZip(zip([one], { directorySize: 2 ** 31 }))).toThrow(/runs past its end record/)
    expect(() => readZip(zip([one, two], { directorySize: 60 }))).toThrow(TruncatedCheckpointError)
  })

  test('says of an archive without its end that it was cut off', () => {
    const archive = zip([one, two])
    for (let length = 0; length < archive.length; length++) {
      expect(() => readZip(archive.subarray(0, length))).toThrow(/cut off/)
    }
  })

  test('finds damage in any byte of the data, unless told not to look', () => {
    const archive = zip([one])
    archive[30 + one.name.length + 7]! ^= 1
    expect(() => readZip(archive)).toThrow(/damaged/)
    expect(readZip(archive, { verifyChecksums: false }).get(one.name)).toHaveLength(content.length)
  })
})
