// One thing that is wrong with a configuration, as data and as a line of text.

import { cut, show } from '../../gpu/message.ts'
import { editDistance } from '../../gpu/names.ts'

/** A wrong entry. `found` is undefined where the entry is missing. */
export interface ConfigProblem {
  /** Dotted key path; list items by their index. */
  readonly path: string
  readonly found: unknown
  /** What would be accepted, or for an unknown key the keys that are known there. */
  readonly expected: string
  /** Set if the key itself is unknown; the known key that is spelt most like it. */
  readonly nearest?: string
}

/** Longest path, value and expectation in a line, in characters. */
const longest = { path: 120, value: 60, expected: 600 }

/** Longest word that is compared with others: no key is half as long. */
const longestWord = 64

/** `path: found X, expected Y`. */
export function describeProblem({ path, found, expected, nearest }: ConfigProblem): string {
  const at = path === '' ? 'the top level' : cut(path, longest.path)
  const wanted = cut(expected, longest.expected)
  if (nearest !== undefined) return `${at}: unknown key, did you mean '${nearest}'? Known keys: ${wanted}`
  return found === undefined
    ? `${at}: missing, expected ${wanted}`
    : `${at}: found ${showValue(found)}, expected ${wanted}`
}

/** A value as short JSON. */
function showValue(value: unknown): string {
  return show(value, longest.value)
}

/** The candidate with the smallest edit distance to (the beginning of) `word`; undefined if there is no candidate. */
export function nearestWord(word: string, candidates: readonly string[]): string | undefined {
  const begin = word.slice(0, longestWord)
  const ranked = candidates.map((candidate) => ({ candidate, distance: editDistance(begin, candidate) }))
  return ranked.sort((a, b) => a.distance - b.distance)[0]?.candidate
}
