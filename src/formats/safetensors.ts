// safetensors, in and out: an 8-byte header length, a JSON header, then one buffer. The reader enforces the format's
// own rules (https://github.com/huggingface/safetensors#format): the tensors cover the buffer exactly, without
// overlap or hole.

import { cut, quote, show, showShape } from '../gpu/message.ts'
import { ByteReader, concatBytes, decodeUtf8 } from './bytes.ts'
import {
  CheckpointWriteError,
  CorruptCheckpointError,
  TruncatedCheckpointError,
  UnsupportedCheckpointError,
} from './errors.ts'
import { type JsonLimits, JsonSizeError, parseJson } from './json.ts'
import {
  checkTensor,
  elementCount,
  itemBytes,
  type NamedTensor,
  type StateDict,
  type TensorDType,
} from './state-dict.ts'

/** Longest header that is read, in bytes (the limit of the reference implementation). */
const maxSafetensorsHeader = 100_000_000

/** What no real header exceeds: some 50,000 tensors. */
const headerLimits: JsonLimits = {
  ...{ length: maxSafetensorsHeader, depth: 3, containers: 200_000, values: 1_000_000, text: 2 ** 25 },
}

const dtypeNames: Readonly<Record<TensorDType, string>> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  f64: 'F64',
  i64: 'I64',
  i32: 'I32',
  i16: 'I16',
  i8: 'I8',
  u8: 'U8',
  bool: 'BOOL',
}
const dtypes = new Map(Object.entries(dtypeNames).map(([dtype, name]) => [name, dtype as TensorDType]))
const metadataKey = '__metadata__'

export interface SafetensorsFile {
  /** In the order of the header. Data are views into the file. */
  readonly tensors: StateDict
  /** The header's `__metadata__`; empty if it has none. */
  readonly metadata: Readonly<Record<string, string>>
}

interface Range {
  readonly name: string
  readonly begin: number
  readonly end: number
}

