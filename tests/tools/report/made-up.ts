// A small benchmark with images, and trackers that fail where a test says so.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import type { Benchmark, Protocol, Sequence, SequenceResult } from '../../../tools/benchmarks/types.ts'
import type { Box } from '../../../tools/frames/types.ts'
import { score } from '../../../tools/metrics/score.ts'
import type { ReportData, ReportTracker } from '../../../tools/report/data.ts'

export const frameSize = { width: 160, height: 120 }
export const frames = 24

/** The object moves to the right, one pixel per frame. */
export const truth = (frame: number): Box => ({ x: 20 + frame, y: 40, width: 20, height: 16 })

export function sequence(name: string, folder = '/nowhere', attributes: readonly string[] = []): Sequence {
  return {
    name,
    images: Array.from({ length: frames }, (_, frame) => join(folder, `${frame}.png`)),
    boxes: Array.from({ length: frames }, (_, frame) => truth(frame)),
    visible: Array.from({ length: frames }, () => true),
    attributes,
  }
}

/** On the object until `lostAt`; from there on far away to the right. */
export function result(name: string, lostAt = frames, shift = 0): SequenceResult {
  const regions = Array.from({ length: frames }, (_, frame) => {
    const box = truth(frame)
    return { ...box, x: box.x + (frame === 0 ? 0 : frame < lostAt ? shift : 60) }
  })
  return { name, regions, seconds: regions.map(() => 0.02) }
}

export function benchmarkOf(sequences: readonly Sequence[], protocol: Protocol = 'ope'): Benchmark {
  return { type: 'folder', title: 'Made-up clips', protocol, sequences }
}

export function tracker(name: string, benchmark: Benchmark, results: readonly SequenceResult[]): ReportTracker {
  const byName = new Map(results.map((entry) => [entry.name, entry]))
  return { name, results: byName, scores: score(benchmark, byName) }
}

export async function writeFrames(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (let frame = 0; frame < frames; frame++) {
    const background = { r: 10 * frame, g: 120, b: 90 }
    await sharp({ create: { ...frameSize, channels: 3, background } })
      .png()
      .toFile(join(folder, `${frame}.png`))
  }
}

/** Three videos and two other trackers, one of them with a name that is HTML. */
export function madeUp(folder: string): ReportData {
  const names = ['kept', 'lost-late', 'lost-early']
  const attributes = [['IV'], ['IV', 'OCC'], ['OCC']]
  const benchmark = benchmarkOf(names.map((name, index) => sequence(name, folder, attributes[index])))
  const make = (name: string, lost: readonly number[], shift: number) =>
    tracker(
      name,
      benchmark,
      names.map((video, index) => result(video, lost[index], shift)),
    )
  return {
    benchmark,
    ours: make('Ours & co', [frames, 16, 6], 2),
    others: [make('<img src=x onerror=alert(1)>', [frames, frames, frames], 1), make('Worse', [4, 4, 4], 5)],
    run: {
      checkpoint: { name: 'model.pth', sha256: 'ab'.repeat(32) },
      parameters: 1234567,
      date: '2026-01-02T03:04:05Z',
    },
  }
}
