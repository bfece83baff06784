// The values of a configuration and what can be done with them, by Python's rules. Integers are bigints, floats are numbers, so
// that 4 / 2, 4 // 2 and f'{4.0}' come out as in Python. Lists and tuples are not told apart.
//
// Whatever makes values spends of a budget, before it makes them: a file cannot ask for more than the budget holds.

export type PythonValue = null | boolean | bigint | number | string | readonly PythonValue[] | PythonDict
export type PythonDict = ReadonlyMap<string, PythonValue>

/** What is wrong with a value; who knows the place in the file puts it in front. */
export class ValueProblem extends Error {}

const mostSteps = 1_000_000
const deepestValue = 100

export class Budget {
  #left = mostSteps

  /** @throws ValueProblem as soon as more is spent than there is */
  spend(steps: number): void {
    this.#left -= steps
    if (!(this.#left >= 0)) throw new ValueProblem('this configuration grows too large')
  }

  /** Counts a value, everything in it included. */
  count(value: PythonValue, depth = 0): void {
    this.spend(1)
    if (depth > deepestValue) throw new ValueProblem(`values nested more than ${deepestValue} deep`)
    if (Array.isArray(value)) for (const item of value) this.count(item, depth + 1)
    else if (isDict(value)) for (const item of value.values()) this.count(item, depth + 1)
  }
}

export function isDict(value: PythonValue | undefined): value is PythonDict {
  return value instanceof Map
}

export function isList(value: PythonValue | undefined): value is readonly PythonValue[] {
  return Array.isArray(value)
}

/** Numbers, texts, lists and plain objects; nothing of it is shared. */
export function toPlain(value: PythonValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (isList(value)) return value.map(toPlain)
  if (isDict(value)) return Object.fromEntries([...value].map(([key, item]) => [key, toPlain(item)]))
  return value
}

/** Python's name for the type of a value. */
export function typeName(value: PythonValue): string {
  if (value === null) return 'None'
  if (isList(value)) return 'list'
  if (isDict(value)) return 'dict'
  return { boolean: 'bool', bigint: 'int', number: 'float', string: 'str' }[typeof value as 'string']
}

/** `left operator right` for + - * / // % **. */
export function operate(operator: string, left: PythonValue, right: PythonValue, budget: Budget): PythonValue {
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') {
    budget.spend(left.length + right.length)
    return left + right
  }
  if (operator === '+' && isList(left) && isList(right)) {
    budget.spend(left.length + right.length)
    return [...left, ...right]
  }
  if (operator === '*') {
    const repeated = repeat(left, right, budget) ?? repeat(right, left, budget)
    if (repeated !== undefined) return repeated
  }
  const a = asNumber(left)
  const b = asNumber(right)
  if (a === undefined || b === undefined) {
    throw new ValueProblem(`${operator} is not read between ${typeName(left)} and ${typeName(right)}`)
  }
  if (['/', '//', '%'].includes(operator) && Number(b) === 0) throw new ValueProblem('division by zero')
  const integers = typeof a === 'bigint' && typeof b === 'bigint' && operator !== '/' && !(operator === '**' && b < 0n)
  return checked(integers ? integerOperation(operator, a, b) : floatOperation(operator, Number(a), Number(b)))
}

/** `-value` or `+value`. */
export function applySign(operator: string, value: PythonValue): PythonValue {
  const number = asNumber(value)
  if (number === undefined) throw new ValueProblem(`${operator} is not read before ${typeName(value)}`)
  return operator === '-' ? -number : number
}

/** An integer, or a truth value as one. */
export function asInteger(value: PythonValue): bigint {
  const number = asNumber(value)
  if (typeof number === 'bigint') return number
  throw new ValueProblem(`found ${typeName(value)}, expected int`)
}

/** How Python writes a value into a text. */
export function toText(value: PythonValue): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return floatText(value)
  throw new ValueProblem(`${typeName(value)} is not read in a text, expected str, int or float`)
}

function asNumber(value: PythonValue): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined
}

function repeat(value: PythonValue, times: PythonValue, budget: Budget): PythonValue | undefined {
  if (!(typeof value === 'string' || isList(value))) return undefined
  const count = Math.max(0, Number(asInteger(times)))
  budget.spend(count * value.length)
  if (typeof value === 'string') return value.repeat(value === '' ? 0 : count)
  return value.length === 0 ? [] : Array.from({ length: count }, () => value).flat()
}

function integerOperation(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '//':
      return (a - modulo(a, b)) / b
    case '%':
      return modulo(a, b)
    default:
      return integerPower(a, b)
  }
}

/** Has the sign of the divisor, as in Python. */
function modulo(a: bigint, b: bigint): bigint {
  const rest = a % b
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest
}

function integerPower(base: bigint, exponent: bigint): bigint {
  if (base === 0n || base === 1n) return exponent === 0n ? 1n : base
  if (base === -1n) return exponent % 2n === 0n ? 1n : -1n
  // Nothing larger than 2 ** 53 is kept anyway.
  if (exponent > 64n) throw tooLarge()
  return base ** exponent
}

function floatOperation(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '//':
      return Math.round((a - floatModulo(a, b)) / b)
    case '%':
      return floatModulo(a, b)
    default:
      return a ** b
  }
}

/** Has the sign of the divisor, as in Python. */
function floatModulo(a: number, b: number): number {
  const rest = a % b
  if (rest === 0) return b < 0 ? -0 : 0
  return rest < 0 !== b < 0 ? rest + b : rest
}

function checked(value: bigint | number): bigint | number {
  const magnitude = Math.abs(Number(value))
  if (!(magnitude <= (typeof value === 'bigint' ? Number.MAX_SAFE_INTEGER : Number.MAX_VALUE))) throw tooLarge()
  return value
}

function tooLarge(): ValueProblem {
  return new ValueProblem('this number is too large, or none')
}

/** Python's repr: 1.0, 1e-05, 1e+16. */
function floatText(value: number): string {
  const magnitude = Math.abs(value)
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  if (Object.is(value, -0)) return '-0.0'
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
