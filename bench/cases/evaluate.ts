// An evaluation against tracking alone: the same clips, once as JPEG files through the engine of `siamrpn evaluate` (decoded
// ahead, results saved), once as frames in memory through `init` and `update`. What matters is their ratio: the two take turns,
// each first in every other sample, and the ratios' median counts, because a busy machine changes faster than a sample lasts.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { boxToCenter } from '../../src/siamrpn/boxes.ts'
import type { RgbFrame } from '../../src/siamrpn/frame.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { openBenchmark } from '../../tools/benchmarks/open-benchmark.ts'
import type { Benchmark } from '../../tools/benchmarks/types.ts'
import { ResultStore } from '../../tools/evaluation/result-store.ts'
import { runEvaluation } from '../../tools/evaluation/run-evaluation.ts'
import { readImage } from '../../tools/frames/image.ts'
import type { BenchCase, Running } from '../case.ts'
import { benchModel, videoBox, videoFrame, videoSize } from '../data.ts'
import { median, type Sample, timed } from '../stopwatch.ts'

const quality = 90

interface Clips {
  readonly clipCount: number
  readonly framesPerClip: number
}

const clips: Clips = { clipCount: 2, framesPerClip: 16 }

export function evaluateCases(): BenchCase[] {
  const name = `evaluate small, JPEGs ${videoSize.width}x${videoSize.height}, per frame`
  return [{ name, expected: { seconds: 16 }, start: () => startEvaluation('small', clips) }]
}

async function startEvaluation(model: string, size: Clips): Promise<Running> {
  const { clipCount, framesPerClip } = size
  const frameCount = clipCount * framesPerClip
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-bench-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const { config, state } = await benchModel(model)
    const benchmark = await writeClips(join(folder, 'data'), size)
    const clips = await Promise.all(
      benchmark.sequences.map(({ images }) => Promise.all(images.map((file) => readImage(file)))),
    )
    const tracker = await SiamRPN.create(state, { config })
    const description = { fingerprint: {}, about: {} }
    const store = await ResultStore.open(join(folder, 'out'), description, { resume: false })
    const evaluate = () => runEvaluation({ benchmark, trackers: [tracker], save: (result) => store.save(result) })
    const alone: Sample[] = []
    const evaluated: Sample[] = []
    const turns = [
      async () => void alone.push(perFrame(await timed(() => trackAlone(tracker, clips)), frameCount)),
      async () => void evaluated.push(perFrame(await timed(evaluate), frameCount)),
    ]
    const typical = (part: 'ms' | 'cpuMs', of: (own: number, other: number) => number) =>
      median(evaluated.map((sample, i) => of(sample[part], alone[i]?.[part] ?? Number.NaN)))
    await trackAlone(tracker, clips) // captures the programs and compiles
    return {
      variant: `${clipCount} clips of ${framesPerClip} frames`,
      async sample() {
        for (const turn of turns) await turn()
        turns.reverse()
        return evaluated.at(-1) ?? { ms: Number.NaN, cpuMs: Number.NaN }
      },
      facts: () => ({
        'ms without files': typical('ms', (_, other) => other),
        'slower than without files, %': 100 * (typical('ms', (own, other) => own / other) - 1),
        'more CPU time, %': 100 * (typical('cpuMs', (own, other) => own / other) - 1),
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

function perFrame({ ms, cpuMs }: Sample, frameCount: number): Sample {
  return { ms: ms / frameCount, cpuMs: cpuMs / frameCount }
}

async function writeClips(root: string, { clipCount, framesPerClip }: Clips): Promise<Benchmark> {
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
