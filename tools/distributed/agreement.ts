// What all ranks must agree on before they train together, and how they fail together: an error of one rank is told by rank 0,
// and all end.

import { createRequire } from 'node:module'
import { isRecord } from '../is-record.ts'
import { allGatherJson, type Collective } from './collective.ts'
import { DistributedError, PeerError } from './errors.ts'

/** The version of the installed library, which all ranks must have alike. */
export function libraryVersion(): string {
  return createRequire(import.meta.url)('siamrpn/package.json').version
}

/** What must be the same on all ranks, by what it is called in messages. */
export type Agreed = Readonly<Record<string, unknown>>

/** How many differences a message shows. */
const mostShown = 4

/** Does something on every rank, so that all fail where one does; a process alone simply does it. */
export type OnAll = <T>(what: string, work: () => Promise<T>) => Promise<T>

/** `together` of these ranks, or of a process alone. */
export function onAllRanks(collective: Collective | undefined): OnAll {
  return async (what, work) => await (collective ? together(collective, what, work) : work())
}

/**
 * Does something on every rank; all go on when all have done it.
 * @throws the error of this rank if it is rank 0; DistributedError on rank 0 with those of the others; PeerError on the others
 */
export async function together<T>(collective: Collective, what: string, work: () => Promise<T>): Promise<T> {
  let done: { readonly value: T } | { readonly error: unknown }
  try {
    done = { value: await work() }
  } catch (error) {
    done = { error }
  }
  const own = 'error' in done ? textOf(done.error) : null
  const errors = await allGatherJson(collective, what, own)
  if (collective.rank === 0 && 'error' in done) throw done.error
  const failed = errors.flatMap((text, rank) => (text === null ? [] : [`${collective.name(rank)}: ${text}`]))
  if (failed.length > 0) throw told(collective, failed.join('\n'))
  if ('error' in done) throw done.error
  return done.value
}

/** @throws DistributedError on rank 0 if another rank has something else, with what and where; PeerError on the others */
export async function agree(collective: Collective, own: Agreed): Promise<void> {
  const all = await allGatherJson(collective, 'the comparison of configurations', own)
  const [first = {}, ...others] = all
  const found = others.flatMap((other, i) =>
    Object.keys(first).flatMap((key) =>
      differences(first[key], other[key], key).map(
        ({ path, a, b }) => `${path} is ${shown(b)} on ${collective.name(i + 1)}, expected ${shown(a)} as on rank 0`,
      ),
    ),
  )
  if (found.length === 0) return
  const more = found.length > mostShown ? [`and ${found.length - mostShown} further differences`] : []
  const lines = [...found.slice(0, mostShown), ...more]
  throw told(collective, `the ranks differ:\n  ${lines.join('\n  ')}`)
}

/** @throws DistributedError on rank 0 if this text is not the same on all ranks; PeerError on the others */
export async function equalOnAll(collective: Collective, what: string, text: string): Promise<void> {
  const all = await allGatherJson(collective, `the comparison of ${what}`, text)
  const other = all.flatMap((each, rank) => (each === all[0] ? [] : [collective.name(rank)]))
  if (other.length === 0) return
  throw told(
    collective,
    `${what} of ${other.join(', ')} differ from those of rank 0: found ${all.map(shown).join(', ')}; adapters or drivers that ` +
      'round in different ways cannot train together',
  )
}

function told(collective: Collective, message: string): Error {
  return collective.rank === 0 ? new DistributedError(message) : new PeerError(message)
}

interface Difference {
  readonly path: string
  readonly a: unknown
  readonly b: unknown
}

function differences(a: unknown, b: unknown, path: string): Difference[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return []
  const keyed = (isRecord(a) && isRecord(b)) || (Array.isArray(a) && Array.isArray(b) && a.length === b.length)
  if (!keyed) return [{ path, a, b }]
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])]
  return keys.flatMap((key) => differences(left[key], right[key], `${path}.${key}`))
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
