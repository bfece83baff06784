// Writes a zip archive of stored entries as torch.save lays it out: data aligned to 64 bytes by padding the local
// header's extra field ("FB", as PyTorch does), CRC-32s, and zip64 records throughout, so that files above 4 GiB
// are no special case.

import { crc32 } from './crc32.ts'

const alignment = 64
const localSize = 30
const centralSize = 46
/** Zip64 extra field with two sizes (local), and with sizes and offset (central). */
const localZip64 = 20
const centralZip64 = 28
const paddingHeader = 4
const in64Bits = 0xffffffff

/** Little-endian fields one after the other. */
class Fields {
  readonly bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.#view = new DataView(this.bytes.buffer)
  }

  u16(...values: number[]): this {
    for (const value of values) this.#view.setUint16(this.#advance(2), value, true)
    return this
  }

  u32(...values: number[]): this {
    for (const value of values) this.#view.setUint32(this.#advance(4), value, true)
    return this
  }

  u64(...values: number[]): this {
    for (const value of values) this.#view.setBigUint64(this.#advance(8), BigInt(value), true)
    return this
  }

  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.#advance(bytes.length))
    return this
  }

  #advance(size: number): number {
    this.#offset += size
    return this.#offset - size
  }
}

/** The archive as chunks, in order; the data of entries are passed through, not copied. */
export function* zipChunks(entries: Iterable<readonly [string, Uint8Array]>): Generator<Uint8Array, void, undefined> {
  const central: Uint8Array[] = []
  let offset = 0
  for (const [text, data] of entries) {
    const name = new TextEncoder().encode(text)
    const crc = crc32(data)
    const header = localHeader(name, data.length, crc, offset)
    central.push(centralHeader(name, data.length, crc, offset))
    yield header
    yield data
    offset += header.length + data.length
  }
  yield* central
  const size = central.reduce((sum, header) => sum + header.length, 0)
  yield endRecords(central.length, size, offset)
}

function localHeader(name: Uint8Array, size: number, crc: number, offset: number): Uint8Array {
  const unpadded = offset + localSize + name.length + localZip64 + paddingHeader
  const padding = (alignment - (unpadded % alignment)) % alignment
  const header = new Fields(unpadded - offset + padding)
  header.u32(0x04034b50)
  commonFields(header, crc)
    .u16(name.length, localZip64 + paddingHeader + padding)
    .raw(name)
  header.u16(1, localZip64 - 4).u64(size, size)
  header.u16(0x4246, padding).raw(new Uint8Array(padding).fill(0x5a))
  return header.bytes
}

function centralHeader(name: Uint8Array, size: number, crc: number, offset: number): Uint8Array {
  const header = new Fields(centralSize + name.length + centralZip64)
  header.u32(0x02014b50).u16(45)
  commonFields(header, crc).u16(name.length, centralZip64, 0, 0, 0).u32(0, in64Bits).raw(name)
  header.u16(1, centralZip64 - 4).u64(size, size, offset)
  return header.bytes
}

/** Version 4.5 (zip64), UTF-8 names, stored, 1 January 1980, checksum, and the sizes in the zip64 field. */
function commonFields(header: Fields, crc: number): Fields {
  return header.u16(45, 0x0800, 0, 0, 0x21).u32(crc, in64Bits, in64Bits)
}

function endRecords(entries: number, size: number, offset: number): Uint8Array {
  const end = new Fields(56 + 20 + 22)
  end.u32(0x06064b50).u64(44).u16(45, 45).u32(0, 0).u64(entries, entries, size, offset)
  end
    .u32(0x07064b50, 0)
    .u64(offset + size)
    .u32(1)
  end.u32(0x06054b50).u16(0, 0, 0xffff, 0xffff).u32(in64Bits, in64Bits).u16(0)
  return end.bytes
}
