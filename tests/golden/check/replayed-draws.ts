// Random numbers that were recorded: the draws of a golden case, in order. A draw that was not recorded there and then means
// that our order of draws is not the original's.

import * as z from 'zod'
import { SiamRpnError } from '../../../src/gpu/errors.ts'
import type { TransformDraws } from '../../../src/train/augmentation/train-transforms.ts'

/** One np.random call: `["random", u]`, `["randn", shape, values]` or `["choice", value]`. */
export const drawsSchema = z.array(
  z.union([
    z.tuple([z.literal('random'), z.number()]),
    z.tuple([z.literal('choice'), z.number()]),
    z.tuple([z.literal('randn'), z.array(z.int()), z.array(z.array(z.number()))]),
  ]),
)

export type RecordedDraws = z.infer<typeof drawsSchema>

/** A draw of another kind than the one recorded. */
class DrawOrderError extends SiamRpnError {}

export class ReplayedDraws implements TransformDraws {
  readonly #draws: { readonly kind: string; readonly value: number }[]

  constructor(draws: RecordedDraws) {
    this.#draws = draws.flatMap((draw) => {
      const values = draw[0] === 'randn' ? draw[2].flat() : [draw[1]]
      return values.map((value) => ({ kind: draw[0], value }))
    })
  }

  next(): number {
    return this.#take('random')
  }

  normal(): number {
    return this.#take('randn')
  }

  pick<T>(entries: readonly [T, ...T[]]): T {
    const value: unknown = this.#take('choice')
    const entry = entries.find((one) => one === value)
    if (entry === undefined) throw new DrawOrderError(`recorded choice is ${value}, expected one of ${entries}`)
    return entry
  }

  /** How many draws nobody has asked for yet. */
  get left(): number {
    return this.#draws.length
  }

  #take(kind: string): number {
    const draw = this.#draws.shift()
    if (draw?.kind === kind) return draw.value
    throw new DrawOrderError(`the recorded draw is ${draw?.kind ?? 'none: all are used'}, expected ${kind}`)
  }
}
