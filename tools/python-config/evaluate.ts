// The values of the expressions of a configuration, by Python's rules. Names are looked up among the assignments before.

import type { PythonSource } from './source.ts'
import type { DictEntry, Expression, Item, Keyword } from './syntax.ts'
import type { FileVariable, TextPart } from './text.ts'
import {
  applySign,
  asInteger,
  type Budget,
  isDict,
  isList,
  operate,
  type PythonDict,
  type PythonValue,
  toText,
  typeName,
  ValueProblem,
} from './values.ts'

/** What the expressions of a file can refer to. */
export interface Scope {
  readonly source: PythonSource
  readonly budget: Budget
  /** The assignments so far. */
  readonly names: Map<string, PythonValue>
  /** Names that were referred to. */
  readonly used: Set<string>
  readonly variables: Readonly<Record<FileVariable, string>>
  /** The merged files of `_base_`, once they are read. */
  base?: PythonDict
}

type Call = Extract<Expression, { kind: 'call' }>

/** @throws PythonConfigError with the place of the wrong expression */
export function evaluatePython(expression: Expression, scope: Scope): PythonValue {
  return guarded(scope, expression.at, () => {
    scope.budget.spend(1)
    return value(expression, scope)
  })
}

/** Puts the place before what is wrong with a value. */
export function guarded<T>({ source }: Scope, at: number, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw cause instanceof ValueProblem ? source.error(at, cause.message) : cause
  }
}

function value(expression: Expression, scope: Scope): PythonValue {
  switch (expression.kind) {
    case 'constant':
      return expression.value
    case 'text':
      return text(expression.parts, scope)
    case 'name':
      return lookUp(expression.name, expression.at, scope)
    case 'base':
      return baseValue(expression.keys, scope)
    case 'list':
      return items(expression.items, scope)
    case 'dict':
      return dict(expression.entries, scope)
    case 'call':
      return call(expression, scope)
    case 'index':
      return expression.indices.reduce(
        (object, index) => {
          const key = evaluatePython(index, scope)
          return guarded(scope, index.at, () => indexed(object, key))
        },
        evaluatePython(expression.object, scope),
      )
    case 'sign':
      return applySign(expression.operator, evaluatePython(expression.operand, scope))
    case 'chain': {
      let result = evaluatePython(expression.first, scope)
      for (const { at, operator, operand } of expression.rest) {
        const right = evaluatePython(operand, scope)
        const left = result
        result = guarded(scope, at, () => operate(operator, left, right, scope.budget))
      }
      return result
    }
  }
}

function text(parts: readonly TextPart[], scope: Scope): string {
  let result = ''
  for (const part of parts) {
    if (typeof part === 'string') result += part
    else if ('variable' in part) result += scope.variables[part.variable]
    else result += guarded(scope, part.at, () => toText(lookUp(part.name, part.at, scope)))
  }
  scope.budget.spend(result.length / 16)
  return result
}

function lookUp(name: string, at: number, { names, used, source }: Scope): PythonValue {
  const found = names.get(name)
  if (found === undefined) throw source.error(at, `${name} is not defined before this line`)
  used.add(name)
  return found
}

function baseValue(keys: readonly string[], { base, used }: Scope): PythonValue {
  if (base === undefined) throw new ValueProblem('_base_ is not set before this line')
  used.add(keys[0] ?? '')
  let found: PythonValue | undefined = base
  for (const key of keys) {
    found = isDict(found) ? found.get(key) : undefined
    if (found === undefined) throw new ValueProblem(`the files of _base_ have no ${keys.join('.')}`)
  }
  return found
}

function items(list: readonly Item[], scope: Scope): PythonValue[] {
  const result: PythonValue[] = []
  for (const { starred, value } of list) {
    const item = evaluatePython(value, scope)
    if (!starred) result.push(item)
    else for (const inner of guarded(scope, value.at, () => listOf(item, scope))) result.push(inner)
  }
  return result
}

function listOf(found: PythonValue, { budget }: Scope): readonly PythonValue[] {
  if (!isList(found)) throw new ValueProblem(`found ${typeName(found)}, expected list`)
  budget.spend(found.length)
  return found
}

