// Rank 0 reads weights and checkpoints; the other ranks get from it what they need, and need no file.

import { createHash } from 'node:crypto'
import { readSafetensors, type StateDict, writeSafetensors } from 'siamrpn/formats'
import type { Collective } from './collective.ts'

/** The tensors of rank 0. @param state rank 0's */
export async function shareState(collective: Collective, what: string, state: StateDict): Promise<StateDict> {
  if (collective.rank > 0) return readSafetensors(await collective.broadcast(what)).tensors
  await collective.broadcast(what, writeSafetensors(state))
  return state
}

/** The value of rank 0, as plain data. @param value rank 0's */
export async function shareJson<T>(collective: Collective, what: string, value: T): Promise<T> {
  if (collective.rank > 0) return await receiveJson(collective, what)
  await collective.broadcast(what, new TextEncoder().encode(JSON.stringify(value)))
  return value
}

/** The value that rank 0 shares, on another rank. */
export async function receiveJson<T>(collective: Collective, what: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await collective.broadcast(what)))
}

/** A hash of everything that every rank must have alike: running statistics are each rank's own. */
export function hashOf(...states: readonly StateDict[]): string {
  const hash = createHash('sha256')
  for (const state of states) {
    for (const [name, { data }] of [...state].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!/running_(mean|var)/.test(name)) hash.update(name).update(data)
    }
  }
  return hash.digest('hex').slice(0, 16)
}
