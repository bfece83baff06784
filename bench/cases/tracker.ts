// Whole frames through the public interface: `update()` from the upload of the frame to the box, with one target. The models
// are those of the golden data. Each has a device of its own, so that its memory can be told.

import type { Profile } from '../../src/gpu/program.ts'
import type { ModelConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import type { BenchCase, BenchContext, Running } from '../case.ts'
import { benchModel, videoBox, videoFrame } from '../data.ts'
import { multiplyAdds, searchNetwork } from '../network.ts'
import { timed } from '../stopwatch.ts'

export function trackerCases(): BenchCase[] {
  return ['r50', 'small'].map((model) => {
    const name = `update ${model}, 480x360 rgb8, 1 target`
    const flops = 3 * searchFlops(namedConfig(model).model)
    return { name, expected: { seconds: 4, flops }, start: (context) => startTracker(model, context) }
  })
}

/** Of one frame by the textbook's formula. */
export function searchFlops(model: ModelConfig): number {
  return searchNetwork(model).nodes.reduce((sum, node) => sum + 2 * multiplyAdds(node), 0)
}

async function startTracker(model: string, { choose }: BenchContext): Promise<Running> {
  const { config, state } = await benchModel(model)
  const tracker = await SiamRPN.create(state, { config, benchmark: choose ?? false })
  const frames = [1, 2].map(videoFrame)
  const next = (index: number) => frames[index % frames.length] ?? videoFrame(0)
  try {
    const target = await tracker.init(videoFrame(0), videoBox)
    await target.update(next(0)) // captures the program and compiles
    const { memory, adapter } = tracker.device
    const afterStart = { heldBytes: memory.bytes, peakBytes: memory.peakBytes }
    const profile = adapter.features.has('timestamp-query') ? await target.profile(next(1)) : undefined
    let index = 0
    return {
      variant: '',
      ...(tracker.convChoices.length > 0 && { choices: tracker.convChoices }),
      ...(profile && { cost: profileCost(profile) }),
      directFlops: searchFlops(config.model),
      sample: () => timed(() => target.update(next(index++))),
      facts: () => ({
        'GPU bytes held': afterStart.heldBytes,
        'GPU bytes at most': afterStart.peakBytes,
        ...(profile && { dispatches: profile.entries.length, 'ms on the GPU': profile.ms }),
      }),
      dispose: () => tracker.close(),
    }
  } catch (error) {
    await tracker.close()
    throw error
  }
}

function profileCost({ entries }: Profile) {
  const sum = (key: 'flops' | 'bytes') => entries.reduce((total, entry) => total + entry[key], 0)
  return { flops: sum('flops'), bytes: sum('bytes') }
}
