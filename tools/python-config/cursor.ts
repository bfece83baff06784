// A place in the tokens of a Python file: looking ahead, moving on, and saying what was found instead of what was expected.

import type { PythonConfigError } from './errors.ts'
import type { PythonSource } from './source.ts'
import { type Token, tokenize } from './tokens.ts'

export const asData = 'a configuration is read as data and not run'

const keywords: ReadonlySet<string> = new Set(
  (
    'and as assert async await break class continue def del elif else except finally for from global if import in is ' +
    'lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
)

/** Moves through the tokens of a file; the grammar is its subclass's. */
export class TokenCursor {
  protected readonly source: PythonSource
  readonly #tokens: readonly Token[]
  #next = 0
  /** Brackets that are open here: between them a line end is nothing. */
  #brackets = 0

  constructor(source: PythonSource) {
    this.source = source
    this.#tokens = tokenize(source)
  }

  protected bracketed<T>(open: string, close: string, read: () => T): T {
    const start = this.take(open)
    if (start === undefined) throw this.unexpected(open)
    return this.inBrackets(() => {
      const value = read()
      if (!this.at(close)) {
        const line = this.source.text.slice(0, start.at).split('\n').length
        throw this.unexpected(`, or ${close} (to close ${open} of line ${line})`)
      }
      this.take(close)
      return value
    })
  }

  protected inBrackets<T>(read: () => T): T {
    this.#brackets++
    const value = read()
    this.#brackets--
    return value
  }

  protected name(): string {
    const token = this.peek()
    if (token.kind !== 'name') throw this.unexpected('a name')
    if (keywords.has(token.text)) throw this.refusal(token)
    this.take()
    return token.text
  }

  protected at(sign: string): boolean {
    const token = this.peek()
    return token.kind === 'operator' && token.text === sign
  }

  /** Moves on, if this sign comes next or none is named. Between brackets, line ends before it are passed over too. */
  protected take(sign?: string, skipLines = this.#brackets > 0): Token | undefined {
    if (skipLines) while (this.#tokens[this.#next]?.kind === 'newline') this.#next++
    const token = this.peek(0, false)
    if (sign !== undefined && (token.kind !== 'operator' || token.text !== sign)) return undefined
    this.#next++
    return token
  }

  /** The token that comes next, or the one `ahead` of it. */
  protected peek(ahead = 0, skipLines = this.#brackets > 0): Token {
    let left = ahead
    for (let at = this.#next; ; at++) {
      const token = this.#tokens[at] ?? this.#tokens.at(-1)
      if (token === undefined) throw new Error('a token list without an end')
      if (token.kind === 'end' || (!(skipLines && token.kind === 'newline') && left-- === 0)) return token
    }
  }

  protected unexpected(expected: string): PythonConfigError {
    const token = this.peek()
    if (token.kind === 'name' && keywords.has(token.text)) return this.refusal(token)
    const found = { newline: 'the end of the line', end: 'the end of the file' } as Readonly<Record<string, string>>
    return this.error(`found ${found[token.kind] ?? token.text.slice(0, 40)}, expected ${expected}`, token)
  }

  protected error(message: string, token: Token = this.peek()): PythonConfigError {
    return this.source.error(token.at, message)
  }

  /** A line end or a semicolon, if one comes next. */
  protected takeLineEnd(): Token | undefined {
    return this.peek().kind === 'newline' ? this.take() : this.take(';')
  }

  /** Whether `((name=` comes, which is no Python. */
  protected strayBracket(): boolean {
    let at = this.#next
    for (const expected of ['(', '(', 'name', '=']) {
      while (this.#tokens[at]?.kind === 'newline') at++
      const token = this.#tokens[at++]
      if (token?.kind !== expected && !(token?.kind === 'operator' && token.text === expected)) return false
    }
    return true
  }

  protected refusal(token: Token): PythonConfigError {
    if (token.kind === 'name' && keywords.has(token.text)) {
      return this.error(`\`${token.text}\` is refused: ${asData}`, token)
    }
    return this.error(`expected name = value: ${asData}`, token)
  }
}
