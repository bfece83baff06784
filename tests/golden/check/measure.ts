// How far a value of ours is from a golden one. Every comparison becomes one number in the units of its tolerance, so that a
// section can name the worst of all of its cases. Whatever is not a number, or of another length, is infinitely far.

/** The result of one comparison. */
export interface Measurement {
  readonly caseId: string
  /** What was compared, such as `cls_score`. */
  readonly quantity: string
  readonly error: number
  /** Largest error that passes; 0 where the values must be equal. */
  readonly tolerance: number
  /** What is wrong, where a number alone does not say it. */
  readonly note?: string
}

/** How much of its tolerance a measurement uses: at most 1 if it passes. */
export function strain({ error, tolerance }: Measurement): number {
  if (error === 0) return 0
  return tolerance === 0 ? Number.POSITIVE_INFINITY : error / tolerance
}

export function passes(measurement: Measurement): boolean {
  return strain(measurement) <= 1
}

/** Largest |found - expected|; infinite if the lengths differ or a difference is not a number. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs((found[i] ?? Number.NaN) - (expected[i] ?? Number.NaN))
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY
    if (difference > largest) largest = difference
  }
  return largest
}

/** Largest absolute value; 0 of nothing. */
export function largestMagnitude(values: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0))
  return largest
}

/** Where two plain values (JSON, Maps, typed arrays) first differ, as `path: found ..., expected ...`; undefined if they are equal. */
export function firstMismatch(found: unknown, expected: unknown, path = ''): string | undefined {
  if (found === expected || Object.is(found, expected) || sameBytes(found, expected)) return undefined
  const here = path === '' ? '' : `${path}: `
  const [ours, theirs] = [entriesOf(found), entriesOf(expected)]
  if (ours === undefined || theirs === undefined) return `${here}found ${show(found)}, expected ${show(expected)}`
  for (const [key, value] of theirs) {
    const inner = path === '' ? String(key) : `${path}.${String(key)}`
    if (!ours.has(key)) return `${inner}: missing, expected ${show(value)}`
    const mismatch = firstMismatch(ours.get(key), value, inner)
    if (mismatch !== undefined) return mismatch
  }
  for (const [key, value] of ours) if (!theirs.has(key)) return `${here}unexpected ${String(key)}, ${show(value)}`
  return undefined
}

/** A fast way to see that large typed arrays are equal; entries tell where they are not. */
function sameBytes(a: unknown, b: unknown): boolean {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return false
  const [ours, theirs] = [a, b].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
  return ours?.length === theirs?.length && (ours?.every((byte, i) => byte === theirs?.[i]) ?? false)
}

function entriesOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value
  if (Array.isArray(value)) return new Map(value.entries())
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return new Map((value as unknown as readonly unknown[]).entries())
  }
  if (typeof value === 'object' && value !== null) return new Map(Object.entries(value))
  return undefined
}

const shownLength = 120

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'nothing'
  return text.length > shownLength ? `${text.slice(0, shownLength)}...` : text
}
