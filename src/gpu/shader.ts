// WGSL text in, WGSL text out: a shader file is a valid module with defaults, `const TILE_M: u32 = 64u;` and
// `alias Value = f32;`, and specialising replaces such values and types and nothing else. A `const`, unlike an `override`, may
// size arrays and unrolls loops.
// `reflect` (reflect.ts) then reads the bindings of the specialised text.

import { ShaderError } from './errors.ts'
import { suggestion } from './names.ts'

/** A scalar or a vector that an alias may stand for. */
export type WgslType = Scalar | `vec${2 | 3 | 4}${'f' | 'h' | 'i' | 'u'}`

type Scalar = 'f32' | 'f16' | 'i32' | 'u32'

/**
 * What the names of a shader stand for: booleans for constants of type `bool`, numbers for `u32`, `i32` and `f32`, types for
 * aliases.
 */
export type Constants = Readonly<Record<string, number | boolean | WgslType>>

type ConstantType = 'u32' | 'i32' | 'f32' | 'bool'

const alias = /^alias\s+(\w+)\s*=\s*(\w+)\s*;/gm
const declaration = /^const\s+(\w+)\s*:\s*(u32|i32|f32|bool)\s*=\s*([^;]+?)\s*;/gm
const wgslType = /^(?:f32|f16|i32|u32|vec[234][fhiu])$/
const literal = /^(?:true|false|-?(?:0[xX][0-9a-fA-F]+|[0-9.]+(?:[eE][+-]?[0-9]+)?)([uif]?))$/

/**
 * Replaces the values of module-scope constants written as `const NAME: T = literal;` (T: u32, i32, f32, bool), and the types
 * of aliases written as `alias NAME = T;`, each at the start of a line. Line numbers do not change. A constant computed from
 * others is not a knob and cannot be set. A type of half precision enables `f16`.
 * @throws ShaderError for a name that the shader does not declare, or a value that its declaration cannot take
 */
export function specialise(source: string, constants: Constants): string {
  const pending = new Map(Object.entries(constants))
  const known: string[] = []
  const aliased = source.replace(alias, (whole: string, name: string) => {
    known.push(name)
    const wanted = pending.get(name)
    if (wanted === undefined) return whole
    pending.delete(name)
    if (typeof wanted === 'string' && wgslType.test(wanted)) return `alias ${name} = ${wanted};`
    throw new ShaderError(`Alias \`${name}\` stands for a type such as f32 or vec4f, found ${typeof wanted} ${wanted}`)
  })
  const text = aliased.replace(declaration, (whole: string, name: string, type: ConstantType, value: string) => {
    const match = literal.exec(value)
    if (!match) return whole
    known.push(name)
    const wanted = pending.get(name)
    if (wanted === undefined) return whole
    pending.delete(name)
    const head = whole.slice(0, whole.lastIndexOf('=') + 1)
    return `${head} ${writeLiteral(name, type, wanted, match[1] ?? '')};`
  })
  for (const name of pending.keys()) {
    throw new ShaderError(`The shader has no constant or alias \`${name}\` to specialise${suggestion(name, known)}`)
  }
  return usesHalf(constants) ? `enable f16; ${text}` : text
}

/** Whether a type is one of half precision, which a module has to enable before anything else. */
function usesHalf(constants: Constants): boolean {
  return Object.values(constants).some((value) => value === 'f16' || /^vec[234]h$/.test(String(value)))
}

function writeLiteral(name: string, type: ConstantType, value: Constants[string], suffix: string): string {
  if (!fits(type, value)) {
    throw new ShaderError(`Constant \`${name}\` is ${type}, which cannot hold ${typeof value} ${value}`)
  }
  if (type === 'i32' && value === -0x80000000) return '-2147483648' // `2147483648i` does not exist
  return `${Object.is(value, -0) ? 0 : value}${suffix}`
}

function fits(type: ConstantType, value: Constants[string]): boolean {
  if (typeof value === 'string') return false
  if (type === 'bool' || typeof value === 'boolean') return type === 'bool' && typeof value === 'boolean'
  if (type === 'f32') return Number.isFinite(Math.fround(value))
  const [low, high] = type === 'u32' ? [0, 0xffffffff] : [-0x80000000, 0x7fffffff]
  return Number.isInteger(value) && value >= low && value <= high
}
