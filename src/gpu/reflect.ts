// Reads from a WGSL module what the host needs to bind by name: storage variables with access and element type, the
// uniform struct with the byte offset of each field, the entry points. Plain data.

import { ShaderError } from './errors.ts'
import { evaluate, type Layout, layoutOf, type Member, type Scalar } from './wgsl-layout.ts'
import { WgslModule, type WrittenFunction, type WrittenVariable } from './wgsl-module.ts'

/** A `var<storage>`: an array of scalars or vectors, or (elements undefined) anything else. */
export interface StorageVariable {
  readonly kind: 'storage'
  readonly name: string
  readonly binding: number
  readonly access: 'read' | 'read_write'
  /** The declared type, for messages. */
  readonly type: string
  /** Scalar type of an element; undefined for structs, which take any tensor. */
  readonly scalar: Scalar | undefined
  /** Bytes of one array element (16 for `array<vec4<f32>>`); 4 if it is not an array. */
  readonly elementBytes: number
  /** Bytes that must be bound at least: one element, or all of a sized array. */
  readonly minBytes: number
}

/** One field of the uniform struct: `count` elements of `components` scalars, `stride` bytes apart. */
export interface UniformField {
  readonly name: string
  readonly type: string
  readonly scalar: 'f32' | 'u32' | 'i32'
  readonly offset: number
  readonly components: number
  readonly count: number
  readonly stride: number
}

/** The `var<uniform>` struct. */
export interface UniformVariable {
  readonly kind: 'uniform'
  readonly name: string
  readonly binding: number
  readonly bytes: number
  readonly fields: readonly UniformField[]
}

/** A `var<uniform>` array, of fixed length: a window of that many bytes on a tensor that is only read. */
export interface WindowVariable {
  readonly kind: 'window'
  readonly name: string
  readonly binding: number
  /** The declared type, for messages. */
  readonly type: string
  readonly scalar: Scalar | undefined
  readonly elementBytes: number
  /** Bytes of the whole array; always bound in full, whether or not the tensor goes as far. */
  readonly bytes: number
}

export type Variable = StorageVariable | UniformVariable | WindowVariable

/** One compute entry point with the variables that it uses, by name. */
export interface ShaderInterface {
  readonly entryPoint: string
  readonly workgroupSize: readonly [number, number, number]
  readonly bindings: ReadonlyMap<string, Variable>
}

/**
 * The interface of a compute shader.
 * With one entry point every declared variable belongs to it; with several, each has those that it uses.
 * @param text a complete WGSL module, already specialised
 * @param entryPoint needed only if the module has more than one
 * @throws ShaderError if the text does not parse, has no such entry point, or binds outside group 0
 */
export function reflect(text: string, entryPoint?: string): ShaderInterface {
  const entries = readEntries(text)
  const found = entryPoint === undefined ? onlyEntry(entries) : entries.get(entryPoint)
  if (!found) {
    throw new ShaderError(`No compute entry point \`${entryPoint}\`; the shader has ${[...entries.keys()].join(', ')}`)
  }
  return found
}

function onlyEntry(entries: Map<string, ShaderInterface>): ShaderInterface {
  const [first, second] = entries.values()
  if (!first) throw new ShaderError('The shader has no compute entry point')
  if (second) throw new ShaderError(`The shader has entry points ${[...entries.keys()].join(', ')}; name one`)
  return first
}

function readEntries(text: string): Map<string, ShaderInterface> {
  const module = new WgslModule(text)
  const bound = module.variables.filter(({ space }) => space === 'storage' || space === 'uniform')
  const variables = bound.map((variable) => readVariable(module, variable))
  const compute = [...module.functions.values()].filter(({ attributes }) => attributes.has('compute'))
  return new Map(
    compute.map((entry) => {
      const used = namesReached(module, entry)
      const own = compute.length === 1 ? variables : variables.filter((variable) => used.has(variable.name))
      const bindings = new Map(own.map((variable) => [variable.name, variable]))
      return [entry.name, { entryPoint: entry.name, workgroupSize: workgroupSize(module, entry), bindings }]
    }),
  )
}

