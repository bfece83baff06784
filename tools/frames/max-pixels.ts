// The limit of pixels of an image that is decoded: what a hostile or mistaken file may take of memory.

import { cut } from 'siamrpn/gpu'
import { UsageError } from '../errors.ts'

const defaultMaxPixels = 50_000_000
/** The variable of the environment that says how many pixels an image may have; `--max-pixels` sets it. */
export const maxPixelsVariable = 'SIAMRPN_MAX_PIXELS'

/**
 * Most pixels of an image that is decoded: the environment variable SIAMRPN_MAX_PIXELS, or fifty million.
 * @throws UsageError if the variable holds no whole number above 0
 */
export function maxPixels(): number {
  const given = process.env[maxPixelsVariable]
  if (given === undefined || given === '') return defaultMaxPixels
  const value = Number(given)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new UsageError(`${maxPixelsVariable} is "${cut(given, 40)}", expected a whole number, 1 or more`)
}
