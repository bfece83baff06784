// Run in a process of its own: 50 trackers of one device follow a clip in turn for many updates, and what the process holds is
// printed as JSON from time to time: `node --import tsx soak.ts UPDATES SECONDS`. Ends at whichever comes first. Linux only.

import { openDevice } from '../../src/gpu/device.ts'
import type { Target } from '../../src/siamrpn/target.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { clipFrame, micro, microWeights } from '../siamrpn/helpers.ts'
import { type Held, held } from './held.ts'

export interface Soak {
  readonly updates: number
  /** At equal distances. */
  readonly samples: readonly Held[]
  /** Bytes on the device: when the first tracker is closed, with all trackers after the first round and after the last, and when they are closed. */
  readonly deviceBytes: Readonly<Record<'before' | 'first' | 'last' | 'closed', number>>
}

const trackerCount = 50
const frameCount = 40
const sampleEvery = 250

const [, , most, seconds] = process.argv
const { test_cfg } = micro.model
const config = { ...micro, model: { ...micro.model, test_cfg: { ...test_cfg, search_size: 143 } } }
const frames = Array.from({ length: frameCount }, (_, index) => clipFrame(index))
const frame = (index: number) => frames[index % frameCount] ?? clipFrame(index)

const device = await openDevice()
const weights = microWeights()
const box = { x: 40, y: 30, width: 40, height: 30 }
const alone = await SiamRPN.create(weights, { config, device })
await (await alone.init(frame(0), box)).update(frame(1))
await alone.close()
const before = device.memory.bytes
const trackers: SiamRPN[] = []
for (let k = 0; k < trackerCount; k++) trackers.push(await SiamRPN.create(weights, { config, device }))
const begin = performance.now()
const over = () => performance.now() - begin > 1000 * Number(seconds)
const targets: Target[] = []
for (const tracker of trackers) targets.push(await tracker.init(frame(0), box))
const samples: Held[] = []
let updates = 0
let first = 0
while (updates < Number(most) && !over()) {
  for (const target of targets) await target.update(frame(++updates))
  first ||= device.memory.bytes
  if (updates % sampleEvery === 0) samples.push(await held())
}
const last = device.memory.bytes
for (const tracker of trackers) await tracker.close()
const closed = device.memory.bytes
await device.close()
const result: Soak = { updates, samples, deviceBytes: { before, first, last, closed } }
console.log(JSON.stringify(result))
