// A little-endian cursor over a file's bytes. Every read is bounds-checked here, once, so that no reader above can run
// past the end: what is missing becomes a TruncatedCheckpointError that says what was being read and where.

import { CorruptCheckpointError, TruncatedCheckpointError } from './errors.ts'

export class ByteReader {
  readonly bytes: Uint8Array
  offset: number
  readonly #view: DataView
  readonly #end: number

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    // A plain view, so that what is taken from a Node Buffer is not a Buffer, whose slice() does not copy.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = offset
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#end = Math.min(end, bytes.length)
  }

  /** Moves past `count` bytes and returns where they started. */
  skip(count: number, what: string): number {
    const start = this.offset
    if (!(count >= 0 && start >= 0 && count <= this.#end - start)) {
      const left = Math.max(0, this.#end - start)
      throw new TruncatedCheckpointError(`${what} at byte ${start} needs ${count} bytes, but only ${left} are left`)
    }
    this.offset = start + count
    return start
  }

  /** A view (no copy) of the next `count` bytes. */
  take(count: number, what: string): Uint8Array {
    const start = this.skip(count, what)
    return this.bytes.subarray(start, start + count)
  }

  u8(what: string): number {
    return this.#view.getUint8(this.skip(1, what))
  }

  u16(what: string): number {
    return this.#view.getUint16(this.skip(2, what), true)
  }

  u32(what: string): number {
    return this.#view.getUint32(this.skip(4, what), true)
  }

  i32(what: string): number {
    return this.#view.getInt32(this.skip(4, what), true)
  }

  /** An unsigned 64-bit number that must be below 2^53. */
  u64(what: string): number {
    const value = this.#view.getBigUint64(this.skip(8, what), true)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new CorruptCheckpointError(`${what} at byte ${this.offset - 8} is ${value}, expected less than 2^53`)
    }
    return Number(value)
  }

  /** A float64 in network order, as pickles store it. */
  f64BigEndian(what: string): number {
    return this.#view.getFloat64(this.skip(8, what), false)
  }

  /** ASCII text up to a line feed, which is consumed and not returned; at most `limit` bytes. */
  line(limit: number, what: string): string {
    const start = this.offset
    const limited = this.bytes.subarray(start, Math.min(this.#end, start + limit + 1))
    const length = limited.indexOf(0x0a)
    if (length < 0 && limited.length > limit) {
      throw new CorruptCheckpointError(`${what} at byte ${start} is longer than ${limit} bytes`)
    }
    const text = String.fromCharCode(...this.take(length < 0 ? limited.length + 1 : length, what))
    this.offset++
    return text
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 to text; what is no valid UTF-8 is an error. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (cause) {
    throw new CorruptCheckpointError(`${what} is no valid UTF-8`, { cause })
  }
}

/** One character per byte. */
export function decodeLatin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096))
  return text
}

/** Joins chunks into one array. */
export function concatBytes(chunks: Iterable<Uint8Array>): Uint8Array {
  const list = [...chunks]
  const out = new Uint8Array(list.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of list) {
    out.set(chunk, offset)
    offset += chunk.length
  }
  return out
}
