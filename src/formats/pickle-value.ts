// The data that a pickle can hold here, the stand-ins for the few Python globals that checkpoints need, and a bound on
// how deep and how large such data may be for whoever walks it.

import { CorruptCheckpointError } from './errors.ts'
import type { NamedTensor } from './state-dict.ts'

/**
 * What comes out of a pickle. Lists and tuples are arrays, dicts are Maps, integers above 2^53 are bigints,
 * bytes are Uint8Arrays; numpy scalars are numbers and tensors are `NamedTensor`s.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | NamedTensor
  | PickleHelper

/** A Python dict. */
export type PickleDict = Map<PickleValue, PickleValue>

/** Things that only exist while a pickle is read: storages, dtypes, and the allowed globals themselves. */
export abstract class PickleHelper {
  abstract readonly pickleName: string
}

/** Reports work that is not bounded by the length of the pickle itself; throws when it becomes too much. */
export type Charge = (work: number) => void

/** An allowed global that can be called: what stands in for the Python class or function of that name. */
export class PickleGlobal extends PickleHelper {
  readonly pickleName: string
  readonly call: (args: readonly PickleValue[], charge: Charge) => PickleValue

  constructor(name: string, call: PickleGlobal['call']) {
    super()
    this.pickleName = name
    this.call = call
  }
}

/** A helper that accepts state through BUILD. */
export abstract class PickleBuildable extends PickleHelper {
  abstract build(state: PickleValue): void
}

/** Whether the value is a tensor. */
export function isTensor(value: unknown): value is NamedTensor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dtype' in value &&
    'shape' in value &&
    'data' in value &&
    value.data instanceof Uint8Array
  )
}

/** A number where it is exact, else the bigint. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const maxDepth = 200
const maxExpandedSize = 2 ** 26

interface Extent {
  readonly depth: number
  /** Values in the container, shared ones counted each time: what a walk without memory would visit. */
  readonly size: number
}

const leaf: Extent = { depth: 0, size: 1 }

/** Throws if containers nest deeper than 200 levels, contain themselves, or share so much that a walk explodes. */
export function checkNesting(root: PickleValue): void {
  const known = new Map<PickleValue, Extent | 'open'>()
  const visit = (value: PickleValue, level: number): Extent => {
    if (!(Array.isArray(value) || value instanceof Map || value instanceof Set)) return leaf
    if (level > maxDepth) throw new CorruptCheckpointError(`the pickle nests deeper than ${maxDepth} levels`)
    const before = known.get(value)
    if (before === 'open') throw new CorruptCheckpointError('a container in the pickle contains itself')
    if (before !== undefined) {
      if (level + before.depth > maxDepth) {
        throw new CorruptCheckpointError(`the pickle nests deeper than ${maxDepth} levels`)
      }
      return before
    }
    known.set(value, 'open')
    let [depth, size] = [0, 1]
    const add = (child: PickleValue) => {
      const extent = visit(child, level + 1)
      depth = Math.max(depth, extent.depth)
      size += extent.size
    }
    for (const child of value instanceof Map ? value.values() : value) add(child)
    if (value instanceof Map) for (const key of value.keys()) add(key)
    if (size > maxExpandedSize) {
      throw new CorruptCheckpointError(`the pickle describes more than ${maxExpandedSize} values`)
    }
    const extent = { depth: depth + 1, size }
    known.set(value, extent)
    return extent
  }
  visit(root, 0)
}
