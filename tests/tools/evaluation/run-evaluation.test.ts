// Many videos: in what order, several at a time, what becomes of those that cannot be tracked, and what survives on disk.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DeviceLostError } from '../../../src/gpu/errors.ts'
import type { Benchmark, Sequence, SequenceResult } from '../../../tools/benchmarks/types.ts'
import { differences } from '../../../tools/evaluation/differences.ts'
import { EvaluationError } from '../../../tools/evaluation/errors.ts'
import { ResultStore, readRun, readStoredResults } from '../../../tools/evaluation/result-store.ts'
import { runEvaluation } from '../../../tools/evaluation/run-evaluation.ts'
import type { ReadFrame } from '../../../tools/evaluation/sequence-video.ts'
import { runSharedEvaluation } from '../../../tools/evaluation/shared-evaluation.ts'
import { UnreadableImageError } from '../../../tools/frames/errors.ts'
import { localCollectives } from '../distributed/local-collective.ts'
import { temporaryFolder } from '../training/helpers.ts'
import { blankFrame, box, FakeTracker, readBlank, sequenceOf } from './fakes.ts'

const names = ['one', 'two', 'three', 'four']

function benchmarkOf(sequences: readonly Sequence[], protocol: Benchmark['protocol'] = 'ope'): Benchmark {
  return { type: 'folder', title: 'Clips', protocol, sequences }
}

const clips = benchmarkOf(names.map((name) => sequenceOf(name, [box(10), box(11), box(12)])))

describe('runEvaluation', () => {
  test('tracks all videos, several at a time, and keeps the order of the benchmark', async () => {
    let under = 0
    let most = 0
    const saved: string[] = []
    const tick = async () => {
      under++
      most = Math.max(most, under)
      await new Promise((resolve) => setTimeout(resolve, 1))
      under--
    }
    const trackers = [new FakeTracker(1, tick), new FakeTracker(1, tick)]
    const save = async ({ name }: SequenceResult) => void saved.push(name)
    const outcome = await runEvaluation({ benchmark: clips, trackers, read: readBlank, save })
    expect([...outcome.results.keys()]).toEqual(names)
    expect(saved.sort()).toEqual([...names].sort())
    expect(most).toBe(2)
    expect(trackers.map(({ updates }) => updates).reduce((a, b) => a + b)).toBe(8)
    expect(outcome).toMatchObject({ failures: [], interrupted: false, frames: 12 })
  })

  test('answers alike however many videos are tracked at once', async () => {
    const regions = async (lanes: number) => {
      const trackers = Array.from({ length: lanes }, () => new FakeTracker())
      const { results } = await runEvaluation({ benchmark: clips, trackers, read: readBlank })
      return [...results].map(([name, result]) => [name, result.regions])
    }
    expect(await regions(3)).toEqual(await regions(1))
  })

  test('sets a video with a broken image aside, and goes on', async () => {
    const read: ReadFrame = async ({ name, images }, index) => {
      if (name === 'two' && index === 1) throw new UnreadableImageError(images[1] ?? '', 'truncated')
      return blankFrame()
    }
    const outcome = await runEvaluation({ benchmark: clips, trackers: [new FakeTracker()], read })
    expect([...outcome.results.keys()]).toEqual(['one', 'three', 'four'])
    expect(outcome.failures).toEqual([{ name: 'two', message: 'cannot read the image two/1.jpg: truncated' }])
  })

  test('ends when the device is lost', async () => {
    const lost = new FakeTracker(1, () => Promise.reject(new DeviceLostError('gone')))
    const other = new FakeTracker(1, () => new Promise((resolve) => setTimeout(resolve, 1)))
    const run = runEvaluation({ benchmark: clips, trackers: [lost, other], read: readBlank })
    await expect(run).rejects.toThrow(new DeviceLostError('gone'))
    expect(other.held).toBe(0)
  })

  test('leaves alone what an earlier run has done', async () => {
    const earlier: SequenceResult = { name: 'three', regions: [box(1), box(2), box(3)], scores: [], seconds: [] }
    const tracker = new FakeTracker()
    const done = new Map([['three', earlier]])
    const outcome = await runEvaluation({ benchmark: clips, trackers: [tracker], read: readBlank, done })
    expect(outcome.results.get('three')).toBe(earlier)
    expect([...outcome.results.keys()]).toEqual(names)
    expect(outcome.frames).toBe(9)
  })

  test('keeps whole videos alone when it is interrupted', async () => {
    const controller = new AbortController()
    const tracker = new FakeTracker(1, (updates) => {
      if (updates === 3) controller.abort()
    })
    const { signal } = controller
    const outcome = await runEvaluation({ benchmark: clips, trackers: [tracker], read: readBlank, signal })
    expect([...outcome.results.keys()]).toEqual(['one'])
    expect(outcome).toMatchObject({ interrupted: true, failures: [] })
  })

  test('restarts in VOT alone', async () => {
    const far = [sequenceOf('one', [box(10), box(40), box(10)])]
    const regions = async (protocol: Benchmark['protocol']) => {
      const benchmark = benchmarkOf(far, protocol)
      const { results } = await runEvaluation({ benchmark, trackers: [new FakeTracker()], read: readBlank })
      return results.get('one')?.regions
    }
    expect(await regions('vot')).toEqual([1, 2, 0])
    expect(await regions('got10k')).toEqual([box(10), box(11), box(12)])
  })
})

