// Parsed JSON from a file that somebody chose: nothing of it can be relied on until it is asked for here.

import type { Box } from 'siamrpn'
import { ImportError } from '../model/errors.ts'

export type JsonRecord = Readonly<Record<string, unknown>>

const longestShown = 60

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The list of objects under a name. @throws ImportError where it is none */
export function recordsOf(record: JsonRecord, name: string): readonly JsonRecord[] {
  const list = record[name]
  if (!Array.isArray(list)) throw new ImportError(`The file has ${shown(list)} for "${name}", expected a list`)
  const odd = list.findIndex((item) => !isRecord(item))
  if (odd < 0) return list
  throw new ImportError(`Item ${odd} of "${name}" is ${shown(list[odd])}, expected an object`)
}

/** @throws ImportError */
export function boxOf(value: unknown, of: string): Box {
  if (!isRecord(value)) throw new ImportError(`"${shortened(of)}" has ${shown(value)} for a box, expected an object`)
  const { x, y, width, height } = value
  return { x: numberOf(x), y: numberOf(y), width: numberOf(width), height: numberOf(height) }
}

/** NaN for anything but a number, which the check of rows then refuses. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN
}

/** A value as a sentence can have it. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'an object'
  return typeof value === 'string' ? JSON.stringify(shortened(value)) : String(value)
}

export function shortened(text: string): string {
  return text.length > longestShown ? `${text.slice(0, longestShown)}...` : text
}
