// A reader for zip archives whose entries are stored uncompressed, as torch.save writes them. It trusts the central
// directory only after checking it against the local headers and the file's length; entries are views, not copies.
// Records: PKWARE APPNOTE 6.3, sections 4.3.7 (local), 4.3.12 (central), 4.3.14 to 4.3.16 (zip64, end).

import { quote } from '../gpu/message.ts'
import { ByteReader, decodeUtf8 } from './bytes.ts'
import { crc32 } from './crc32.ts'
import { CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError } from './errors.ts'
import { inflate } from './inflate.ts'

const endSize = 22
const locatorSize = 20
const maxCommentSize = 0xffff
const in64Bits = 0xffffffff
/** Checkpoints have an entry per tensor, optimizer included: some thousands at most. */
const maxEntries = 50_000
const longestName = 1024
const deflated = 8
const encryptedFlag = 1
const descriptorFlag = 8

interface Directory {
  readonly offset: number
  readonly size: number
  readonly entries: number
}

interface Entry {
  readonly name: string
  readonly size: number
  /** Bytes in the archive. */
  readonly packedSize: number
  /** Compressed with DEFLATE. */
  readonly compressed: boolean
  readonly crc: number
  readonly headerOffset: number
}

export interface ZipOptions {
  /** Compare every entry's CRC-32 (about 300 MB/s); default true. */
  readonly verifyChecksums?: boolean
}

/**
 * The entries of an archive, by name.
 * @throws TruncatedCheckpointError without an end record; CorruptCheckpointError for lying sizes, overlapping or
 * duplicate entries and wrong checksums; UnsupportedCheckpointError for compressed or encrypted entries.
 */
export function readZip(bytes: Uint8Array, options: ZipOptions = {}): Map<string, Uint8Array> {
  const directory = findDirectory(bytes)
  const entries = readDirectory(bytes, directory)
  checkUnpackedSize(entries, bytes.length)
  const files = new Map<string, Uint8Array>()
  let previousEnd = 0
  let previousName = ''
  for (const entry of entries.toSorted((a, b) => a.headerOffset - b.headerOffset)) {
    if (entry.headerOffset < previousEnd) {
      throw new CorruptCheckpointError(
        `zip entries ${quote(previousName)} and ${quote(entry.name)} overlap at byte ${entry.headerOffset}`,
      )
    }
    const data = readEntry(bytes, entry, directory.offset)
    previousEnd = data.byteOffset - bytes.byteOffset + data.length
    previousName = entry.name
    if (files.has(entry.name)) throw new CorruptCheckpointError(`zip entry ${quote(entry.name)} occurs twice`)
    files.set(entry.name, entry.compressed ? inflate(data, entry.size, `zip entry ${quote(entry.name)}`) : data)
  }
  if (options.verifyChecksums !== false) for (const entry of entries) checkCrc(entry, files.get(entry.name))
  return files
}

/** Weights shrink by a tenth; what shrinks to nothing is no checkpoint. */
function checkUnpackedSize(entries: readonly Entry[], fileSize: number): void {
  const limit = Math.max(2 ** 24, 2 * fileSize)
  const size = entries.reduce((sum, entry) => sum + (entry.compressed ? entry.size : 0), 0)
  if (size <= limit) return
  throw new CorruptCheckpointError(
    `the compressed entries of the zip archive of ${fileSize} bytes unpack to ${size}, expected at most ${limit}`,
  )
}

function findDirectory(bytes: Uint8Array): Directory {
  const end = findEnd(bytes)
  const reader = new ByteReader(bytes, end + 8)
  const entriesHere = reader.u16('zip entry count')
  const entries = reader.u16('zip entry count')
  const size = reader.u32('zip directory size')
  const offset = reader.u32('zip directory offset')
  const wide = readZip64End(bytes, end)
  const directory = {
    entries: entries === 0xffff && wide ? wide.entries : entries,
    size: size === in64Bits && wide ? wide.size : size,
    offset: offset === in64Bits && wide ? wide.offset : offset,
  }
  if (entriesHere !== entries) throw new UnsupportedCheckpointError('the zip archive is split over several disks')
  const limit = wide ? wide.recordOffset : end
  if (directory.offset + directory.size > limit) {
    throw new CorruptCheckpointError(
      `zip directory of ${directory.size} bytes at byte ${directory.offset} runs past its end record at byte ${limit}`,
    )
  }
  return directory
}