/** Every name in a function and in the functions that it calls. */
function namesReached(module: WgslModule, entry: WrittenFunction): ReadonlySet<string> {
  const names = new Set<string>()
  const pending = [entry]
  for (let next = pending.pop(); next; next = pending.pop()) {
    for (const name of next.names) {
      const called = names.has(name) ? undefined : module.functions.get(name)
      if (called) pending.push(called)
      names.add(name)
    }
  }
  return names
}

function workgroupSize(module: WgslModule, { name, attributes }: WrittenFunction): readonly [number, number, number] {
  try {
    const [x, y, z] = (attributes.get('workgroup_size') ?? []).map((tokens) => evaluate(module, tokens))
    if (x !== undefined && Number.isInteger(x)) return [x, y ?? 1, z ?? 1]
  } catch (cause) {
    throw new ShaderError(`@workgroup_size of \`${name}\` must be literals or constants`, { cause })
  }
  throw new ShaderError(`\`${name}\` has no @workgroup_size of whole numbers`)
}

function readVariable(module: WgslModule, variable: WrittenVariable): Variable {
  const { name, attributes, space, type } = variable
  const [group, binding] = ['group', 'binding'].map((attribute) => {
    const tokens = attributes.get(attribute)?.[0]
    return tokens ? evaluate(module, tokens) : undefined
  })
  if (group !== 0) throw new ShaderError(`\`${name}\` is in @group(${group}); all variables belong in @group(0)`)
  if (binding === undefined || !type) throw new ShaderError(`\`${name}\` lacks its @binding or its type`)
  const layout = layoutOf(module, type)
  if (space === 'storage') return readStorage(variable, binding, layout)
  if (layout.kind === 'array') return readWindow(name, binding, layout)
  return readUniform(name, binding, layout)
}

function readStorage({ name, access }: WrittenVariable, binding: number, layout: Layout): StorageVariable {
  if (access !== 'read' && access !== 'read_write') {
    throw new ShaderError(`\`${name}\` has access ${access}; only read and read_write are used`)
  }
  const element = layout.kind === 'array' ? layout.element : layout
  const elementBytes = layout.kind === 'array' ? layout.stride : 4
  const minBytes = Math.max(elementBytes, layout.size)
  const scalar = element.kind === 'plain' ? element.scalar : undefined
  return { kind: 'storage', name, binding, access, type: layout.name, scalar, elementBytes, minBytes }
}

function readUniform(name: string, binding: number, layout: Layout): UniformVariable {
  if (layout.kind !== 'struct') {
    throw new ShaderError(`Uniform \`${name}\` must be a struct or an array, found ${layout.name}`)
  }
  const fields = layout.members.map((member) => readField(name, member))
  return { kind: 'uniform', name, binding, bytes: Math.ceil(layout.size / 16) * 16, fields }
}

/** WebGPU's default limit of one uniform binding, which all devices have. */
const largestWindow = 1 << 16

function readWindow(name: string, binding: number, layout: Extract<Layout, { kind: 'array' }>): WindowVariable {
  const { name: type, size: bytes, stride: elementBytes, element } = layout
  if (bytes < 1 || bytes > largestWindow) {
    throw new ShaderError(
      `Uniform \`${name}\` is ${type} of ${bytes} bytes; uniform arrays have 1 to ${largestWindow} bytes`,
    )
  }
  const scalar = element.kind === 'plain' ? element.scalar : undefined
  return { kind: 'window', name, binding, type, scalar, elementBytes, bytes }
}

function readField(owner: string, { name, layout, offset }: Member): UniformField {
  const element = layout.kind === 'array' ? layout.element : layout
  if (element.kind !== 'plain' || element.scalar === 'f16') {
    throw new ShaderError(`Field \`${owner}.${name}\` has type ${layout.name}, which is not supported`)
  }
  const [count, stride] = layout.kind === 'array' ? [layout.count, layout.stride] : [1, 0]
  const { scalar, components } = element
  return { name, type: layout.name, scalar, offset, components, count, stride }
}
