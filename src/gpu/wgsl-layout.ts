// Sizes, alignments and names of WGSL types, and the values of constant expressions, for the declarations of a module.
// Source: https://www.w3.org/TR/WGSL/#memory-layouts.

import { ShaderError } from './errors.ts'
import type { WgslModule, WrittenType } from './wgsl-module.ts'

export type Scalar = 'f32' | 'u32' | 'i32' | 'f16'

/** A type with its layout. `count` is 0 for an array without a size. */
export type Layout =
  | {
      readonly kind: 'plain'
      readonly name: string
      readonly scalar: Scalar
      readonly components: number
      readonly size: number
      readonly align: number
    }
  | {
      readonly kind: 'array'
      readonly name: string
      readonly element: Layout
      readonly count: number
      readonly stride: number
      readonly size: number
      readonly align: number
    }
  | {
      readonly kind: 'struct'
      readonly name: string
      readonly members: readonly Member[]
      readonly size: number
      readonly align: number
    }
  | { readonly kind: 'other'; readonly name: string; readonly size: number; readonly align: number }

export interface Member {
  readonly name: string
  readonly layout: Layout
  readonly offset: number
}

const scalars: Readonly<Record<string, Scalar>> = {
  f32: 'f32',
  u32: 'u32',
  i32: 'i32',
  f16: 'f16',
  f: 'f32',
  u: 'u32',
  i: 'i32',
  h: 'f16',
}
const letters: Readonly<Record<Scalar, string>> = { f32: 'f', u32: 'u', i32: 'i', f16: 'h' }
const vectorName = /^vec([234])([fuih])?$/
const matrixName = /^mat([234])x([234])([fh])?$/

const roundUp = (value: number, step: number) => Math.ceil(value / step) * step
const bytesOf = (scalar: Scalar) => (scalar === 'f16' ? 2 : 4)

/** @throws ShaderError for a size that is no constant */
export function layoutOf(module: WgslModule, written: WrittenType): Layout {
  const alias = module.aliases.get(written.name)
  if (alias) return layoutOf(module, alias)
  if (written.name === 'array') return arrayLayout(module, written)
  if (written.name === 'atomic' && written.of[0])
    return { ...layoutOf(module, written.of[0]), name: nameOf(module, written) }
  const members = module.structs.get(written.name)
  if (members) return structLayout(module, written.name, members)
  return plainLayout(module, written)
}

function arrayLayout(module: WgslModule, written: WrittenType): Layout {
  const [of, size] = written.of
  if (!of) throw new ShaderError('The shader does not parse: an array without the type of its elements')
  const element = layoutOf(module, of)
  const count = size ? evaluate(module, size.tokens) : 0
  const stride = roundUp(element.size, element.align)
  const name = count > 0 ? `array<${element.name}, ${count}>` : `array<${element.name}>`
  return { kind: 'array', name, element, count, stride, size: count * stride, align: element.align }
}

function structLayout(
  module: WgslModule,
  name: string,
  written: readonly { name: string; type: WrittenType }[],
): Layout {
  const members: Member[] = []
  let end = 0
  let align = 1
  for (const { name: member, type } of written) {
    const layout = layoutOf(module, type)
    const offset = roundUp(end, layout.align)
    members.push({ name: member, layout, offset })
    end = offset + layout.size
    align = Math.max(align, layout.align)
  }
  return { kind: 'struct', name, members, size: roundUp(end, align), align }
}

function plainLayout(module: WgslModule, written: WrittenType): Layout {
  const name = nameOf(module, written)
  const inner = scalars[written.of[0] ? layoutOf(module, written.of[0]).name : '']
  const scalar = scalars[written.name]
  if (scalar) return { kind: 'plain', name, scalar, components: 1, size: bytesOf(scalar), align: bytesOf(scalar) }
  const vector = vectorName.exec(written.name)
  const component = vector && (inner ?? scalars[vector[2] ?? ''])
  if (vector && component) {
    const components = Number(vector[1])
    const bytes = bytesOf(component)
    const align = (components === 2 ? 2 : 4) * bytes
    const size = components * bytes
    return { kind: 'plain', name: `vec${components}${letters[component]}`, scalar: component, components, size, align }
  }
  const matrix = matrixName.exec(written.name)
  const cell = matrix && (inner ?? scalars[matrix[3] ?? ''])
  if (!matrix || !cell) return { kind: 'other', name, size: 0, align: 4 }
  const align = (Number(matrix[2]) === 2 ? 2 : 4) * bytesOf(cell)
  return { kind: 'other', name, size: Number(matrix[1]) * align, align }
}

function nameOf(module: WgslModule, { name, of }: WrittenType): string {
  const inner = of.map((type) => (module.aliases.has(type.name) ? layoutOf(module, type).name : nameOf(module, type)))
  return of.length > 0 ? `${name}<${inner.join(', ')}>` : name
}

/** The value of an expression of numbers, constants, `+ - * / %`, brackets, `u32()`, `i32()`, `min()` and `max()`. */
export function evaluate(module: WgslModule, tokens: readonly string[]): number {
  return new Expression(module, tokens).value()
}

class Expression {
  readonly #module: WgslModule
  readonly #tokens: readonly string[]
  #next = 0

  constructor(module: WgslModule, tokens: readonly string[]) {
    this.#module = module
    this.#tokens = tokens
  }

  value(): number {
    const value = this.#sum()
    if (this.#next < this.#tokens.length) throw this.#unknown()
    return value
  }

  #sum(): number {
    let value = this.#product()
    for (let sign = this.#peek(); sign === '+' || sign === '-'; sign = this.#peek()) {
      this.#next++
      const right = this.#product()
      value = sign === '+' ? value + right : value - right
    }
    return value
  }

  #product(): number {
    let value = this.#unit()
    for (let sign = this.#peek(); sign === '*' || sign === '/' || sign === '%'; sign = this.#peek()) {
      this.#next++
      const right = this.#unit()
      value = sign === '*' ? value * right : sign === '/' ? Math.trunc(value / right) : value % right
    }
    return value
  }

  #unit(): number {
    const token = this.#peek() ?? ''
    this.#next++
    if (token === '-') return -this.#unit()
    if (token === '(') return this.#arguments()[0] ?? Number.NaN
    if (/^[\d.]/.test(token))
      return Number(/^0[xX]/.test(token) ? token.replace(/[iu]$/, '') : token.replace(/[iufh]$/, ''))
    if (this.#peek() === '(') {
      this.#next++
      const values = this.#arguments()
      if (token === 'max') return Math.max(...values)
      if (token === 'min') return Math.min(...values)
      if ((token === 'u32' || token === 'i32') && values.length === 1) return Math.trunc(values[0] ?? 0)
    }
    const constant = this.#module.constants.get(token)
    if (!constant) throw this.#unknown()
    return evaluate(this.#module, constant)
  }

  /** After the opening bracket. */
  #arguments(): number[] {
    const values = [this.#sum()]
    while (this.#peek() === ',') {
      this.#next++
      values.push(this.#sum())
    }
    if (this.#peek() !== ')') throw this.#unknown()
    this.#next++
    return values
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next]
  }

  #unknown(): ShaderError {
    return new ShaderError(
      `\`${this.#tokens.join(' ')}\` must be literals and constants, to be read before the shader runs`,
    )
  }
}
