// Which cases to run.

import type { BenchCase } from './case.ts'

/** The cases whose name contains any of the texts, whatever the letters' case; all of them if there are no texts. */
export function selectCases<T extends Pick<BenchCase, 'name'>>(cases: readonly T[], texts: readonly string[]): T[] {
  const wanted = texts.map((text) => text.toLowerCase())
  return cases.filter(({ name }) => wanted.length === 0 || wanted.some((text) => name.toLowerCase().includes(text)))
}
