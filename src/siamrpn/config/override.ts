// Applies overrides in the style `model.test_cfg.rpn.lr=0.3` to a configuration. The whole is checked again afterwards,
// so an override can do nothing that a file could not do.  MMTracking's configurations are programs: `search_size` and
// its like are variables that other entries were made from. Setting one of them here changes those entries too, as
// editing the file would.

import * as z from 'zod'
import { ConfigError } from '../errors.ts'
import { checkExtent, parseConfig } from './parse.ts'
import { nearestWord } from './problem.ts'
import { type Config, configSchema } from './schema.ts'
import { type Key, type KeyPath, knownKeys, schemaAt, valueAt } from './schema-path.ts'

type Node = Record<Key, unknown>

/**
 * A copy of `config` with the overrides applied in order, then checked as a whole.
 *
 * Each override is `key.path=value`. List items are `train.0` or `train[0]`; a key with dots in it is `["layer1.0"]`. The value is
 * JSON; `None`, `True`, `False`, single quotes and bare words are understood too. Setting a `type` drops the options that the
 * new class does not have. Setting a shared entry (`exemplar_size`, `search_size`, `crop_size`, `data_root`, `train_pipeline`,
 * `test_pipeline`) changes every entry that has its value from it.
 * @throws ConfigError for an unknown path, a value that does not fit, or entries that no longer fit one another.
 */
export function overrideConfig(config: Config, overrides: string | readonly string[]): Config {
  const list = typeof overrides === 'string' ? [overrides] : overrides
  const root: Node = JSON.parse(JSON.stringify(config))
  for (const override of list) {
    const { path, text } = split(override)
    const schema = schemaForPath(root, path, override)
    const value = readValue(text, schema)
    checkExtent(value, `with ${override}`)
    const [name = ''] = path
    const before = structuredClone(root[name])
    setValue(root, path, value)
    if (path.at(-1) === 'type') adoptClass(root, path.slice(0, -1))
    const rule = sharedEntries[name]?.(before, root[name])
    if (rule !== undefined && before !== undefined) rewrite(root, rule)
  }
  return parseConfig(root, `with ${list.join(' ')}`)
}

