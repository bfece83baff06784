// What is common to all checkpoint files of a SiamRPN++ tracker: their containers, told by content, and what is made of the
// tensors in them: takes off what wrappers add to the names and translates pysot's to MMTracking's. What the names then have to be is
// decided by matchStateDict.

import { quote } from '../gpu/message.ts'
import { CorruptCheckpointError, TruncatedCheckpointError, UnsupportedCheckpointError } from './errors.ts'
import type { PickleDict } from './pickle-value.ts'
import { fromPysotName, isPysotName } from './pysot.ts'
import { readSafetensors } from './safetensors.ts'
import type { NamedTensor, StateDict } from './state-dict.ts'
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

/** What a container holds, by the names of the file. */
export interface Contents {
  readonly container: Checkpoint['container']
  readonly wrapped: boolean
  readonly tensors: ReadonlyMap<string, NamedTensor>
  readonly meta: { readonly [key: string]: MetaValue }
  readonly optimizer: PickleDict | null
}

/** The container of a file by its first bytes. @throws TruncatedCheckpointError, UnsupportedCheckpointError for none that is known */
export function containerOf(bytes: Uint8Array): Checkpoint['container'] {
  if (bytes.length < 16) {
    throw new TruncatedCheckpointError(`only ${bytes.length} bytes, too few for any checkpoint`)
  }
  if (isZip(bytes)) return 'torch-zip'
  if (bytes[8] === 0x7b) return 'safetensors'
  if (isPickle(bytes)) return 'torch-legacy'
  const start = Array.from(bytes.subarray(0, 16), (byte) =>
    byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('')
  throw new UnsupportedCheckpointError(`begins with '${start}', which is neither torch.save's nor safetensors'`)
}

/** Whether the bytes begin as a zip archive does. */
function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
}

/** Whether the bytes begin as a pickle of protocol 2 or later does. */
function isPickle(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 0) <= 5
}

/** @throws as `readSafetensors` */
export function safetensorsContents(bytes: Uint8Array): Contents {
  const { tensors, metadata } = readSafetensors(bytes)
  return { container: 'safetensors', wrapped: false, tensors, meta: metadata, optimizer: null }
}

/** The checkpoint that a container holds. @throws UnsupportedCheckpointError, CorruptCheckpointError */
export function checkpointOf(contents: Contents): Checkpoint {
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
