// Run in a process of its own: opens and closes devices, or loads and closes trackers, and prints what the process holds
// after each, as JSON: `node --import tsx device-cycles.ts device|tracker CYCLES`. Linux only.

import { readdirSync } from 'node:fs'
import { openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { microWeights } from '../siamrpn/helpers.ts'
import { scale } from './scale.ts'

/** What a process holds. */
export interface Held {
  readonly threads: number
  readonly descriptors: number
  readonly rss: number
}

const [, , kind, cycles] = process.argv
const held: Held[] = []
for (let cycle = 0; cycle < Number(cycles); cycle++) {
  await (kind === 'tracker' ? loadAndClose() : openAndClose())
  for (let pass = 0; pass < 2; pass++) {
    globalThis.gc?.() // with --expose-gc; Dawn's objects go after a turn of the event loop
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const [threads, descriptors] = ['task', 'fd'].map((entry) => readdirSync(`/proc/self/${entry}`).length)
  held.push({ threads: threads ?? 0, descriptors: descriptors ?? 0, rss: process.memoryUsage.rss() })
}
console.log(JSON.stringify(held))

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
