// Reads the part of Python that configurations use, by recursive descent. Everything else is refused with its place: nothing of
// a file is ever run. Precedence and names as in Python's grammar (docs.python.org/3/reference/expressions.html).
//
// `dict((name=value, ...)`, with one bracket too many, stands in MMTracking's own documentation; it is read as `dict(`.

import { asData, TokenCursor } from './cursor.ts'
import type { PythonSource } from './source.ts'
import type { Assignment, DictEntry, Expression, Item, Keyword, Operation } from './syntax.ts'
import type { Token } from './tokens.ts'

/** The names that may be called; all of them only make data. */
const callable: ReadonlySet<string> = new Set(['dict', 'list', 'tuple', 'range'])

const deepest = 64

const constants: ReadonlyMap<string, null | boolean> = new Map([
  ['None', null],
  ['True', true],
  ['False', false],
])

/** @throws PythonConfigError for everything that is not an assignment of data */
export function parsePython(source: PythonSource): Assignment[] {
  return new Parser(source).statements()
}

class Parser extends TokenCursor {
  #depth = 0

  statements(): Assignment[] {
    const found: Assignment[] = []
    let lineStart = true
    for (let token = this.peek(); token.kind !== 'end'; token = this.peek()) {
      let end = this.takeLineEnd()
      if (end === undefined) {
        if (lineStart && /[ \t\f]/.test(this.source.text[token.at - 1] ?? ''))
          throw this.error('unexpected indentation')
        const statement = this.#statement()
        if (statement !== undefined) found.push(statement)
        end = this.takeLineEnd()
      }
      if (end === undefined) throw this.unexpected('the end of the line')
      lineStart = end.kind === 'newline'
    }
    return found
  }

  /** An assignment; undefined for a text that stands alone, which is a comment. */
  #statement(): Assignment | undefined {
    const first = this.peek()
    if (first.kind === 'text') {
      this.#texts()
      return undefined
    }
    const names: string[] = []
    let operator: string | undefined
    while (this.peek().kind === 'name' && operator === undefined) {
      const sign = this.peek(1)
      if (sign.kind !== 'operator' || !/^(?:[-+*/%]|\*\*|\/\/)?=$/.test(sign.text)) break
      if (sign.text !== '=' && names.length > 0) throw this.error(`${sign.text} is not read here`, sign)
      if (constants.has(this.peek().text)) throw this.error(`${this.peek().text} cannot be assigned to`)
      names.push(this.name())
      this.take()
      if (sign.text !== '=') operator = sign.text.slice(0, -1)
    }
    if (names.length === 0) throw this.refusal(first)
    return { at: first.at, names, operator, value: this.#bareTuple() }
  }

  /** An expression, or several with commas between them and no brackets around. */
  #bareTuple(): Expression {
    const first = this.#expression()
    if (!this.at(',')) return first
    const items: Item[] = [{ starred: false, value: first }]
    while (this.take(',')) {
      const { kind } = this.peek()
      if (kind === 'newline' || kind === 'end') break
      items.push({ starred: false, value: this.#expression() })
    }
    return { kind: 'list', at: first.at, items }
  }

  #expression(): Expression {
    if (++this.#depth > deepest) throw this.error(`nested more than ${deepest} deep`)
    const value = this.#sum()
    this.#depth--
    return value
  }

  #sum(): Expression {
    return this.#chain(['+', '-'], () => this.#chain(['*', '/', '//', '%'], () => this.#signed()))
  }

