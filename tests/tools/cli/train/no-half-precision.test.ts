// `siamrpn train` with `fp16` where the adapter has no half precision.

import { readdir } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { openDevice } from '../../../../src/gpu/device.ts'
import { runCommand } from '../../../../tools/cli/run.ts'
import { temporaryFolder } from '../../training/helpers.ts'
import { fakeLoad, fakeTerminal, fakeTrackers } from '../fakes.ts'

vi.mock('../../../../tools/cli/open-device.ts', async (original) => ({
  ...(await original<object>()),
  openRankDevice: async () => await openDevice({ hideFeatures: ['shader-f16'] }),
}))

test('an error names the adapter and the way out, and nothing is written', async () => {
  const folder = await temporaryFolder()
  const terminal = fakeTerminal()
  const args = ['train', '--config', 'micro', '--data', 'synthetic', '--work-dir', folder, '--set', 'fp16.loss_scale=8']
  const code = await runCommand(args, { terminal, load: fakeLoad().load, loadTrackers: fakeTrackers().loadTrackers })
  expect([code, terminal.stderr.text]).toEqual([
    1,
    expect.stringMatching(
      /error: fp16 of the configuration needs the feature `shader-f16`, which the adapter `.+` does not have; .*--set fp16=null/,
    ),
  ])
  expect((await readdir(folder)).filter((name) => !name.endsWith('.log'))).toEqual([])
})
