// The allow-list for plain data: collections.OrderedDict, sets, bytes as protocol 2 writes them (_codecs.encode), and
// numpy scalars, which MMTracking's optimizer states hold. Tensors have their own list in torch-tensors.ts.

import { quote } from '../gpu/message.ts'
import { CorruptCheckpointError, UnsupportedCheckpointError } from './errors.ts'
import {
  type Charge,
  narrow,
  PickleBuildable,
  PickleGlobal,
  type PickleHelper,
  type PickleValue,
} from './pickle-value.ts'
import { toFloat32 } from './state-dict.ts'

/** `numpy.dtype('f8')`; its byte order arrives through BUILD. */
class NumpyDtype extends PickleBuildable {
  readonly pickleName = 'numpy.dtype'
  readonly code: string
  littleEndian = true

  constructor(code: string) {
    super()
    this.code = code
  }

  build(state: PickleValue): void {
    // (version, byte order, subdtype, names, fields, item size, alignment, flags); '|' is for single bytes, '=' native.
    const order = Array.isArray(state) ? state[1] : undefined
    if (typeof order !== 'string' || !['<', '>', '|', '='].includes(order)) {
      throw new CorruptCheckpointError(`numpy.dtype(${quote(this.code)}) has no known byte order in its state`)
    }
    this.littleEndian = order !== '>'
  }
}

const scalarReaders: Readonly<Record<string, { bytes: number; read: (v: DataView, little: boolean) => PickleValue }>> =
  {
    b1: { bytes: 1, read: (v) => v.getUint8(0) !== 0 },
    i1: { bytes: 1, read: (v) => v.getInt8(0) },
    i2: { bytes: 2, read: (v, little) => v.getInt16(0, little) },
    i4: { bytes: 4, read: (v, little) => v.getInt32(0, little) },
    i8: { bytes: 8, read: (v, little) => narrow(v.getBigInt64(0, little)) },
    u1: { bytes: 1, read: (v) => v.getUint8(0) },
    u2: { bytes: 2, read: (v, little) => v.getUint16(0, little) },
    u4: { bytes: 4, read: (v, little) => v.getUint32(0, little) },
    u8: { bytes: 8, read: (v, little) => narrow(v.getBigUint64(0, little)) },
    f2: { bytes: 2, read: half },
    f4: { bytes: 4, read: (v, little) => v.getFloat32(0, little) },
    f8: { bytes: 8, read: (v, little) => v.getFloat64(0, little) },
  }

function half(view: DataView, little: boolean): PickleValue {
  const bits = view.getUint16(0, little)
  const data = Uint8Array.of(bits & 0xff, bits >> 8)
  return toFloat32({ dtype: 'f16', shape: [], data })[0] ?? Number.NaN
}

function numpyDtype([code]: readonly PickleValue[]): PickleValue {
  if (typeof code !== 'string') throw new CorruptCheckpointError('numpy.dtype without a type code')
  return new NumpyDtype(code)
}

function numpyScalar([dtype, data]: readonly PickleValue[]): PickleValue {
  if (!(dtype instanceof NumpyDtype)) throw new CorruptCheckpointError('a numpy scalar without a dtype')
  const what = `a numpy scalar of dtype ${quote(dtype.code)}`
  if (/^U\d+$/.test(dtype.code) && data instanceof Uint8Array) return numpyText(data, dtype.littleEndian, what)
  if (/^S\d+$/.test(dtype.code) && data instanceof Uint8Array) return data
  const reader = Object.hasOwn(scalarReaders, dtype.code) ? scalarReaders[dtype.code] : undefined
  if (reader === undefined) {
    const known = Object.keys(scalarReaders).join(', ')
    throw new UnsupportedCheckpointError(`${what}, expected one of ${known}, U and S`)
  }
  if (!(data instanceof Uint8Array) || data.length !== reader.bytes) {
    throw new CorruptCheckpointError(`${what} without its ${reader.bytes} bytes`)
  }
  return reader.read(new DataView(data.buffer, data.byteOffset, data.byteLength), dtype.littleEndian)
}

const longestNumpyText = 2 ** 16

/** UTF-32, filled up with zeros. */
function numpyText(data: Uint8Array, littleEndian: boolean, what: string): string {
  if (data.length % 4 !== 0 || data.length > longestNumpyText) {
    throw new CorruptCheckpointError(`${what} of ${data.length} bytes, expected 4 per character`)
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let text = ''
  for (let at = 0; at < data.length; at += 4) {
    const point = view.getUint32(at, littleEndian)
    if (point > 0x10ffff) throw new CorruptCheckpointError(`${what} holds ${point}, which is no character`)
    text += String.fromCodePoint(point)
  }
  return text.replace(/\0+$/, '')
}

/** `_codecs.encode(text, 'latin1')`: how protocol 2 spells bytes. */
function encode([text, encoding]: readonly PickleValue[], charge: Charge): PickleValue {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) {
    throw new CorruptCheckpointError("_codecs.encode with something else than a text and 'latin1'")
  }
  charge(text.length / 16)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    if (character > 0xff) throw new CorruptCheckpointError('_codecs.encode of a text that is not latin1')
    bytes[i] = character
  }
  return bytes
}

/** `OrderedDict()`, or with a list of pairs, as Python 2 writes it. */
function orderedDict([items = []]: readonly PickleValue[], charge: Charge): PickleValue {
  const dict = new Map<PickleValue, PickleValue>()
  if (!Array.isArray(items)) throw new CorruptCheckpointError('OrderedDict of something that is no list of pairs')
  charge(items.length)
  for (const pair of items) {
    const [key, value] = Array.isArray(pair) ? pair : []
    if (key === undefined || value === undefined)
      throw new CorruptCheckpointError('OrderedDict of something not a pair')
    dict.set(key, value)
  }
  return dict
}

function plainSet([items = []]: readonly PickleValue[], charge: Charge): PickleValue {
  if (!Array.isArray(items)) throw new CorruptCheckpointError('a set of something that is no list')
  charge(items.length)
  return new Set(items)
}

function emptyBytes(args: readonly PickleValue[]): PickleValue {
  if (args.length > 0) throw new CorruptCheckpointError('bytes() with arguments')
  return new Uint8Array(0)
}

function asTable(calls: Readonly<Record<string, PickleGlobal['call']>>): ReadonlyMap<string, PickleHelper> {
  return new Map(Object.entries(calls).map(([name, call]) => [name, new PickleGlobal(name, call)]))
}

/** Globals of plain containers and numpy scalars, by `module.name`. Python 2's module names are in it too. */
export const plainGlobals = asTable({
  'collections.OrderedDict': orderedDict,
  'builtins.set': plainSet,
  'builtins.frozenset': plainSet,
  'builtins.bytes': emptyBytes,
  '__builtin__.set': plainSet,
  '__builtin__.frozenset': plainSet,
  '__builtin__.bytes': emptyBytes,
  '_codecs.encode': encode,
  'numpy.dtype': numpyDtype,
  'numpy.core.multiarray.scalar': numpyScalar,
  'numpy._core.multiarray.scalar': numpyScalar,
})
