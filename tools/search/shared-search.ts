// A search that several ranks make together: rank 0 has the tracks on disk and judges, and says which videos are to be tracked under
// which rules; every rank tracks a part of them, and rank 0 writes tracks as they are finished. A video is tracked under a block
// of rules by one rank, as one process would do it, so that the tracks are the same.

import type { SweepCounts } from 'siamrpn'
import { fromFloat32, readSafetensors, toFloat32, writeSafetensors } from 'siamrpn/formats'
import type { Sequence } from '../benchmarks/types.ts'
import { allGatherJson, type Collective } from '../distributed/collective.ts'
import { divide, Handover } from '../distributed/handover.ts'
import { receiveJson, shareJson } from '../distributed/share.ts'
import { ruleName } from './rules.ts'
import { blocksOf, orFailure, type SearchRun, type SearchTracker, trackBlock, type VideoOutcome } from './search.ts'
import type { Tracks } from './track-cache.ts'

/** What a rank other than 0 needs. */
export type SharedRun = Pick<SearchRun, 'benchmark' | 'rules' | 'sweep' | 'read' | 'signal'>

/** A video under a block of rules, both by their places in the lists. */
interface Job {
  readonly video: number
  readonly rules: readonly number[]
}

/** What came of a job. */
type Done = { readonly job: number } & ({ readonly tracks: Tracks } | { readonly failure: string })

const orders = 'the work of a search'

/** Rank 0's tracker: this and the other ranks, which call `serveSearch`. */
export function trackingTogether(run: SearchRun, collective: Collective): SearchTracker {
  const { rules: all, sweep, cache, benchmark } = run
  const before = sweep.counts
  return {
    async track(videos, rules, progress, take) {
      const indices = new Map(all.map((rule, index) => [ruleName(rule), index]))
      const places = new Map(benchmark.sequences.map((sequence, index) => [sequence, index]))
      const jobs: Job[] = []
      const open = new Map<Sequence, number>()
      for (const sequence of videos) {
        const known = await cache.load(sequence)
        const missing = rules.map(ruleName).filter((name) => !known.has(name))
        const blocks = blocksOf(missing, sweep.capacity)
        open.set(sequence, blocks.length)
        for (const names of blocks) {
          jobs.push({ video: places.get(sequence) ?? 0, rules: names.map((name) => indices.get(name) ?? 0) })
        }
      }
      await shareJson<readonly Job[]>(collective, orders, jobs)
      const parts = new Map<Sequence, Done[]>(videos.map((sequence) => [sequence, []]))
      const outcomes = new Map<Sequence, VideoOutcome>()
      const waiting = [...videos]
      /** Takes the videos that are done, as far as no earlier one is missing. */
      const settle = async () => {
        for (let [next] = waiting; next && open.get(next) === 0; [next] = waiting) {
          take(outcomes.get(next) ?? (await outcomeOf(run, next, [])))
          collective.busy()
          outcomes.delete(next)
          waiting.shift()
        }
      }
      await settle()
      const onDone = async (done: Done, sequence: Sequence, rank: number) => {
        if (rank !== collective.rank) progress.frame(sequence, sequence.images.length)
        const made = parts.get(sequence) ?? []
        made.push(done)
        const missing = (open.get(sequence) ?? 0) - 1
        open.set(sequence, missing)
        if (missing > 0) return
        outcomes.set(sequence, await outcomeOf(run, sequence, made))
        parts.delete(sequence)
        await settle()
      }
      await doJobs(collective, run, jobs, { onDone, onFrame: (sequence) => progress.frame(sequence) })
    },
    async counts() {
      await shareJson(collective, orders, null)
      return await countsOf(collective, sweep.counts, before)
    },
  }
}

/** What the other ranks do until rank 0 has all that it needs. @throws AbortError if a rank was interrupted */
export async function serveSearch(run: SharedRun, collective: Collective): Promise<void> {
  const before = run.sweep.counts
  for (;;) {
    const jobs = await receiveJson<readonly Job[] | null>(collective, orders)
    if (jobs === null) break
    await doJobs(collective, run, jobs, { onDone: async () => undefined, onFrame: () => undefined })
  }
  await countsOf(collective, run.sweep.counts, before)
}

interface Told {
  /** Of a job that any rank has done. */
  readonly onDone: (done: Done, sequence: Sequence, rank: number) => Promise<void>
  /** Of a frame of this rank. */
  readonly onFrame: (sequence: Sequence) => void
}

/** Does this rank's part of the jobs. @throws AbortError if a rank was interrupted */
async function doJobs(collective: Collective, run: SharedRun, jobs: readonly Job[], told: Told): Promise<void> {
  const { benchmark, rules } = run
  const all = jobs.flatMap((job, index) => {
    const sequence = benchmark.sequences[job.video]
    return sequence ? [{ index, sequence, rules: job.rules.flatMap((rule) => rules[rule] ?? []) }] : []
  })
  const handover = new Handover(collective, {
    what: 'the tracks of a search',
    async onResult(bytes, rank) {
      if (collective.rank > 0) return // Rank 0 has the tracks and judges them.
      const done = decoded(bytes)
      const job = all[done.job]
      if (job) await told.onDone(done, job.sequence, rank)
    },
  })
  const signal = AbortSignal.any([handover.signal, ...(run.signal ? [run.signal] : [])])
  const part = divide(all, collective.ranks, ({ sequence }) => sequence.images.length)[collective.rank] ?? []
  for (const { index, sequence, rules: block } of part) {
    if (signal.aborted) break
    const onFrame = () => {
      handover.progress()
      told.onFrame(sequence)
    }
    const work = async () => ({ tracks: await trackBlock({ ...run, signal }, sequence, block, onFrame) })
    try {
      handover.give(encoded({ job: index, ...(await handover.watched(orFailure({ signal }, sequence, work))) }))
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
  if (await handover.end(run.signal?.aborted ?? false)) throw new DOMException('a rank was interrupted', 'AbortError')
}

/** Everything of a video together; tracks are written. */
async function outcomeOf({ cache }: SearchRun, sequence: Sequence, done: readonly Done[]): Promise<VideoOutcome> {
  const inOrder = done.toSorted((a, b) => a.job - b.job)
  for (const each of inOrder) if ('failure' in each) return { sequence, failure: each.failure }
  const made = inOrder.flatMap((each) => ('tracks' in each ? [...each.tracks] : []))
  const tracks = new Map([...(await cache.load(sequence)), ...made])
  if (made.length > 0) await cache.save(sequence, tracks)
  return { sequence, tracks, added: made.length }
}

async function countsOf(collective: Collective, now: SweepCounts, before: SweepCounts): Promise<SweepCounts> {
  const own = { computed: now.computed - before.computed, updates: now.updates - before.updates }
  const all = await allGatherJson(collective, 'what the search has cost', own)
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  return { computed: sum(all.map(({ computed }) => computed)), updates: sum(all.map(({ updates }) => updates)) }
}

function encoded(done: Done): Uint8Array {
  const about = { job: String(done.job), ...('failure' in done && { failure: done.failure }) }
  const tracks = 'tracks' in done ? [...done.tracks] : []
  return writeSafetensors(
    new Map(tracks.map(([name, track]) => [name, fromFloat32(track, [track.length / 4, 4])])),
    about,
  )
}

function decoded(bytes: Uint8Array): Done {
  const { tensors, metadata } = readSafetensors(bytes)
  const job = Number(metadata.job)
  if (metadata.failure !== undefined) return { job, failure: metadata.failure }
  return { job, tracks: new Map([...tensors].map(([name, tensor]) => [name, toFloat32(tensor)])) }
}
