// What the library reads of a WGSL module, read by the package wgsl_reflect, which parses all of it: to compare with.

/// <reference path="./wgsl-reflect-module.d.ts" />
import { type FunctionInfo, type MemberInfo, type VariableInfo, WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js'
import { ShaderError } from '../../src/gpu/errors.ts'

import type {
  ShaderInterface,
  StorageVariable,
  UniformField,
  UniformVariable,
  Variable,
  WindowVariable,
} from '../../src/gpu/reflect.ts'

type Scalar = 'f32' | 'u32' | 'i32' | 'f16'

/** The entry points of a module, by name. */
export function referenceEntries(text: string): Map<string, ShaderInterface> {
  const module = parse(text)
  const variables = [...module.storage, ...module.uniforms].map(readVariable)
  const compute = module.entry.compute
  return new Map(
    compute.map((entry) => {
      const used = new Set(entry.resources.map((resource) => resource.name))
      const own = compute.length === 1 ? variables : variables.filter((variable) => used.has(variable.name))
      const bindings = new Map(own.map((variable) => [variable.name, variable]))
      return [entry.name, { entryPoint: entry.name, workgroupSize: workgroupSize(entry), bindings }]
    }),
  )
}

/** Types and calls of an extension that wgsl_reflect does not know; no variable that is bound has such a type. */
const matrixType = /\bsubgroup_matrix_\w+<[^<>]*>/g
const matrixCall = /\b(subgroupMatrix\w+)<[^<>]*>/g

function parse(text: string): WgslReflect {
  try {
    return new WgslReflect(text.replaceAll(matrixType, 'f32').replaceAll(matrixCall, '$1'))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const line = Number(/Line:\s*(\d+)/.exec(reason)?.[1] ?? 0)
    const shown = line > 0 ? `\n  ${line} | ${text.split('\n')[line - 1] ?? ''}` : ''
    throw new ShaderError(`The shader does not parse: ${reason}${shown}`, { cause })
  }
}

function workgroupSize(entry: FunctionInfo): readonly [number, number, number] {
  const [x, y, z] = entry.workgroupSize ?? []
  if (x === undefined || !Number.isInteger(x)) {
    throw new ShaderError(`@workgroup_size of \`${entry.name}\` must be literals or constants, not expressions`)
  }
  return [x, y ?? 1, z ?? 1]
}

function readVariable(variable: VariableInfo): Variable {
  if (variable.group !== 0) {
    throw new ShaderError(`\`${variable.name}\` is in @group(${variable.group}); all variables belong in @group(0)`)
  }
  if (!isUniform(variable)) return readStorage(variable)
  return variable.type.isArray ? readWindow(variable) : readUniform(variable)
}

function isUniform(variable: VariableInfo): boolean {
  return variable.resourceType === 0
}

function readStorage(variable: VariableInfo): StorageVariable {
  const { name, binding, type } = variable
  if (variable.access !== 'read' && variable.access !== 'read_write') {
    throw new ShaderError(`\`${name}\` has access ${variable.access}; only read and read_write are used`)
  }
  const element = type.isArray ? variable.format?.getTypeName() : type.getTypeName()
  const elementBytes = type.isArray ? variable.stride : 4
  return {
    kind: 'storage',
    name,
    binding,
    access: variable.access,
    type: type.getTypeName().replace(', 0>', '>'),
    scalar: parseType(element ?? '')?.scalar,
    elementBytes,
    minBytes: Math.max(elementBytes, type.size),
  }
}

function readUniform(variable: VariableInfo): UniformVariable {
  const { name, binding, type } = variable
  if (!type.isStruct) {
    throw new ShaderError(`Uniform \`${name}\` must be a struct or an array, found ${type.getTypeName()}`)
  }
  const fields = (variable.members ?? []).map((member) => readField(name, member))
  return { kind: 'uniform', name, binding, bytes: Math.ceil(variable.size / 16) * 16, fields }
}

/** WebGPU's default limit of one uniform binding, which all devices have. */
const largestWindow = 1 << 16

function readWindow(variable: VariableInfo): WindowVariable {
  const { name, binding, type, stride } = variable
  const typeName = type.getTypeName()
  const bytes = type.size
  if (bytes < 1 || bytes > largestWindow) {
    throw new ShaderError(
      `Uniform \`${name}\` is ${typeName} of ${bytes} bytes; uniform arrays have 1 to ${largestWindow} bytes`,
    )
  }
  const scalar = parseType(variable.format?.getTypeName() ?? '')?.scalar
  return { kind: 'window', name, binding, type: typeName, scalar, elementBytes: stride, bytes }
}

function readField(owner: string, member: MemberInfo): UniformField {
  const element = member.isArray ? member.format : member.type
  const type = parseType(element?.getTypeName() ?? '')
  if (!type || type.scalar === 'f16') {
    throw new ShaderError(
      `Field \`${owner}.${member.name}\` has type ${member.type.getTypeName()}, which is not supported`,
    )
  }
  return {
    name: member.name,
    type: member.type.getTypeName(),
    scalar: type.scalar,
    offset: member.offset,
    components: type.components,
    count: member.isArray ? member.count : 1,
    stride: member.isArray ? member.stride : 0,
  }
}

const scalars: Readonly<Record<string, Scalar>> = {
  f32: 'f32',
  f: 'f32',
  u32: 'u32',
  u: 'u32',
  i32: 'i32',
  i: 'i32',
  f16: 'f16',
  h: 'f16',
}

/** Splits `f32`, `vec4f`, `vec4<f32>`, `atomic<u32>` into scalar type and number of components. */
function parseType(name: string): { scalar: Scalar; components: number } | undefined {
  const match = /^(?:vec([234])|atomic)?<?([fuih](?:32|16)?)>?$/.exec(name)
  const scalar = scalars[match?.[2] ?? '']
  return scalar && { scalar, components: Number(match?.[1] ?? 1) }
}
