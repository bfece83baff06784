// Walks a schema along a key path, so that messages can name the keys known at a place and overrides can tell what they set.
// Where a schema has alternatives, the value found there decides which one applies.

import * as z from 'zod'

export type Key = string | number
export type KeyPath = readonly Key[]

/** The schema of the entry at `path`, given the value of the whole; undefined if the path leads nowhere. */
export function schemaAt(schema: z.ZodType, path: KeyPath, value: unknown): z.ZodType | undefined {
  let current: z.ZodType | undefined = resolve(schema, value)
  let found = value
  for (const key of path) {
    found = valueAt(found, [key])
    const next: z.ZodType | undefined = current && childSchema(current, key)
    current = next && resolve(next, found)
  }
  return current
}

/** Keys that a schema knows, empty if it is no object of fixed keys. */
export function knownKeys(schema: z.ZodType | undefined): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

/** The entry at `path` of a plain value; undefined if there is none. */
export function valueAt(value: unknown, path: KeyPath): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<Key, unknown>)[key]
  }
  return found
}

function childSchema(schema: z.ZodType, key: Key): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined
  if (schema instanceof z.ZodRecord) return asType(schema.valueType)
  if (schema instanceof z.ZodArray) return asType(schema.element)
  if (schema instanceof z.ZodTuple) return asType(schema.def.items[Number(key)])
  return undefined
}

/** Takes off what only makes an entry optional, and chooses among alternatives by the value. */
function resolve(schema: z.ZodType, value: unknown): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    const inner = asType(schema.def.innerType)
    return inner === undefined ? schema : resolve(inner, value)
  }
  if (!(schema instanceof z.ZodUnion)) return schema
  const options = schema.options.map(asType).filter((option) => option !== undefined)
  const chosen = options.map((option) => resolve(option, value)).find((option) => accepts(option, value))
  return chosen ?? schema
}

function accepts(schema: z.ZodType, value: unknown): boolean {
  if (schema instanceof z.ZodObject) {
    const type = asType(schema.shape.type)
    return (
      typeof value === 'object' && !Array.isArray(value) && (type?.safeParse(valueAt(value, ['type'])).success ?? true)
    )
  }
  if (schema instanceof z.ZodArray || schema instanceof z.ZodTuple) return Array.isArray(value)
  return schema.safeParse(value).success
}

function asType(schema: unknown): z.ZodType | undefined {
  return schema instanceof z.ZodType ? schema : undefined
}
