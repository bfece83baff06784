// A clip under many parameter sets side by side, as `siamrpn search` tracks it, against `update()` once per set. How much is saved
// depends on how long the sets agree, so the clip is one of those that the project renders, and the model the one that ships.

import { openSweep } from '../../src/siamrpn/sweep.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { defaultModel } from '../../tools/cli/default-model.ts'
import { SyntheticClips } from '../../tools/clips/clips.ts'
import { ruleGrid } from '../../tools/search/rules.ts'
import type { BenchCase, Running } from '../case.ts'
import { timed } from '../stopwatch.ts'

const seed = 2_000_000
const frames = 24

const rules = ruleGrid({
  penalty_k: [0.02, 0.08, 0.14],
  lr: [0.2, 0.35, 0.5],
  window_influence: [0.25, 0.35, 0.45, 0.55],
})

export function searchCases(): BenchCase[] {
  return [
    {
      name: `search mobile, 320x240 rgb8, ${rules.length} sets, one frame`,
      samples: 1,
      expected: { seconds: 20 },
      start,
    },
  ]
}

async function start(): Promise<Running> {
  const tracker = await SiamRPN.load({ checkpoint: defaultModel() })
  const clip = new SyntheticClips({ seed, clips: 1, framesPerClip: frames }).clip(0)
  const pictures = Array.from({ length: frames }, (_, index) => clip.picture(index))
  const [first, ...others] = pictures
  try {
    if (!first) throw new Error('the clip has no frames')
    const sweep = await openSweep(tracker, rules.length)
    const target = await tracker.init(first, clip.box(0))
    let aloneMs = Number.POSITIVE_INFINITY
    let sweepMs = Number.POSITIVE_INFINITY
    return {
      variant: `${frames - 1} frames`,
      async sample() {
        for (const picture of others.slice(0, 3)) {
          aloneMs = Math.min(aloneMs, (await timed(() => target.update(picture))).cpuMs)
        }
        await sweep.start(first, clip.box(0), rules)
        const { ms, cpuMs } = await timed(async () => {
          for (const picture of others) await sweep.update(picture)
        })
        sweepMs = Math.min(sweepMs, cpuMs / others.length)
        return { ms: ms / others.length, cpuMs: cpuMs / others.length }
      },
      facts: () => ({
        'crops per frame': (sweep.counts.computed * rules.length) / sweep.counts.updates,
        'CPU ms of one update()': aloneMs,
        'times less CPU than update() for each set': (aloneMs * rules.length) / sweepMs,
      }),
      dispose: () => tracker.close(),
    }
  } catch (error) {
    await tracker.close()
    throw error
  }
}
