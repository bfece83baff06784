// Runs cases one after the other within their time, and tells of each result as soon as it is there.

import { type BenchCase, type BenchContext, type CaseResult, measureCase } from './case.ts'
import type { Schedule } from './schedule.ts'

export interface CaseRun {
  readonly schedule: Schedule<BenchCase>
  readonly context: BenchContext
  /** Ends the run after the sample under way. */
  readonly signal: AbortSignal
  /** A case begins. */
  readonly onCase: (benchCase: BenchCase) => void
  readonly onResult: (result: CaseResult) => unknown
}

/** @throws what a case throws, with the case's name */
export async function runCases({ schedule, context, signal, onCase, onResult }: CaseRun): Promise<void> {
  for (let turn = schedule.next(); turn && !signal.aborted; turn = schedule.next()) {
    const { planned, sampleMs } = turn
    onCase(planned)
    const onFirst = () => schedule.sampled(planned)
    try {
      const result = await measureCase(planned, context, { time: sampleMs, signal, onFirst })
      if (result) await onResult(result)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`Case \`${planned.name}\`: ${reason}`, { cause: error })
    }
  }
}
