// readCheckpoint against the golden files of MMTracking and pysot, other layouts, and files that are no checkpoint.
// The expected tensors come from J.safetensors and from the hash rules of A.json.

import { describe, expect, test } from 'vitest'
import { anchorsKey, readCheckpoint } from '../../src/formats/checkpoint.ts'
import {
  CheckpointError,
  CorruptCheckpointError,
  TruncatedCheckpointError,
  UnsafePickleError,
  UnsupportedCheckpointError,
} from '../../src/formats/errors.ts'
import type { WritableValue } from '../../src/formats/pickle-writer.ts'
import { fromPysotName } from '../../src/formats/pysot.ts'
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts'
import { elementCount, fromFloat32, toTypedArray } from '../../src/formats/state-dict.ts'
import { writeTorchZip } from '../../src/formats/torch-writer.ts'
import { bytesOf, f32, goldenBytes, goldenJson, hashValues, le, text, withTensorTexts, zeros } from './helpers.ts'

interface GoldenA {
  readonly models: { readonly tiny: { readonly entries: { name: string; shape: number[]; a?: number; b?: number }[] } }
}
interface GoldenJ {
  readonly hash_salt: string
  readonly mmtrack_checkpoint: { readonly state: Record<string, string>; readonly meta: Record<string, unknown> }
  readonly pysot_checkpoint: { readonly mapping: Record<string, string> }
}

const golden = goldenJson<GoldenJ>('J.json')
const tiny = goldenJson<GoldenA>('A.json').models.tiny.entries

