// The golden cases of the full R50 network: the whole forward and every tracking step, on one loaded model.

import { expect, it } from 'vitest'
import { golden } from './cli/golden/sets.ts'

it('R50 gives the numbers of MMTracking', async () => {
  const { code, out } = await golden('--sections', 'C,G', '--slow')
  expect(out).not.toContain('left for --slow')
  expect(out.match(/ PASS /g)).toHaveLength(2)
  expect(code).toBe(0)
})