const keyPattern = /^(?:([^.[\]"']+)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\])(?:\.(?=[^[])|(?=\[)|$)/

function split(override: string): { path: Key[]; text: string } {
  const at = override.indexOf('=')
  const path: Key[] = []
  let rest = override.slice(0, Math.max(at, 0)).trim()
  while (rest !== '') {
    const match = keyPattern.exec(rest)
    if (match === null) break
    const [whole, word, index, ...quoted] = match
    const key = word ?? index ?? quoted.find((text) => text !== undefined) ?? ''
    path.push(word !== undefined && /^\d+$/.test(word) ? Number(word) : index === undefined ? key : Number(index))
    rest = rest.slice(whole.length)
  }
  if (path.length === 0 || rest !== '') {
    throw new ConfigError([{ path: 'override', found: override, expected: 'key.path=value' }])
  }
  return { path, text: override.slice(at + 1).trim() }
}

/** The schema of the entry that a path names, undefined for the `type` of an entry that has none yet. */
function schemaForPath(root: Node, path: KeyPath, override: string): z.ZodType | undefined {
  for (const [depth, key] of path.entries()) {
    const parent = path.slice(0, depth)
    checkIndex(valueAt(root, parent), parent, key, override)
    if (schemaAt(configSchema, path.slice(0, depth + 1), root) !== undefined) continue
    const schema = schemaAt(configSchema, parent, root)
    const known = knownKeys(schema)
    const nearest = nearestWord(String(key), known)
    const problem = { path: path.slice(0, depth + 1).join('.'), found: key, expected: known.join(', ') }
    if (nearest !== undefined) throw new ConfigError([{ ...problem, nearest }], `with ${override}`)
    if (schema instanceof z.ZodUnion && key === 'type') return undefined
    const expected =
      schema instanceof z.ZodUnion ? `${[...parent, 'type'].join('.')} to be set before` : 'no key below it'
    throw new ConfigError([{ path: parent.join('.'), found: valueAt(root, parent), expected }], `with ${override}`)
  }
  return schemaAt(configSchema, path, root)
}

function checkIndex(list: unknown, path: KeyPath, key: Key, override: string): void {
  if (!Array.isArray(list) || (typeof key === 'number' && key < list.length)) return
  const expected = list.length === 0 ? 'no key below it, the list is empty' : `an index from 0 to ${list.length - 1}`
  throw new ConfigError([{ path: path.join('.'), found: key, expected }], `with ${override}`)
}

function readValue(text: string, schema: z.ZodType | undefined): unknown {
  if (text === 'None' || text === 'null') return null
  const quoted = /^(["'])(.*)\1$/.exec(text)
  if (quoted !== null) return quoted[2]
  if (schema instanceof z.ZodString) return text
  for (const candidate of [text, pythonToJson(text)]) {
    try {
      return JSON.parse(candidate)
    } catch {
      // The next reading, or a bare word.
    }
  }
  return text
}

function pythonToJson(text: string): string {
  const words: Readonly<Record<string, string>> = {
    True: 'true',
    False: 'false',
    None: 'null',
    "'": '"',
    '(': '[',
    ')': ']',
  }
  return text
    .replaceAll(/\b(?:True|False|None)\b|['()]/g, (word) => words[word] ?? word)
    .replaceAll(/(?<![\w.])(\d+)\.(?![\w.])/g, '$1.0')
    .replaceAll(/(?<![\w.])\.(?=\d)/g, '0.')
}

function setValue(root: Node, path: KeyPath, value: unknown): void {
  let node = root
  for (const [depth, key] of path.entries()) {
    if (depth === path.length - 1) {
      node[key] = value
      return
    }
    if (!Object.hasOwn(node, key) || node[key] === null) node[key] = {}
    node = node[key] as Node
  }
}

/** After a change of class: drops the options that the new class does not have or does not accept. */
function adoptClass(root: Node, path: KeyPath): void {
  const entry = valueAt(root, path) as Node
  const schema = schemaAt(configSchema, path, root)
  if (!(schema instanceof z.ZodObject)) return
  for (const [key, value] of Object.entries(entry)) {
    const field: unknown = Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined
    if (!(field instanceof z.ZodType && field.safeParse(value).success)) delete entry[key]
  }
}

/** The new value of an entry, or undefined where it stays as it is. */
type Rule = (key: string, value: unknown) => unknown

/** Entries that hold paths below `data_root`. */
const pathKeys = ['ann_file', 'img_prefix', 'path', 'background_path']

/** How the entries look that are made from a shared one. */
const sharedEntries: Readonly<Record<string, (before: unknown, after: unknown) => Rule>> = {
  exemplar_size: (before, after) => sizeRule('exemplar_size', 0, before, after),
  search_size: (before, after) => sizeRule('search_size', 1, before, after),
  crop_size: (before, after) => (key, value) => (key === 'crop_size' && value === before ? after : undefined),
  data_root: (before, after) => (key, value) => {
    const below = pathKeys.includes(key) && typeof value === 'string'
    return below && value.startsWith(String(before)) ? String(after) + value.slice(String(before).length) : undefined
  },
  train_pipeline: pipelineRule,
  test_pipeline: pipelineRule,
}

function sizeRule(name: string, targetIndex: number, before: unknown, after: unknown): Rule {
  return (key, value) => {
    if (key === name && value === before) return after
    if (key !== 'target_size' || !Array.isArray(value) || value[targetIndex] !== before) return undefined
    return value.with(targetIndex, after)
  }
}

function pipelineRule(before: unknown, after: unknown): Rule {
  const text = JSON.stringify(before)
  return (key, value) => (key === 'pipeline' && JSON.stringify(value) === text ? structuredClone(after) : undefined)
}

function rewrite(node: unknown, rule: Rule): void {
  if (typeof node !== 'object' || node === null) return
  for (const [key, value] of Object.entries(node)) {
    const changed = rule(key, value)
    if (changed === undefined) rewrite(value, rule)
    else (node as Node)[key] = changed
  }
}
