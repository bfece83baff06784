// What a frame costs on the JavaScript side alone: Dawn's null backend takes every command and does nothing. Measured is the
// synchronous part of one step: writing its inputs, encoding and submitting one command buffer, asking for the result.

import { fromFloat32, type StateDict } from '../../src/formats/state-dict.ts'
import { openDevice } from '../../src/gpu/device.ts'
import { cropRecordSize } from '../../src/kernels/crop-resize.ts'
import { stateRecordSize } from '../../src/kernels/decode-best.ts'
import type { Config } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { FrameBuffer, frameShape } from '../../src/siamrpn/frame.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { Network } from '../../src/siamrpn/network.ts'
import { makeContext, SearchStep } from '../../src/siamrpn/steps.ts'
import type { BenchCase, Running } from '../case.ts'
import { videoFrame } from '../data.ts'
import { searchNetwork } from '../network.ts'

export function hostCases(): BenchCase[] {
  return [
    {
      name: 'encode r50 frame, null backend',
      expected: { seconds: 3 },
      start: () => startEncoding(namedConfig('r50')),
    },
  ]
}

/** Steps per sample. */
const repeats = 20

async function startEncoding({ model }: Config): Promise<Running> {
  const device = await openDevice({ backend: 'null' })
  try {
    const network = new Network(model)
    await network.load(device, zeros(stateDictShapes(model)))
    const context = makeContext(device, model, network)
    const frame = new FrameBuffer(device, frameShape(videoFrame(0)))
    const kernels = levelKernels(model).map((shape) => device.empty(shape))
    const step = await SearchStep.create(context, frame.packed, kernels)
    const request = { crops: new Float32Array(cropRecordSize), state: new Float32Array(stateRecordSize), kernels }
    return {
      variant: device.adapter.description,
      async sample() {
        let ms = 0
        let cpuMs = 0
        for (let k = 0; k < repeats; k++) {
          const cpu = process.cpuUsage()
          const start = performance.now()
          const result = step.run(request)
          ms += performance.now() - start
          const { user, system } = process.cpuUsage(cpu)
          cpuMs += (user + system) / 1000
          await result
        }
        return { ms: ms / repeats, cpuMs: cpuMs / repeats }
      },
      facts: () => ({ dispatches: step.stats.dispatches, 'arena bytes': step.stats.arenaBytes }),
      dispose: () => device.close(),
    }
  } catch (error) {
    await device.close()
    throw error
  }
}

/** Shapes of one target's kernels, level by level, both branches side by side. */
function levelKernels(model: Config['model']): number[][] {
  const { kernels } = searchNetwork(model)
  return kernels.slice(0, kernels.length / 2).map(({ size, channels }) => [1, size, size, 2 * channels])
}

function zeros(shapes: ReadonlyMap<string, readonly number[]>): StateDict {
  return new Map(
    [...shapes].map(([name, shape]) => {
      const count = shape.reduce((product, size) => product * size, 1)
      return [name, fromFloat32(new Float32Array(count), shape)]
    }),
  )
}
