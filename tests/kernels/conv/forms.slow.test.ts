// Every form of the kernels for GPUs, forced one by one: compiled and compared with float64.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { kernelTolerance } from '../../helpers/tensors.ts'
import { matrixForms, registerForms, shuffleForms, tileForms } from './forms.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe.each([
  ['tiles', tileForms],
  ['no workgroup memory', registerForms],
])('%s', (_, forms) => {
  test.each(forms)('$name', async ({ error }) => expect(await error(device)).toBeLessThanOrEqual(kernelTolerance))
})

describe('values passed among lanes', () => {
  test.each(shuffleForms)('$name, where subgroups are so large', async ({ suits, error }) => {
    if (suits(device.adapter)) expect(await error(device)).toBeLessThanOrEqual(kernelTolerance)
    else await expect(error(device)).rejects.toThrow(/passes values among/)
  })
})

describe('matrix units', () => {
  test.each(matrixForms)('$name, where the adapter lists such matrices', async ({ suits, error }) => {
    if (suits(device.adapter)) expect(await error(device)).toBeLessThanOrEqual(kernelTolerance)
    else await expect(error(device)).rejects.toThrow(/needs subgroup matrices/)
  })
})
