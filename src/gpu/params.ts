// Packs the host's `{ name: value }` into the bytes of a WGSL uniform struct, by the layout that reflection found.
// Every field must be given, and must fit its type: a parameter forgotten or misspelt is an error, never a silent zero.

import { BindingError } from './errors.ts'
import { suggestion } from './names.ts'
import type { UniformField, UniformVariable } from './reflect.ts'

/** Values of a uniform struct: a number per scalar, a flat list for vectors and arrays. */
export type Params = Readonly<Record<string, number | readonly number[]>>

/**
 * The bytes of uniform struct `variable` holding `values`.
 * @param where names the dispatch, for messages
 * @throws BindingError for a field that is missing, unknown, of the wrong length or outside its type's range
 */
export function packParams(where: string, variable: UniformVariable, values: Params): Uint8Array<ArrayBuffer> {
  const known = variable.fields.map((field) => field.name)
  for (const name of Object.keys(values)) {
    if (!known.includes(name)) {
      throw new BindingError(`${where}: \`${variable.name}\` has no field \`${name}\`${suggestion(name, known)}`)
    }
  }
  const view = new DataView(new ArrayBuffer(variable.bytes))
  for (const field of variable.fields)
    packField(`${where}: \`${variable.name}.${field.name}\``, view, field, values[field.name])
  return new Uint8Array(view.buffer)
}

function packField(
  what: string,
  view: DataView,
  field: UniformField,
  given: number | readonly number[] | undefined,
): void {
  if (given === undefined) throw new BindingError(`${what} (${field.type}) is missing`)
  const list = typeof given === 'number' ? [given] : given
  const wanted = field.count * field.components
  if (list.length !== wanted) {
    throw new BindingError(`${what} is ${field.type} and takes ${wanted} numbers, found ${list.length}`)
  }
  list.forEach((value, index) => {
    const element = Math.floor(index / field.components)
    const offset = field.offset + element * field.stride + (index % field.components) * 4
    if (!inRange(field.scalar, value)) throw new BindingError(`${what} is ${field.scalar}, which cannot hold ${value}`)
    if (field.scalar === 'f32') view.setFloat32(offset, value, true)
    else if (field.scalar === 'u32') view.setUint32(offset, value, true)
    else view.setInt32(offset, value, true)
  })
}

function inRange(scalar: UniformField['scalar'], value: number): boolean {
  if (scalar === 'f32') return typeof value === 'number' && !Number.isNaN(value)
  const [low, high] = scalar === 'u32' ? [0, 0xffffffff] : [-0x80000000, 0x7fffffff]
  return Number.isInteger(value) && value >= low && value <= high
}
