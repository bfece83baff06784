// Measures of how far two arrays are apart.

/** Largest absolute difference; infinite if the lengths differ or a value is not a number. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!)
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return largest
}

/** Largest of |actual - expected| / max(1, |expected|). */
export function largestRelativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const scale = (value: number, i: number) => value / Math.max(1, Math.abs(expected[i]!))
  return largestDifference(Array.from(actual, scale), Array.from(expected, scale))
}
