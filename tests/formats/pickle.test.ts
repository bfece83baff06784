// The pickle machine, instruction by instruction, on pickles written by hand; what it refuses, and what hostile
// pickles cost.

import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../src/formats/bytes.ts'
import {
  CheckpointError,
  CorruptCheckpointError,
  TruncatedCheckpointError,
  UnsafePickleError,
  UnsupportedCheckpointError,
} from '../../src/formats/errors.ts'
import { readPickle } from '../../src/formats/pickle.ts'
import { plainGlobals } from '../../src/formats/pickle-globals.ts'
import { bytesOf, le, text } from './helpers.ts'

type Parts = readonly (number | string | Uint8Array)[]
const load = (...parts: Parts) => readPickle(new ByteReader(bytesOf(0x80, 2, ...parts)), { globals: plainGlobals })
const refused = (...parts: Parts): UnsafePickleError => {
  try {
    load(...parts)
  } catch (error) {
    if (error instanceof UnsafePickleError) return error
    throw error
  }
  throw new Error('the pickle was accepted')
}
const repeat = (count: number, ...parts: Parts) => bytesOf(...Array.from({ length: count }, () => bytesOf(...parts)))

describe('plain data', () => {
  test.each<[string, Parts, unknown]>([
    ['None and booleans', ['(N\x88\x89t.'], [null, true, false]],
    ['small integers', ['(K\xffM\xff\xffJ\xfd\xff\xff\xfft.'], [255, 65535, -3]],
    ['long integers', ['(\x8a\x00\x8a\x01\xff\x8a\x06', le(6, 2 ** 40), 't.'], [0, -1, 2 ** 40]],
    ['the largest exact number', ['\x8a\x08', le(8, 2 ** 53 - 1), '.'], 2 ** 53 - 1],
    ['integers above that as bigints', ['\x8a\x09', le(8, 0), 1, '.'], 1n << 64n],
    ['four-byte lengths', ['\x8b\x02\x00\x00\x00\x00\x80.'], -32768],
    [
      'decimal integers of Python 2',
      ['(I12\nI00\nI01\nL-99999999999999999999L\nt.'],
      [12, false, true, -99999999999999999999n],
    ],
    ['floats', ['G\x3f\xf8\x00\x00\x00\x00\x00\x00.'], 1.5],
    ['texts', ['(X\x03\x00\x00\x00\xc3\xbcn\x8c\x01a\x8d', le(8, 1), 'bt.'], ['ün', 'a', 'b']],
    ['texts of Python 2', ['(U\x02abT', le(4, 2), '\xc3\xbcU\x01\xfct.'], ['ab', 'ü', 'ü']],
    [
      'bytes',
      ['(C\x02\x00\xffB', le(4, 1), 'a\x8e', le(8, 1), 'b\x96', le(8, 1), 'ct.'],
      [[0, 255], [97], [98], [99]].map((b) => Uint8Array.from(b)),
    ],
    ['bytes of protocol 2', ['c_codecs\nencode\n', text('a\x7f'), text('latin1'), '\x86R.'], bytesOf('a\x7f')],
    ['empty bytes of protocol 2', ['c__builtin__\nbytes\n)R.'], new Uint8Array(0)],
    ['lists and tuples', ['](K\x01e.'], [1]],
    ['nested tuples', ['K\x01\x85K\x02K\x03\x86K\x04K\x05K\x06\x87\x87.'], [[1], [2, 3], [4, 5, 6]]],
    ['one-item lists', [']K\x01a.'], [1]],
    [
      'dicts with any keys',
      ['}(K\x01', text('one'), text('a'), 'Nu.'],
      new Map<unknown, unknown>([
        [1, 'one'],
        ['a', null],
      ]),
    ],
    ['one-item dicts', ['}K\x01K\x02s.'], new Map([[1, 2]])],
    ['dicts and lists from marks', ['((K\x01K\x02dK\x03l.'], [new Map([[1, 2]]), 3]],
    ['ordered dicts', ['ccollections\nOrderedDict\n)RK\x01K\x02s.'], new Map([[1, 2]])],
    ['ordered dicts of Python 2', ['ccollections\nOrderedDict\n]]K\x01aK\x02aa\x85R.'], new Map([[1, 2]])],
    [
      'sets',
      ['(\x8f(K\x01\x90(K\x02\x91c__builtin__\nset\n](K\x03e\x85Rt.'],
      [new Set([1]), new Set([2]), new Set([3])],
    ],
    ['frames', ['\x95', le(8, 2), 'K\x01.'], 1],
    ['memorised values', ['](K\x07q\x05h\x05j\x05\x00\x00\x00r\x09\x00\x00\x00h\x09e.'], [7, 7, 7, 7]],
    ['globals from the stack', ['\x8c\x0bcollections\x8c\x0bOrderedDict\x93)\x81.'], new Map()],
    ['stack shuffling', ['K\x01K\x020(K\x031K\x042\x86\x86.'], [1, [4, 4]]],
  ])('reads %s', (_, parts, expected) => {
    expect(load(...parts)).toEqual(expected)
  })

  test('reads numpy scalars of either byte order', () => {
    const dtype = (code: string, order: string) =>
      bytesOf(
        'cnumpy\ndtype\n',
        text(code),
        '\x89\x88\x87R(K\x03',
        text(order),
        'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb',
      )
    const scalar = (module: string, code: string, order: string, data: Uint8Array) =>
      load(`c${module}\nscalar\n`, dtype(code, order), 'C', data.length, data, '\x86R.')
    expect(scalar('numpy.core.multiarray', 'f8', '<', new Uint8Array(Float64Array.of(0.1).buffer))).toBe(0.1)
    expect(scalar('numpy._core.multiarray', 'i8', '<', new Uint8Array(BigInt64Array.of(-5n).buffer))).toBe(-5)
    expect(scalar('numpy.core.multiarray', 'u8', '>', Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 1))).toBe(
      0xff00000000000001n,
    )
    expect(scalar('numpy.core.multiarray', 'f4', '<', new Uint8Array(Float32Array.of(1.5).buffer))).toBe(1.5)
    expect(scalar('numpy.core.multiarray', 'b1', '|', Uint8Array.of(1))).toBe(true)
    expect(() => scalar('numpy.core.multiarray', 'O8', '|', new Uint8Array(8))).toThrow(UnsupportedCheckpointError)
    expect(() => scalar('numpy.core.multiarray', 'toString', '|', new Uint8Array(8))).toThrow(
      UnsupportedCheckpointError,
    )
    expect(() => scalar('numpy.core.multiarray', 'f8', '<', new Uint8Array(7))).toThrow(CorruptCheckpointError)
  })

  test('drops the _metadata that BUILD hangs on a state dict', () => {
    expect(load('ccollections\nOrderedDict\n)R}', text('_metadata'), '}sb.')).toEqual(new Map())
    expect(() => load('ccollections\nOrderedDict\n)R}', text('__class__'), 'Nsb.')).toThrow(CorruptCheckpointError)
  })
})