function dict(entries: readonly DictEntry[], scope: Scope): PythonDict {
  const result = new Map<string, PythonValue>()
  for (const { key, value } of entries) {
    if (key !== undefined) {
      const name = guarded(scope, key.at, () => keyOf(evaluatePython(key, scope)))
      result.set(name, evaluatePython(value, scope))
    } else for (const [name, item] of mapping(value, scope)) result.set(name, item)
  }
  return result
}

function mapping(expression: Expression, scope: Scope): PythonDict {
  const found = evaluatePython(expression, scope)
  return guarded(scope, expression.at, () => {
    if (!isDict(found)) throw new ValueProblem(`found ${typeName(found)}, expected dict`)
    scope.budget.spend(found.size)
    return found
  })
}

function keyOf(key: PythonValue): string {
  if (typeof key !== 'string') throw new ValueProblem(`keys are str here, found ${typeName(key)}`)
  if (key === '__proto__') throw new ValueProblem('__proto__ is no key that is read')
  return key
}

function call(expression: Call, scope: Scope): PythonValue {
  const { name, keywords } = expression
  const given = items(expression.items, scope)
  if (name === 'dict') return makeDict(given, keywords, scope)
  if (keywords.length > 0) throw new ValueProblem(`${name}() takes no names`)
  if (name === 'range') return makeRange(given, scope)
  if (given.length > 1) throw new ValueProblem(`${name}() takes one value, found ${given.length}`)
  return given[0] === undefined ? [] : [...listOf(given[0], scope)]
}

/** `dict(mapping, name=value)`, `dict([(key, value)])`, `dict(**mapping)`. */
function makeDict(given: readonly PythonValue[], keywords: readonly Keyword[], scope: Scope): PythonDict {
  const [first] = given
  if (given.length > 1) throw new ValueProblem(`dict() takes one value besides names, found ${given.length}`)
  const result = new Map<string, PythonValue>()
  if (isDict(first)) {
    scope.budget.spend(first.size)
    for (const [key, item] of first) result.set(key, item)
  } else if (first !== undefined) for (const [key, item] of pairs(listOf(first, scope))) result.set(key, item)
  const named = new Set<string>()
  for (const { at, name, value } of keywords) {
    const found = name === undefined ? mapping(value, scope) : new Map([[name, evaluatePython(value, scope)]])
    for (const [key, item] of found) {
      guarded(scope, at, () => {
        if (named.has(key)) throw new ValueProblem(`${key} is given twice`)
        named.add(keyOf(key))
      })
      result.set(key, item)
    }
  }
  return result
}

function pairs(list: readonly PythonValue[]): [string, PythonValue][] {
  return list.map((pair) => {
    const [key, item] = isList(pair) && pair.length === 2 ? pair : []
    if (key === undefined || item === undefined)
      throw new ValueProblem('dict() takes a dict, or pairs of key and value')
    return [keyOf(key), item]
  })
}

function makeRange(given: readonly PythonValue[], { budget }: Scope): PythonValue[] {
  const [first = 0n, second, step = 1n] = given.map(asInteger)
  if (given.length < 1 || given.length > 3) throw new ValueProblem(`range() takes 1 to 3 values, found ${given.length}`)
  if (step === 0n) throw new ValueProblem('range() takes no step of 0')
  const [from, to] = second === undefined ? [0n, first] : [first, second]
  const length = Math.max(0, Math.ceil(Number(to - from) / Number(step)))
  budget.spend(length)
  return Array.from({ length }, (_, i) => from + BigInt(i) * step)
}

function indexed(object: PythonValue, index: PythonValue): PythonValue {
  if (isDict(object)) {
    const found = object.get(keyOf(index))
    if (found === undefined) throw new ValueProblem(`no entry '${keyOf(index).slice(0, 40)}'`)
    return found
  }
  if (!isList(object)) throw new ValueProblem(`${typeName(object)} has no entries`)
  const found = object.at(Number(asInteger(index)))
  if (found === undefined) throw new ValueProblem(`no entry ${asInteger(index)} in a list of ${object.length}`)
  return found
}