const run = { fingerprint: { sha256: 'abc', model: { lr: 0.38 }, dataset: 'lasot' }, about: { tracker: 'r50' } }
const result: SequenceResult = {
  name: 'birds/bird-1',
  regions: [1, { x: 1 / 3, y: 2, width: 3, height: 4 }, 2],
  scores: [1, 0.1, 0.2],
  seconds: [0.5, 0.25, 0.125],
}
const sequence = sequenceOf('birds/bird-1', [box(1), box(2), box(3)])

describe('ResultStore', () => {
  test('gives back what was saved, to the bit', async () => {
    const folder = join(await temporaryFolder(), 'out')
    const store = await ResultStore.open(folder, run, { resume: false })
    await store.save(result)
    const again = await ResultStore.open(folder, run, { resume: true })
    expect(await again.load([sequence, sequenceOf('other', [box(1)])])).toEqual(new Map([[result.name, result]]))
    expect(await readRun(folder)).toEqual(run)
    expect(await readdir(folder)).toEqual(['run.json', 'sequences'])
  })

  test('does not overwrite an evaluation that nobody asked to go on with', async () => {
    const folder = await temporaryFolder()
    await (await ResultStore.open(folder, run, { resume: false })).save(result)
    await expect(ResultStore.open(folder, run, { resume: false })).rejects.toThrow(
      `${folder} holds an earlier evaluation (1 video); go on with it by --resume, or choose another folder with --out`,
    )
  })

  test('refuses to go on with something else, and says what has changed', async () => {
    const folder = await temporaryFolder()
    await ResultStore.open(folder, run, { resume: false })
    const changed = { ...run, fingerprint: { sha256: 'def', model: { lr: 0.4 }, dataset: 'lasot' } }
    await expect(ResultStore.open(folder, changed, { resume: true })).rejects.toThrow(
      'Found there and now:\n  sha256: "abc" -> "def"\n  model.lr: 0.38 -> 0.4',
    )
    expect(await readRun(folder)).toEqual(run)
  })

  test.each([
    ['{"format":', 'JSON'],
    ['{}', 'format'],
    [JSON.stringify({ format: 'siamrpn-sequence', name: 'x', regions: [], scores: [], seconds: [] }), 'of x, expected'],
    [
      JSON.stringify({ format: 'siamrpn-sequence', name: 'birds/bird-1', regions: [1], scores: [1], seconds: [1] }),
      '1 regions, expected 3, one per frame; delete it to have the video tracked again',
    ],
    [
      JSON.stringify({ format: 'siamrpn-sequence', name: 'birds/bird-1', regions: [1, 7, 0], scores: [], seconds: [] }),
      'regions.1',
    ],
  ])('names a file that holds no result: %s', async (text, message) => {
    const folder = await temporaryFolder()
    await (await ResultStore.open(folder, run, { resume: false })).save(result)
    const file = join(folder, 'sequences', 'birds', 'bird-1.json')
    await writeFile(file, text)
    await expect(readStoredResults(folder, [sequence])).rejects.toThrow(file)
    await expect(readStoredResults(folder, [sequence])).rejects.toThrow(message)
  })

  test('writes no file outside of its folder', async () => {
    const store = await ResultStore.open(await temporaryFolder(), run, { resume: false })
    await expect(store.save({ ...result, name: '../outside' })).rejects.toThrow(EvaluationError)
  })

  test('names a run.json that is none', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'run.json'), '[]')
    await expect(ResultStore.open(folder, run, { resume: true })).rejects.toThrow(join(folder, 'run.json'))
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe('[]')
  })
})

