// Reads what torch.save writes, without Python: the zip format (PyTorch 1.6 and later) and the legacy format before it.
// Zip: `NAME/data.pkl` and one stored entry `NAME/data/KEY` per storage. Legacy: five pickles in a row (magic number,
// protocol, system, object, storage keys), then per key an element count and the raw elements. See
// torch/serialization.py.

import { quote, show } from '../gpu/message.ts'
import { ByteReader, decodeUtf8 } from './bytes.ts'
import { CorruptCheckpointError, UnsupportedCheckpointError } from './errors.ts'
import { readPickle } from './pickle.ts'
import { plainGlobals } from './pickle-globals.ts'
import type { PickleValue } from './pickle-value.ts'
import { itemBytes } from './state-dict.ts'
import { TensorCollector } from './torch-tensors.ts'
import { readZip, type ZipOptions } from './zip.ts'

const magicNumber = 0x1950a86a20f9469cfc6cn
const legacyProtocol = 1001

/**
 * The object in a zip file of torch.save. Contiguous tensors are views of `bytes`.
 * @throws TruncatedCheckpointError, CorruptCheckpointError, UnsupportedCheckpointError, UnsafePickleError
 */
export function readTorchZip(bytes: Uint8Array, options: ZipOptions = {}): PickleValue {
  const files = readZip(bytes, options)
  const pickles = [...files.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  const pickleName = pickles[0]
  if (pickleName === undefined || pickles.length > 1) {
    throw new UnsupportedCheckpointError(
      `the zip archive has ${pickles.length} entries NAME/data.pkl, expected 1: torch.save did not write it`,
    )
  }
  const folder = pickleName.slice(0, -'data.pkl'.length)
  if (files.has(`${folder}constants.pkl`)) {
    throw new UnsupportedCheckpointError('this is a TorchScript program, expected a checkpoint of torch.save')
  }
  checkByteOrder(files.get(`${folder}byteorder`))
  const tensors = new TensorCollector()
  const reader = new ByteReader(files.get(pickleName) ?? new Uint8Array(0))
  const value = readPickle(reader, withTensors(tensors))
  tensors.fill(({ key }) => {
    const storage = files.get(`${folder}data/${key}`)
    if (storage === undefined)
      throw new CorruptCheckpointError(`the zip archive has no entry ${quote(`${folder}data/${key}`)}`)
    return storage
  }, copyBudget(bytes))
  return value
}

/**
 * The object in a legacy file of torch.save (before PyTorch 1.6, or `_use_new_zipfile_serialization=False`).
 * @throws TruncatedCheckpointError, CorruptCheckpointError, UnsupportedCheckpointError, UnsafePickleError
 */
export function readTorchLegacy(bytes: Uint8Array): PickleValue {
  const reader = new ByteReader(bytes)
  const plain = { globals: plainGlobals }
  if (readPickle(reader, plain) !== magicNumber) {
    throw new UnsupportedCheckpointError(
      "this is a pickle, but not one of torch.save: PyTorch's magic number is missing",
    )
  }
  const protocol = readPickle(reader, plain)
  if (protocol !== legacyProtocol) {
    throw new UnsupportedCheckpointError(`legacy protocol ${show(protocol)}, expected ${legacyProtocol}`)
  }
  const system = readPickle(reader, plain)
  if (system instanceof Map && system.get('little_endian') === false) throw bigEndian()
  const tensors = new TensorCollector()
  const value = readPickle(reader, withTensors(tensors))
  const keys = readPickle(reader, plain)
  if (!Array.isArray(keys)) throw new CorruptCheckpointError('the legacy checkpoint has no list of storage keys')
  const storages = new Map<string, Uint8Array>()
  for (const key of keys) {
    const storage = typeof key === 'string' ? tensors.storages.get(key) : undefined
    if (storage === undefined || storages.has(storage.key)) {
      throw new CorruptCheckpointError(`storage key ${show(key)} occurs twice, or in no tensor that is read`)
    }
    const what = `storage ${quote(storage.key)}`
    const elements = reader.u64(what)
    if (elements !== storage.elements) {
      throw new CorruptCheckpointError(
        `${what} has ${elements} elements in the file, ${storage.elements} in the pickle`,
      )
    }
    storages.set(storage.key, reader.take(elements * itemBytes[storage.dtype], what))
  }
  tensors.fill(({ key }) => {
    const storage = storages.get(key)
    if (storage === undefined) throw new CorruptCheckpointError(`storage ${quote(key)} is not in the file`)
    return storage
  }, copyBudget(bytes))
  return value
}

function withTensors(tensors: TensorCollector) {
  return {
    globals: new Map([...plainGlobals, ...tensors.globals]),
    persistentLoad: tensors.persistentLoad,
    placeholders: true,
  }
}

/** Strided tensors together are as large as their storages; a broadcast one of a hostile file has no limit. */
function copyBudget(bytes: Uint8Array): number {
  return Math.max(2 ** 24, 2 * bytes.length)
}

function checkByteOrder(record: Uint8Array | undefined): void {
  if (record !== undefined && decodeUtf8(record, "the entry 'byteorder'").trim() !== 'little') throw bigEndian()
}

function bigEndian(): UnsupportedCheckpointError {
  return new UnsupportedCheckpointError('the checkpoint was written on a big-endian machine, expected little-endian')
}