  #chain(operators: readonly string[], operand: () => Expression): Expression {
    const first = operand()
    const rest: Operation[] = []
    while (this.peek().kind === 'operator' && operators.includes(this.peek().text)) {
      const { at, text: operator } = this.take() as Token
      rest.push({ at, operator, operand: operand() })
    }
    return rest.length === 0 ? first : { kind: 'chain', at: first.at, first, rest }
  }

  #signed(): Expression {
    const { at, text: operator } = this.peek()
    if (!this.at('-') && !this.at('+')) return this.#power()
    this.take()
    return { kind: 'sign', at, operator, operand: this.#nested(() => this.#signed()) }
  }

  #power(): Expression {
    const first = this.#indexed()
    const { at } = this.peek()
    if (!this.take('**')) return first
    const operand = this.#nested(() => this.#signed())
    return { kind: 'chain', at: first.at, first, rest: [{ at, operator: '**', operand }] }
  }

  #nested(read: () => Expression): Expression {
    if (++this.#depth > deepest) throw this.error(`nested more than ${deepest} deep`)
    const value = read()
    this.#depth--
    return value
  }

  #indexed(): Expression {
    const object = this.#atom()
    const indices: Expression[] = []
    for (;;) {
      const token = this.peek()
      if (token.kind !== 'operator' || !/^[[(.]$/.test(token.text)) break
      if (token.text === '.') throw this.error('attributes and methods are refused: use names, or indices in []', token)
      if (token.text === '(') throw this.error(`only ${[...callable].join(', ')} may be called`, token)
      indices.push(this.bracketed('[', ']', () => this.#expression()))
    }
    return indices.length === 0 ? object : { kind: 'index', at: object.at, object, indices }
  }

  #atom(): Expression {
    const token = this.peek()
    const { at } = token
    if (token.kind === 'number') {
      this.take()
      return { kind: 'constant', at, value: token.value }
    }
    if (token.kind === 'text') return this.#texts()
    if (token.kind === 'name') return this.#named()
    if (this.at('[')) return { kind: 'list', at, items: this.bracketed('[', ']', () => this.#items(']')) }
    if (this.at('(')) return this.#group()
    if (this.at('{')) return this.#braces()
    throw this.unexpected('a value')
  }

  /** Texts side by side are one text. */
  #texts(): Expression {
    const { at } = this.peek()
    const parts = []
    for (let token = this.peek(); token.kind === 'text'; token = this.peek()) {
      for (const part of token.parts) parts.push(part)
      this.take()
    }
    return { kind: 'text', at, parts }
  }

  #named(): Expression {
    const token = this.peek()
    const { at } = token
    const name = this.name()
    const constant = constants.get(name)
    if (constant !== undefined) return { kind: 'constant', at, value: constant }
    if (name === '_base_') return { kind: 'base', at, keys: this.#baseKeys() }
    if (!this.at('(')) return { kind: 'name', at, name }
    if (!callable.has(name)) {
      throw this.error(`${name}(...) is refused, only ${[...callable].join(', ')} may be called: ${asData}`, token)
    }
    return { kind: 'call', at, name, ...this.#arguments(name) }
  }

  #baseKeys(): string[] {
    const keys: string[] = []
    while (this.take('.')) keys.push(this.name())
    if (keys.length === 0) throw this.unexpected('.name, an entry of the files of _base_')
    return keys
  }

  #arguments(callee: string): { items: Item[]; keywords: Keyword[] } {
    const read = () => this.bracketed('(', ')', () => this.#argumentList())
    if (callee !== 'dict' || !this.strayBracket()) return read()
    this.take('(')
    const found = this.inBrackets(read)
    const { kind, text } = this.peek(0, true)
    if (kind === 'operator' && text === ')') this.take(')', true)
    return found
  }

  #argumentList(): { items: Item[]; keywords: Keyword[] } {
    const items: Item[] = []
    const keywords: Keyword[] = []
    do {
      if (this.at(')')) break
      const { at, kind } = this.peek()
      const equals = this.peek(1)
      if (this.take('**')) keywords.push({ at, name: undefined, value: this.#expression() })
      else if (kind === 'name' && equals.kind === 'operator' && equals.text === '=') {
        const name = this.name()
        this.take('=')
        keywords.push({ at, name, value: this.#expression() })
      } else if (keywords.length > 0) throw this.unexpected('name=value')
      else items.push(this.#item())
    } while (this.take(','))
    return { items, keywords }
  }

  #items(close: string): Item[] {
    const items: Item[] = []
    do {
      if (this.at(close)) break
      items.push(this.#item())
    } while (this.take(','))
    return items
  }

  #item(): Item {
    const starred = this.take('*') !== undefined
    return { starred, value: this.#expression() }
  }

  /** A value in brackets, or a tuple. */
  #group(): Expression {
    const { at } = this.peek()
    return this.bracketed('(', ')', () => {
      if (this.at(')')) return { kind: 'list', at, items: [] }
      const first = this.#item()
      if (!first.starred && !this.at(',')) return first.value
      const rest = this.take(',') === undefined ? [] : this.#items(')')
      return { kind: 'list', at, items: [first, ...rest] }
    })
  }

  /** A dict, or `{{ _base_.name }}`. */
  #braces(): Expression {
    const { at } = this.peek()
    return this.bracketed('{', '}', () => {
      if (this.at('{')) {
        return this.bracketed('{', '}', () => {
          const value = this.#expression()
          if (value.kind !== 'base') throw this.error('expected {{ _base_.name }}')
          return value
        })
      }
      const entries: DictEntry[] = []
      do {
        if (this.at('}')) break
        if (this.take('**')) entries.push({ key: undefined, value: this.#expression() })
        else {
          const key = this.#expression()
          if (!this.take(':')) throw this.unexpected(':')
          entries.push({ key, value: this.#expression() })
        }
      } while (this.take(','))
      return { kind: 'dict', at, entries }
    })
  }
}
