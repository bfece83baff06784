// Reads a Python configuration file of mmcv as data: its assignments, over those of the files that it names in `_base_`. Nothing
// is run. Merging follows mmcv/utils/config.py (`_file2dict`, `_merge_a_into_b`): dicts are merged entry by entry, everything
// else is replaced, `_delete_=True` in a dict replaces it as a whole, and files of one `_base_` have no entry in common.

import type { PythonConfigError } from './errors.ts'
import { evaluatePython, guarded, type Scope } from './evaluate.ts'
import { parsePython } from './parser.ts'
import { PythonSource } from './source.ts'
import type { Assignment } from './syntax.ts'
import type { FileVariable } from './text.ts'
import { Budget, isDict, isList, operate, type PythonDict, type PythonValue, toPlain, typeName } from './values.ts'

/** How files are found and read; this floor knows no file system. */
export interface PythonFiles {
  /** The file that a file means by a path. */
  resolve(from: string, path: string): string
  read(file: string): Promise<string>
}

export interface PythonConfig {
  /** Top-level names and their values, as plain data. */
  readonly entries: Readonly<Record<string, unknown>>
  /** The names among them that other assignments refer to. */
  readonly used: ReadonlySet<string>
}

/** What the files of one configuration share. */
interface Reading {
  readonly files: PythonFiles
  readonly budget: Budget
  readonly used: Set<string>
  /** Files so far. */
  read: number
}

const baseKey = '_base_'
const deleteKey = '_delete_'
const mostFiles = 100

/**
 * Reads a file and those that it is based on.
 *
 * @param file with slashes; absolute, so that `{{ fileDirname }}` is as in mmcv
 * @throws PythonConfigError for what is no data, what contradicts itself, and cycles; what `files.read` throws
 */
export async function readPythonConfig(file: string, files: PythonFiles): Promise<PythonConfig> {
  const reading: Reading = { files, budget: new Budget(), used: new Set(), read: 1 }
  const merged = await readSource(new PythonSource(await files.read(file), file), [], reading)
  return { entries: toPlain(merged) as Record<string, unknown>, used: reading.used }
}

/** @param chain the files that led here */
async function readSource(source: PythonSource, chain: readonly string[], reading: Reading): Promise<PythonDict> {
  const { budget, used } = reading
  const names = new Map<string, PythonValue>()
  const places = new Map<string, number>()
  const scope: Scope = { source, budget, names, used, variables: variablesOf(source.file) }
  for (const assignment of parsePython(source)) {
    const result = assigned(assignment, scope)
    for (const name of assignment.names) {
      if (name === baseKey) scope.base = await readBases(result, assignment.at, { source, chain, reading })
      else if (!name.startsWith('__')) {
        names.set(name, result)
        places.set(name, assignment.at)
      }
    }
  }
  return overBase(scope, places)
}

function assigned({ at, names, operator, value }: Assignment, scope: Scope): PythonValue {
  const given = evaluatePython(value, scope)
  return guarded(scope, at, () => {
    const before = operator === undefined ? undefined : scope.names.get(names[0] ?? '')
    if (operator !== undefined && before === undefined) throw scope.source.error(at, `${names[0]} has no value before`)
    if (isList(before) || isDict(before)) throw scope.source.error(at, 'write out the new value: name = name + value')
    const result = before === undefined ? given : operate(operator ?? '', before, given, scope.budget)
    for (const _ of names) scope.budget.count(result)
    return result
  })
}

interface BaseReading {
  readonly source: PythonSource
  readonly chain: readonly string[]
  readonly reading: Reading
}

async function readBases(paths: PythonValue, at: number, base: BaseReading): Promise<PythonDict> {
  const { source, reading } = base
  const chain = [...base.chain, source.file]
  const merged = new Map<string, PythonValue>()
  for (const path of isList(paths) ? paths : [paths]) {
    if (typeof path !== 'string') throw source.error(at, `_base_ is a path or a list of paths, found ${typeName(path)}`)
    if (!path.endsWith('.py')) throw source.error(at, `_base_ names Python files, found ${path.slice(0, 100)}`)
    const file = reading.files.resolve(source.file, path)
    if (chain.includes(file)) throw source.error(at, `_base_ leads in a circle: ${[...chain, file].join(' -> ')}`)
    if (++reading.read > mostFiles) throw source.error(at, `more than ${mostFiles} files`)
    const text = await readText(reading.files, file, (why) => source.error(at, `_base_ cannot be read: ${why}`))
    for (const [name, found] of await readSource(new PythonSource(text, file), chain, reading)) {
      if (merged.has(name))
        throw source.error(at, `two files of _base_ have ${name}; expected each entry in one of them`)
      merged.set(name, found)
    }
  }
  return merged
}

async function readText(files: PythonFiles, file: string, unreadable: (why: string) => Error): Promise<string> {
  try {
    return await files.read(file)
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause))
  }
}

function overBase({ source, base, names }: Scope, places: ReadonlyMap<string, number>): PythonDict {
  const conflict = (path: readonly string[], found: PythonValue): PythonConfigError =>
    source.error(
      places.get(path[0] ?? '') ?? 0,
      `${path.join('.')} is a dict, but ${typeName(found)} in _base_; ${deleteKey}=True in it replaces what is there`,
    )
  return merge(names, base ?? new Map(), [], conflict)
}

type Conflict = (path: readonly string[], found: PythonValue) => PythonConfigError

function merge(child: PythonDict, base: PythonDict, path: readonly string[], conflict: Conflict): PythonDict {
  const merged = new Map(base)
  for (const [key, value] of child) {
    const before = merged.get(key)
    const at = [...path, key]
    if (!isDict(value)) merged.set(key, value)
    else if (before === undefined || truthy(value.get(deleteKey))) merged.set(key, withoutMarks(value))
    else if (isDict(before)) merged.set(key, merge(value, before, at, conflict))
    else throw conflict(at, before)
  }
  merged.delete(deleteKey)
  return merged
}

function withoutMarks(dict: PythonDict): PythonDict {
  const kept = [...dict].filter(([key]) => key !== deleteKey)
  return new Map(kept.map(([key, value]) => [key, isDict(value) ? withoutMarks(value) : value]))
}

function truthy(value: PythonValue | undefined): boolean {
  return value === true || (typeof value === 'bigint' && value !== 0n)
}

function variablesOf(file: string): Record<FileVariable, string> {
  const slash = file.lastIndexOf('/')
  const name = file.slice(slash + 1)
  const dot = name.lastIndexOf('.')
  const stem = dot > 0 ? name.slice(0, dot) : name
  return {
    fileDirname: slash < 0 ? '' : file.slice(0, slash),
    fileBasename: name,
    fileBasenameNoExtension: stem,
    fileExtname: name.slice(stem.length),
  }
}