function findEnd(bytes: Uint8Array): number {
  const first = Math.max(0, bytes.length - endSize - maxCommentSize)
  for (let at = bytes.length - endSize; at >= first; at--) {
    if (bytes[at] !== 0x50 || bytes[at + 1] !== 0x4b || bytes[at + 2] !== 5 || bytes[at + 3] !== 6) continue
    const comment = new ByteReader(bytes, at + 20).u16('zip comment size')
    if (at + endSize + comment === bytes.length) return at
  }
  throw new TruncatedCheckpointError(`the zip archive of ${bytes.length} bytes has no end record: it was cut off`)
}

function readZip64End(bytes: Uint8Array, end: number): (Directory & { recordOffset: number }) | undefined {
  if (end < locatorSize) return undefined
  const locator = new ByteReader(bytes, end - locatorSize)
  if (locator.u32('zip64 locator') !== 0x07064b50) return undefined
  locator.skip(4, 'zip64 locator')
  const recordOffset = locator.u64('zip64 end record offset')
  if (recordOffset > end - locatorSize) {
    throw new CorruptCheckpointError(`zip64 end record is said to be at byte ${recordOffset}, past its locator`)
  }
  const record = new ByteReader(bytes, recordOffset, end - locatorSize)
  if (record.u32('zip64 end record') !== 0x06064b50) {
    throw new CorruptCheckpointError(`no zip64 end record at byte ${recordOffset}, where its locator points`)
  }
  record.skip(28, 'zip64 end record')
  return {
    entries: record.u64('zip64 entry count'),
    size: record.u64('zip64 directory size'),
    offset: record.u64('zip64 directory offset'),
    recordOffset,
  }
}

function readDirectory(bytes: Uint8Array, directory: Directory): Entry[] {
  const reader = new ByteReader(bytes, directory.offset, directory.offset + directory.size)
  const end = directory.offset + directory.size
  if (directory.entries > maxEntries) {
    throw new UnsupportedCheckpointError(
      `the zip archive has ${directory.entries} entries, expected at most ${maxEntries}`,
    )
  }
  const entries: Entry[] = []
  while (reader.offset < end && entries.length <= directory.entries) entries.push(readCentralHeader(reader))
  if (entries.length !== directory.entries) {
    throw new CorruptCheckpointError(
      `the zip directory lists ${entries.length} entries, its end record says ${directory.entries}`,
    )
  }
  return entries
}

function readCentralHeader(reader: ByteReader): Entry {
  const start = reader.offset
  if (reader.u32('zip directory entry') !== 0x02014b50) {
    throw new CorruptCheckpointError(`no zip directory entry at byte ${start}`)
  }
  reader.skip(4, 'zip directory entry')
  const flags = reader.u16('zip entry flags')
  const method = reader.u16('zip entry method')
  reader.skip(4, 'zip entry time')
  const crc = reader.u32('zip entry checksum')
  const packedSize = reader.u32('zip entry size')
  const size = reader.u32('zip entry size')
  const nameLength = reader.u16('zip entry name length')
  const extraLength = reader.u16('zip entry extra length')
  const commentLength = reader.u16('zip entry comment length')
  reader.skip(8, 'zip entry attributes')
  const headerOffset = reader.u32('zip entry offset')
  const name = readName(reader.take(nameLength, 'zip entry name'))
  const what = `zip entry ${quote(name)}`
  const extra = reader.take(extraLength, `${what} extra field`)
  reader.skip(commentLength, `${what} comment`)
  const compressed = method === deflated
  const encrypted = (flags & encryptedFlag) !== 0
  if (encrypted || !(method === 0 || compressed)) {
    const how = encrypted ? 'encrypted' : `compressed with method ${method}`
    throw new UnsupportedCheckpointError(
      `${what} is ${how}, expected stored as torch.save writes it, or deflated; save the file again with torch.save`,
    )
  }
  const wide = readZip64Extra(extra, name, [size, packedSize, headerOffset])
  if (!compressed && wide.size !== wide.packedSize) {
    throw new CorruptCheckpointError(
      `${what} is stored, but its sizes differ: ${wide.packedSize} packed, ${wide.size} unpacked`,
    )
  }
  return { name, crc, ...wide, compressed }
}

