// Any checkpoint of a SiamRPN++ tracker, from bytes to named tensors: finds out the container by content, unwraps
// {meta, state_dict, optimizer}, takes off what wrappers add to the names and translates pysot's to MMTracking's. What
// the names then have to be is decided by matchStateDict.

import { cut, listed, quote } from '../gpu/message.ts'
import {
  CheckpointError,
  CorruptCheckpointError,
  TruncatedCheckpointError,
  UnsupportedCheckpointError,
} from './errors.ts'
import { Placeholder, refusePlaceholder } from './pickle-placeholders.ts'
import { isTensor, type PickleDict, type PickleValue } from './pickle-value.ts'
import { fromPysotName, isPysotName } from './pysot.ts'
import { readSafetensors } from './safetensors.ts'
import type { NamedTensor, StateDict } from './state-dict.ts'
import { isPickle, isTorchZip, readTorchLegacy, readTorchZip } from './torch.ts'
import { withoutWrappers } from './wrapper-names.ts'

/** Metadata key (safetensors `__metadata__`, or `meta`) that says which anchors the weights were trained with. */
export const anchorsKey = 'siamrpn.anchors'

/** What the names of the optimizer's tensors begin with in safetensors that training here has written. */
export const optimizerPrefix = 'optimizer.'

/** Plain data of `meta`: dicts have become objects, lists and tuples arrays. */
export type MetaValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | NamedTensor
  | readonly MetaValue[]
  | { readonly [key: string]: MetaValue }

export interface Checkpoint {
  /** MMTracking's names (`backbone.`, `neck.`, `head.`), whatever the source called them; in the order of the file. */
  readonly stateDict: StateDict
  /** What lies beside the weights: MMTracking's `meta`, pysot's `epoch`, safetensors' `__metadata__`. */
  readonly meta: { readonly [key: string]: MetaValue }
  /** The `optimizer` entry as it was pickled (dicts are Maps, `state` has numbers as keys), or null. */
  readonly optimizer: PickleDict | null
  /** The optimizer's tensors in safetensors, by the names behind `optimizer.`; empty if there are none. */
  readonly optimizerState: StateDict
  readonly container: 'torch-zip' | 'torch-legacy' | 'safetensors'
  /** How the source was laid out: MMTracking's wrapper, pysot's names, or tensors by name and nothing else. */
  readonly format: 'mmtracking' | 'pysot' | 'bare'
  /** `backbone` if there is neither a neck nor a head in it. */
  readonly part: 'tracker' | 'backbone'
  /** The anchors that these weights need. */
  readonly anchors: 'mmtracking' | 'pysot'
}

export interface CheckpointOptions {
  /** Compare the CRC-32 of each zip entry (about 300 MB/s); default true. */
  readonly verifyChecksums?: boolean
}

interface Contents {
  readonly container: Checkpoint['container']
  readonly wrapped: boolean
  readonly tensors: ReadonlyMap<string, NamedTensor>
  readonly meta: { readonly [key: string]: MetaValue }
  readonly optimizer: PickleDict | null
}

/**
 * Reads a checkpoint: safetensors, or a file of torch.save (`.pth`, `.model`, ...; zip or legacy). Large tensors are
 * views of `bytes`, which must therefore not change afterwards.
 * @param name what to call the file in error messages
 * @throws CheckpointError (always one of its subclasses for bad bytes): see `errors.ts`
 */
export function readCheckpoint(bytes: Uint8Array, name = 'checkpoint', options: CheckpointOptions = {}): Checkpoint {
  try {
    return describe(open(bytes, options))
  } catch (error) {
    throw error instanceof CheckpointError ? error.prefix(name) : error
  }
}

function open(bytes: Uint8Array, options: CheckpointOptions): Contents {
  if (bytes.length < 16) {
    throw new TruncatedCheckpointError(`only ${bytes.length} bytes, too few for any checkpoint`)
  }
  if (isTorchZip(bytes)) return unwrap(readTorchZip(bytes, options), 'torch-zip')
  if (bytes[8] === 0x7b) {
    const { tensors, metadata } = readSafetensors(bytes)
    return { container: 'safetensors', wrapped: false, tensors, meta: metadata, optimizer: null }
  }
  if (isPickle(bytes)) return unwrap(readTorchLegacy(bytes), 'torch-legacy')
  const start = Array.from(bytes.subarray(0, 16), (byte) =>
    byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('')
  throw new UnsupportedCheckpointError(`begins with '${start}', which is neither torch.save's nor safetensors'`)
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

function describe(contents: Contents): Checkpoint {
  const stateDict: StateDict = new Map()
  const optimizerState: StateDict = new Map()
  const weights = new Map<string, NamedTensor>()
  for (const [name, tensor] of contents.tensors) {
    if (contents.container === 'safetensors' && name.startsWith(optimizerPrefix)) {
      optimizerState.set(name.slice(optimizerPrefix.length), tensor)
    } else weights.set(name, tensor)
  }
  const own = withoutWrappers(weights.keys())
  const names = [...own.values()]
  if (contents.tensors.size === 0) throw new UnsupportedCheckpointError('the file holds no tensors')
  const pysot = names.some(isPysotName)
  const bareBackbone = names.includes('conv1.weight') && names.includes('layer1.0.conv1.weight')
  for (const [source, tensor] of weights) {
    const stripped = own.get(source)
    // The classifier of a network trained on ImageNet belongs to no backbone.
    if (stripped === undefined || (bareBackbone && /^fc\.(weight|bias)$/.test(stripped))) continue
    const name = bareBackbone ? `backbone.${stripped}` : pysot ? fromPysotName(stripped) : stripped
    if (stateDict.has(name)) {
      throw new CorruptCheckpointError(`two tensors of the file are both called ${quote(name)}`)
    }
    stateDict.set(name, tensor)
  }
  const floors = new Set([...stateDict.keys()].map((name) => name.split('.', 1)[0]))
  return {
    stateDict,
    meta: contents.meta,
    optimizer: contents.optimizer,
    optimizerState,
    container: contents.container,
    format: pysot ? 'pysot' : contents.wrapped ? 'mmtracking' : 'bare',
    part: floors.has('backbone') && !floors.has('neck') && !floors.has('head') ? 'backbone' : 'tracker',
    anchors: pysot || contents.meta[anchorsKey] === 'pysot' ? 'pysot' : 'mmtracking',
  }
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
