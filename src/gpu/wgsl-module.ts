// Reads the declarations of a WGSL module: aliases, constants, structs, variables and functions, not what functions compute.
// Enough to bind by name, and a thirtieth of a whole parser; the grammar is that of https://www.w3.org/TR/WGSL/.

import { ShaderError } from './errors.ts'

/** A type as it is written: a name and what stands in its angle brackets, types or expressions. */
export interface WrittenType {
  readonly name: string
  readonly of: readonly WrittenType[]
  /** The tokens, for arguments that are numbers. */
  readonly tokens: readonly string[]
}

export interface WrittenMember {
  readonly name: string
  readonly type: WrittenType
}

export interface WrittenVariable {
  readonly name: string
  readonly space: string
  readonly access: string
  readonly type: WrittenType | undefined
  readonly attributes: Attributes
}

export interface WrittenFunction {
  readonly name: string
  readonly attributes: Attributes
  /** Every name in its parameters and its body. */
  readonly names: ReadonlySet<string>
}

/** By name, the tokens between the parentheses, split at commas. */
export type Attributes = ReadonlyMap<string, readonly (readonly string[])[]>

const commentPattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\//g
const tokenPattern = /[\p{L}_][\p{L}\p{N}_]*|0[xX][0-9a-fA-F]+[iu]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[iufh]?|\S/gu
const identifierStart = /^[\p{L}_]/u
const closes: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

/** The declarations of a module. @throws ShaderError with the line of what is not understood */
export class WgslModule {
  readonly aliases = new Map<string, WrittenType>()
  readonly constants = new Map<string, readonly string[]>()
  readonly structs = new Map<string, readonly WrittenMember[]>()
  readonly variables: WrittenVariable[] = []
  readonly functions = new Map<string, WrittenFunction>()
  readonly #tokens: string[] = []
  readonly #offsets: number[] = []
  readonly #text: string
  #next = 0

  constructor(text: string) {
    this.#text = text
    const code = text.replace(commentPattern, (comment) => comment.replace(/[^\n]/g, ' '))
    for (const match of code.matchAll(tokenPattern)) {
      this.#tokens.push(match[0])
      this.#offsets.push(match.index)
    }
    while (this.#next < this.#tokens.length) this.#declaration()
  }

  #declaration(): void {
    if (this.#accept(';')) return
    const attributes = this.#attributes()
    const keyword = this.#take()
    if (keyword === 'enable' || keyword === 'requires' || keyword === 'diagnostic' || keyword === 'const_assert') {
      this.#until(';')
    } else if (keyword === 'alias') {
      const name = this.#name()
      this.#expect('=')
      this.aliases.set(name, this.#type())
      this.#expect(';')
    } else if (keyword === 'const' || keyword === 'override') {
      const name = this.#name()
      if (this.#accept(':')) this.#type()
      this.#expect('=')
      this.constants.set(name, this.#until(';'))
    } else if (keyword === 'struct') {
      this.structs.set(this.#name(), this.#members())
    } else if (keyword === 'var') {
      this.variables.push(this.#variable(attributes))
    } else if (keyword === 'fn') {
      this.#function(attributes)
    } else {
      throw this.#wrong('a declaration', this.#next - 1)
    }
  }

  #attributes(): Attributes {
    const found = new Map<string, string[][]>()
    while (this.#accept('@')) found.set(this.#name(), this.#peek() === '(' ? split(this.#group()) : [])
    return found
  }

  #members(): WrittenMember[] {
    const members: WrittenMember[] = []
    this.#expect('{')
    while (!this.#accept('}')) {
      this.#attributes()
      const name = this.#name()
      this.#expect(':')
      members.push({ name, type: this.#type() })
      if (this.#peek() !== '}') this.#expect(',')
    }
    return members
  }

  #variable(attributes: Attributes): WrittenVariable {
    const [space = '', access = ''] = this.#accept('<') ? this.#until('>').filter((token) => token !== ',') : []
    const name = this.#name()
    const type = this.#accept(':') ? this.#type() : undefined
    if (this.#accept('=')) this.#until(';')
    else this.#expect(';')
    return { name, space, access: access || (space === 'storage' ? 'read' : ''), type, attributes }
  }

  #function(attributes: Attributes): void {
    const name = this.#name()
    const start = this.#next
    while (this.#peek() !== '{') this.#peek() === '(' ? this.#group() : this.#take()
    this.#group()
    const names = this.#tokens.slice(start, this.#next).filter((token) => identifierStart.test(token))
    this.functions.set(name, { name, attributes, names: new Set(names) })
  }

  #type(): WrittenType {
    const start = this.#next
    const name = this.#name()
    const of: WrittenType[] = []
    if (this.#accept('<')) {
      while (!this.#accept('>')) {
        of.push(this.#typeArgument())
        if (this.#peek() !== '>') this.#expect(',')
      }
    }
    return { name, of, tokens: this.#tokens.slice(start, this.#next) }
  }

  /** A type, or an expression such as `TILE * 4u`. */
  #typeArgument(): WrittenType {
    const start = this.#next
    if (identifierStart.test(this.#peek() ?? '')) {
      const type = this.#type()
      if (this.#peek() === ',' || this.#peek() === '>') return type
      this.#next = start
    }
    while (this.#peek() !== ',' && this.#peek() !== '>') this.#peek() === '(' ? this.#group() : this.#take()
    return { name: '', of: [], tokens: this.#tokens.slice(start, this.#next) }
  }

  /** What stands between a bracket and the one that closes it. */
  #group(): string[] {
    const from = this.#next
    const close = closes[this.#take()]
    for (let token = this.#peek(); token !== close; token = this.#peek()) {
      if (token === undefined) throw this.#wrong(`\`${close}\` after it`, from)
      if (token in closes) this.#group()
      else this.#next++
    }
    this.#next++
    return this.#tokens.slice(from + 1, this.#next - 1)
  }

  #until(end: string): string[] {
    const start = this.#next
    while (this.#peek() !== end) this.#take()
    this.#take()
    return this.#tokens.slice(start, this.#next - 1)
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next]
  }

  #take(): string {
    const token = this.#tokens[this.#next]
    if (token === undefined) throw this.#wrong('more', this.#next)
    this.#next++
    return token
  }

  #accept(token: string): boolean {
    if (this.#peek() !== token) return false
    this.#next++
    return true
  }

  #expect(token: string): void {
    if (!this.#accept(token)) throw this.#wrong(`\`${token}\``, this.#next)
  }

  #name(): string {
    if (!identifierStart.test(this.#peek() ?? '')) throw this.#wrong('a name', this.#next)
    return this.#take()
  }

  #wrong(expected: string, at: number): ShaderError {
    const line = this.#text.slice(0, this.#offsets[at] ?? this.#text.length).split('\n').length
    const found = this.#tokens[at] === undefined ? 'the end' : `\`${this.#tokens[at]}\``
    const shown = `${line} | ${this.#text.split('\n')[line - 1] ?? ''}`
    return new ShaderError(`The shader does not parse: line ${line}: found ${found}, expected ${expected}\n  ${shown}`)
  }
}

function split(tokens: readonly string[]): string[][] {
  const parts: string[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (token === '(') depth++
    if (token === ')') depth--
    if (token === ',' && depth === 0) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts.filter((part) => part.length > 0)
}
