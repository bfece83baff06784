// Zip and legacy files of torch.save against the golden tensors, hand-built tensors and storages that lie, and
// damaged files: every prefix, and random bytes from a seeded generator.

import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/formats/bytes.ts'
import { CheckpointError, UnsafePickleError, UnsupportedCheckpointError } from '../../src/formats/errors.ts'
import { isTensor, type PickleDict, type PickleValue } from '../../src/formats/pickle-value.ts'
import { readSafetensors } from '../../src/formats/safetensors.ts'
import { toTypedArray } from '../../src/formats/state-dict.ts'
import { readTorchLegacy, readTorchZip } from '../../src/formats/torch.ts'
import { zipChunks } from '../../src/formats/zip-writer.ts'
import { bytesOf, goldenBytes, goldenJson, le, seededRandom, text, withTensorTexts } from './helpers.ts'

interface TrickyTensor {
  readonly dtype: string
  readonly shape: number[]
  readonly values: (number | string | boolean)[]
}

interface Golden {
  readonly tricky: { readonly tensors: Record<string, TrickyTensor> }
  readonly mmtrack_checkpoint: {
    readonly state: Record<string, string>
    readonly state_dict_keys: string[]
    readonly optimizer_param_groups: Record<string, unknown>[]
    readonly momentum: Record<string, { readonly key: string }>
  }
}

const golden = goldenJson<Golden>('J.json')
const dtypeNames: Record<string, string> = {
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  float64: 'f64',
  int64: 'i64',
  int32: 'i32',
  uint8: 'u8',
  bool: 'bool',
}
const files = [
  ['zip', readTorchZip],
  ['legacy', readTorchLegacy],
] as const

const dict = (value: PickleValue | undefined): PickleDict => {
  if (!(value instanceof Map)) throw new Error('expected a dict')
  return value
}

describe.each(files)('%s files', (format, read) => {
  const tricky = dict(read(goldenBytes(`tricky.${format}.pth`)))

  test.each(Object.keys(golden.tricky.tensors))('read the tensor %s in logical order', (name) => {
    const tensor = tricky.get(name)
    if (!isTensor(tensor)) throw new Error(`${name} is no tensor`)
    const { dtype, shape, values } = golden.tricky.tensors[name]!
    expect(tensor).toMatchObject({ dtype: dtypeNames[dtype], shape })
    expect(Array.from(toTypedArray(tensor) as ArrayLike<number | bigint>, String)).toEqual(
      values.map((value) => String(typeof value === 'boolean' ? Number(value) : value)),
    )
  })

  test('read plain values of every kind, exactly', () => {
    expect(tricky.get('misc')).toEqual(
      new Map<string, unknown>([
        ['none', null],
        ['t', [1, 2.5, 'x']],
        ['lst', [true, false, -3, 1000000000000, -100000000000000000000n]],
        ['s', 'ünï – 目标'],
        [
          'nested',
          new Map([
            [
              'a',
              new Map<number, unknown>([
                [1, 'one'],
                [2, [[]]],
              ]),
            ],
          ]),
        ],
        ['f', 0.1],
        ['b', Uint8Array.of(0, 255)],
        ['big', 1180591620717411303424n],
      ]),
    )
  })

  test('give contiguous tensors as views of the file', () => {
    const bytes = goldenBytes(`tricky.${format}.pth`)
    const again = dict(read(bytes))
    for (const name of ['base', 'double', 'parameter']) {
      const tensor = again.get(name)
      expect(isTensor(tensor) && tensor.data.buffer === bytes.buffer).toBe(true)
    }
  })

  test("read MMTracking's weights, momentum and parameter groups", () => {
    const bytes = goldenBytes(`mmtrack_frozen.${format}.pth`)
    const expected = readSafetensors(goldenBytes('J.safetensors')).tensors
    const checkpoint = dict(read(bytes))
    expect([...checkpoint.keys()]).toEqual(['meta', 'state_dict', 'optimizer'])

    const state = dict(checkpoint.get('state_dict'))
    expect([...state.keys()]).toEqual(golden.mmtrack_checkpoint.state_dict_keys)
    for (const [name, key] of Object.entries(golden.mmtrack_checkpoint.state)) {
      expect(withTensorTexts(state.get(name)), name).toBe(withTensorTexts(expected.get(key)))
    }

    const optimizer = dict(checkpoint.get('optimizer'))
    const groups = optimizer.get('param_groups')
    if (!Array.isArray(groups)) throw new Error('param_groups is no list')
    expect(groups.map((group) => Object.fromEntries(dict(group)))).toEqual(
      golden.mmtrack_checkpoint.optimizer_param_groups,
    )
    const momentum = dict(optimizer.get('state'))
    expect(new Set(momentum.keys())).toEqual(new Set(Object.keys(golden.mmtrack_checkpoint.momentum).map(Number)))
    for (const [parameter, { key }] of Object.entries(golden.mmtrack_checkpoint.momentum)) {
      const found = dict(momentum.get(Number(parameter))).get('momentum_buffer')
      expect(withTensorTexts(found), key).toBe(withTensorTexts(expected.get(key)))
    }
  })
})

