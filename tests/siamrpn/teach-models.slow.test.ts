// Teaching the large models at their own width: ResNet-50, and pysot's two small models.

import { afterAll, beforeAll, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { expectTeaching } from './teaching.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** All windows of one frame: every step sees the same ones, so that a falling loss says something after a few steps. */
const pairs = 20

test.each(['siamrpn_alex_dwxcorr', 'siamrpn_mobilev2_l234_dwxcorr', 'r50'] as const)(
  '%s is taught its heads alone, and its weights come back',
  async (name) => {
    await expectTeaching(device, namedConfig(name), { steps: 2, given: 1, lr: 2e-5, pairs, followed: 1 })
  },
)
