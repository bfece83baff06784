// An element of an annotation file's arrays (COCO, COCO-VID) with typed access to its fields; what does not fit is named with file,
// array, index and field.

import { AnnotationError } from './errors.ts'

/** An element of one of the arrays, with typed access to its entries. */
export class CocoEntry {
  readonly index: number
  readonly #file: string
  readonly #array: string
  readonly #fields: Readonly<Record<string, unknown>>

  constructor(file: string, array: string, index: number, value: unknown) {
    this.index = index
    this.#file = file
    this.#array = array
    this.#fields = isRecord(value) ? value : this.fail('', value, 'an object')
  }

  number(name: string): number {
    const value = this.#fields[name]
    return typeof value === 'number' ? value : this.fail(`.${name}`, value, 'a number')
  }

  optionalNumber(name: string): number {
    const value = this.#fields[name]
    return value === undefined || value === null ? Number.NaN : this.number(name)
  }

  text(name: string): string {
    const value = this.#fields[name]
    return typeof value === 'string' ? value : this.fail(`.${name}`, value, 'a text')
  }

  flag(name: string): boolean {
    return Boolean(this.#fields[name])
  }

  box(): readonly [number, number, number, number] {
    const value = this.#fields.bbox
    if (!Array.isArray(value)) return this.fail('.bbox', value, '[left, top, width, height]')
    const [x, y, width, height] = value
    const numbers = [x, y, width, height].every((side) => typeof side === 'number')
    return numbers && value.length === 4
      ? [x, y, width, height]
      : this.fail('.bbox', value, '[left, top, width, height]')
  }

  /** Four numbers of a box or the eight of a polygon; undefined where there is no `bbox`. */
  region(): readonly number[] | undefined {
    const value = this.#fields.bbox
    if (value === undefined || value === null) return undefined
    const numbers = Array.isArray(value) && value.every((side) => typeof side === 'number')
    return numbers && (value.length === 4 || value.length === 8)
      ? value
      : this.fail('.bbox', value, '[left, top, width, height] or the eight numbers of a polygon')
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined
  }

  fail(place: string, found: unknown, expected: string): never {
    const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 80)
    throw new AnnotationError(
      `${this.#file}: ${this.#array}[${this.index}]${place}: found ${shown}, expected ${expected}`,
    )
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
