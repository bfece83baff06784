// Gradients of ranks within one process.

import type { GradientExchange } from '../../src/train/gradient-exchange.ts'

/** An exchange of each rank. What the ranks give is added up when all have come, the k-th with the k-th. */
export function localExchanges(ranks: number, bucketBytes: number): (GradientExchange & { sums: number })[] {
  const rounds: { readonly values: Float32Array; readonly rank: number; readonly done: () => void }[][] = []
  const settle = (round: (typeof rounds)[number]) => {
    const inOrder = round.toSorted((a, b) => a.rank - b.rank)
    const sum = new Float32Array(inOrder[0]!.values.length)
    for (const { values } of inOrder) for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + values[i]!
    for (const { values, done } of inOrder) {
      values.set(sum)
      done()
    }
  }
  return Array.from({ length: ranks }, (_, rank) => ({
    ranks,
    bucketBytes,
    sums: 0,
    sum(values) {
      const index = this.sums++
      rounds[index] ??= []
      const round = rounds[index]
      return new Promise<void>((done) => {
        round.push({ values, rank, done })
        if (round.length === ranks) settle(round)
      })
    },
  }))
}
