// Random numbers that were recorded: the draws of a golden case, in order.

import type { Draws } from '../../src/data/train-transforms.ts'

/** Replays `["random", u]`, `["randn", shape, [[v], ...]]` and `["choice", v]`; any other order of draws is an error. */
export class ReplayedDraws implements Draws {
  readonly #draws: [string, unknown][]

  constructor(draws: readonly unknown[]) {
    this.#draws = draws.flatMap((draw) => {
      const [kind, ...rest] = draw as [string, ...unknown[]]
      const values = kind === 'randn' ? (rest[1] as number[][]).flat() : rest
      return values.map((value): [string, unknown] => [kind, value])
    })
  }

  next(): number {
    return this.#take('random')
  }

  normal(): number {
    return this.#take('randn')
  }

  pick<T>(entries: readonly [T, ...T[]]): T {
    const value = this.#take('choice')
    const entry = entries.find((one) => one === (value as unknown))
    if (entry === undefined) throw new Error(`recorded ${value} is not among ${entries}`)
    return entry
  }

  /** Draws that nobody asked for. */
  get left(): number {
    return this.#draws.length
  }

  #take(kind: string): number {
    const draw = this.#draws.shift()
    if (draw?.[0] !== kind) throw new Error(`asked for ${kind}, recorded ${draw}`)
    return draw[1] as number
  }
}
