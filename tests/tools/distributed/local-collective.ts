// Ranks that work together within one process: what they give is handed over when all have come.

import type { Collective } from '../../../tools/distributed/collective.ts'

export function localCollectives(ranks: number, patience = Number.POSITIVE_INFINITY): Collective[] {
  const rounds: { readonly given: (Uint8Array | undefined)[]; readonly done: (() => void)[] }[] = []
  const calls = Array.from({ length: ranks }, () => 0)
  const allGather = (rank: number, bytes: Uint8Array): Promise<readonly Uint8Array[]> => {
    const index = calls[rank]!++
    rounds[index] ??= { given: Array.from({ length: ranks }), done: [] }
    const round = rounds[index]
    round.given[rank] = bytes.slice()
    return new Promise((resolve) => {
      round.done.push(() => resolve(round.given.map((each) => each!.slice())))
      if (round.done.length === ranks) for (const done of round.done) done()
    })
  }
  return Array.from({ length: ranks }, (_, rank) => ({
    rank,
    ranks,
    patience,
    name: (of) => `rank ${of} (here)`,
    broadcast: async (_what, bytes = new Uint8Array(0)) => (await allGather(rank, bytes))[0]!,
    allGather: async (_what, bytes) => await allGather(rank, bytes),
    busy: () => undefined,
    sum: () => Promise.reject(new Error('not for gradients')),
  }))
}
