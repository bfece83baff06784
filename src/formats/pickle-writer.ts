// Writes plain data and tensors as a protocol 2 pickle, the one that torch.save writes and every torch.load reads.
// Tensors become `torch._utils._rebuild_tensor_v2` over storages that the caller writes elsewhere.

import { concatBytes } from './bytes.ts'
import { CheckpointWriteError } from './errors.ts'
import { isTensor } from './pickle-value.ts'
import { checkTensor, elementCount, type NamedTensor } from './state-dict.ts'
import { storageNames } from './torch-tensors.ts'

/**
 * What can be written. Safe integers and bigints become `int`, other numbers `float`; arrays become lists, plain
 * objects and Maps dicts (Maps may have numbers as keys), and Maps of tensors by name `collections.OrderedDict`s.
 */
export type WritableValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | NamedTensor
  | readonly WritableValue[]
  | ReadonlyMap<WritableValue, WritableValue>
  | ReadonlySet<WritableValue>
  | WritableRecord

interface WritableRecord {
  readonly [key: string]: WritableValue
}

export interface WrittenPickle {
  readonly bytes: Uint8Array
  /** The tensors in the order of their storage keys "0", "1", ...; one that occurs twice is there once. */
  readonly storages: readonly NamedTensor[]
}

const maxDepth = 100

/**
 * @throws CheckpointWriteError for values that have no place in a pickle (functions, symbols, class instances) and for
 * nesting above 100 levels; CheckpointError for a tensor whose data and shape disagree.
 */
export function writePickle(value: WritableValue): WrittenPickle {
  const writer = new PickleWriter()
  writer.run(value)
  return { bytes: concatBytes(writer.chunks), storages: [...writer.storages.keys()] }
}

class PickleWriter {
  readonly chunks: Uint8Array[] = []
  readonly storages = new Map<NamedTensor, number>()
  /** Memo indices of texts and globals, which repeat hundreds of times. */
  readonly #memo = new Map<string, number>()

  run(value: WritableValue): void {
    this.#bytes(0x80, 2)
    this.#value(value, 'the checkpoint', 0)
    this.#bytes(0x2e)
  }

