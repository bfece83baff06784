// An evaluation that several ranks make together: each tracks a part of the sequences, and all get all results as they are finished.
// A sequence is tracked by one rank as one process would track it, so that the results are the same.

import type { Sequence, SequenceResult } from '../benchmarks/types.ts'
import type { Collective } from '../distributed/collective.ts'
import { Handover } from '../distributed/handover.ts'
import { type EvaluationOutcome, type EvaluationRun, type Failure, inOrder, runEvaluation } from './run-evaluation.ts'

export interface SharedEvaluationRun extends EvaluationRun {
  readonly done: ReadonlyMap<string, SequenceResult>
  /** What this rank tracks. */
  readonly part: readonly Sequence[]
  /** Keeps a result that is complete, of this rank or another. */
  readonly save?: (result: SequenceResult) => Promise<void>
  /** Raised on one rank, all of them end. */
  readonly signal: AbortSignal
  /** Told of each sequence that another rank has done. */
  readonly onOther?: (sequence: Sequence) => void
}

/** What ranks tell each other. */
type Told =
  | { readonly result: SequenceResult }
  | { readonly failures: readonly Failure[]; readonly frames: number; readonly seconds: number }

/** @returns the same on all ranks @throws what `runEvaluation` throws on this rank; DistributedError */
export async function runSharedEvaluation(
  collective: Collective,
  run: SharedEvaluationRun,
): Promise<EvaluationOutcome> {
  const { benchmark, part, done, save, signal, onOther } = run
  const sequences = new Map(benchmark.sequences.map((sequence) => [sequence.name, sequence]))
  const results = new Map(done)
  const failures = new Map<string, string>()
  let [frames, seconds] = [0, 0]
  const handover = new Handover(collective, {
    what: 'the results of an evaluation',
    async onResult(bytes, rank) {
      const told: Told = JSON.parse(new TextDecoder().decode(bytes))
      if ('failures' in told) {
        for (const { name, message } of told.failures) failures.set(name, message)
        frames += told.frames
        seconds = Math.max(seconds, told.seconds)
        return
      }
      const { result } = told
      await save?.(result)
      results.set(result.name, result)
      const sequence = sequences.get(result.name)
      if (rank !== collective.rank && sequence) onOther?.(sequence)
    },
  })
  const give = (told: Told) => handover.give(new TextEncoder().encode(JSON.stringify(told)))
  const evaluating = runEvaluation({
    ...run,
    onFrame(sequence, index) {
      handover.progress()
      run.onFrame?.(sequence, index)
    },
    benchmark: { ...benchmark, sequences: part },
    done: new Map(),
    save: async (result) => give({ result }),
    signal: AbortSignal.any([signal, handover.signal]),
  })
  const own = await handover.watched(evaluating)
  give({ failures: own.failures, frames: own.frames, seconds: own.seconds })
  const interrupted = await handover.end(signal.aborted)
  const videosBefore = benchmark.sequences.filter(({ name }) => done.has(name)).length
  return { ...inOrder(benchmark, results, failures), interrupted, frames, videosBefore, seconds }
}