describe('globals outside the allow-list', () => {
  test.each([
    'os.system',
    'posix.system',
    'nt.system',
    'subprocess.Popen',
    'builtins.eval',
    '__builtin__.eval',
    'builtins.exec',
    'builtins.getattr',
    'torch.load',
    'numpy.core.multiarray._reconstruct',
    'operator.attrgetter',
    'constructor.prototype',
    '.__proto__',
  ])('refuses %s by name, before anything is called', (full) => {
    const at = full.lastIndexOf('.')
    const [module, name] = [full.slice(0, at), full.slice(at + 1)]
    expect(refused(`c${module}\n${name}\n`, text('echo'), '\x85R.').global).toBe(full)
    expect(refused(text(module), text(name), '\x93', text('echo'), '\x85R.').global).toBe(full)
    expect(refused('(', text('echo'), `i${module}\n${name}\n.`).global).toBe(full)
    expect(refused(`c${module}\n${name}\n.`).message).toContain(`'${full}'`)
  })

  test('refuses the other ways to make objects', () => {
    for (const code of ['\x82\x01', '\x83\x01\x00', '(o', '\x92', 'P0\n', '(icollections\nOrderedDict\n']) {
      expect(() => load(code, '.')).toThrow(UnsupportedCheckpointError)
    }
  })

  test('refuses to call data, and to resolve storages where there are none', () => {
    expect(() => load(text('eval'), text('1+1'), '\x85R.')).toThrow(CorruptCheckpointError)
    expect(() => load(text('storage'), 'Q.')).toThrow(CorruptCheckpointError)
    expect(() => load('c_codecs\nencode\nK\x01R.')).toThrow(/without a tuple/)
  })
})

