// The inside of a Python text literal: escapes, the fields of f-strings, and mmcv's predefined variables
// (`{{ fileDirname }}` and its like; mmcv/utils/config.py).

import type { PythonSource } from './source.ts'

/** A piece as it stands, the value of a name (f-strings), or one of mmcv's predefined variables. */
export type TextPart =
  | string
  | { readonly at: number; readonly name: string }
  | { readonly at: number; readonly variable: FileVariable }

export type FileVariable = 'fileDirname' | 'fileBasename' | 'fileBasenameNoExtension' | 'fileExtname'

export interface TextStyle {
  /** What ends the text: one or three quotes. */
  readonly quote: string
  /** Backslashes stand for themselves. */
  readonly raw: boolean
  /** An f-string. */
  readonly formatted: boolean
}

const variable = /\{\{\s*(fileDirname|fileBasename|fileBasenameNoExtension|fileExtname)\s*\}\}/y
const outside = /\{\{\s*(_base_|\$)/y
const field = /\{\s*([\p{L}_][\p{L}\p{N}_]*)\s*\}/uy
const escapeSequence = /\\(?:\n|[\\'"abfnrtv]|[0-7]{1,3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8})/y
const plain = /[^\\{}'"\n]+/y

const controls: Readonly<Record<string, string>> = {
  '\n': '',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/**
 * Reads on from behind the opening quote.
 * @returns the parts, and the offset behind the closing quote
 */
export function readPythonText(
  source: PythonSource,
  from: number,
  style: TextStyle,
): { parts: TextPart[]; end: number } {
  const { text } = source
  const parts: TextPart[] = []
  let piece = ''
  let at = from
  while (!text.startsWith(style.quote, at)) {
    if (at >= text.length || (text[at] === '\n' && style.quote.length === 1)) {
      throw source.error(from - style.quote.length, `this text is not closed, expected ${style.quote}`)
    }
    const next = readPiece(source, at, style)
    if (typeof next.part === 'string') piece += next.part
    else {
      parts.push(piece, next.part)
      piece = ''
    }
    at = next.end
  }
  parts.push(piece)
  return { parts: parts.filter((part) => part !== ''), end: at + style.quote.length }
}

function readPiece(source: PythonSource, at: number, style: TextStyle): { part: TextPart; end: number } {
  const { text } = source
  const run = match(plain, text, at)?.[0]
  if (run !== undefined) return { part: run, end: at + run.length }
  if (text[at] === '\\') return readBackslash(source, at, style)
  if (text[at] === '{' || text[at] === '}') return readBrace(source, at, style)
  return { part: text[at] ?? '', end: at + 1 }
}

function readBackslash(source: PythonSource, at: number, { raw }: TextStyle): { part: string; end: number } {
  const { text } = source
  if (raw) return { part: text.slice(at, at + 2), end: at + 2 }
  const escaped = match(escapeSequence, text, at)?.[0]
  if (escaped === undefined) {
    if (/^\\[NxuU]/.test(text.slice(at, at + 2))) throw source.error(at, 'this escape is not read')
    return { part: '\\', end: at + 1 }
  }
  return { part: readEscape(source, at, escaped), end: at + escaped.length }
}

function readEscape(source: PythonSource, at: number, escaped: string): string {
  const kind = escaped[1] ?? ''
  const control = controls[kind]
  if (control !== undefined) return control
  if (/[\\'"]/.test(kind)) return kind
  const code = /[0-7]/.test(kind) ? Number.parseInt(escaped.slice(1), 8) : Number.parseInt(escaped.slice(2), 16)
  if (code > 0x10ffff) throw source.error(at, `${escaped} is no character`)
  return String.fromCodePoint(code)
}

function readBrace(source: PythonSource, at: number, { formatted }: TextStyle): { part: TextPart; end: number } {
  const { text } = source
  const known = match(variable, text, at)
  if (known !== undefined) return { part: { at, variable: known[1] as FileVariable }, end: variable.lastIndex }
  const refused = match(outside, text, at)?.[1]
  if (refused === '$') throw source.error(at, 'environment variables are not read')
  if (refused !== undefined) throw source.error(at, 'write {{ _base_.name }} outside of quotes')
  const brace = text[at] ?? ''
  if (!formatted) return { part: brace, end: at + 1 }
  if (text[at + 1] === brace) return { part: brace, end: at + 2 }
  const name = match(field, text, at)?.[1]
  if (name === undefined) throw source.error(at, 'only names are read in the braces of an f-string')
  return { part: { at, name }, end: field.lastIndex }
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}
