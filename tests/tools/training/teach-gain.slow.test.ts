// What teaching is worth on real clips in ../shared/clips/real (or the folder that REAL_CLIPS names), where they are: four frames of
// each are given. The table is that of docs/models.md.

import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SiamRPN } from '../../../src/siamrpn/tracker.ts'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { readFrameFile } from '../../../tools/evaluation/sequence-video.ts'
import { mean } from '../../../tools/metrics/mean.ts'
import { givenFrames, type TeachGain, teachGain } from './teach-gain.ts'

const given = 4
/** Points of success that teaching adds on average to starting again at the given frames, and to the first box alone. */
const restartedGain = 5
const firstGain = 10
/** Points that it may take from any one clip. */
const largestLoss = 3

const root = process.env.REAL_CLIPS ?? '../shared/clips/real'
const there = existsSync(root)
if (!there) console.log(`no ${root}: the test of teaching on real clips is left out`)

test.skipIf(!there)('teaching four frames of a real clip raises success over the others', async () => {
  const { sequences } = await openBenchmark({ type: 'folder', root })
  await using tracker = await SiamRPN.load()
  const gains = new Map<string, TeachGain>()
  for (const sequence of sequences) {
    const clip = { ...sequence, read: (index: number) => readFrameFile(sequence, index) }
    const gain = await teachGain(tracker, clip, givenFrames(clip, given))
    gains.set(sequence.name, gain)
    console.log(row(sequence.name, gain))
  }
  const all = [...gains.values()]
  const average = (key: keyof TeachGain) => mean(all.map((gain) => gain[key]))
  console.log(
    row('mean', {
      first: average('first'),
      restarted: average('restarted'),
      taughtRestarted: average('taughtRestarted'),
      taughtFirst: average('taughtFirst'),
      seconds: average('seconds'),
    }),
  )
  for (const [name, { first, restarted, taughtFirst, taughtRestarted }] of gains) {
    expect(taughtRestarted - restarted, `${name}, started again`).toBeGreaterThanOrEqual(-largestLoss)
    expect(taughtFirst - first, `${name}, first box`).toBeGreaterThanOrEqual(-largestLoss)
  }
  expect(average('taughtRestarted') - average('restarted')).toBeGreaterThanOrEqual(restartedGain)
  expect(average('taughtFirst') - average('first')).toBeGreaterThanOrEqual(firstGain)
})

/** A row of a Markdown table. */
function row(name: string, { first, restarted, taughtRestarted, taughtFirst, seconds }: TeachGain): string {
  const numbers = [first, restarted, taughtRestarted, taughtFirst].map((value) => value.toFixed(1))
  return `| ${name} | ${numbers.join(' | ')} | ${seconds.toFixed(0)} s |`
}
