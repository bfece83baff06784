// Files for torch.load: they are read back by the reader, which the golden files of PyTorch have checked.
// The layout of the archive is compared with that of torch.save.

import { expect, test } from 'vitest'
import { CheckpointError, CheckpointWriteError } from '../../src/formats/errors.ts'
import type { WritableValue } from '../../src/formats/pickle-writer.ts'
import { itemBytes, type TensorDType } from '../../src/formats/state-dict.ts'
import { readTorchZip } from '../../src/formats/torch.ts'
import { torchZipChunks, writeTorchZip } from '../../src/formats/torch-writer.ts'
import { readZip } from '../../src/formats/zip.ts'
import { f32, goldenBytes, withTensorTexts, zeros } from './helpers.ts'

const roundTrip = (value: WritableValue) => readTorchZip(writeTorchZip(value))

test('writes numbers, texts, bytes and containers that read back as they were', () => {
  const numbers = [
    0,
    1,
    -1,
    255,
    256,
    -129,
    65536,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 53 - 1,
    1 - 2 ** 53,
  ]
  const floats = [0.1, -1.5, 1e300, Number.POSITIVE_INFINITY, Number.MIN_VALUE]
  const bigs = [1n << 63n, -(1n << 63n), (1n << 63n) - 1n, -(1n << 200n)]
  expect(roundTrip([...numbers, ...floats, ...bigs])).toEqual([...numbers, ...floats, ...bigs])
  expect(roundTrip([Number.NaN, null, undefined, true, false])).toEqual([Number.NaN, null, null, true, false])
  expect(roundTrip(['', 'ünï – 目标 😀\n', 'ünï – 目标 😀\n'])).toEqual(['', 'ünï – 目标 😀\n', 'ünï – 目标 😀\n'])
  expect(roundTrip([Uint8Array.of(0, 255), new Uint8Array(0)])).toEqual([Uint8Array.of(0, 255), new Uint8Array(0)])
  expect(roundTrip(new Set([1, 'a']))).toEqual(new Set([1, 'a']))
  expect(roundTrip({ a: { b: [] }, c: new Map([[7, 'seven']]), gone: undefined })).toEqual(
    new Map<string, unknown>([
      ['a', new Map([['b', []]])],
      ['c', new Map([[7, 'seven']])],
    ]),
  )
})

test('writes tensors of every dtype, scalars and empty tensors bit for bit', () => {
  const tensors = (Object.keys(itemBytes) as TensorDType[]).map((dtype) => ({
    dtype,
    shape: [2, 3],
    data: Uint8Array.from({ length: 6 * itemBytes[dtype] }, (_, i) => (dtype === 'bool' ? i % 2 : 41 * i)),
  }))
  const all = [...tensors, f32([], [3.25]), zeros([0, 3])]
  expect(roundTrip(all)).toEqual(all)
})

test('writes an MMTracking checkpoint that reads back equal, optimizer included', () => {
  const original = readTorchZip(goldenBytes('mmtrack_frozen.zip.pth'))
  expect(withTensorTexts(roundTrip(original as WritableValue))).toEqual(withTensorTexts(original))
})

test('lays the archive out as torch.save does', () => {
  const bytes = writeTorchZip({ state_dict: new Map([['w', f32([3], [1, 2, 3])]]) }, 'epoch_1')
  const files = readZip(bytes)
  expect([...files.keys()]).toEqual(['epoch_1/data.pkl', 'epoch_1/byteorder', 'epoch_1/data/0', 'epoch_1/version'])
  for (const data of files.values()) expect(data.byteOffset % 64).toBe(0)
  const pickle = new TextDecoder('latin1').decode(files.get('epoch_1/data.pkl'))
  for (const name of ['ccollections\nOrderedDict\n', 'ctorch._utils\n_rebuild_tensor_v2\n', 'ctorch\nFloatStorage\n']) {
    expect(pickle).toContain(name)
  }
})

test('stores a tensor that occurs twice once, and passes its data through without copying', () => {
  const tensor = zeros([1000])
  const chunks = [...torchZipChunks({ a: tensor, b: tensor })]
  expect(chunks.filter((chunk) => chunk === tensor.data)).toHaveLength(1)
})

test('refuses what has no place in a checkpoint, before the first chunk', () => {
  const write = (value: unknown) => () => torchZipChunks(value as WritableValue)
  expect(write({ meta: { hook: () => 1 } })).toThrow(CheckpointWriteError)
  expect(write({ meta: { hook: () => 1 } })).toThrow(/the checkpoint.meta.hook \(function\) has no place/)
  expect(write([new Date()])).toThrow(/\[0\] \(Date\) has no place/)
  expect(write(1n << 3000n)).toThrow(CheckpointWriteError)
  const circular: unknown[] = []
  circular.push(circular)
  expect(write(circular)).toThrow(/nests deeper/)
  expect(write({ w: { dtype: 'f32', shape: [2], data: new Uint8Array(7) } })).toThrow(CheckpointError)
})
