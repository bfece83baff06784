// The search around the sweep, with a tracker that needs no GPU: each set drifts at a speed of its own.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CenterBox } from '../../../src/siamrpn/boxes.ts'
import { BoxError } from '../../../src/siamrpn/errors.ts'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import type { TrackRule } from '../../../src/siamrpn/sweep.ts'
import type { Benchmark, Protocol, Sequence } from '../../../tools/benchmarks/types.ts'
import { EvaluationError } from '../../../tools/evaluation/errors.ts'
import { runEvaluation } from '../../../tools/evaluation/run-evaluation.ts'
import type { Found, VideoTracker } from '../../../tools/evaluation/track-video.ts'
import { score } from '../../../tools/metrics/score.ts'
import { makeJudge } from '../../../tools/search/judge.ts'
import type { Sweeper } from '../../../tools/search/lanes.ts'
import { bestScore, type RuleScore, type SearchRun, searchParameters } from '../../../tools/search/search.ts'
import { serveSearch, trackingTogether } from '../../../tools/search/shared-search.ts'
import { TrackCache } from '../../../tools/search/track-cache.ts'
import { localCollectives } from '../distributed/local-collective.ts'
import { temporaryFolder } from '../training/helpers.ts'

const size = { width: 100, height: 80 }
const picture = (): RgbFrame => ({ ...size, channels: 3, data: new Uint8Array(size.width * size.height * 3) })

/** The truth moves right by a pixel a frame; a set moves by `10 * lr`. */
function moved(box: CenterBox, { lr }: TrackRule): CenterBox {
  return { ...box, cx: Math.fround(box.cx + 10 * lr) }
}

class FakeSweep implements Sweeper {
  readonly capacity: number
  counts = { computed: 0, updates: 0 }
  readonly calls: string[] = []
  #rules: readonly TrackRule[] = []
  #boxes: CenterBox[] = []

  constructor(capacity = 100) {
    this.capacity = capacity
  }

  async start(_: RgbFrame, box: CenterBox, rules: readonly TrackRule[]): Promise<void> {
    this.calls.push(`start ${rules.length}`)
    this.#rules = rules
    this.#boxes = rules.map(() => box)
  }

  async restart(_: RgbFrame, box: CenterBox, tracks: readonly number[]): Promise<void> {
    this.calls.push(`restart ${tracks}`)
    for (const track of tracks) this.#boxes[track] = box
  }

