// Checks an unknown value against the schema and turns what zod reports into problems that name path, value and expectation.

import type * as z from 'zod'
import { ConfigError } from '../errors.ts'
import { crossCheck } from './checks.ts'
import { type ConfigProblem, nearestWord } from './problem.ts'
import { type Config, configSchema } from './schema.ts'
import { type Key, type KeyPath, knownKeys, schemaAt, valueAt } from './schema-path.ts'

type Issue = z.core.$ZodIssue

/**
 * Checks a configuration and fills in MMTracking's defaults.
 * @param value anything: JSON, or an object of the type `ConfigInput`.
 * @param source where it comes from, for messages.
 * @throws ConfigError that lists every problem with its key path, the value found and what is expected.
 */
export function parseConfig(value: unknown, source?: string): Config {
  checkExtent(value, source)
  const result = configSchema.safeParse(value)
  if (result.success) {
    const found = crossCheck(result.data)
    if (found.length === 0) return result.data
    throw new ConfigError(found, source)
  }
  const { issues } = result.error
  const found = issues.slice(0, mostProblems).flatMap((issue) => problems(issue, value))
  const left = issues.slice(0, mostProblems).reduce((sum, issue) => sum + unlisted(issue), 0)
  throw new ConfigError(found, source, left + Math.max(0, issues.length - mostProblems))
}

/** How many problems are worked out; of more, only their number is told. */
const mostProblems = 100

/** Unknown keys of one place that are not worked out. */
function unlisted(issue: Issue): number {
  return issue.code === 'unrecognized_keys' ? Math.max(0, issue.keys.length - mostProblems) : 0
}

const mostLevels = 64
const mostValues = 100_000

/**
 * Refuses what is larger or nests deeper than any configuration, or contains itself: whoever walks it later need not look.
 * @throws ConfigError
 */
export function checkExtent(value: unknown, source?: string): void {
  const deepest = new Map<object, number>()
  let values = 0
  const above: { readonly node: object; readonly path: Key[] }[] = []
  const visit = (node: unknown, path: Key[]) => {
    if (typeof node !== 'object' || node === null || ArrayBuffer.isView(node)) return
    if (path.length > mostLevels) {
      const expected = `at most ${mostLevels} levels of nesting`
      throw new ConfigError([{ path: path.slice(0, 3).join('.'), found: node, expected }], source)
    }
    // What is shared is visited again only where it lies deeper than before.
    if ((deepest.get(node) ?? -1) >= path.length) return
    deepest.set(node, path.length)
    above.push({ node, path })
  }
  visit(value, [])
  for (let place = above.pop(); place !== undefined; place = above.pop()) {
    const keys = Object.keys(place.node)
    values += keys.length
    if (values > mostValues) {
      const expected = `at most ${mostValues} values in all`
      throw new ConfigError([{ path: place.path.join('.'), found: place.node, expected }], source)
    }
    for (const key of keys) visit((place.node as Record<string, unknown>)[key], [...place.path, key])
  }
}

function problems(issue: Issue, value: unknown): ConfigProblem[] {
  const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, mostProblems).map((key) => unknownKey(path, key, value))
  }
  const branch = issue.code === 'invalid_union' ? closestBranch(issue.errors) : undefined
  if (branch !== undefined) {
    return branch.flatMap((inner) => problems({ ...inner, path: [...path, ...inner.path] }, value))
  }
  return [{ path: path.join('.'), found: valueAt(value, path), expected: expectation(issue) }]
}

function unknownKey(path: KeyPath, key: string, value: unknown): ConfigProblem {
  const known = knownKeys(schemaAt(configSchema, path, value))
  const problem = { path: [...path, key].join('.'), found: valueAt(value, [...path, key]), expected: known.join(', ') }
  const nearest = nearestWord(key, known)
  return nearest === undefined ? problem : { ...problem, nearest }
}

/** The alternative that the value was most likely meant for: the one in which the fault lies deeper than its outside. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'))
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? issue.expected
    case 'invalid_value':
      return isOwnMessage(issue) ? issue.message : oneOf(issue.values)
    case 'too_small':
      return bound(issue.origin, issue.minimum, issue.inclusive ? 'at least' : 'more than')
    case 'too_big':
      return bound(issue.origin, issue.maximum, issue.inclusive ? 'at most' : 'less than')
    case 'invalid_union':
      return 'options' in issue && issue.options !== undefined
        ? oneOf(issue.options)
        : [...new Set(issue.errors.flat().map(expectation))].join(' or ')
    default:
      return issue.message
  }
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  string: 'a string',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
  null: 'null',
}

function bound(origin: string, limit: number | bigint, relation: string): string {
  return origin === 'array' ? `a list of ${relation} ${limit} items` : `a number of ${relation} ${limit}`
}

function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)))
  return texts.length === 1 ? (texts[0] ?? '') : `one of ${texts.join(', ')}`
}

/** Messages written in the schemas say what is expected; zod's own begin in these ways. */
function isOwnMessage({ message }: Issue): boolean {
  return !/^(Invalid|Too|Unrecognized)/.test(message)
}
