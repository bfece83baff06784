// Run by open-device.test.ts: opens a device as commands do, with a line on standard error before and after.

import { openTerminalDevice } from '../../../tools/cli/open-device.ts'

process.stderr.write('before\n')
const device = await openTerminalDevice()
process.stderr.write('after\n')
await device.close()
console.log('done')