test('differences are told by their paths', () => {
  expect(differences({ a: 1, b: { c: [1] } }, { a: 1, b: { c: [1] } })).toEqual([])
  expect(differences({ a: 1, b: { c: 2 } }, { b: { c: 3 }, d: 'x' })).toEqual([
    'a: 1 -> absent',
    'b.c: 2 -> 3',
    'd: absent -> "x"',
  ])
})

describe('an evaluation that two ranks make together', () => {
  const read: ReadFrame = async ({ name, images }, index) => {
    if (name === 'two' && index === 1) throw new UnreadableImageError(images[1] ?? '', 'truncated')
    return blankFrame()
  }
  const done = new Map([['one', { name: 'one', regions: [1, 1, 1] as const }]])

  test('gives what one process gives, and saves each video', async () => {
    const alone = await runEvaluation({ benchmark: clips, trackers: [new FakeTracker()], read, done })
    const saved: string[] = []
    const trackers = [new FakeTracker(), new FakeTracker()]
    const outcomes = await Promise.all(
      localCollectives(2).map(async (collective, rank) => {
        const save = async ({ name }: SequenceResult) => void (rank === 0 && saved.push(name))
        const part = clips.sequences.filter((_, index) => index > 0 && (index === 3) === (rank === 0))
        const own = { benchmark: clips, trackers: [trackers[rank]!], read, done: rank === 0 ? done : new Map(), save }
        return await runSharedEvaluation(collective, { ...own, part, signal: new AbortController().signal })
      }),
    )
    const [first] = outcomes
    const plain = ({ results }: Pick<typeof alone, 'results'>) =>
      [...results].map(([name, { regions, scores }]) => ({ name, regions, scores }))
    expect(plain(first!)).toEqual(plain(alone))
    expect(first).toMatchObject({ failures: alone.failures, frames: alone.frames, videosBefore: 1, interrupted: false })
    expect(outcomes[1]!.failures).toEqual(alone.failures)
    expect(saved.sort()).toEqual(['four', 'three'])
    expect(trackers.map(({ begun }) => begun.length)).toEqual([1, 2])
  })

  test('ends on both when one is interrupted', async () => {
    const stop = new AbortController()
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 20))
    const long = benchmarkOf(
      ['a', 'b'].map((name) =>
        sequenceOf(
          name,
          Array.from({ length: 500 }, () => box(10)),
        ),
      ),
    )
    const outcomes = await Promise.all(
      localCollectives(2).map(async (collective, rank) => {
        const signal = rank === 1 ? stop.signal : new AbortController().signal
        if (rank === 1) setTimeout(() => stop.abort(), 100)
        const own = { benchmark: long, trackers: [new FakeTracker(0, slow)], read: readBlank, done: new Map() }
        return await runSharedEvaluation(collective, { ...own, part: [long.sequences[rank]!], signal })
      }),
    )
    expect(outcomes).toMatchObject([{ interrupted: true }, { interrupted: true }])
  })
})
