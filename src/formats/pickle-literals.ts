// The instructions of a pickle that stand for a value by themselves: numbers, texts and bytes of protocols 1 to 5, and
// the decimal integers that Python 2 mixes in.

import { type ByteReader, decodeLatin1, decodeUtf8 } from './bytes.ts'
import { CorruptCheckpointError } from './errors.ts'
import { narrow, type PickleValue } from './pickle-value.ts'

const maxLongBytes = 128
const maxDigits = 320
/** Logs and configurations are texts too; weights are none. */
const maxTextBytes = 2 ** 25

/** The value of a literal instruction whose code has just been read; undefined if the code is not a literal's. */
export function readLiteral(code: number, r: ByteReader): PickleValue | undefined {
  switch (code) {
    case 0x4e: // NONE
      return null
    case 0x88: // NEWTRUE
      return true
    case 0x89: // NEWFALSE
      return false
    case 0x4b: // BININT1
      return r.u8('pickle integer')
    case 0x4d: // BININT2
      return r.u16('pickle integer')
    case 0x4a: // BININT
      return r.i32('pickle integer')
    case 0x8a: // LONG1
      return long(r, r.u8('pickle integer'))
    case 0x8b: // LONG4
      return long(r, r.i32('pickle integer'))
    case 0x49: // INT
    case 0x4c: // LONG
      return decimal(r.line(maxDigits, 'pickle integer'))
    case 0x47: // BINFLOAT
      return r.f64BigEndian('pickle float')
    case 0x8c: // SHORT_BINUNICODE
      return text(r, r.u8('pickle text'))
    case 0x58: // BINUNICODE
      return text(r, r.u32('pickle text'))
    case 0x8d: // BINUNICODE8
      return text(r, r.u64('pickle text'))
    case 0x55: // SHORT_BINSTRING
      return pythonTwoText(r, r.u8('pickle text'))
    case 0x54: // BINSTRING
      return pythonTwoText(r, r.u32('pickle text'))
    case 0x43: // SHORT_BINBYTES
      return r.take(r.u8('pickle bytes'), 'pickle bytes')
    case 0x42: // BINBYTES
      return r.take(r.u32('pickle bytes'), 'pickle bytes')
    case 0x8e: // BINBYTES8
    case 0x96: // BYTEARRAY8
      return r.take(r.u64('pickle bytes'), 'pickle bytes')
    default:
      return undefined
  }
}

/** Two's complement, little endian. */
function long(r: ByteReader, length: number): number | bigint {
  if (length < 0 || length > maxLongBytes) {
    throw new CorruptCheckpointError(`a pickle integer of ${length} bytes, expected at most ${maxLongBytes}`)
  }
  const bytes = r.take(length, 'pickle integer')
  if (length <= 4) {
    let value = 0
    for (let i = 0; i < length; i++) value += (bytes[i] ?? 0) * 2 ** (8 * i)
    return (bytes[length - 1] ?? 0) < 0x80 ? value : value - 2 ** (8 * length)
  }
  let hex = '0x'
  for (let i = length - 1; i >= 0; i--) hex += (bytes[i] ?? 0).toString(16).padStart(2, '0')
  return narrow(BigInt.asIntN(length * 8, BigInt(hex)))
}

/** Python 2 writes integers above 32 bits in decimal, and `00` and `01` are booleans. */
function decimal(line: string): PickleValue {
  if (line === '00' || line === '01') return line === '01'
  const digits = line.replace(/L$/, '').replace(/^\+/, '')
  if (!/^-?\d+$/.test(digits)) {
    throw new CorruptCheckpointError(`malformed pickle: '${line.slice(0, 40)}' is no integer`)
  }
  return narrow(BigInt(digits))
}

function text(r: ByteReader, length: number): string {
  return decodeUtf8(textBytes(r, length), 'a text in the pickle')
}

function textBytes(r: ByteReader, length: number): Uint8Array {
  const bytes = r.take(length, 'pickle text')
  if (length <= maxTextBytes) return bytes
  throw new CorruptCheckpointError(`a pickle text of ${length} bytes, expected at most ${maxTextBytes}`)
}

const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** A Python 2 `str`: text where it is UTF-8, else one character per byte. */
function pythonTwoText(r: ByteReader, length: number): string {
  const bytes = textBytes(r, length)
  const utf8 = lenientUtf8.decode(bytes)
  return utf8.includes('\ufffd') ? decodeLatin1(bytes) : utf8
}
