// Teaching the models of pysot, one level or three, narrow and with seeded weights: a few steps lower the loss, everything but the
// head's parameters stays to the bit, and the taught weights load again, whole or as a head, and give the same boxes. The classes of
// r50 are taught in teach.test.ts; the models at their own width in teach-models.slow.test.ts.

import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { narrowPysot } from './pysot-narrow.ts'
import { expectTeaching } from './teaching.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe.each(['siamrpn_alex_dwxcorr', 'siamrpn_mobilev2_l234_dwxcorr'] as const)('%s', (name) => {
  test('is taught its heads alone, and its weights come back', async () => {
    await expectTeaching(device, narrowPysot(name), { steps: 12, lr: 1e-2 })
  })
})
