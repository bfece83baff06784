// Parameter search: every video is tracked under all rules side by side, and each rule is judged as an evaluation with it would
// be. Source: tools/analysis/sot/sot_siamrpn_param_search.py of MMTracking 0.14, which tracks everything once per rule.

import type { TrackRule } from 'siamrpn'
import type { Benchmark, Sequence } from '../benchmarks/types.ts'
import { EvaluationError } from '../evaluation/errors.ts'
import { type Failure, isOfSequence } from '../evaluation/run-evaluation.ts'
import { type ReadFrame, readFrameFile, sequenceVideo } from '../evaluation/sequence-video.ts'
import { trackVideo, type VideoStep } from '../evaluation/track-video.ts'
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

/** @throws EvaluationError if no video could be tracked; what the sweep and the cache throw; the signal's reason */
export async function searchParameters(run: SearchRun): Promise<SearchOutcome> {
  const { benchmark, rules, sweep } = run
  const judge = makeJudge(benchmark, run.judge)
  const before = sweep.counts
  const failures: Failure[] = []
  const count = { reused: 0, tracked: 0 }
  const progress = new ProgressCount(run)
  const leftOut = new Map<number, number>()
  for (const [video, sequence] of benchmark.sequences.entries()) {
    run.signal?.throwIfAborted()
    const going = rules.filter((_, index) => !leftOut.has(index))
    const tracks = await tracksOf({ ...run, rules: going }, sequence, progress).catch((error: unknown) => {
      if (run.signal?.aborted || !(error instanceof Error && isOfSequence(error))) throw error
      failures.push({ name: sequence.name, message: error.message })
      return undefined
    })
    progress.finish(sequence)
    if (!tracks) continue
    count.reused += going.length - tracks.added
    count.tracked += tracks.added
    for (const [index, rule] of rules.entries()) {
      const track = leftOut.has(index) ? undefined : tracks.all.get(ruleName(rule))
      if (track) judge.add(sequence, index, track)
    }
    if (!run.halving || video + 1 === benchmark.sequences.length || !isPowerOfTwo(video + 1)) continue
    const scores = rules.map((rule, index) => ({ index, rule, values: judge.values(index) }))
    const worse = worseHalf(
      scores.filter(({ index }) => index > 0 && !leftOut.has(index)),
      run.halving,
    )
    for (const { index } of worse) leftOut.set(index, video + 1)
  }
  if (failures.length === benchmark.sequences.length) {
    const [first] = failures
    throw new EvaluationError(
      first ? `no video could be tracked: ${first.message}` : 'there are no videos to search on',
    )
  }
  const { computed, updates } = sweep.counts
  return {
    measures: judge.measures,
    scores: rules.map((rule, index) => {
      const leftOutAfter = leftOut.get(index)
      return { rule, values: judge.values(index), ...(leftOutAfter !== undefined && { leftOutAfter }) }
    }),
    failures,
    saving: { computed: computed - before.computed, needed: updates - before.updates, ...count },
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

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0
}

/** The tracks of a video under all rules: those that are there, and the others made and saved block by block. */
async function tracksOf(run: SearchRun, sequence: Sequence, progress: ProgressCount) {
  const { rules, cache, sweep } = run
  let all: Tracks = await cache.load(sequence)
  const missing = rules.filter((rule) => !all.has(ruleName(rule)))
  for (let start = 0; start < missing.length; start += sweep.capacity) {
    const block = missing.slice(start, start + sweep.capacity)
    const steps = await trackBlock(run, sequence, block, () => progress.frame(sequence))
    const made = block.flatMap((rule, index) => {
      const track = steps[index]
      return track ? [[ruleName(rule), packTrack(track)] as const] : []
    })
    all = new Map([...all, ...made])
    await cache.save(sequence, all)
  }
  return { all, added: missing.length }
}

/** A video under some rules at once. */
async function trackBlock(
  { benchmark, sweep, signal, read = readFrameFile }: SearchRun,
  sequence: Sequence,
  rules: readonly TrackRule[],
  onFrame: () => void,
): Promise<VideoStep[][]> {
  const lanes = new Lanes({ sweep, rules, read: (index) => read(sequence, index), onFrame })
  const video = { ...sequenceVideo(sequence, benchmark.protocol, read), read: lanes.read }
  const tracks = await Promise.allSettled(
    rules.map((_, index) => trackVideo(lanes.lane(index), video, { signal }).finally(() => lanes.leave())),
  )
  return tracks.map((track) => {
    if (track.status === 'fulfilled') return track.value
    throw track.reason
  })
}

class ProgressCount {
  readonly #tell: SearchRun['onProgress']
  readonly #total: number
  #finished = 0
  #ofSequence = 0
  #tracked = 0

  constructor({ benchmark, onProgress }: SearchRun) {
    this.#tell = onProgress
    this.#total = benchmark.sequences.reduce((sum, { images }) => sum + images.length, 0)
  }

  frame(sequence: Sequence): void {
    this.#tracked++
    this.#ofSequence = Math.min(this.#ofSequence + 1, sequence.images.length)
    this.#report(sequence)
  }

  finish(sequence: Sequence): void {
    this.#finished += sequence.images.length
    this.#ofSequence = 0
    this.#report(sequence)
  }

  #report({ name }: Sequence): void {
    const done = this.#finished + this.#ofSequence
    this.#tell?.({ tracked: this.#tracked, done, total: this.#total, sequence: name })
  }
}
