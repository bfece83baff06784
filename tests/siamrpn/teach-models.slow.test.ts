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

test.each([
  ['siamrpn_alex_dwxcorr', { steps: 4, given: 2 }],
  ['siamrpn_mobilev2_l234_dwxcorr', { steps: 4, given: 2 }],
  ['r50', { steps: 2, given: 1 }],
] as const)('%s is taught its heads alone, and its weights come back', async (name, extent) => {
  await expectTeaching(device, namedConfig(name), { ...extent, lr: 1e-3, pairs: 4, followed: 1 })
})