/**
 * Reads a safetensors file without copying tensor data.
 * @throws TruncatedCheckpointError if header or buffer end early; CorruptCheckpointError for a header above
 * `maxSafetensorsHeader`, malformed JSON, wrong byte counts, overlaps and holes; UnsupportedCheckpointError for a dtype
 * that this library does not know. Messages name the tensor.
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { header, buffer } = readHeader(bytes)
  const tensors: StateDict = new Map()
  const ranges: Range[] = []
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(header)) {
    if (name === metadataKey) {
      metadata = readMetadata(value)
      continue
    }
    const { range, tensor } = readEntry(name, value, buffer)
    ranges.push(range)
    tensors.set(name, tensor)
  }
  checkCoverage(ranges, buffer.length)
  return { tensors, metadata }
}

function readHeader(bytes: Uint8Array): { header: object; buffer: Uint8Array } {
  const reader = new ByteReader(bytes)
  const length = reader.u64('safetensors header length')
  if (length > maxSafetensorsHeader) {
    throw new CorruptCheckpointError(
      `the safetensors header claims ${length} bytes, expected at most ${maxSafetensorsHeader}`,
    )
  }
  const text = decodeUtf8(reader.take(length, 'safetensors header'), 'the safetensors header')
  let header: unknown
  try {
    header = parseJson(text, headerLimits)
  } catch (cause) {
    const why = cause instanceof JsonSizeError ? cause.message : 'is no valid JSON'
    throw new CorruptCheckpointError(`the safetensors header ${why}`, { cause })
  }
  if (!isRecord(header)) throw new CorruptCheckpointError('the safetensors header is no JSON object')
  return { header, buffer: reader.bytes.subarray(reader.offset) }
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw new CorruptCheckpointError(`'${metadataKey}' is no object of texts`)
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw new CorruptCheckpointError(`'${metadataKey}' entry ${quote(key)} is a ${typeof text}, expected a text`)
    }
  }
  return value as Record<string, string>
}

function readEntry(name: string, value: unknown, buffer: Uint8Array): { range: Range; tensor: NamedTensor } {
  const shown = quote(name)
  if (!isRecord(value)) throw new CorruptCheckpointError(`tensor ${shown} is described by no JSON object`)
  const { dtype: dtypeName, shape, data_offsets: offsets } = value
  const dtype = typeof dtypeName === 'string' ? dtypes.get(dtypeName) : undefined
  if (dtype === undefined) {
    throw new UnsupportedCheckpointError(
      `tensor ${shown} has dtype ${show(dtypeName)}, expected one of ${[...dtypes.keys()].join(', ')}`,
    )
  }
  if (!isNumberList(shape)) throw new CorruptCheckpointError(`tensor ${shown} has no list of sizes as its shape`)
  if (!isNumberList(offsets) || offsets.length !== 2) {
    throw new CorruptCheckpointError(`tensor ${shown} has no pair of numbers as data_offsets`)
  }
  const [begin = 0, end = 0] = offsets
  if (!(begin <= end)) throw new CorruptCheckpointError(`tensor ${shown} ends at ${end}, before its begin at ${begin}`)
  if (end > buffer.length) {
    throw new TruncatedCheckpointError(
      `tensor ${shown} lies in bytes ${begin} to ${end} of the data, but there are only ${buffer.length}`,
    )
  }
  const expected = elementCount(shape) * itemBytes[dtype]
  if (end - begin !== expected) {
    throw new CorruptCheckpointError(
      `tensor ${shown} has ${end - begin} bytes, expected ${expected} for ${dtypeName} ${showShape(shape)}`,
    )
  }
  return { range: { name, begin, end }, tensor: { dtype, shape, data: buffer.subarray(begin, end) } }
}

function checkCoverage(ranges: readonly Range[], length: number): void {
  let covered = 0
  let previous = 'the header'
  for (const { name, begin, end } of ranges.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered)
      throw new CorruptCheckpointError(`tensors ${quote(previous)} and ${quote(name)} overlap at byte ${begin}`)
    if (begin > covered) {
      throw new CorruptCheckpointError(
        `${begin - covered} unused bytes lie before tensor ${quote(name)} at byte ${begin}`,
      )
    }
    covered = end
    previous = name
  }
  if (covered !== length) {
    throw new CorruptCheckpointError(`${length - covered} unused bytes follow the last tensor '${cut(previous)}'`)
  }
}

/**
 * The file as chunks, to be written one after the other; tensor chunks are the given data themselves, not copies.
 * Wider dtypes come first, so that every tensor is aligned to its own size; the header is padded to 8 bytes.
 * @throws CheckpointWriteError for the reserved name `__metadata__`; CheckpointError if data and shape disagree.
 */
export function* safetensorsChunks(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array, void, undefined> {
  if (tensors.has(metadataKey)) throw new CheckpointWriteError(`a tensor may not be called '${metadataKey}'`)
  const ordered = [...tensors].sort(([, a], [, b]) => itemBytes[b.dtype] - itemBytes[a.dtype])
  const offsets = new Map<string, [number, number]>()
  let offset = 0
  for (const [name, tensor] of ordered) {
    checkTensor(name, tensor)
    offsets.set(name, [offset, offset + tensor.data.byteLength])
    offset += tensor.data.byteLength
  }
  const entries = [...tensors].map(([name, { dtype, shape }]): [string, unknown] => [
    name,
    { dtype: dtypeNames[dtype], shape, data_offsets: offsets.get(name) },
  ])
  if (Object.keys(metadata).length > 0) entries.unshift([metadataKey, metadata])
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true)
  header.set(json, 8)
  yield header
  for (const [, tensor] of ordered) yield tensor.data
}

/** The whole file in one array; see `safetensorsChunks`. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return concatBytes(safetensorsChunks(tensors, metadata))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isNumberList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)
}
