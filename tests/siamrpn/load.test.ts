// The first line of a newcomer: a tracker from nothing, and options that are none.

import { expect, test } from 'vitest'
import { ArgumentError } from '../../src/gpu/errors.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { defaultModelName } from '../../src/siamrpn/default-model.ts'
import { type LoadOptions, SiamRPN } from '../../src/siamrpn/tracker.ts'

test.each([[[]], [[undefined]], [[{}]], [[{ checkpoint: undefined }]]] as [[LoadOptions?]][])(
  'load(%o) loads the model that ships, with its configuration',
  async (options) => {
    const tracker = await SiamRPN.load(...options)
    try {
      expect(tracker.config.model.backbone).toEqual(namedConfig(defaultModelName).model.backbone)
    } finally {
      await tracker.close()
    }
  },
)

test.each([
  [null, 'the options are null, expected an object'],
  ['model.pth', 'the options are "model.pth", expected an object'],
  [{ device: {} }, 'device is {}, expected a device of openDevice()'],
  [{ device: null }, 'device is null, expected a device of openDevice()'],
  [{ checkpoint: 7 }, 'checkpoint is 7, expected a path or URL'],
] as [unknown, string][])('load(%o) is refused by name', async (options, message) => {
  const refused = SiamRPN.load(options as LoadOptions)
  await expect(refused).rejects.toThrow(ArgumentError)
  await expect(refused).rejects.toThrow(message)
})

test('create() refuses such options, too', async () => {
  await expect(SiamRPN.create(new Map(), { device: 1 as never })).rejects.toThrow('device is 1, expected a device')
})
