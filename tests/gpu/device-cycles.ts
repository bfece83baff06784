// Run in a process of its own: opens and closes devices, or loads and closes trackers, and prints what the process holds
// after each, as JSON: `node --import tsx device-cycles.ts device|tracker CYCLES`. Linux only.

import { openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { microWeights } from '../siamrpn/helpers.ts'
import { type Held, held } from './held.ts'
import { scale } from './scale.ts'

const [, , kind, cycles] = process.argv
const samples: Held[] = []
for (let cycle = 0; cycle < Number(cycles); cycle++) {
  await (kind === 'tracker' ? loadAndClose() : openAndClose())
  samples.push(await held())
}
console.log(JSON.stringify(samples))

async function openAndClose(): Promise<void> {
  const device = await openDevice()
  const program = await runOnce(device, (r) => scale(r, device.tensor(new Float32Array(64), [64]), 2))
  await device.read(program.result)
  await device.close()
}

async function loadAndClose(): Promise<void> {
  const { SiamRPN } = await import('../../src/siamrpn/tracker.ts')
  const { namedConfig } = await import('../../src/siamrpn/configs/index.ts')
  const tracker = await SiamRPN.create(microWeights(), { config: namedConfig('micro') })
  await tracker.close()
}
