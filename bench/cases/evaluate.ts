// An evaluation against tracking alone: the same clips, once as JPEG files through the engine of `siamrpn evaluate` (decoded
// ahead, results saved), once as frames in memory through `init` and `update`. The two take turns, because what matters is
// their ratio.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { openBenchmark } from '../../src/data/benchmarks/open-benchmark.ts'
import type { Benchmark } from '../../src/data/benchmarks/types.ts'
import { readImage } from '../../src/data/image.ts'
import type { RgbFrame } from '../../src/data/types.ts'
import { boxToCenter } from '../../src/siamrpn/boxes.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { ResultStore } from '../../src/train/evaluation/result-store.ts'
import { runEvaluation } from '../../src/train/evaluation/run-evaluation.ts'
import type { BenchCase, Running } from '../case.ts'
import { benchModel, videoBox, videoFrame, videoSize } from '../data.ts'
import { type Sample, timed } from '../stopwatch.ts'

const clipCount = 2
const framesPerClip = 16
const frameCount = clipCount * framesPerClip
const quality = 90

export function evaluateCases(): BenchCase[] {
  return ['r50', 'small'].map((model) => {
    const name = `evaluate ${model}, JPEGs ${videoSize.width}x${videoSize.height}, per frame`
    return { name, start: () => startEvaluation(model) }
  })
}

async function startEvaluation(model: string): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-bench-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const { config, state } = await benchModel(model)
    const benchmark = await writeClips(join(folder, 'data'))
    const clips = await Promise.all(
      benchmark.sequences.map(({ images }) => Promise.all(images.map((file) => readImage(file)))),
    )
    const tracker = await SiamRPN.create(state, { config })
    const description = { fingerprint: {}, about: {} }
    const store = await ResultStore.open(join(folder, 'out'), description, { resume: false })
    const evaluate = () => runEvaluation({ benchmark, trackers: [tracker], save: (result) => store.save(result) })
    const best = { alone: Number.POSITIVE_INFINITY, evaluated: Number.POSITIVE_INFINITY, aloneCpu: 0, evaluatedCpu: 0 }
    await trackAlone(tracker, clips) // captures the programs and compiles
    return {
      variant: `${clipCount} clips of ${framesPerClip} frames`,
      async sample() {
        const alone = perFrame(await timed(() => trackAlone(tracker, clips)))
        const evaluated = perFrame(await timed(evaluate))
        if (alone.ms < best.alone) Object.assign(best, { alone: alone.ms, aloneCpu: alone.cpuMs })
        if (evaluated.ms < best.evaluated)
          Object.assign(best, { evaluated: evaluated.ms, evaluatedCpu: evaluated.cpuMs })
        return evaluated
      },
      facts: () => ({
        'ms without files': best.alone,
        'slower than without files, %': 100 * (best.evaluated / best.alone - 1),
        'more CPU time, %': 100 * (best.evaluatedCpu / best.aloneCpu - 1),
      }),
      dispose: () => tracker.close().finally(remove),
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** What the engine adds nothing to: frames in memory, one after the other. */
async function trackAlone(tracker: SiamRPN, clips: readonly (readonly RgbFrame[])[]): Promise<void> {
  for (const [first, ...rest] of clips) {
    if (!first) continue
    const target = await tracker.init(first, boxToCenter(videoBox))
    for (const frame of rest) await target.update(frame)
    await target.release()
  }
}

function perFrame({ ms, cpuMs }: Sample): Sample {
  return { ms: ms / frameCount, cpuMs: cpuMs / frameCount }
}

async function writeClips(root: string): Promise<Benchmark> {
  const { x, y, width, height } = videoBox
  for (let clip = 0; clip < clipCount; clip++) {
    const images = join(root, `clip-${clip}`, 'img')
    await mkdir(images, { recursive: true })
    for (let frame = 0; frame < framesPerClip; frame++) {
      const { data } = videoFrame(clip * framesPerClip + frame)
      const file = join(images, `${String(frame + 1).padStart(8, '0')}.jpg`)
      await sharp(data, { raw: { ...videoSize, channels: 3 } })
        .jpeg({ quality })
        .toFile(file)
    }
    await writeFile(join(root, `clip-${clip}`, 'groundtruth.txt'), `${[x, y, width, height]}\n`.repeat(framesPerClip))
  }
  return await openBenchmark({ type: 'folder', root })
}
