// An element of an annotation file's arrays (COCO, COCO-VID) with typed access to its fields; what does not fit is named with file,
// array, index and field.

import { show } from 'siamrpn/gpu'
import { isRecord } from '../is-record.ts'
import { AnnotationError } from './errors.ts'

/** Numbers for ids that are none: texts, and integers beyond 2^53, which arrive as texts. Numbers stay themselves. */
export class CocoIds {
  readonly #known = new Map<string, number>()
  readonly #texts = new Map<number, string>()

  of(text: string): number {
    const number = Number(text)
    if (Number.isSafeInteger(number) && String(number) === text) return number
    const known = this.#known.get(text)
    if (known !== undefined) return known
    // Halves are no ids of files, so that nothing else has these.
    const fresh = -(this.#known.size + 1) - 0.5
    this.#known.set(text, fresh)
    this.#texts.set(fresh, text)
    return fresh
  }

  /** The id as the file has it, for messages. */
  show(id: number): string {
    return Number.isNaN(id) ? 'nothing' : show(this.#texts.get(id) ?? id)
  }
}

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

  /** A number or a text that names something; `ids` gives each its own number. */
  id(name: string, ids: CocoIds): number {
    const value = this.#fields[name]
    if (typeof value === 'number' && !(Number.isInteger(value) && !Number.isSafeInteger(value))) return value
    return typeof value === 'string' ? ids.of(value) : this.fail(`.${name}`, value, 'a number or a text')
  }

  optionalId(name: string, ids: CocoIds): number {
    const value = this.#fields[name]
    return value === undefined || value === null ? Number.NaN : this.id(name, ids)
  }

  text(name: string): string {
    const value = this.#fields[name]
    return typeof value === 'string' ? value : this.fail(`.${name}`, value, 'a text')
  }

  flag(name: string): boolean {
    return Boolean(this.#fields[name])
  }

  /** Left, top, width, height; undefined where the entry has no box of four numbers. */
  box(): readonly [number, number, number, number] | undefined {
    const value = this.#fields.bbox
    if (!Array.isArray(value) || value.length !== 4) return undefined
    const [x, y, width, height] = value
    const numbers = [x, y, width, height].every((side) => typeof side === 'number')
    return numbers ? [x, y, width, height] : undefined
  }

  /** Four numbers of a box or the eight of a polygon; undefined where the entry has neither. */
  region(): readonly number[] | undefined {
    const value = this.#fields.bbox
    if (value === undefined || value === null) return undefined
    const isRegion = Array.isArray(value) && (value.length === 4 || value.length === 8)
    if (!isRegion || !value.every((side) => typeof side === 'number' || side === null)) {
      return this.fail('.bbox', value, '[left, top, width, height] or the eight numbers of a polygon')
    }
    return value.every(Number.isFinite) ? value : undefined // Python's NaN is null here.
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined
  }

  fail(place: string, found: unknown, expected: string): never {
    const shown = found === undefined ? 'nothing' : show(found)
    throw new AnnotationError(
      `${this.#file}: ${this.#array}[${this.index}]${place}: found ${shown}, expected ${expected}`,
    )
  }
}
