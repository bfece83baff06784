// Parameter search: every video is tracked under all rules side by side, and each rule is judged as an evaluation with it would
// be. Source: tools/analysis/sot/sot_siamrpn_param_search.py of MMTracking 0.14, which tracks everything once per rule.

import type { SweepCounts, TrackRule } from 'siamrpn'
import type { Benchmark, Sequence } from '../benchmarks/types.ts'
import { EvaluationError } from '../evaluation/errors.ts'
import { type Failure, isOfSequence } from '../evaluation/run-evaluation.ts'
import { type ReadFrame, readFrameFile, sequenceVideo } from '../evaluation/sequence-video.ts'
import { trackVideo } from '../evaluation/track-video.ts'
import { type JudgeOptions, type MeasureValues, makeJudge, type SearchMeasure } from './judge.ts'
import { Lanes, type Sweeper } from './lanes.ts'
import { packTrack } from './packed-track.ts'
import { ruleName } from './rules.ts'
import type { TrackCache, Tracks } from './track-cache.ts'

export interface SearchRun {
  readonly benchmark: Benchmark
  /** All different. */
  readonly rules: readonly TrackRule[]
  readonly sweep: Sweeper
  readonly cache: TrackCache
  readonly judge: JudgeOptions
  /**
   * Successive halving by this measure: after 1, 2, 4 ... videos the worse half of the sets is left out of all further ones, the
   * first set never. Absent: every set goes through every video, as MMTracking does it.
   */
  readonly halving?: SearchMeasure
  /** Default: the image files. */
  readonly read?: ReadFrame
  /** Raised: the video under way is given up between two frames. */
  readonly signal?: AbortSignal
  /** Told of progress. @param frames of all videos, done; a video that must be gone through in several blocks counts each time */
  readonly onProgress?: (progress: SearchProgress) => void
}

export interface SearchProgress {
  /** Frames that were tracked by this run. */
  readonly tracked: number
  /** Frames that are done, those of finished videos included. */
  readonly done: number
  readonly total: number
  readonly sequence: string
}

export interface RuleScore {
  readonly rule: TrackRule
  readonly values: MeasureValues
  /** After how many videos it was left out; its values are of those alone. */
  readonly leftOutAfter?: number
}

export interface SearchOutcome {
  readonly measures: readonly SearchMeasure[]
  /** In the order of the rules. */
  readonly scores: readonly RuleScore[]
  /** Videos that are in no number. */
  readonly failures: readonly Failure[]
  readonly saving: Saving
}

/** What the search has cost, in crops that went through the network. */
export interface Saving {
  readonly computed: number
  /** What tracking each rule alone would have cost, tracks that were there already left out. */
  readonly needed: number
  /** Tracks that were there already. */
  readonly reused: number
  /** Tracks of this run. */
  readonly tracked: number
}

/** What becomes of a video: its tracks under all rules that it was tracked under, or the reason why there are none. */
export type VideoOutcome =
  | { readonly sequence: Sequence; readonly tracks: Tracks; readonly added: number }
  | { readonly sequence: Sequence; readonly failure: string }

/** What tracks videos: this process, or several ranks together. */
export interface SearchTracker {
  /** Tracks videos under rules. @param take told of each video, in their order */
  track(
    videos: readonly Sequence[],
    rules: readonly TrackRule[],
    progress: ProgressCount,
    take: (outcome: VideoOutcome) => void,
  ): Promise<void>
  /** Crops that were computed and needed since it was made. */
  counts(): Promise<SweepCounts>
}

/**
 * @param tracker default: this process
 * @throws EvaluationError if no video could be tracked; what the sweep and the cache throw; the signal's reason
 */
export async function searchParameters(run: SearchRun, tracker = trackingAlone(run)): Promise<SearchOutcome> {
  const { benchmark, rules, halving } = run
  const { sequences } = benchmark
  const judge = makeJudge(benchmark, run.judge)
  const failures: Failure[] = []
  const count = { reused: 0, tracked: 0 }
  const progress = new ProgressCount(run)
  const leftOut = new Map<number, number>()
  const take = (going: readonly TrackRule[]) => (outcome: VideoOutcome) => {
    const { sequence } = outcome
    progress.finish(sequence)
    if ('failure' in outcome) {
      failures.push({ name: sequence.name, message: outcome.failure })
      return
    }
    count.reused += going.length - outcome.added
    count.tracked += outcome.added
    for (const [index, rule] of rules.entries()) {
      const track = leftOut.has(index) ? undefined : outcome.tracks.get(ruleName(rule))
      if (track) judge.add(sequence, index, track)
    }
  }
  for (let done = 0; done < sequences.length; ) {
    run.signal?.throwIfAborted()
    const end = halving ? Math.min(Math.max(1, 2 * done), sequences.length) : sequences.length
    const going = rules.filter((_, index) => !leftOut.has(index))
    await tracker.track(sequences.slice(done, end), going, progress, take(going))
    const fails = new Set(failures.map(({ name }) => name))
    if (halving && end < sequences.length && !fails.has(sequences[end - 1]?.name ?? '')) {
      const scores = rules.map((rule, index) => ({ index, rule, values: judge.values(index) }))
      const worse = worseHalf(
        scores.filter(({ index }) => index > 0 && !leftOut.has(index)),
        halving,
      )
      for (const { index } of worse) leftOut.set(index, end)
    }
    done = end
  }
  if (failures.length === sequences.length) {
    const [first] = failures
    throw new EvaluationError(
      first ? `no video could be tracked: ${first.message}` : 'there are no videos to search on',
    )
  }
  const { computed, updates } = await tracker.counts()
  return {
    measures: judge.measures,
    scores: rules.map((rule, index) => {
      const leftOutAfter = leftOut.get(index)
      return { rule, values: judge.values(index), ...(leftOutAfter !== undefined && { leftOutAfter }) }
    }),
    failures,
    saving: { computed, needed: updates, ...count },
  }
}

