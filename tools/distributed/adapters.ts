// Which adapter of its machine a rank takes. Dawn for Node takes the first adapter whose name contains a text, and lists all
// names when none does; it offers no other choice.

import { findGpu } from 'siamrpn/gpu'
import { DistributedError } from './errors.ts'

/** No adapter is called like this. */
const nobody = 'list of adapters'
const software = /llvmpipe|lavapipe|softpipe|swiftshader|microsoft basic render|\bwarp\b/i

/** The names of the adapters of this machine, in Dawn's order. */
export async function adapterNames(): Promise<readonly string[]> {
  const { gpu } = await findGpu({ toggles: [`adapter=${nobody}`] })
  const message = await gpu.requestAdapter().then(
    () => '',
    (error) => String(error),
  )
  return [...message.matchAll(/^ \* backend: '[^']*', name: '(.*)'$/gm)].map(([, name = '']) => name)
}

export interface AdapterWish {
  /** Which of the ranks of its machine this rank is, from 0. */
  readonly localRank: number
  /** Ranks of the machine. */
  readonly localRanks: number
  /** Which adapter is asked for, from 0; undefined: the one with the rank's number. */
  readonly index: number | undefined
}

/**
 * The name to open an adapter by; undefined where there is no choice. Software adapters count only where there is no other, and
 * several ranks share one.
 * @throws DistributedError for an index that does not exist, and for one that Dawn cannot choose
 */
export function chooseAdapter(
  names: readonly string[],
  { localRank, localRanks, index }: AdapterWish,
): string | undefined {
  const hardware = names.filter((name) => !software.test(name))
  const choice = index === undefined && hardware.length > 0 ? hardware : names
  if (choice.length === 0) return undefined // Opening the device says why.
  const shared = hardware.length === 0 && choice.length === 1 && index === undefined
  const wanted = shared ? 0 : (index ?? localRank)
  const name = choice[wanted]
  if (name === undefined) {
    const list = names.map((each, i) => `${i}: ${each}`).join(', ')
    throw new DistributedError(
      index === undefined
        ? `${localRanks} ranks on this machine, but ${choice.length} adapters (${list}); start fewer, or let every rank see one ` +
            'adapter of its own and give --device-index 0'
        : `--device-index is ${index}, expected 0 to ${names.length - 1} (${list})`,
    )
  }
  if (names.length === 1) return undefined
  const first = names.findIndex((each) => each.includes(name))
  if (names[first] === name && choice.indexOf(name) === wanted) return name
  throw new DistributedError(
    `adapter ${wanted} is a ${name} like another one before it, and Dawn chooses adapters by their names alone; let every rank ` +
      'see one adapter of its own (see docs/distributed.md) and give --device-index 0',
  )
}
