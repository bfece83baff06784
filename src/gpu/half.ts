// Half precision: which adapters have it, and on the host IEEE 754's binary16 as its bits, rounded to the nearest, ties to even, as a
// device converts.

import type { AdapterFacts } from './adapter.ts'
import { FeatureError } from './errors.ts'

/** How numbers are stored. Half precision: 11 binary digits, from 6e-8 to 65504; every sum is one of single precision. */
export type Precision = 'f32' | 'f16'

/** @throws FeatureError for half precision on an adapter without it */
export function checkPrecision(
  { adapter }: { readonly adapter: Pick<AdapterFacts, 'features' | 'description'> },
  precision: Precision,
): void {
  if (precision === 'f32' || adapter.features.has('shader-f16')) return
  const found = `\`${adapter.description}\` does not have`
  throw new FeatureError(
    `precision 'f16' needs the feature \`shader-f16\`, which the adapter ${found}; 'f32' needs none`,
  )
}

/** The largest finite number of half precision. */
export const largestHalf = 65504

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** The bits of the halves nearest to the values; beyond the largest half it is an infinity. */
export function toHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    float[0] = values[i] ?? 0
    halves[i] = halfOf(bits[0] ?? 0)
  }
  return halves
}

/** @param single the bits of a float32 */
function halfOf(single: number): number {
  const sign = (single >>> 16) & 0x8000
  const exponent = ((single >>> 23) & 0xff) - 127 + 15
  const fraction = single & 0x7fffff
  if (exponent === 0xff - 127 + 15) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200 | (fraction >>> 13))
  if (exponent <= 0) {
    // Below the smallest normal half: the fraction with its leading one, shifted to the place that the exponent asks for.
    return exponent < -10 ? sign : sign | rounded(fraction | 0x800000, 14 - exponent)
  }
  // A carry out of the fraction goes on into the exponent, up to infinity.
  return sign | Math.min(rounded((exponent << 23) | fraction, 13), 0x7c00)
}

/** Without its last `shift` bits, to the nearest, ties to even. */
function rounded(value: number, shift: number): number {
  const kept = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept
}
