// examples/classifier.ts: training from nothing works.

import { expect, test } from 'vitest'
import { trainClassifier } from '../../examples/classifier.ts'
import { openDevice } from '../../src/gpu/device.ts'

test('names more than 95 % of new shapes after it was trained from nothing', async () => {
  const device = await openDevice()
  const losses: number[] = []
  const accuracy = await trainClassifier(device, 300, (_, loss) => losses.push(loss))
  expect(losses[0]).toBeGreaterThan(1)
  expect(losses.at(-1)).toBeLessThan(0.3)
  expect(accuracy).toBeGreaterThan(0.95)
  await device.close()
})