  async update(_: RgbFrame, tracks: readonly number[]): Promise<Found[]> {
    this.calls.push(`update ${tracks}`)
    this.counts = { computed: this.counts.computed + 1, updates: this.counts.updates + tracks.length }
    return tracks.map((track) => {
      const box = moved(this.#boxes[track]!, this.#rules[track]!)
      this.#boxes[track] = box
      return { center: box, score: 0.5 }
    })
  }
}

/** The same tracker under one rule, for the loop of evaluation. */
function alone(rule: TrackRule): VideoTracker {
  return {
    async init(_, box) {
      let at = box
      return {
        async update() {
          at = moved(at, rule)
          return { center: at, score: 0.5 }
        },
        release: async () => undefined,
      }
    },
  }
}

function sequence(name: string, frames: number, x = 10): Sequence {
  const indices = Array.from({ length: frames }, (_, index) => index)
  return {
    name,
    images: indices.map((index) => `${name}/${index}`),
    boxes: indices.map((index) => ({ x: x + index, y: 20, width: 12, height: 14 })),
    visible: indices.map((index) => index !== 2),
    attributes: [],
    size,
  }
}

function benchmark(protocol: Protocol, sequences = [sequence('a', 20), sequence('b/c', 16, 5.3)]): Benchmark {
  return { type: 'folder', title: 'Drifting boxes', protocol, sequences }
}

const rules: readonly TrackRule[] = [0.3, 0.1, 0.13, 0.9].map((lr) => ({ penalty_k: 0.04, window_influence: 0.4, lr }))

type FakeRun = Omit<SearchRun, 'sweep'> & { readonly sweep: FakeSweep }

async function makeRun(protocol: Protocol, changes: Partial<Omit<SearchRun, 'sweep'>> = {}): Promise<FakeRun> {
  const sweep = new FakeSweep()
  const cache = new TrackCache(await temporaryFolder(), { model: 'fake' })
  const judge = { onlyVisible: false }
  return { benchmark: benchmark(protocol), rules, cache, judge, sweep, read: async () => picture(), ...changes }
}

describe.each(['ope', 'got10k', 'vot'] as const)('a search by the protocol %s', (protocol) => {
  test('gives each set the numbers that its own evaluation gives', async () => {
    const run = await makeRun(protocol)
    const { scores, measures, saving } = await searchParameters(run)
    expect(scores.map(({ rule }) => rule)).toEqual(rules)
    for (const { rule, values } of scores) {
      const { results } = await runEvaluation({
        benchmark: run.benchmark,
        trackers: [alone(rule)],
        read: async () => picture(),
      })
      const expected = score(run.benchmark, results).overall.values
      for (const [name, value] of Object.entries(expected)) expect(values[name], name).toBeCloseTo(value, 10)
      expect(Object.keys(expected).length).toBeGreaterThan(2)
    }
    expect(saving).toMatchObject({ reused: 0, tracked: 8 })
    expect(saving.needed).toBeGreaterThan(saving.computed)
    const by = measures.find(({ name }) => name === (protocol === 'vot' ? 'failures' : measures[0]!.name))!
    expect(bestScore(scores, by)?.rule.lr).toBe(0.1)
  })

  test('gives the same again from what is on disk, without tracking', async () => {
    const run = await makeRun(protocol)
    const first = await searchParameters(run)
    const again = new FakeSweep()
    const second = await searchParameters({ ...run, sweep: again })
    expect(second.scores).toEqual(first.scores)
    expect(second.saving).toEqual({ computed: 0, needed: 0, reused: 8, tracked: 0 })
    expect(again.calls).toEqual([])
  })
})

describe('a search', () => {
  test('begins lost tracks anew by VOT as an evaluation does, the others go on', async () => {
    const run = await makeRun('vot', { benchmark: benchmark('vot', [sequence('a', 20)]) })
    await searchParameters(run)
    const restarts = run.sweep.calls.filter((call) => call.startsWith('restart'))
    expect(restarts.length).toBeGreaterThan(1)
    expect(run.sweep.calls[1]).toBe('update 0,1,2,3')
    expect(run.sweep.calls).toContain('update 0,1,2')
  })

  test('tracks only the sets that are new, and only videos that are', async () => {
    const run = await makeRun('ope')
    const [a] = run.benchmark.sequences as [Sequence]
    await searchParameters({ ...run, rules: rules.slice(0, 2), benchmark: { ...run.benchmark, sequences: [a] } })
    const sweep = new FakeSweep()
    const { saving } = await searchParameters({ ...run, sweep })
    expect(sweep.calls.filter((call) => call.startsWith('start'))).toEqual(['start 2', 'start 4'])
    expect(saving).toMatchObject({ reused: 2, tracked: 6 })
  })

  test('goes through a video in blocks where there are more sets than fit side by side', async () => {
    const whole = await makeRun('ope')
    const expected = await searchParameters(whole)
    const sweep = new FakeSweep(3)
    const run = await makeRun('ope')
    const { scores } = await searchParameters({ ...run, sweep })
    expect(sweep.calls.filter((call) => call.startsWith('start'))).toEqual(['start 3', 'start 1', 'start 3', 'start 1'])
    expect(scores).toEqual(expected.scores)
  })

  test('goes on after an interruption with the videos that are not done', async () => {
    const run = await makeRun('ope')
    const stop = new AbortController()
    const interrupted = searchParameters({
      ...run,
      signal: stop.signal,
      onProgress: ({ sequence: name }) => {
        if (name === 'b/c') stop.abort()
      },
    })
    await expect(interrupted).rejects.toThrow('aborted')
    const sweep = new FakeSweep()
    const { saving } = await searchParameters({ ...run, sweep })
    expect(saving).toMatchObject({ reused: 4, tracked: 4 })
  })

  test('reads every frame once, and tells how far it is', async () => {
    const reads: string[] = []
    const told: number[] = []
    const run = await makeRun('ope', {
      read: async ({ name }, index) => {
        reads.push(`${name} ${index}`)
        return picture()
      },
      onProgress: ({ done, total }) => {
        expect(total).toBe(36)
        told.push(done)
      },
    })
    await searchParameters(run)
    expect(new Set(reads).size).toBe(reads.length)
    expect(reads).toHaveLength(36)
    expect(told).toEqual([...told].sort((a, b) => a - b))
    expect(told.at(-1)).toBe(36)
  })

  test('sets a video aside that cannot be tracked, and ends where none can', async () => {
    const read: SearchRun['read'] = async ({ name }, index) => {
      if (name === 'a' && index === 3) throw new BoxError('a frame that is broken')
      return picture()
    }
    const run = await makeRun('ope', { read })
    const { failures, scores } = await searchParameters(run)
    expect(failures).toEqual([{ name: 'a', message: 'a frame that is broken' }])
    const others = await searchParameters(
      await makeRun('ope', { benchmark: benchmark('ope', [sequence('b/c', 16, 5.3)]) }),
    )
    expect(scores).toEqual(others.scores)
    const only = await makeRun('ope', { read, benchmark: benchmark('ope', [sequence('a', 20)]) })
    await expect(searchParameters(only)).rejects.toThrow('no video could be tracked: a frame that is broken')
  })

  test('ends with an error of the device', async () => {
    const run = await makeRun('ope')
    run.sweep.update = async () => {
      throw new Error('lost')
    }
    await expect(searchParameters(run)).rejects.toThrow('lost')
  })

  test('needs the truth', () => {
    const hidden = { ...sequence('a', 20), boxes: [{ x: 1, y: 2, width: 3, height: 4 }] }
    expect(() => makeJudge(benchmark('got10k', [hidden]), { onlyVisible: false })).toThrow(
      'a has 1 true boxes for 20 frames: parameters can be searched only where the truth is known',
    )
  })

  test('counts frames on target as measuring in training does', async () => {
    const { scores } = await searchParameters(await makeRun('ope'))
    const values = scores.map(({ values: { onTarget } }) => onTarget)
    expect(values[1]).toBe(1)
    expect(values[3]).toBeLessThan(0.1)
  })

  test('by successive halving leaves the worse half out of further videos, but never the first set', async () => {
    const videos = ['a', 'b', 'c', 'd'].map((name) => sequence(name, 8))
    const run = await makeRun('ope', { benchmark: benchmark('ope', videos) })
    const whole = await searchParameters(run)
    const [halving] = whole.measures
    const sweep = new FakeSweep()
    const cache = new TrackCache(await temporaryFolder(), { model: 'fake' })
    const { scores, saving } = await searchParameters({ ...run, sweep, cache, halving: halving! })
    // In order of success: 0.1, 0.13, 0.3, 0.9; the first set is 0.3.
    expect(scores.map(({ rule, leftOutAfter }) => [rule.lr, leftOutAfter])).toEqual([
      [0.3, undefined],
      [0.1, undefined],
      [0.13, 2],
      [0.9, 1],
    ])
    expect(sweep.calls.filter((call) => call.startsWith('start'))).toEqual(['start 4', 'start 3', 'start 2', 'start 2'])
    expect(saving).toMatchObject({ reused: 0, tracked: 11 })
    expect(bestScore(scores, halving!)).toEqual(bestScore(whole.scores, halving!))
    expect(scores[0]).toEqual(whole.scores[0])
  })

  test('keeps the first set unless another is better', () => {
    const at = (lr: number, success: number | undefined): RuleScore => ({
      rule: { penalty_k: 0, window_influence: 0, lr },
      values: success === undefined ? {} : { success },
    })
    const by = { name: 'success', title: '', digits: 1, meaning: '', better: 'higher' as const }
    expect(bestScore([at(0.1, 3), at(0.2, 3), at(0.3, 2)], by)?.rule.lr).toBe(0.1)
    expect(bestScore([at(0.1, undefined), at(0.2, 2), at(0.3, 3)], by)?.rule.lr).toBe(0.3)
    expect(bestScore([at(0.1, 3), at(0.3, 2)], { ...by, better: 'lower' })?.rule.lr).toBe(0.3)
    expect(bestScore([at(0.1, undefined)], by)).toBeUndefined()
    expect(bestScore([at(0.1, 1), { ...at(0.2, 9), leftOutAfter: 1 }], by)?.rule.lr).toBe(0.1)
  })
})

describe('tracks on disk', () => {
  const one = sequence('a b?', 3)
  const track = Float32Array.of(1, Number.NaN, Number.NaN, Number.NaN, 1, 2, 3, 4, 0.5, 6, 7, 8)

  test('come back as they were, also of names that files cannot have', async () => {
    const folder = await temporaryFolder()
    const cache = new TrackCache(folder, { weights: 1 })
    await cache.save(one, new Map([['rule', track]]))
    expect(await new TrackCache(folder, { weights: 1 }).load(one)).toEqual(new Map([['rule', track]]))
    expect(await cache.load(sequence('a-b?', 3))).toEqual(new Map())
    expect(JSON.parse(await readFile(join(cache.folder, 'about.json'), 'utf8'))).toEqual({ weights: 1 })
  })

  test('are not those of another model, another truth, or an earlier time where they are not wanted', async () => {
    const folder = await temporaryFolder()
    const cache = new TrackCache(folder, { weights: 1 })
    await cache.save(one, new Map([['rule', track]]))
    expect(await new TrackCache(folder, { weights: 2 }).load(one)).toEqual(new Map())
    expect(await cache.load({ ...one, boxes: sequence('a b?', 3, 11).boxes })).toEqual(new Map())
    expect(await new TrackCache(folder, { weights: 1 }, { reads: false }).load(one)).toEqual(new Map())
  })

  test('that are broken are named', async () => {
    const cache = new TrackCache(await temporaryFolder(), { weights: 1 })
    await cache.save(one, new Map([['rule', track]]))
    const [name = ''] = (await readdir(cache.folder)).filter((file) => file.endsWith('.safetensors'))
    await writeFile(join(cache.folder, name), 'nothing')
    await expect(cache.load(one)).rejects.toThrow(EvaluationError)
    await expect(cache.load(one)).rejects.toThrow(`${name}: `)
    await expect(cache.load(one)).rejects.toThrow('delete it to have the video tracked again')
  })
})

describe.each([undefined, 'success'])('a search that three ranks make together, halved by %s', (by) => {
  const five = benchmark(
    'ope',
    [20, 7, 16, 9, 4].map((frames, index) => sequence(`v${index}`, frames, 3 + index)),
  )
  const halving = makeJudge(five, { onlyVisible: false }).measures.find(({ name }) => name === by)
  const read: SearchRun['read'] = async ({ name }, index) => {
    if (name === 'v1' && index === 3) throw new BoxError('broken')
    return picture()
  }
  const changes = { benchmark: five, read, ...(halving && { halving }) }

  async function together(run: FakeRun, sweeps: readonly FakeSweep[], signal?: AbortSignal) {
    const [outcome] = await Promise.all(
      localCollectives(3).map(async (collective, rank) => {
        const own = { ...run, sweep: sweeps[rank]!, ...(rank === 2 && signal && { signal }) }
        if (rank === 0) return await searchParameters(own, trackingTogether(own, collective))
        await serveSearch(own, collective)
        return undefined
      }),
    )
    return outcome
  }
  const sweepsOf3 = () => [3, 3, 3].map((capacity) => new FakeSweep(capacity))

  test('gives what one process gives, and leaves the same files', async () => {
    const run = { ...(await makeRun('ope', changes)), sweep: new FakeSweep(3) }
    const { saving: cost, ...alone } = await searchParameters(run)
    const shared = await makeRun('ope', changes)
    const sweeps = sweepsOf3()
    // The second block of the broken video is begun, too.
    const saving = { computed: expect.any(Number), needed: expect.any(Number), reused: 0, tracked: cost.tracked }
    expect(await together(shared, sweeps)).toEqual({ ...alone, saving })
    expect(sweeps.filter(({ calls }) => calls.length > 0).length).toBeGreaterThan(1)
    for (const name of ['v0', 'v2', 'v3', 'v4']) {
      const file = ({ cache }: FakeRun) => readFile(join(cache.folder, `${name}.safetensors`))
      expect(await file(shared)).toEqual(await file(run))
    }
    const again = sweepsOf3()
    const second = (await together(shared, again))!
    expect(second).toMatchObject({ ...alone, saving: { tracked: 0, reused: cost.tracked } })
  })

  test('ends on all of them when one is interrupted', async () => {
    const run = await makeRun('ope', changes)
    await expect(together(run, sweepsOf3(), AbortSignal.abort())).rejects.toThrow(/interrupted/)
  })
})
