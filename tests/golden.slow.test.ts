// All golden cases, those of the full R50 network included: the whole forward, every tracking step, training with a released
// backbone.

import { expect, test } from 'vitest'
import { golden } from './golden/check/tests/sets.ts'

test('gives all the numbers of MMTracking', async () => {
  const { code, out } = await golden('--slow')
  expect(out).not.toContain('left for --slow')
  expect(out).not.toContain('FAIL')
  expect(out.match(/ PASS /g)).toHaveLength(10)
  expect(code).toBe(0)
})
