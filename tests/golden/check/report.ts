// What a section's check found: its cases, every measurement, and what was left out and why. A section passes only if it has
// cases, every measurement is within its tolerance, and nothing in it is unknown.

import { SiamRpnError } from '../../../src/gpu/errors.ts'
import { firstMismatch, largestDifference, largestMagnitude, type Measurement, passes, strain } from './measure.ts'
import { GoldenDataError } from './reader.ts'

/** One case under way: its measurements go to the report of its section. */
export interface CaseReport {
  readonly id: string
  /** Largest difference, as a part of `magnitude`: by default the largest expected one. */
  relative(
    quantity: string,
    found: ArrayLike<number>,
    expected: ArrayLike<number>,
    tolerance: number,
    magnitude?: number,
  ): void
  /** Largest difference, in the values' own units. */
  absolute(quantity: string, found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void
  /** Plain data (numbers, texts, lists, objects, Maps, typed arrays) that must be equal, types included. */
  exact(quantity: string, found: unknown, expected: unknown): void
  /** Something that could not be compared at all. */
  fail(quantity: string, reason: string): void
}

/** Told of each case as it begins, for progress displays. */
export type CaseListener = (cases: number, id: string) => void

export class SectionReport {
  readonly name: string
  cases = 0
  readonly measurements: Measurement[] = []
  /** Parts that later checks will cover, and how many of each. */
  readonly notCovered = new Map<string, number>()
  /** Lists of the files that have no entries. */
  readonly empty: string[] = []
  /** Cases that run only with --slow. */
  readonly leftForSlow: string[] = []
  readonly #onCase: CaseListener

  constructor(name: string, onCase: CaseListener = () => undefined) {
    this.name = name
    this.#onCase = onCase
  }

  /** Checks one case. An error of the library is a failure of the case; a broken golden file ends the check. */
  async check(id: string, check: (one: CaseReport) => Promise<void> | void): Promise<void> {
    const one = this.case(id)
    try {
      await check(one)
    } catch (error) {
      if (error instanceof GoldenDataError || !(error instanceof SiamRpnError)) throw error
      one.fail(error.name, error.message)
    }
  }

  /** Counts one case. */
  case(id: string): CaseReport {
    this.cases++
    this.#onCase(this.cases, id)
    const add = (quantity: string, error: number, tolerance: number, note?: string) =>
      this.measurements.push({ caseId: id, quantity, error, tolerance, ...(note === undefined ? {} : { note }) })
    return {
      id,
      relative: (quantity, found, expected, tolerance, magnitude = largestMagnitude(expected)) =>
        add(quantity, largestDifference(found, expected) / (magnitude || 1), tolerance, lengths(found, expected)),
      absolute: (quantity, found, expected, tolerance) =>
        add(quantity, largestDifference(found, expected), tolerance, lengths(found, expected)),
      exact: (quantity, found, expected) => {
        const mismatch = firstMismatch(found, expected)
        if (mismatch === undefined) add(quantity, 0, 0)
        else add(quantity, Number.POSITIVE_INFINITY, 0, mismatch)
      },
      fail: (quantity, reason) => add(quantity, Number.POSITIVE_INFINITY, 0, reason),
    }
  }

  leaveOut(what: string, count: number): void {
    if (count > 0) this.notCovered.set(what, (this.notCovered.get(what) ?? 0) + count)
  }

  /** A list of the files, so that it shows if there is nothing in it. */
  list<T>(name: string, entries: readonly T[]): readonly T[] {
    if (entries.length === 0) this.empty.push(name)
    return entries
  }

  leaveForSlow(caseId: string): void {
    this.leftForSlow.push(caseId)
  }

  /** The measurement that uses most of its tolerance; one with a tolerance above zero, if all passed. */
  get worst(): Measurement | undefined {
    const graded = this.measurements.filter(({ tolerance, error }) => tolerance > 0 || error > 0)
    return graded.reduce<Measurement | undefined>(
      (worst, one) => (worst === undefined || strain(one) > strain(worst) ? one : worst),
      undefined,
    )
  }

  get failures(): readonly Measurement[] {
    return this.measurements.filter((one) => !passes(one))
  }

  /** Whether nothing is wrong; a section without cases is. */
  get passed(): boolean {
    return this.cases > 0 && this.measurements.length > 0 && this.failures.length === 0
  }
}

/** The magnitude that logits are measured by: their own, but at least 1. */
export function logitMagnitude(expected: ArrayLike<number>): number {
  return Math.max(1, largestMagnitude(expected))
}

function lengths(found: ArrayLike<number>, expected: ArrayLike<number>): string | undefined {
  return found.length === expected.length ? undefined : `found ${found.length} values, expected ${expected.length}`
}
