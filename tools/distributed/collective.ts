// The processes that work together, as the rooms of the tools see them. Every rank makes the same calls in the same order; a
// call ends when all ranks have made it.

import type { GradientExchange } from 'siamrpn/train'

export interface Collective extends GradientExchange {
  /** From 0. */
  readonly rank: number
  /** Milliseconds after which a rank that all wait for is taken to hang. Absent: never. */
  readonly patience?: number
  /** `rank 2 (host b)`, for messages. */
  name(rank: number): string
  /** What rank 0 gives. @param what is sent, for messages */
  broadcast(what: string, bytes?: Uint8Array): Promise<Uint8Array>
  /** What all ranks give, in their order. */
  allGather(what: string, bytes: Uint8Array): Promise<readonly Uint8Array[]>
  /** Tells the ranks that wait that this one is at work on something long: their patience begins anew. */
  busy(): void
}

/** What all ranks give, as plain data, in their order. */
export async function allGatherJson<T>(collective: Collective, what: string, value: T): Promise<readonly T[]> {
  const all = await collective.allGather(what, new TextEncoder().encode(JSON.stringify(value)))
  return all.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T)
}