/** The best score; the one that comes first where several are. MMTracking keeps what it has unless something is better, too. */
export function bestScore(scores: readonly RuleScore[], measure: SearchMeasure): RuleScore | undefined {
  const [best] = ranking(
    scores.filter((score) => score.leftOutAfter === undefined && isKnown(score, measure)),
    measure,
  )
  return best
}

/** The best first, equal ones in their order, those without a value last. */
export function ranking<T extends RuleScore>(scores: readonly T[], measure: SearchMeasure): T[] {
  const { name, better } = measure
  return [...scores].sort((a, b) => {
    const known = Number(isKnown(b, measure)) - Number(isKnown(a, measure))
    if (known !== 0 || !isKnown(a, measure)) return known
    const difference = (b.values[name] ?? 0) - (a.values[name] ?? 0)
    return better === 'higher' ? difference : -difference
  })
}

/** Nothing where there is no telling yet. */
function worseHalf<T extends RuleScore>(scores: readonly T[], measure: SearchMeasure): T[] {
  if (!scores.every((score) => isKnown(score, measure))) return []
  return ranking(scores, measure).slice(Math.ceil(scores.length / 2))
}

function isKnown({ values }: RuleScore, { name }: SearchMeasure): boolean {
  return Number.isFinite(values[name] ?? Number.NaN)
}

/** One video after the other. */
function trackingAlone(run: SearchRun): SearchTracker {
  const { sweep } = run
  const before = sweep.counts
  return {
    async track(videos, rules, progress, take) {
      for (const sequence of videos) {
        run.signal?.throwIfAborted()
        take(await orFailure(run, sequence, async () => await tracksOf(run, sequence, rules, progress)))
      }
    },
    async counts() {
      const { computed, updates } = sweep.counts
      return { computed: computed - before.computed, updates: updates - before.updates }
    },
  }
}

/** Errors of a video's own files and boxes do not end the search. */
export async function orFailure<T>(
  { signal }: Pick<SearchRun, 'signal'>,
  sequence: Sequence,
  work: () => Promise<T>,
): Promise<T | { readonly sequence: Sequence; readonly failure: string }> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted || !(error instanceof Error && isOfSequence(error))) throw error
    return { sequence, failure: error.message }
  }
}

/** The tracks of a video under all rules: those that are there, and the others made and saved block by block. */
async function tracksOf(run: SearchRun, sequence: Sequence, rules: readonly TrackRule[], progress: ProgressCount) {
  const { cache, sweep } = run
  let tracks: Tracks = await cache.load(sequence)
  const missing = rules.filter((rule) => !tracks.has(ruleName(rule)))
  for (const block of blocksOf(missing, sweep.capacity)) {
    const made = await trackBlock(run, sequence, block, () => progress.frame(sequence))
    tracks = new Map([...tracks, ...made])
    await cache.save(sequence, tracks)
  }
  return { sequence, tracks, added: missing.length }
}

/** As many side by side as a sweep can have. */
export function blocksOf<T>(rules: readonly T[], capacity: number): T[][] {
  const count = Math.ceil(rules.length / capacity)
  return Array.from({ length: count }, (_, index) => rules.slice(index * capacity, (index + 1) * capacity))
}

/** A video under some rules at once. */
export async function trackBlock(
  { benchmark, sweep, signal, read = readFrameFile }: Pick<SearchRun, 'benchmark' | 'sweep' | 'signal' | 'read'>,
  sequence: Sequence,
  rules: readonly TrackRule[],
  onFrame: () => void,
): Promise<Tracks> {
  const lanes = new Lanes({ sweep, rules, read: (index) => read(sequence, index), onFrame })
  const video = { ...sequenceVideo(sequence, benchmark.protocol, read), read: lanes.read }
  const tracks = await Promise.allSettled(
    rules.map((_, index) => trackVideo(lanes.lane(index), video, { signal }).finally(() => lanes.leave())),
  )
  return new Map(
    tracks.map((track, index) => {
      if (track.status === 'rejected') throw track.reason
      return [ruleName(rules[index] as TrackRule), packTrack(track.value)]
    }),
  )
}

/** How far all videos are. */
export class ProgressCount {
  readonly #tell: SearchRun['onProgress']
  readonly #total: number
  readonly #frames = new Map<Sequence, number>()
  #tracked = 0

  constructor({ benchmark, onProgress }: Pick<SearchRun, 'benchmark' | 'onProgress'>) {
    this.#tell = onProgress
    this.#total = benchmark.sequences.reduce((sum, { images }) => sum + images.length, 0)
  }

  /** Tells of frames that were tracked. */
  frame(sequence: Sequence, count = 1): void {
    this.#tracked += count
    this.#frames.set(sequence, Math.min((this.#frames.get(sequence) ?? 0) + count, sequence.images.length))
    this.#report(sequence)
  }

  finish(sequence: Sequence): void {
    this.#frames.set(sequence, sequence.images.length)
    this.#report(sequence)
  }

  #report({ name }: Sequence): void {
    const done = [...this.#frames.values()].reduce((sum, frames) => sum + frames, 0)
    this.#tell?.({ tracked: this.#tracked, done, total: this.#total, sequence: name })
  }
}
