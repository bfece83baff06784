// Work on a list, divided among the ranks: each takes every n-th item, and all get all results, in the order of the list.

import { allGatherJson, type Collective } from './collective.ts'
import { PeerError } from './errors.ts'

interface Named {
  readonly name: string
}

export interface ShareOptions {
  /** Told after each item of this rank, with how many the ranks have done together, nearly. */
  readonly onItem?: ((done: number, name: string) => void) | undefined
  /** Raised on one rank, and heeded by the work: all ranks get an AbortError. */
  readonly signal?: AbortSignal | undefined
}

/**
 * @param items the same on all ranks; without a collective all of them are this process's
 * @param work its results are plain data, and their numbers finite
 * @throws what `work` throws, on its rank, and PeerError on the others
 */
export async function shareWork<Item extends Named, Result>(
  collective: Collective | undefined,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  { onItem, signal }: ShareOptions = {},
): Promise<readonly Result[]> {
  const { rank, ranks } = collective ?? { rank: 0, ranks: 1 }
  const own: Result[] = []
  let failure: { readonly error: unknown } | undefined
  try {
    for (let i = rank; i < items.length; i += ranks) {
      const item = items[i] as Item
      own.push(await work(item))
      onItem?.(Math.min(items.length, own.length * ranks), item.name)
    }
  } catch (error) {
    if (!collective) throw error
    failure = { error }
  }
  if (!collective) return own
  const state = failure === undefined ? 'done' : signal?.aborted ? 'aborted' : 'failed'
  const all = await allGatherJson(collective, 'the results of an evaluation', { state, own })
  if (state === 'failed') throw failure?.error
  if (all.some((each) => each.state === 'failed')) throw new PeerError('another rank could not do its part')
  if (all.some((each) => each.state === 'aborted')) throw new DOMException('a rank was interrupted', 'AbortError')
  return items.map((_, i) => all[i % ranks]?.own[Math.floor(i / ranks)] as Result)
}