  #bytes(...values: number[]): void {
    this.chunks.push(Uint8Array.from(values))
  }

  /** An instruction with a little-endian 32-bit argument. */
  #word(code: number, argument: number): void {
    const chunk = new Uint8Array(5)
    chunk[0] = code
    new DataView(chunk.buffer).setUint32(1, argument >>> 0, true)
    this.chunks.push(chunk)
  }

  #value(value: WritableValue, path: string, depth: number): void {
    if (depth > maxDepth) throw new CheckpointWriteError(`${path} nests deeper than ${maxDepth} levels`)
    if (value === null || value === undefined) this.#bytes(0x4e)
    else if (typeof value === 'boolean') this.#bytes(value ? 0x88 : 0x89)
    else if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'bigint' || Number.isSafeInteger(value)) this.#integer(BigInt(value as bigint | number))
    else if (typeof value === 'number') this.#float(value)
    else if (value instanceof Uint8Array) this.#encoded(value)
    else if (isTensor(value)) this.#tensor(value, path)
    else this.#container(value, path, depth)
  }

  #container(value: Exclude<WritableValue, null | undefined>, path: string, depth: number): void {
    if (Array.isArray(value) || value instanceof Set) {
      if (value instanceof Set) this.#global('__builtin__', 'set')
      this.#bytes(0x5d, 0x28)
      let index = 0
      for (const item of value as Iterable<WritableValue>) this.#value(item, `${path}[${index++}]`, depth + 1)
      this.#bytes(0x65)
      if (value instanceof Set) this.#bytes(0x85, 0x52)
      return
    }
    const map = value instanceof Map ? (value as ReadonlyMap<WritableValue, WritableValue>) : asMap(value, path)
    const isStateDict =
      value instanceof Map && map.size > 0 && [...map].every(([key, item]) => typeof key === 'string' && isTensor(item))
    if (isStateDict) this.#emptyOrderedDict()
    else this.#bytes(0x7d)
    this.#bytes(0x28)
    for (const [key, item] of map) {
      this.#value(key, `a key of ${path}`, depth + 1)
      this.#value(item, `${path}.${String(key)}`, depth + 1)
    }
    this.#bytes(0x75)
  }

  #remember(key: string): void {
    this.#word(0x72, this.#memo.size)
    this.#memo.set(key, this.#memo.size)
  }

  #recall(key: string): boolean {
    const index = this.#memo.get(key)
    if (index !== undefined) this.#word(0x6a, index)
    return index !== undefined
  }

  #text(text: string): void {
    if (this.#recall(`text ${text}`)) return
    const encoded = new TextEncoder().encode(text)
    this.#word(0x58, encoded.length)
    this.chunks.push(encoded)
    this.#remember(`text ${text}`)
  }

  #global(module: string, name: string): void {
    const key = `global ${module}.${name}`
    if (this.#recall(key)) return
    this.chunks.push(new TextEncoder().encode(`c${module}\n${name}\n`))
    this.#remember(key)
  }

  #integer(value: bigint): void {
    if (value >= -(2n ** 31n) && value < 2n ** 31n) {
      if (value >= 0n && value < 256n) this.#bytes(0x4b, Number(value))
      else this.#word(0x4a, Number(value))
      return
    }
    const magnitude = value < 0n ? -value - 1n : value
    const length = Math.floor(magnitude.toString(2).length / 8) + 1
    if (length > 255) throw new CheckpointWriteError(`an integer of ${length} bytes is too large to be written`)
    const hex = BigInt.asUintN(length * 8, value)
      .toString(16)
      .padStart(length * 2, '0')
    const bytes = Array.from({ length }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)).reverse()
    this.#bytes(0x8a, length, ...bytes)
  }

  #float(value: number): void {
    const chunk = new Uint8Array(9)
    chunk[0] = 0x47
    new DataView(chunk.buffer).setFloat64(1, value, false)
    this.chunks.push(chunk)
  }

  #encoded(bytes: Uint8Array): void {
    this.#global('_codecs', 'encode')
    this.#text(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    this.#text('latin1')
    this.#bytes(0x86, 0x52)
  }

  #emptyOrderedDict(): void {
    this.#global('collections', 'OrderedDict')
    this.#bytes(0x29, 0x52)
  }

  #naturals(values: readonly number[]): void {
    this.#bytes(0x28)
    for (const value of values) this.#integer(BigInt(value))
    this.#bytes(0x74)
  }

  /** `_rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, backward_hooks)` */
  #tensor(tensor: NamedTensor, path: string): void {
    checkTensor(path, tensor)
    const index = this.storages.get(tensor) ?? this.storages.size
    this.storages.set(tensor, index)
    this.#global('torch._utils', '_rebuild_tensor_v2')
    this.#bytes(0x28, 0x28)
    this.#text('storage')
    this.#global('torch', storageNames.get(tensor.dtype) ?? '')
    this.#text(String(index))
    this.#text('cpu')
    this.#integer(BigInt(elementCount(tensor.shape)))
    this.#bytes(0x74, 0x51, 0x4b, 0)
    this.#naturals(tensor.shape)
    this.#naturals(contiguousStrides(tensor.shape))
    this.#bytes(0x89)
    this.#emptyOrderedDict()
    this.#bytes(0x74, 0x52)
  }
}

function contiguousStrides(shape: readonly number[]): number[] {
  const strides: number[] = []
  let step = 1
  for (const size of shape.toReversed()) {
    strides.unshift(step)
    step *= Math.max(1, size)
  }
  return strides
}

function asMap(value: unknown, path: string): ReadonlyMap<WritableValue, WritableValue> {
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined
  if (typeof value !== 'object' || value === null || (prototype !== null && prototype !== Object.prototype)) {
    throw new CheckpointWriteError(
      `${path} (${describeType(value)}) has no place in a checkpoint, expected plain data or tensors`,
    )
  }
  return new Map(Object.entries(value as WritableRecord).filter(([, item]) => item !== undefined))
}

function describeType(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : typeof value
}