function readName(bytes: Uint8Array): string {
  if (bytes.length <= longestName) return decodeUtf8(bytes, 'a zip entry name')
  throw new UnsupportedCheckpointError(
    `a zip entry has a name of ${bytes.length} bytes, expected at most ${longestName}`,
  )
}

/** Fields that are all ones in the 32-bit header stand in the zip64 extra field (id 1), in this order. */
function readZip64Extra(extra: Uint8Array, name: string, fields: readonly [number, number, number]) {
  const what = `zip entry ${quote(name)} zip64 field`
  const reader = new ByteReader(extra)
  let wide: ByteReader | undefined
  while (wide === undefined && extra.length - reader.offset >= 4) {
    const id = reader.u16(what)
    const content = reader.take(reader.u16(what), what)
    if (id === 1) wide = new ByteReader(content)
  }
  const [size, packedSize, headerOffset] = fields.map((field) =>
    field === in64Bits && wide !== undefined ? wide.u64(what) : field,
  ) as [number, number, number]
  return { size, packedSize, headerOffset }
}

function readEntry(bytes: Uint8Array, entry: Entry, directoryOffset: number): Uint8Array {
  const what = `zip entry ${quote(entry.name)}`
  const reader = new ByteReader(bytes, entry.headerOffset, directoryOffset)
  if (reader.u32(what) !== 0x04034b50) {
    throw new CorruptCheckpointError(`${what} has no local header at byte ${entry.headerOffset}`)
  }
  reader.skip(2, what)
  const flags = reader.u16(what)
  const method = reader.u16(what)
  reader.skip(8, what)
  const packedSize = reader.u32(what)
  const size = reader.u32(what)
  const nameLength = reader.u16(what)
  const extraLength = reader.u16(what)
  const name = readName(reader.take(nameLength, what))
  const local = readZip64Extra(reader.take(extraLength, what), entry.name, [size, packedSize, 0])
  if (name !== entry.name) throw new CorruptCheckpointError(`${what} is called ${quote(name)} in its local header`)
  if (method !== (entry.compressed ? deflated : 0)) {
    const how = entry.compressed ? 'compressed' : 'stored'
    throw new CorruptCheckpointError(`${what} is ${how} in the directory, method ${method} locally`)
  }
  const described = (flags & descriptorFlag) === 0
  if (described && (local.size !== entry.size || local.packedSize !== entry.packedSize)) {
    throw new CorruptCheckpointError(`${what} has ${entry.size} bytes in the directory, ${local.size} locally`)
  }
  if (entry.packedSize > directoryOffset - reader.offset) {
    throw new CorruptCheckpointError(
      `${what} claims ${entry.packedSize} bytes, but only ${directoryOffset - reader.offset} lie before the zip directory`,
    )
  }
  return reader.take(entry.packedSize, what)
}

function checkCrc(entry: Entry, data: Uint8Array = new Uint8Array(0)): void {
  const found = crc32(data)
  if (found === entry.crc) return
  const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`
  throw new CorruptCheckpointError(
    `zip entry ${quote(entry.name)} is damaged: its CRC-32 is ${hex(found)}, expected ${hex(entry.crc)}`,
  )
}
