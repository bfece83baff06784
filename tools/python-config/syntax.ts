// The part of Python's grammar that configurations use, as data: assignments of expressions to names.

import type { TextPart } from './text.ts'

export interface Assignment {
  /** Offset in the file. */
  readonly at: number
  /** Several for `a = b = value`. */
  readonly names: readonly string[]
  /** The operator of `a += value`; undefined for `a = value`. */
  readonly operator: string | undefined
  readonly value: Expression
}

export type Expression = { readonly at: number } & (
  | { readonly kind: 'constant'; readonly value: null | boolean | bigint | number }
  | { readonly kind: 'text'; readonly parts: readonly TextPart[] }
  | { readonly kind: 'name'; readonly name: string }
  /** `_base_.a.b`, with or without `{{ }}` around it. */
  | { readonly kind: 'base'; readonly keys: readonly string[] }
  /** A list or tuple. */
  | { readonly kind: 'list'; readonly items: readonly Item[] }
  | { readonly kind: 'dict'; readonly entries: readonly DictEntry[] }
  | {
      readonly kind: 'call'
      readonly name: string
      readonly items: readonly Item[]
      readonly keywords: readonly Keyword[]
    }
  | { readonly kind: 'index'; readonly object: Expression; readonly indices: readonly Expression[] }
  | { readonly kind: 'sign'; readonly operator: string; readonly operand: Expression }
  /** Operators of equal rank, from left to right. */
  | { readonly kind: 'chain'; readonly first: Expression; readonly rest: readonly Operation[] }
)

/** `value`, or `*value`. */
export interface Item {
  readonly starred: boolean
  readonly value: Expression
}

/** `key: value`, or `**value`. */
export interface DictEntry {
  readonly key: Expression | undefined
  readonly value: Expression
}

/** `name=value`, or `**value`. */
export interface Keyword {
  readonly at: number
  readonly name: string | undefined
  readonly value: Expression
}

export interface Operation {
  readonly at: number
  readonly operator: string
  readonly operand: Expression
}
