// A checkpoint in a file of torch.save: unwraps {meta, state_dict, optimizer}.

import { cut, listed, quote } from '../gpu/message.ts'
import type { CheckpointOptions, Contents, MetaValue } from './checkpoint-contents.ts'
import { UnsupportedCheckpointError } from './errors.ts'
import { Placeholder, refusePlaceholder } from './pickle-placeholders.ts'
import { isTensor, type PickleDict, type PickleValue } from './pickle-value.ts'
import type { NamedTensor } from './state-dict.ts'
import { readTorchLegacy, readTorchZip } from './torch.ts'

/** @throws CheckpointError (always one of its subclasses for bad bytes) */
export function torchContents(
  bytes: Uint8Array,
  container: 'torch-zip' | 'torch-legacy',
  options: CheckpointOptions,
): Contents {
  return unwrap(container === 'torch-zip' ? readTorchZip(bytes, options) : readTorchLegacy(bytes), container)
}

/** Where programs save a state dict that is not under 'state_dict'. */
const otherKeys = ['model_state_dict', 'model', 'net']

/** Splits what torch.save saved into tensors, meta and optimizer. */
function unwrap(value: PickleValue, container: Contents['container']): Contents {
  refusePlaceholder(value)
  if (!(value instanceof Map)) {
    throw new UnsupportedCheckpointError(
      'the file holds no dict, expected a state dict or {meta, state_dict, optimizer}',
    )
  }
  const wrapper = value.has('state_dict') ? 'state_dict' : otherKeys.find((key) => value.get(key) instanceof Map)
  if (wrapper === undefined) return { container, wrapped: false, tensors: asTensors(value), meta: {}, optimizer: null }
  const inner = value.get(wrapper)
  refusePlaceholder(inner)
  if (!(inner instanceof Map)) throw new UnsupportedCheckpointError(`'${wrapper}' is no dict`)
  const optimizer = value.get('optimizer') ?? null
  const known = optimizer instanceof Placeholder ? null : optimizer
  if (known !== null && !(known instanceof Map)) throw new UnsupportedCheckpointError("'optimizer' is no dict")
  const meta = value.get('meta')
  const beside = [...value].filter(([key]) => key !== wrapper && key !== 'optimizer' && key !== 'meta')
  return {
    container,
    wrapped: true,
    tensors: asTensors(inner),
    meta: toMeta(new Map([...beside, ...(meta instanceof Map ? meta : [])])),
    optimizer: known,
  }
}

function asTensors(dict: PickleDict): Map<string, NamedTensor> {
  const tensors = new Map<string, NamedTensor>()
  for (const [key, value] of dict) {
    refusePlaceholder(value)
    if (typeof key !== 'string' || !isTensor(value)) {
      const keys = [...dict.keys()].map((item) => (typeof item === 'string' ? `'${cut(item)}'` : typeof item))
      throw new UnsupportedCheckpointError(
        `entry ${typeof key === 'string' ? quote(key) : String(typeof key)} is no tensor, expected a state dict of ` +
          `tensors by name, alone or under 'state_dict'; found the keys ${listed(keys)}`,
      )
    }
    tensors.set(key, value)
  }
  return tensors
}

/** Dicts to objects, once per dict: shared ones stay shared, so that a small file cannot grow. */
function toMeta(root: PickleDict): { readonly [key: string]: MetaValue } {
  const done = new Map<PickleValue, MetaValue>()
  const convert = (value: PickleValue): MetaValue => {
    const before = done.get(value)
    if (before !== undefined) return before
    const fresh = convertNew(value)
    if (typeof value === 'object' && value !== null) done.set(value, fresh)
    return fresh
  }
  const convertNew = (value: PickleValue): MetaValue => {
    if (value instanceof Map) return convertDict(value)
    if (Array.isArray(value)) return value.map(convert)
    if (value instanceof Set) return [...value].map(convert)
    if (value instanceof Uint8Array || isTensor(value)) return value
    return typeof value === 'object' && value !== null ? value.pickleName : value
  }
  // fromEntries defines properties, so that even a key `__proto__` is nothing but a key.
  const convertDict = (dict: PickleDict) =>
    Object.fromEntries([...dict].map(([key, value]) => [keyText(key), convert(value)]))
  return convertDict(root)
}

function keyText(key: PickleValue): string {
  return typeof key === 'object' && key !== null ? 'object' : String(key)
}
