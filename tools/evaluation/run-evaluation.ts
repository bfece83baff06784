// Tracks all sequences of a benchmark, several at a time, and hands on each result as soon as it is there. A sequence that cannot
// be tracked (a broken image, frames of two sizes) is set aside with its reason, and the others go on.

import { BoxError, FrameError } from 'siamrpn'
import type { SiamRpnError } from 'siamrpn/gpu'
import type { Benchmark, Sequence, SequenceResult } from '../benchmarks/types.ts'
import { DatasetError } from '../datasets/errors.ts'
import { FrameSizeError, SourceNotFoundError, UnreadableImageError } from '../frames/errors.ts'
import { EvaluationError } from './errors.ts'
import { type ReadFrame, readFrameFile, sequenceResult, sequenceVideo } from './sequence-video.ts'
import { trackVideo, type VideoTracker } from './track-video.ts'

export interface EvaluationRun {
  readonly benchmark: Benchmark
  /** Each works on a sequence of its own. */
  readonly trackers: readonly VideoTracker[]
  /** Of an earlier run; these sequences are not tracked again. */
  readonly done?: ReadonlyMap<string, SequenceResult>
  /** Default: the image files. */
  readonly read?: ReadFrame
  /** Keeps a result that is complete. */
  readonly save?: (result: SequenceResult) => Promise<void>
  /** Raised: sequences under way are given up between two frames. */
  readonly signal?: AbortSignal
  /** Told after each frame that was tracked. */
  readonly onFrame?: (sequence: Sequence, index: number) => void
}

/** A sequence that could not be tracked. */
export interface Failure {
  readonly name: string
  readonly message: string
}

export interface EvaluationOutcome {
  /** By name, in the benchmark's order, those of the earlier run included. */
  readonly results: ReadonlyMap<string, SequenceResult>
  readonly failures: readonly Failure[]
  readonly interrupted: boolean
  /** Tracked by this run. */
  readonly frames: number
  /** Whose results are those of an earlier run. */
  readonly videosBefore: number
  /** That this run took. */
  readonly seconds: number
}

/** Errors of one sequence's files and boxes; all others end the run. */
const sequenceErrors: readonly (typeof SiamRpnError)[] = [EvaluationError, DatasetError, BoxError, FrameError]
const fileErrors = [FrameSizeError, SourceNotFoundError, UnreadableImageError] as const

/** @throws what the trackers and `save` throw */
export async function runEvaluation(run: EvaluationRun): Promise<EvaluationOutcome> {
  const { benchmark, trackers, done = new Map<string, SequenceResult>() } = run
  const begin = performance.now()
  const tracked = new Map(done)
  const failures = new Map<string, string>()
  const waiting = benchmark.sequences.filter(({ name }) => !done.has(name)).values()
  const broken = new AbortController()
  const signal = AbortSignal.any([broken.signal, ...(run.signal ? [run.signal] : [])])
  let frames = 0
  const onFrame = (sequence: Sequence, index: number) => {
    frames++
    run.onFrame?.(sequence, index)
  }
  const lane = async (tracker: VideoTracker) => {
    for (const sequence of waiting) {
      const result = await trackOne(tracker, sequence, { ...run, signal, onFrame })
      if (typeof result === 'string') failures.set(sequence.name, result)
      else if (result) {
        await run.save?.(result)
        tracked.set(result.name, result)
      }
      if (signal.aborted) return
    }
  }
  const lanes = trackers.map(async (tracker) => {
    try {
      await lane(tracker)
    } catch (error) {
      broken.abort() // The other lanes have no reason to go on.
      throw error
    }
  })
  const failed = (await Promise.allSettled(lanes)).find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
  return {
    ...inOrder(benchmark, tracked, failures),
    interrupted: run.signal?.aborted ?? false,
    frames,
    videosBefore: benchmark.sequences.filter(({ name }) => done.has(name)).length,
    seconds: (performance.now() - begin) / 1000,
  }
}

/** What came of the benchmark's sequences, in its order. @param failures their reasons, by name */
export function inOrder(
  { sequences }: Benchmark,
  results: ReadonlyMap<string, SequenceResult>,
  failures: ReadonlyMap<string, string>,
): Pick<EvaluationOutcome, 'results' | 'failures'> {
  const found = sequences.flatMap(({ name }) => {
    const result = results.get(name)
    return result ? [[name, result] as const] : []
  })
  return {
    results: new Map(found),
    failures: sequences.flatMap(({ name }) => {
      const message = failures.get(name)
      return message === undefined ? [] : [{ name, message }]
    }),
  }
}

/** A result, the reason why there is none, or undefined after an interruption. */
async function trackOne(
  tracker: VideoTracker,
  sequence: Sequence,
  run: EvaluationRun,
): Promise<SequenceResult | string | undefined> {
  const { read = readFrameFile, signal, onFrame } = run
  const { protocol } = run.benchmark
  const video = sequenceVideo(sequence, protocol, read)
  try {
    const steps = await trackVideo(tracker, video, { signal, onFrame: (index) => onFrame?.(sequence, index) })
    return sequenceResult(sequence, protocol, steps)
  } catch (error) {
    if (signal?.aborted) return undefined
    if (error instanceof Error && isOfSequence(error)) return error.message
    throw error
  }
}

export function isOfSequence(error: Error): boolean {
  return [...sequenceErrors, ...fileErrors].some((kind) => error instanceof kind)
}