describe('hostile and broken pickles', () => {
  test.each<[string, Parts]>([
    ['takes from an empty stack', ['.']],
    ['appends without a list', ['K\x01K\x02a.']],
    ['adds items without a set', ['K\x01(K\x02\x90.']],
    ['sets items without a dict', ['](K\x01K\x02u.']],
    ['sets a key without a value', ['}(K\x01u.']],
    ['closes a mark that is not open', ['K\x01t.']],
    ['takes a mark for a value', ['(\x85.']],
    ['recalls what was never stored', ['h\x00.']],
    ['names globals without texts', ['K\x01K\x02\x93.']],
    ['has an integer that is none', ['I1x\n.']],
    ['has a text that is not UTF-8', ['X\x01\x00\x00\x00\xff.']],
    ['encodes what is not latin1', ['c_codecs\nencode\nX\x03\x00\x00\x00\xe2\x82\xac', text('latin1'), '\x86R.']],
    ['asks for another encoding', ['c_codecs\nencode\n', text('a'), text('zip'), '\x86R.']],
    ['has an integer of negative length', ['\x8b\xff\xff\xff\xff.']],
    ['has an integer of a megabyte', ['\x8b\x00\x00\x10\x00.']],
    ['has a module name without end', ['c', 'a'.repeat(5000)]],
    ['contains itself', [']q\x00h\x00a.']],
    ['contains itself in a dict', ['}q\x00K\x01h\x00s.']],
    ['nests a thousand levels', [repeat(1000, ']'), repeat(999, 'a'), '.']],
  ])('refuses one that %s', (_, parts) => {
    expect(() => load(...parts)).toThrow(CorruptCheckpointError)
  })

  test('refuses a later protocol', () => {
    expect(() => load('\x80\x06N.')).toThrow(/protocol 6/)
  })

  test('refuses lists that double forty times over', () => {
    const doubling = repeat(40, 'q\x00]h\x00ah\x00a')
    expect(() => load(']', doubling, '.')).toThrow(/more than \d+ values/)
  })

  test('refuses to repeat expensive calls from one argument', () => {
    const calls = repeat(200, 'h\x01h\x00R0')
    const big = bytesOf('X', le(4, 2 ** 20), new Uint8Array(2 ** 20).fill(97))
    expect(() => load('c_codecs\nencode\nq\x010', big, text('latin1'), '\x86q\x000', calls, 'N.')).toThrow(
      /more than \d+ steps/,
    )
  })

  test.each<[string, string]>([
    ['dicts', '}0'],
    ['lists', ']0'],
    ['views of bytes', 'C\x000'],
    ['calls', 'h\x00)R0'],
    ['globals', 'ccollections\nOrderedDict\n0'],
  ])('refuses a million %s, which would take far more memory than the file', (_, code) => {
    const prepare = 'ccollections\nOrderedDict\nq\x000'
    expect(() => load(prepare, bytesOf(code.repeat(2 ** 20)), 'N.')).toThrow(/more than \d+ steps/)
  })

  test.each<[string, Parts]>([
    ['a text', ['X\xff\xff\xff\xff', 'abc']],
    ['bytes', ['\x8e', le(8, 2 ** 40), 'abc']],
    ['a long integer', ['\x8a\x10\x01']],
    ['a global name', ['ccollections\nOrdered']],
    ['a float', ['G\x00']],
    ['the end', ['N']],
  ])('says of a pickle cut off in %s that it is truncated', (_, parts) => {
    expect(() => load(...parts)).toThrow(TruncatedCheckpointError)
  })

  test('answers pairs of any instructions with data or a CheckpointError', () => {
    for (let first = 0; first < 256; first++) {
      for (let second = first % 4; second < 256; second += 4) {
        try {
          load(']K\x01K\x02(K\x03', first, second, '\x00\x00.')
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw new Error(`instructions ${first} ${second}`, { cause: error })
        }
      }
    }
  })
})