/** A zip file of torch.save around a hand-written pickle. */
const zipWith = (pickle: Uint8Array, entries: [string, Uint8Array][] = []) =>
  concatBytes(zipChunks([['a/data.pkl', pickle], ...entries, ['a/version', bytesOf('3\n')]]))

const magic = bytesOf('\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.')
const system = bytesOf('\x80\x02}', text('little_endian'), '\x88s.')
const legacyWith = (...parts: (string | Uint8Array)[]) => bytesOf(magic, system, ...parts)

/** A pickle of one float tensor over storage "0". */
const tensorPickle = (spec: {
  elements: number
  offset?: number
  shape: number[]
  strides: number[]
  type?: string
}) => {
  const numbers = (values: number[]) => bytesOf('(', ...values.map((value) => bytesOf('\x8a\x08', le(8, value))), 't')
  const { elements, offset = 0, shape, strides, type = 'Float' } = spec
  return bytesOf(
    '\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((',
    text('storage'),
    `ctorch\n${type}Storage\n`,
    text('0'),
    text('cpu'),
    '\x8a\x08',
    le(8, elements),
    'tQ\x8a\x08',
    le(8, offset),
    numbers(shape),
    numbers(strides),
    '\x89ccollections\nOrderedDict\n)RtR.',
  )
}

const oneTensor = (spec: Parameters<typeof tensorPickle>[0], bytes = spec.elements * 4) => [
  () => readTorchZip(zipWith(tensorPickle(spec), [['a/data/0', new Uint8Array(bytes)]])),
  () =>
    readTorchLegacy(
      legacyWith(tensorPickle(spec), '\x80\x02](', text('0'), 'e.', le(8, spec.elements), new Uint8Array(bytes)),
    ),
]

