// A process that loads a tracker and follows a target for one frame, telling how long each part took, in milliseconds.

import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { childRequest, tell } from '../child.ts'
import { videoBox, videoFrame } from '../data.ts'

/** Milliseconds. */
export interface FirstFrameTimes {
  readonly load: number
  readonly init: number
  readonly update: number
  readonly cpu: number
}

const { checkpoint, config } = childRequest<{ checkpoint: string; config: string }>()
const frames = [0, 1].map(videoFrame)
const cpu = process.cpuUsage()
const times = [performance.now()]
const tracker = await SiamRPN.load({ checkpoint, config: namedConfig(config) })
times.push(performance.now())
const target = await tracker.init(frames[0] ?? videoFrame(0), videoBox)
times.push(performance.now())
await target.update(frames[1] ?? videoFrame(1))
times.push(performance.now())
const { user, system } = process.cpuUsage(cpu)
const [load = 0, init = 0, update = 0] = times.slice(1).map((time, k) => time - (times[k] ?? 0))
await tell({ load, init, update, cpu: (user + system) / 1000 } satisfies FirstFrameTimes)
await tracker.close()
process.disconnect?.()
