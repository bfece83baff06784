// Reading FlatBuffers without generated code: a table and its fields by number, every offset checked against the file, because
// the library itself reads past the end of a damaged one without a word.
// Source: https://flatbuffers.dev/internals

import { ByteBuffer } from 'flatbuffers'
import { PretrainedFileError } from './errors.ts'

/** A file of tables, by the name that its messages begin with. */
export class FlatFile {
  readonly name: string
  readonly bytes: Uint8Array
  readonly buffer: ByteBuffer

  constructor(name: string, bytes: Uint8Array) {
    this.name = name
    this.bytes = bytes
    this.buffer = new ByteBuffer(bytes)
  }

  /** @param identifier four letters behind the first offset @throws PretrainedFileError */
  root(identifier: string): FlatTable {
    this.expect(0, 8)
    if (!this.buffer.__has_identifier(identifier)) {
      const found = JSON.stringify(String.fromCharCode(...this.bytes.subarray(4, 8)))
      this.fail(`bytes 4 to 8 are ${found}, expected '${identifier}'`)
    }
    return new FlatTable(this, this.indirect(0))
  }

  /** Where the offset at `position` leads. */
  indirect(position: number): number {
    this.expect(position, 4)
    return position + this.buffer.readUint32(position)
  }

  /** @throws PretrainedFileError unless the bytes are there */
  expect(position: number, count: number): void {
    if (position >= 0 && position + count <= this.bytes.length) return
    this.fail(
      `an offset leads to bytes ${position} to ${position + count}, expected at most ${this.bytes.length}, its length`,
    )
  }

  fail(reason: string): never {
    throw new PretrainedFileError(`${this.name}: ${reason}; the file is damaged or of another kind`)
  }
}

/** A table at a position of a file. Fields are numbered from 0 in the order of the schema. */
export class FlatTable {
  readonly #file: FlatFile
  readonly #position: number
  readonly #vtable: number
  readonly #vtableBytes: number

  constructor(file: FlatFile, position: number) {
    file.expect(position, 4)
    this.#file = file
    this.#position = position
    this.#vtable = position - file.buffer.readInt32(position)
    file.expect(this.#vtable, 4)
    this.#vtableBytes = file.buffer.readUint16(this.#vtable)
    file.expect(this.#vtable, this.#vtableBytes)
  }

  int8(field: number, absent = 0): number {
    const at = this.#place(field, 1)
    return at === undefined ? absent : this.#file.buffer.readInt8(at)
  }

  int32(field: number, absent = 0): number {
    const at = this.#place(field, 4)
    return at === undefined ? absent : this.#file.buffer.readInt32(at)
  }

  table(field: number): FlatTable | undefined {
    const at = this.#place(field, 4)
    return at === undefined ? undefined : new FlatTable(this.#file, this.#file.indirect(at))
  }

  tables(field: number): FlatTable[] {
    const { start, count } = this.#vector(field, 4)
    return Array.from({ length: count }, (_, k) => new FlatTable(this.#file, this.#file.indirect(start + 4 * k)))
  }

  int32s(field: number): number[] {
    const { start, count } = this.#vector(field, 4)
    return Array.from({ length: count }, (_, k) => this.#file.buffer.readInt32(start + 4 * k))
  }

  /** A view of the file. */
  bytes(field: number): Uint8Array {
    const { start, count } = this.#vector(field, 1)
    return this.#file.bytes.subarray(start, start + count)
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes(field))
  }

  #place(field: number, size: number): number | undefined {
    const entry = 4 + 2 * field
    const offset = entry < this.#vtableBytes ? this.#file.buffer.readUint16(this.#vtable + entry) : 0
    if (offset === 0) return undefined
    this.#file.expect(this.#position + offset, size)
    return this.#position + offset
  }

  #vector(field: number, itemBytes: number): { readonly start: number; readonly count: number } {
    const at = this.#place(field, 4)
    if (at === undefined) return { start: 0, count: 0 }
    const vector = this.#file.indirect(at)
    this.#file.expect(vector, 4)
    const count = this.#file.buffer.readUint32(vector)
    this.#file.expect(vector + 4, count * itemBytes)
    return { start: vector + 4, count }
  }
}