describe('hand-built files', () => {
  test('accept a tensor whose strides do not matter, and one that repeats an element', () => {
    for (const read of oneTensor({ elements: 6, shape: [1, 6], strides: [99, 1] }))
      expect(read()).toMatchObject({ shape: [1, 6] })
    for (const read of oneTensor({ elements: 1, shape: [3, 2], strides: [0, 0] })) {
      expect(read()).toMatchObject({ shape: [3, 2], data: new Uint8Array(24) })
    }
  })

  test.each([
    ['past the end of its storage', { elements: 6, shape: [7], strides: [1] }, /runs past its 6 elements/],
    ['past the end by its strides', { elements: 6, shape: [2, 2], strides: [5, 1] }, /runs past its 6 elements/],
    ['past the end by its offset', { elements: 6, offset: 1, shape: [6], strides: [1] }, /runs past its 6 elements/],
    ['of a negative size', { elements: 6, shape: [-1], strides: [1] }, /size is/],
    ['of a negative stride', { elements: 6, shape: [2], strides: [-1] }, /stride is/],
    ['of more elements than can be counted', { elements: 1, shape: [2 ** 40, 2 ** 40], strides: [0, 0] }, /runs past/],
    [
      'that unfolds one element to a terabyte',
      { elements: 1, shape: [2 ** 20, 2 ** 18], strides: [0, 0] },
      /unfolds to more/,
    ],
    ['of an unmatched rank', { elements: 1, shape: [1, 1], strides: [1] }, /matching lists/],
  ])('are refused when a tensor is %s', (_, spec, message) => {
    for (const read of oneTensor(spec)) {
      expect(read).toThrow(CheckpointError)
      expect(read).toThrow(message)
    }
  })

  test('are refused when a storage is shorter, longer or absent', () => {
    const spec = { elements: 6, shape: [6], strides: [1] }
    expect(oneTensor(spec, 20)[0]).toThrow(/storage '0' has 20 bytes in the file, expected 24/)
    expect(oneTensor(spec, 28)[0]).toThrow(/storage '0' has 28 bytes/)
    expect(oneTensor(spec, 20)[1]).toThrow(/storage '0' at byte \d+ needs 24 bytes, but only 20/)
    expect(() => readTorchZip(zipWith(tensorPickle(spec)))).toThrow(/no entry 'a\/data\/0'/)
    expect(() => readTorchLegacy(legacyWith(tensorPickle(spec), '\x80\x02].'))).toThrow(
      /storage '0' is not in the file/,
    )
    expect(() =>
      readTorchLegacy(legacyWith(tensorPickle(spec), '\x80\x02](', text('0'), 'e.', le(8, 2 ** 40))),
    ).toThrow(/1099511627776 elements/)
  })

  test.each(['os.system', 'posix.system', 'builtins.eval'])(
    'are refused when they name %s, wherever it stands',
    (full) => {
      const [module, name] = full.split('.')
      const evil = bytesOf(`\x80\x02c${module}\n${name}\n`, text('echo'), '\x85R.')
      const readers = [
        () => readTorchZip(zipWith(evil)),
        () => readTorchLegacy(evil),
        () => readTorchLegacy(bytesOf(magic, evil)),
        () => readTorchLegacy(legacyWith(evil)),
        () => readTorchLegacy(legacyWith('\x80\x02}.', evil)),
      ]
      for (const read of readers) {
        expect(read).toThrow(UnsafePickleError)
        expect(read).toThrow(full)
      }
    },
  )

  test('are refused with a reason when torch.save did not write them', () => {
    const plain = bytesOf('\x80\x02}.')
    expect(() => readTorchLegacy(plain)).toThrow(/magic number/)
    expect(() => readTorchZip(concatBytes(zipChunks([['picture.png', plain]])))).toThrow(/0 entries NAME\/data.pkl/)
    expect(() => readTorchZip(zipWith(plain, [['a/constants.pkl', plain]]))).toThrow(/TorchScript/)
    expect(() => readTorchZip(zipWith(plain, [['a/byteorder', bytesOf('big')]]))).toThrow(UnsupportedCheckpointError)
    const bigEndian = bytesOf(magic, '\x80\x02}', text('little_endian'), '\x89s.', plain, '\x80\x02].')
    expect(() => readTorchLegacy(bigEndian)).toThrow(/big-endian/)
  })

  test('read a view of a larger storage, as PyTorch 0.4 wrote it', () => {
    const pickle = bytesOf(
      '\x80\x02ctorch._utils\n_rebuild_tensor\n((',
      text('storage'),
      'ctorch\nFloatStorage\n',
      text('0'),
      text('cpu'),
      'K\x04(',
      text('1'),
      'K\x01K\x02ttQK\x00K\x02\x85K\x01\x85tR.',
    )
    const values = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)
    const tensor = readTorchLegacy(legacyWith(pickle, '\x80\x02](', text('0'), 'e.', le(8, 4), values))
    expect(isTensor(tensor) && toTypedArray(tensor)).toEqual(Float32Array.of(2, 3))
  })
})

