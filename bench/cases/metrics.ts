// Measures of a whole benchmark: as many result files and frames as LaSOT's testing set has, generated, read from disk, judged.

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '../../src/siamrpn/random.ts'
import { readResults } from '../../tools/benchmarks/results/read-results.ts'
import { regionLines } from '../../tools/benchmarks/results/write-submission.ts'
import type { Benchmark, Sequence } from '../../tools/benchmarks/types.ts'
import type { Box } from '../../tools/frames/types.ts'
import { score } from '../../tools/metrics/score.ts'
import type { BenchCase, Running } from '../case.ts'
import { timed } from '../stopwatch.ts'

const sequenceCount = 280
const frameCount = 685_360
const frame = { width: 1280, height: 720 } as const
const hiddenShare = 0.05
const attributes = ['CM', 'ROT', 'DEF', 'FOC', 'IV', 'OV', 'POC', 'VC', 'SV', 'BC', 'MB', 'ARC', 'LR', 'FM'] as const

export function metricsCases(): BenchCase[] {
  return [{ name: `metrics: ${sequenceCount} LaSOT result files`, expected: { seconds: 10 }, start: startJudging }]
}

async function startJudging(): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-bench-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const { benchmark, bytes } = await generate(folder)
    let success = 0
    return {
      variant: `${frameCount} frames`,
      sample: () =>
        timed(async () => {
          const scores = score(benchmark, await readResults(folder, benchmark))
          success = scores.overall.values.success ?? 0
        }),
      facts: () => ({ 'bytes of results': bytes, success: Math.round(success * 100) / 100 }),
      dispose: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function generate(folder: string): Promise<{ benchmark: Benchmark; bytes: number }> {
  const random = new Random(1)
  const sequences: Sequence[] = []
  let bytes = 0
  for (let index = 0; index < sequenceCount; index++) {
    const length =
      Math.floor((frameCount * (index + 1)) / sequenceCount) - Math.floor((frameCount * index) / sequenceCount)
    const truth = walk(random, length)
    const sequence: Sequence = {
      name: `sequence-${index + 1}`,
      images: Array.from({ length }, (_, at) => `${at + 1}.jpg`),
      boxes: truth,
      visible: truth.map(() => random.uniform(0, 1) >= hiddenShare),
      attributes: attributes.filter((_, at) => (index >> (at % 8)) % 2 === 0),
    }
    sequences.push(sequence)
    const file = join(folder, `${sequence.name}.txt`)
    await writeFile(
      file,
      regionLines(
        truth.map((box) => near(random, box)),
        4,
      ),
    )
    bytes += (await stat(file)).size
  }
  return { benchmark: { type: 'lasot', title: 'generated', protocol: 'ope', sequences }, bytes }
}

/** An object that wanders about. */
function walk(random: Random, length: number): Box[] {
  let [x, y] = [frame.width / 2, frame.height / 2]
  return Array.from({ length }, () => {
    x = Math.min(frame.width - 100, Math.max(0, x + random.uniform(-5, 5)))
    y = Math.min(frame.height - 80, Math.max(0, y + random.uniform(-5, 5)))
    return { x: Math.round(x), y: Math.round(y), width: 100, height: 80 }
  })
}

/** A tracker's answer: off by half a box at most. */
function near(random: Random, { x, y, width, height }: Box): Box {
  return {
    x: x + random.uniform(-width / 2, width / 2),
    y: y + random.uniform(-height / 2, height / 2),
    width: width * random.uniform(0.8, 1.25),
    height: height * random.uniform(0.8, 1.25),
  }
}
