// Comparison of what the checkpoint readers give with section J: a file of MMTracking's runner with its optimizer, and files of
// every dtype, view and plain value that torch.save can write.

import * as z from 'zod'
import type { Checkpoint } from '../../../src/formats/checkpoint.ts'
import { containerOf } from '../../../src/formats/checkpoint-contents.ts'
import { isTensor, type PickleValue } from '../../../src/formats/pickle-value.ts'
import { type StateDict, toTypedArray } from '../../../src/formats/state-dict.ts'
import { readTorchLegacy, readTorchZip } from '../../../src/formats/torch.ts'
import type { GoldenSection } from './reader.ts'
import type { CaseReport } from './report.ts'

export const runnerSchema = z.object({
  files: z.array(z.string()),
  meta: z.record(z.string(), z.unknown()),
  state_dict_keys: z.array(z.string()),
  /** Names to tensor keys. */
  state: z.record(z.string(), z.string()),
  optimizer_param_groups: z.array(z.record(z.string(), z.unknown())),
  optimizer_state_keys: z.array(z.int()),
  momentum: z.record(z.string(), z.object({ key: z.string() })),
})

export const trickySchema = z.object({
  files: z.array(z.string()),
  tensors: z.record(
    z.string(),
    z.object({
      dtype: z.string(),
      shape: z.array(z.int()),
      /** In logical order; int64 as decimal text. */
      values: z.array(z.union([z.number(), z.string(), z.boolean()])),
    }),
  ),
  misc: z.record(z.string(), z.unknown()),
})

type Runner = z.infer<typeof runnerSchema>
type Tricky = z.infer<typeof trickySchema>

const dtypeNames: Readonly<Record<string, string>> = {
  f32: 'float32',
  f16: 'float16',
  bf16: 'bfloat16',
  f64: 'float64',
  i64: 'int64',
  i32: 'int32',
  i16: 'int16',
  i8: 'int8',
  u8: 'uint8',
  bool: 'bool',
}

export interface ExpectedWeights {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: ReturnType<typeof toTypedArray>
}

/** Names in any order; shapes and values equal. */
export function checkWeights(found: StateDict, expected: readonly ExpectedWeights[], one: CaseReport): void {
  for (const { name, shape, values } of expected) {
    const tensor = found.get(name)
    if (!tensor) {
      one.fail(name, 'the file has no such tensor')
      continue
    }
    one.exact(`${name}, shape`, tensor.shape, shape)
    one.exact(name, toTypedArray(tensor), values)
  }
}

/** `{meta, state_dict, optimizer}` of an mmcv runner. */
export function checkRunnerCheckpoint(
  section: GoldenSection<unknown>,
  golden: Runner,
  checkpoint: Checkpoint,
  one: CaseReport,
): void {
  const { format, part, anchors, meta, stateDict, optimizer } = checkpoint
  one.exact('kind', { format, part, anchors }, { format: 'mmtracking', part: 'tracker', anchors: 'mmtracking' })
  one.exact('meta', meta, golden.meta)
  one.exact('names and order', [...stateDict.keys()], golden.state_dict_keys)
  const expected = Object.entries(golden.state).map(([name, key]) => tensorOf(section, name, key))
  checkWeights(stateDict, expected, one)
  const groups = optimizer?.get('param_groups')
  one.exact('parameter groups', Array.isArray(groups) ? groups.map(plain) : groups, golden.optimizer_param_groups)
  const state = optimizer?.get('state')
  const momentum = state instanceof Map ? state : new Map<PickleValue, PickleValue>()
  one.exact('parameters with momentum', [...momentum.keys()], golden.optimizer_state_keys)
  const buffers: StateDict = new Map()
  for (const [index, entry] of momentum) {
    const buffer = entry instanceof Map ? entry.get('momentum_buffer') : undefined
    if (isTensor(buffer)) buffers.set(`momentum ${String(index)}`, buffer)
  }
  const moments = Object.entries(golden.momentum).map(([index, { key }]) => tensorOf(section, `momentum ${index}`, key))
  checkWeights(buffers, moments, one)
}

function tensorOf(section: GoldenSection<unknown>, name: string, key: string): ExpectedWeights {
  const { shape, data } = section.tensor(key)
  return { name, shape, values: data }
}

/** Tensors of every dtype and layout, and plain values. */
export function checkTricky(golden: Tricky, bytes: Uint8Array, one: CaseReport): void {
  const root = containerOf(bytes) === 'torch-zip' ? readTorchZip(bytes) : readTorchLegacy(bytes)
  if (!(root instanceof Map)) {
    one.fail('root', 'the file holds no dict')
    return
  }
  for (const [name, { dtype, shape, values }] of Object.entries(golden.tensors)) {
    const tensor = root.get(name)
    if (!isTensor(tensor)) {
      one.fail(name, 'the file has no such tensor')
      continue
    }
    one.exact(`${name}, kind`, [dtypeNames[tensor.dtype], tensor.shape], [dtype, shape])
    const found = Array.from(toTypedArray(tensor) as ArrayLike<number | bigint>, String)
    one.exact(
      name,
      found,
      values.map((value) => String(typeof value === 'boolean' ? Number(value) : value)),
    )
  }
  const misc = root.get('misc')
  for (const [name, value] of Object.entries(golden.misc))
    one.exact(`misc.${name}`, miscEntry(misc, name), comparable(value))
}

/** An entry under the name that the files have for it: `nested_a_1` is nested.a[1], `b_hex` the bytes of `b`. */
function miscEntry(misc: PickleValue | undefined, name: string): unknown {
  if (!(misc instanceof Map)) return undefined
  if (misc.has(name)) return comparable(misc.get(name))
  const hex = /^(.+)_hex$/.exec(name)?.[1]
  const bytes = hex === undefined ? undefined : misc.get(hex)
  if (bytes instanceof Uint8Array) return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  let value: PickleValue | undefined = misc
  for (const key of name.split('_'))
    value = value instanceof Map ? (value.get(key) ?? value.get(Number(key))) : undefined
  return comparable(value)
}

/** Integers beyond doubles are text in JSON, and so may be some within: all integers of both sides become text. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable)
  return typeof value === 'bigint' || Number.isInteger(value) ? String(value) : value
}

/** Dicts to objects. */
function plain(value: PickleValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]))
  return Array.isArray(value) ? value.map(plain) : value
}
