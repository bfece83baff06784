// One rank: does what the first argument says (names, with commas) with the other ranks, and prints on rank 0 what came of it as a
// line of JSON.

import { agree, together } from '../../../tools/distributed/agreement.ts'
import { Handover } from '../../../tools/distributed/handover.ts'
import { MpiCollective } from '../../../tools/distributed/mpi-collective.ts'
import { launchedBy, MpiLibrary } from '../../../tools/distributed/mpi-library.ts'
import { shareWork } from '../../../tools/distributed/share-work.ts'

const [, , what = '', patience = '60'] = process.argv
const mpi = MpiLibrary.open(launchedBy(process.env)!)
const collective = await MpiCollective.open(mpi, { patience: 1000 * Number(patience) })
const { rank, ranks } = collective

/** Numbers whose sum depends on the order of additions. */
const values = (length: number, of: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(i + 1) * 10 ** ((i * 7 + of * 5) % 9))

const messageOf = async (work: Promise<unknown>) => {
  try {
    await work
    return null
  } catch (error) {
    return [(error as Error).constructor.name, (error as Error).message]
  }
}

const tasks: Record<string, () => Promise<unknown>> = {
  async sums() {
    const lengths = [1, 2, 7, 1000, 100_003]
    const own = lengths.map((length) => values(length, rank))
    await Promise.all(own.map((each) => collective.sum(each)))
    const wrong = own.flatMap((each, k) => {
      const expected = values(lengths[k]!, 0)
      for (let other = 1; other < ranks; other++) {
        const more = values(lengths[k]!, other)
        for (let i = 0; i < expected.length; i++) expected[i] = expected[i]! + more[i]!
      }
      return Buffer.compare(Buffer.from(each.buffer), Buffer.from(expected.buffer)) === 0 ? [] : [lengths[k]]
    })
    return await collective
      .allGather('the outcome', new Uint8Array(wrong.length))
      .then((all) => all.map((b) => b.length))
  },
  async words() {
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
    const bytes = new TextEncoder().encode(`rank ${rank}`.repeat(rank))
    const all = await collective.allGather('words', bytes)
    const first = await collective.broadcast('a word', new TextEncoder().encode(`from ${rank}`))
    const shared = await shareWork(
      collective,
      ['a', 'b', 'c', 'd'].map((name) => ({ name })),
      async ({ name }) => [name, rank],
    )
    return { all: all.map(text), first: text(first), shared }
  },
  async failure() {
    const fails = await messageOf(
      together(collective, 'the start', async () => {
        if (rank > 0) throw new Error('no such file')
      }),
    )
    const differ = agree(collective, { version: '1', configuration: { data: { batch: rank }, seed: 3 } })
    return [fails, await messageOf(differ)]
  },
  /** Rank 1 does not come. */
  async hang() {
    if (rank === 1) await new Promise((resolve) => setTimeout(resolve, 60_000))
    const message = await messageOf(collective.sum(new Float32Array(10)))
    process.stdout.write(`${JSON.stringify({ rank, message })}\n`)
    // Rank 0, which knows who is missing, goes first, as in the launcher.
    await new Promise((resolve) => setTimeout(resolve, rank === 0 ? 1000 : 10_000))
    collective.abort(1)
  },
  /** Rank 1 answers, but comes to an end with nothing. */
  async stall() {
    const handover = new Handover(collective, { what: 'the results', onResult: () => undefined })
    const work = rank === 1 ? new Promise<void>((resolve) => setTimeout(resolve, 60_000)) : Promise.resolve()
    const message = await messageOf(handover.watched(work).then(async () => await handover.end(false)))
    process.stdout.write(`${JSON.stringify({ rank, message })}\n`)
    await new Promise((resolve) => setTimeout(resolve, rank === 0 ? 1000 : 10_000))
    collective.abort(1)
  },
  /** Rank 1 says that it is at work, and comes later than the others' patience lasts. */
  async busy() {
    for (let i = 0; rank === 1 && i < 8; i++) {
      await new Promise((resolve) => setTimeout(resolve, 500))
      collective.busy()
    }
    return await messageOf(collective.sum(new Float32Array(10)))
  },
  async die() {
    if (rank === 1) {
      process.stdout.write('dying\n')
      process.exit(3)
    }
    await collective.sum(new Float32Array(10))
  },
}

const outcomes: unknown[] = []
for (const name of what.split(',')) outcomes.push(await tasks[name]?.())
if (rank === 0) process.stdout.write(`${JSON.stringify(outcomes)}\n`)
await collective.close()
