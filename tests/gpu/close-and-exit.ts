// Run by device.test.ts in a process of its own: it must end by itself after close().

import { openDevice } from '../../src/gpu/device.ts'
import { capture } from '../../src/gpu/program.ts'
import { scale } from './scale.ts'

const device = await openDevice()
Object.assign(globalThis, { device })
const input = device.empty([1 << 16])
const program = await capture(device, (r) => scale(r, scale(r, input, 2), 3))
program.run()
await device.read(program.result)
program.run()
await device.close()
console.log('closed')
