// Cuts a Python configuration file into tokens. Line ends are tokens everywhere: the parser skips them between brackets, and
// can so tell where a bracket was forgotten. Indented blocks are not read, so indentation is no token.
// Source: Python's lexical analysis (docs.python.org/3/reference/lexical_analysis.html).

import type { PythonSource } from './source.ts'
import { readPythonText, type TextPart } from './text.ts'

interface Common {
  /** Offset of the first character. */
  readonly at: number
  readonly text: string
}

export type Token =
  | (Common & { readonly kind: 'name' | 'operator' | 'newline' | 'end' })
  /** Integers are bigints, floats are numbers. */
  | (Common & { readonly kind: 'number'; readonly value: bigint | number })
  | (Common & { readonly kind: 'text'; readonly parts: readonly TextPart[] })

const blank = /(?:[ \t\f]|\\\n|#[^\n]*)+/y
const textStart = /([A-Za-z]{0,2})('''|"""|'|")/y
const word = /[\p{L}_][\p{L}\p{N}_]*/uy
const number = /(?:\d|\.\d)(?:[eE][+-]?\d|[\w.])*/y
const operator = /\*\*=|\/\/=|>>=|<<=|->|:=|\*\*|\/\/|<<|>>|[-+*/%@&|^=!<>]=|[-+*/%@&|^~<>=(){}[\],:.;]/y

const integer = /^(?:0(?:_?0)*|[1-9](?:_?\d)*|0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)$/
const digits = String.raw`\d(?:_?\d)*`
const float = new RegExp(`^(?:${digits}\\.(?:${digits})?|\\.${digits}|${digits}(?=[eE]))(?:[eE][+-]?${digits})?$`)

/** No integer that a number of JavaScript holds exactly is longer. */
const longestInteger = 72

/** @throws PythonConfigError for characters that begin no token */
export function tokenize(source: PythonSource): Token[] {
  const { text } = source
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    if (match(blank, text, at) !== undefined) {
      at = blank.lastIndex
      continue
    }
    const token = readToken(source, at)
    tokens.push(token)
    at += token.text.length
  }
  tokens.push({ kind: 'newline', at, text: '' }, { kind: 'end', at, text: '' })
  return tokens
}

function readToken(source: PythonSource, at: number): Token {
  const { text } = source
  if (text[at] === '\n') return { kind: 'newline', at, text: '\n' }
  const quoted = match(textStart, text, at)
  if (quoted !== undefined) return readText(source, at, quoted)
  const name = match(word, text, at)?.[0]
  if (name !== undefined) return { kind: 'name', at, text: name }
  const digit = match(number, text, at)?.[0]
  if (digit !== undefined) return { kind: 'number', at, text: digit, value: readNumber(source, at, digit) }
  const sign = match(operator, text, at)?.[0]
  if (sign !== undefined) return { kind: 'operator', at, text: sign }
  throw source.error(at, `unexpected character ${JSON.stringify(text[at])}`)
}

function readText(source: PythonSource, at: number, [start, prefix = '', quote = '']: RegExpExecArray): Token {
  if (!/^(?:|[rRuUfF]|[rR][fF]|[fF][rR])$/.test(prefix)) {
    throw source.error(at, `texts with the prefix ${prefix} are not read`)
  }
  const { parts, end } = readPythonText(source, at + start.length, {
    quote,
    raw: /r/i.test(prefix),
    formatted: /f/i.test(prefix),
  })
  return { kind: 'text', at, text: source.text.slice(at, end), parts }
}

function readNumber(source: PythonSource, at: number, text: string): bigint | number {
  const plain = text.replaceAll('_', '')
  const whole = integer.test(text) && plain.length <= longestInteger
  if (whole && Number.isSafeInteger(Number(plain))) return BigInt(plain)
  const value = float.test(text) ? Number(plain) : Number.NaN
  if (Number.isFinite(value)) return value
  throw source.error(at, `${text.slice(0, longestInteger)} is not a number that is read here`)
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}