describe('files of pickle protocol 4', () => {
  const fromBase64 = (lines: readonly string[]) => new Uint8Array(Buffer.from(lines.join(''), 'base64'))

  test('read as zip', () => {
    const pickle = fromBase64([
      'gASVSQEAAAAAAAB9lCiMBG1ldGGUfZQojAVlcG9jaJSMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZST',
      'lIwCaTiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYkMIAwAAAAAAAACUhpRSlIwEdGFnc5QojAF4lJGUjARzaXpllIwFdG9yY2iUjART',
      'aXpllJOUSwKFlIWUUpR1jApzdGF0ZV9kaWN0lIwLY29sbGVjdGlvbnOUjAtPcmRlcmVkRGljdJSTlClSlIwBd5SMDHRvcmNoLl91dGlsc5SMEl9y',
      'ZWJ1aWxkX3RlbnNvcl92MpSTlCgojAdzdG9yYWdllGgWjAxGbG9hdFN0b3JhZ2WUk5SMATCUjANjcHWUSwR0lFFLAEsChZRLAoWUiWgfKVKUdJRS',
      'lHN1Lg==',
    ])
    const storage = new Uint8Array(Float32Array.of(0, 1, 2, 3).buffer)
    const checkpoint = dict(readTorchZip(zipWith(pickle, [['a/data/0', storage]])))
    expect(checkpoint.get('meta')).toEqual(
      new Map<string, unknown>([
        ['epoch', 3],
        ['tags', new Set(['x'])],
        ['size', [2]],
      ]),
    )
    const tensor = dict(checkpoint.get('state_dict')).get('w')
    expect(isTensor(tensor) && toTypedArray(tensor)).toEqual(Float32Array.of(0, 2))
  })

  test('read in the legacy format', () => {
    const file = fromBase64([
      'gASVDQAAAAAAAACKCmz8nEb5IGqoUBkugASVBAAAAAAAAABN6QMugASVWAAAAAAAAAB9lCiMEHByb3RvY29sX3ZlcnNpb26UTekDjA1saXR0bGVf',
      'ZW5kaWFulIiMCnR5cGVfc2l6ZXOUfZQojAVzaG9ydJRLAowDaW50lEsEjARsb25nlEsEdXUugASVlwAAAAAAAABdlIwMdG9yY2guX3V0aWxzlIwS',
      'X3JlYnVpbGRfdGVuc29yX3YylJOUKCiMB3N0b3JhZ2WUjAV0b3JjaJSMDEZsb2F0U3RvcmFnZZSTlIwJMzg5OTM2OTc2lIwDY3B1lEsCTnSUUUsA',
      'SwKFlEsBhZSJjAtjb2xsZWN0aW9uc5SMC09yZGVyZWREaWN0lJOUKVKUdJRSlGEugASVEAAAAAAAAABdlIwJMzg5OTM2OTc2lGEuAgAAAAAAAAAA',
      'AAAAAACAPw==',
    ])
    expect(readTorchLegacy(file)).toMatchObject([
      { dtype: 'f32', shape: [2], data: new Uint8Array(Float32Array.of(0, 1).buffer) },
    ])
  })
})

describe('damaged files', () => {
  const attempt = (read: () => unknown): boolean => {
    try {
      read()
      return true
    } catch (error) {
      if (error instanceof CheckpointError) return false
      throw error
    }
  }

  test.each(files)('every prefix of a %s file is refused with a CheckpointError', (format, read) => {
    const bytes = goldenBytes(`tricky.${format}.pth`)
    for (let length = 0; length < bytes.length; length++) {
      expect(
        attempt(() => read(bytes.subarray(0, length))),
        `${length} bytes`,
      ).toBe(false)
    }
  })

  test.each([
    ['tricky.zip.pth', (bytes: Uint8Array) => readTorchZip(bytes), 500],
    ['tricky.zip.pth', (bytes: Uint8Array) => readTorchZip(bytes, { verifyChecksums: false }), 1500],
    ['tricky.legacy.pth', readTorchLegacy, 1500],
    ['mmtrack_frozen.legacy.pth', readTorchLegacy, 40],
  ])('random bytes in %s lead to data or a CheckpointError', (name, read, rounds) => {
    const random = seededRandom(rounds)
    const original = goldenBytes(name)
    const pickleEnd = Math.min(original.length, 120_000)
    let survived = 0
    for (let round = 0; round < rounds; round++) {
      const bytes = original.slice()
      for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips--) {
        bytes[Math.floor(random() * pickleEnd)] = Math.floor(random() * 256)
      }
      if (attempt(() => read(bytes))) survived++
    }
    expect(survived).toBeLessThan(rounds)
  })
})
