// The part of a contender's process that all share: load, one frame to warm up and to check, then the timed ones.

import { readFileSync } from 'node:fs'
import { readSafetensors } from '../../src/formats/safetensors.ts'
import { toFloat32 } from '../../src/formats/state-dict.ts'
import { childRequest, tell } from '../child.ts'
import { timed } from '../stopwatch.ts'
import type { PeerMessage, PeerRequest } from './messages.ts'

/** Both maps, NCHW. */
export interface Maps {
  readonly cls: Float32Array
  readonly bbox: Float32Array
}

/** One input, NCHW. */
export interface InputTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** A frame: from inputs on the host to both maps on the host. */
export type RunFrame = () => Promise<Maps>

/** Runs a contender. @param load makes it ready; it gets the inputs by name: `search`, `cls_kernel0`, ... */
export async function contend(
  load: (request: PeerRequest, inputs: ReadonlyMap<string, InputTensor>) => Promise<RunFrame>,
): Promise<void> {
  const request = childRequest<PeerRequest>()
  const tensors = readTensors(request.tensors)
  const start = performance.now()
  const frame = await load(request, tensors)
  await report({ kind: 'loaded', ms: performance.now() - start })
  let maps: Maps | undefined
  await timeFrames(async () => {
    maps = await frame()
  })
  const difference = (name: keyof Maps) => relativeError(maps?.[name] ?? [], tensors.get(name)?.data ?? [])
  await report({ kind: 'error', cls: difference('cls'), bbox: difference('bbox') })
  process.exit(0) // some of these libraries keep a thread alive
}

/** Every library is timed for this long, in milliseconds, and for one frame in any case. */
const timedMs = 15_000

/** Runs a frame that warms up, then timed ones, and tells of each. */
export async function timeFrames(frame: (index: number) => Promise<unknown>): Promise<void> {
  await report({ kind: 'frame', ...(await timed(() => frame(0))), first: true })
  const start = performance.now()
  for (let index = 1; index === 1 || performance.now() - start < timedMs; index++) {
    await report({ kind: 'frame', ...(await timed(() => frame(index))), first: false })
  }
}

export function readTensors(file: string): Map<string, InputTensor> {
  const { tensors } = readSafetensors(readFileSync(file))
  return new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }]))
}

export async function report(message: PeerMessage): Promise<void> {
  await tell(message)
}

/** Largest difference over the largest expected magnitude; NaN unless both have the same length and finite values. */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length || found.length === 0) return Number.NaN
  let difference = 0
  let magnitude = 0
  for (let at = 0; at < found.length; at++) {
    const error = Math.abs((found[at] ?? 0) - (expected[at] ?? 0))
    if (!Number.isFinite(error)) return Number.NaN
    difference = Math.max(difference, error)
    magnitude = Math.max(magnitude, Math.abs(expected[at] ?? 0))
  }
  return difference / magnitude
}
