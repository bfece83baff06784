// Host tensors for kernel tests, and a comparison that shows the first mismatches.

import { expect } from 'vitest'
import { type HostTensor, kernelTolerance, relativeError } from './host-tensors.ts'

export * from './host-tensors.ts'

const shownMismatches = 5

/** Fails with the first mismatches unless shapes are equal and values agree to `tolerance` of the largest magnitude. */
export function expectClose(actual: HostTensor, expected: HostTensor, tolerance = kernelTolerance): void {
  expect(actual.shape).toEqual(expected.shape)
  const error = relativeError(actual.data, expected.data)
  if (error <= tolerance) return
  const bound =
    tolerance * Float64Array.from(expected.data).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  const lines: string[] = []
  for (let i = 0; i < expected.data.length && lines.length < shownMismatches; i++) {
    if (Math.abs(actual.data[i]! - expected.data[i]!) <= bound) continue
    lines.push(`[${indexOf(i, expected.shape)}] found ${actual.data[i]}, expected ${expected.data[i]}`)
  }
  expect.fail(`relative error ${error} above ${tolerance}:\n${lines.join('\n')}`)
}

function indexOf(flat: number, shape: readonly number[]): string {
  const index: number[] = []
  let rest = flat
  for (const size of shape.toReversed()) {
    index.unshift(rest % size)
    rest = Math.floor(rest / size)
  }
  return index.join(', ')
}