describe("MMTracking's layout", () => {
  test.each(['zip', 'legacy'] as const)('gives weights, meta and optimizer of a %s file', (kind) => {
    const checkpoint = readCheckpoint(goldenBytes(`mmtrack_frozen.${kind}.pth`))
    expect(checkpoint).toMatchObject({
      container: `torch-${kind}`,
      format: 'mmtracking',
      part: 'tracker',
      anchors: 'mmtracking',
      meta: golden.mmtrack_checkpoint.meta,
    })
    expect([...checkpoint.optimizer!.keys()]).toEqual(['state', 'param_groups'])
    expect([...checkpoint.stateDict].map(([name, { shape }]) => [name, shape])).toEqual(
      tiny.map(({ name, shape }) => [name, shape]),
    )
    const expected = readSafetensors(goldenBytes('J.safetensors')).tensors
    for (const [name, key] of Object.entries(golden.mmtrack_checkpoint.state)) {
      expect(withTensorTexts(checkpoint.stateDict.get(name)), name).toBe(withTensorTexts(expected.get(key)))
    }
  })

  test('survives being written and read again, as .pth and as safetensors', () => {
    const { stateDict, meta, optimizer } = readCheckpoint(goldenBytes('mmtrack_frozen.zip.pth'))
    const pth = readCheckpoint(writeTorchZip({ meta, state_dict: stateDict, optimizer } as WritableValue))
    expect(withTensorTexts(pth.stateDict)).toEqual(withTensorTexts(stateDict))
    expect(withTensorTexts(pth.optimizer)).toEqual(withTensorTexts(optimizer))
    expect(pth).toMatchObject({ meta, format: 'mmtracking' })
    const safetensors = readCheckpoint(writeSafetensors(stateDict, { epoch: '1' }))
    expect(withTensorTexts(safetensors.stateDict)).toEqual(withTensorTexts(stateDict))
    expect(safetensors).toMatchObject({
      container: 'safetensors',
      format: 'bare',
      part: 'tracker',
      meta: { epoch: '1' },
    })
  })

  test('turns dicts of meta into objects, whatever their keys are', () => {
    const meta = new Map<WritableValue, WritableValue>([
      [1, 'one'],
      ['__proto__', new Map([['polluted', true]])],
      ['list', [new Map([['a', 1]])]],
    ])
    const read = readCheckpoint(writeTorchZip({ meta, state_dict: new Map([['w', zeros([1])]]), epoch: 3 }))
    expect(Object.keys(read.meta)).toEqual(['1', 'epoch', '__proto__', 'list'])
    expect(read.meta.list).toEqual([{ a: 1 }])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe("pysot's layout", () => {
  test.each([
    ['pysot_training.zip.pth', 'torch-zip'],
    ['pysot_bare_module_prefix.legacy.pth', 'torch-legacy'],
  ])("gives the weights of %s under MMTracking's names, and asks for pysot's anchors", (name, container) => {
    const checkpoint = readCheckpoint(goldenBytes(name))
    expect(checkpoint).toMatchObject({ container, format: 'pysot', part: 'tracker', anchors: 'pysot' })
    const rules = new Map(tiny.map((entry) => [entry.name, entry]))
    expect(new Set(checkpoint.stateDict.keys())).toEqual(new Set(rules.keys()))
    for (const [source, target] of Object.entries(golden.pysot_checkpoint.mapping)) {
      const tensor = checkpoint.stateDict.get(target)!
      const { shape, a, b } = rules.get(target)!
      expect(tensor.shape, target).toEqual(shape)
      if (a === undefined || b === undefined) {
        expect(toTypedArray(tensor), target).toEqual(BigInt64Array.of(7n))
        continue
      }
      const key = `${golden.hash_salt}pysot:${source.replace(/^module\./, '')}`
      const values = hashValues(key, elementCount(shape), [a, b])
      expect(withTensorTexts(tensor), target).toBe(withTensorTexts(fromFloat32(values, shape)))
    }
  })

  test('keeps what lies beside the weights', () => {
    const { meta, optimizer } = readCheckpoint(goldenBytes('pysot_training.zip.pth'))
    expect(Object.keys(meta)).toEqual(['epoch'])
    expect(optimizer).toBeInstanceOf(Map)
    expect(readCheckpoint(goldenBytes('pysot_bare_module_prefix.legacy.pth')).optimizer).toBeNull()
  })

  test('maps names by rules that are the golden table', () => {
    for (const [source, target] of Object.entries(golden.pysot_checkpoint.mapping)) {
      expect(fromPysotName(source.replace(/^module\./, ''))).toBe(target)
    }
    expect(fromPysotName('rpn_head.rpn5.cls.head.0.weight')).toBe('rpn_head.rpn5.cls.head.0.weight')
  })

  test('remembers the anchors in a converted file', () => {
    const { stateDict, anchors } = readCheckpoint(goldenBytes('pysot_training.zip.pth'))
    const metadata = { [anchorsKey]: anchors }
    expect(readCheckpoint(writeSafetensors(stateDict, metadata))).toMatchObject({ format: 'bare', anchors: 'pysot' })
    const pth = writeTorchZip({ meta: metadata, state_dict: stateDict })
    expect(readCheckpoint(pth)).toMatchObject({ format: 'mmtracking', anchors: 'pysot' })
    expect(readCheckpoint(writeSafetensors(stateDict))).toMatchObject({ anchors: 'mmtracking' })
  })
})

describe('other layouts', () => {
  const torchvision = ['conv1.weight', 'bn1.weight', 'layer1.0.conv1.weight', 'fc.weight', 'fc.bias']

  test.each(['', 'module.'])("names a bare backbone '%sconv1...' as one, without its classifier", (prefix) => {
    const bare = new Map(torchvision.map((name) => [prefix + name, zeros([1])]))
    const checkpoint = readCheckpoint(writeTorchZip(bare))
    expect([...checkpoint.stateDict.keys()]).toEqual(torchvision.slice(0, 3).map((name) => `backbone.${name}`))
    expect(checkpoint).toMatchObject({ part: 'backbone', format: 'bare' })
  })

  test('recognises a backbone that is named as part of a tracker', () => {
    const stateDict = new Map(torchvision.slice(0, 3).map((name) => [`backbone.${name}`, zeros([1])]))
    const wrapped = readCheckpoint(writeTorchZip({ meta: {}, state_dict: stateDict }))
    expect(wrapped).toMatchObject({ part: 'backbone', format: 'mmtracking' })
  })

  test('leaves names alone that it does not know, for strict loading to list', () => {
    const checkpoint = readCheckpoint(writeTorchZip(new Map([['features.0.weight', zeros([1])]])))
    expect([...checkpoint.stateDict.keys()]).toEqual(['features.0.weight'])
  })
})

describe('what is no checkpoint', () => {
  const read = (bytes: Uint8Array) => () => readCheckpoint(bytes, 'file.pth')

  test.each<[string, Uint8Array, new (...args: never[]) => CheckpointError, RegExp]>([
    ['an empty file', new Uint8Array(0), TruncatedCheckpointError, /^file.pth: only 0 bytes/],
    [
      'a web page',
      bytesOf('<!DOCTYPE html><html></html>'),
      UnsupportedCheckpointError,
      /begins with '<!DOCTYPE html><'/,
    ],
    [
      'a pointer of git lfs',
      bytesOf('version https://git-lfs.github.com'),
      UnsupportedCheckpointError,
      /version https/,
    ],
    ['a list', writeTorchZip([1]), UnsupportedCheckpointError, /no dict/],
    [
      'a dict of something else',
      writeTorchZip({ model: 1, epoch: 2 }),
      UnsupportedCheckpointError,
      /'model' is no tensor.*'model', 'epoch'/,
    ],
    [
      'a state dict with other things in it',
      writeTorchZip({ state_dict: { a: 1 } }),
      UnsupportedCheckpointError,
      /'a' is no tensor/,
    ],
    [
      'a state dict that is none',
      writeTorchZip({ state_dict: 7 }),
      UnsupportedCheckpointError,
      /'state_dict' is no dict/,
    ],
    [
      'an optimizer that is none',
      writeTorchZip({ state_dict: {}, optimizer: 7 }),
      UnsupportedCheckpointError,
      /'optimizer' is no dict/,
    ],
    ['no tensors', writeTorchZip({}), UnsupportedCheckpointError, /no tensors/],
    [
      'the same name twice',
      writeTorchZip({ w: f32([], [1]), 'module.w': f32([], [1]) }),
      CorruptCheckpointError,
      /both called 'w'/,
    ],
    [
      'a safetensors header of two gigabytes',
      bytesOf(le(8, 2 ** 31), '{"a":{}}'),
      CorruptCheckpointError,
      /2147483648/,
    ],
    ['a hostile pickle', bytesOf('\x80\x02cos\nsystem\n', text('echo'), '\x85R.'), UnsafePickleError, /'os.system'/],
  ])('refuses %s and names the file', (_, bytes, error, message) => {
    expect(read(bytes)).toThrow(error)
    expect(read(bytes)).toThrow(message)
    expect(read(bytes)).toThrow(/^file.pth: /)
  })

  test('shows the name of the file in the stack too, which is what an uncaught error prints', () => {
    try {
      read(new Uint8Array(0))()
    } catch (error) {
      expect(String((error as Error).stack)).toContain('file.pth: only 0 bytes')
      return
    }
    throw new Error('an empty file was accepted')
  })

  test.each(['tricky.zip.pth', 'tricky.legacy.pth'])('refuses every prefix of %s', (name) => {
    const bytes = goldenBytes(name)
    for (let length = 0; length < bytes.length; length += 7)
      expect(read(bytes.subarray(0, length))).toThrow(CheckpointError)
  })

  test.each(['mmtrack_frozen.zip.pth', 'mmtrack_frozen.legacy.pth', 'pysot_training.zip.pth', 'J.safetensors'])(
    'refuses %s when any of its last quarter is missing',
    (name) => {
      const bytes = goldenBytes(name)
      for (let part = 1; part < 64; part += 4) {
        const length = bytes.length - Math.ceil((part * bytes.length) / 256)
        expect(read(bytes.subarray(0, length))).toThrow(CheckpointError)
      }
      expect(read(bytes.subarray(0, bytes.length - 1))).toThrow(CheckpointError)
    },
  )
})
