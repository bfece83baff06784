import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import {
  type BestBox,
  bestBoxes,
  type CenterBox,
  decodeBest,
  ruledStateRecord,
  ruledStateRecordSize,
  stateRecord,
} from '../../src/kernels/decode-best.ts'
import { random } from '../helpers/tensors.ts'
import { type GetBBoxProblem, getBBox } from '../reference/decode-best.ts'

const height = 6
const width = 7
const perPosition = 3
const count = height * width * perPosition
const anchors = random('anchors', [count, 4], 40).data.map((value, i) => (i % 4 < 2 ? value - 60 : value + 60))
const window = random('window', [count]).data.map((value) => Math.abs(value))
const frame = { width: 320, height: 240 }
const settings = { penaltyK: 0.05, windowInfluence: 0.42, lr: 0.38 }

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

function problem(key: string, previous: CenterBox, scale: number): GetBBoxProblem {
  const cls = random(`${key} cls`, [height, width, 2 * perPosition], 4).data
  const bbox = random(`${key} bbox`, [height, width, 4 * perPosition], 1).data
  return { cls, bbox, anchors, window, anchorsPerPosition: perPosition, previous, scale, frame, ...settings }
}

function record(one: GetBBoxProblem): Float32Array {
  return stateRecord(one.previous, one.scale, one.frame)
}

function join(problems: readonly GetBBoxProblem[], values: (one: GetBBoxProblem) => ArrayLike<number>): Float32Array {
  return Float32Array.from(problems.flatMap((one) => Array.from(values(one))))
}

async function decode(problems: readonly GetBBoxProblem[]): Promise<{ best: BestBox[]; state: Float32Array }> {
  const targets = problems.length
  const { penaltyK, windowInfluence, lr, means, deviations } = problems[0]!
  const state = device.tensor(join(problems, record), [targets, 8])
  const args = {
    cls: device.tensor(
      join(problems, (one) => one.cls),
      [targets, height, width, 2 * perPosition],
    ),
    bbox: device.tensor(
      join(problems, (one) => one.bbox),
      [targets, height, width, 4 * perPosition],
    ),
    anchors: device.tensor(Float32Array.from(anchors), [count, 4]),
    window: device.tensor(Float32Array.from(window), [count]),
    state,
    penaltyK,
    windowInfluence,
    lr,
    means: means as Quad,
    deviations: deviations as Quad,
  }
  const program = await runOnce(device, (r) => decodeBest(r, args))
  const best = bestBoxes(await device.readF32(program.result))
  program.destroy()
  return { best, state: await device.readF32(state) }
}

type Quad = [number, number, number, number]

function expectBox(found: CenterBox, expected: CenterBox): void {
  for (const key of ['cx', 'cy', 'width', 'height'] as const) {
    expect(Math.abs(found[key] - expected[key]), key).toBeLessThan(1e-3)
  }
}

function expectBest(found: BestBox, expected: BestBox): void {
  expect(found.index).toBe(expected.index)
  expect(found.score).toBeCloseTo(expected.score, 6)
  expect(found.penalisedScore).toBeCloseTo(expected.penalisedScore, 6)
  expect(found.rate).toBeCloseTo(expected.rate, 6)
  expectBox(found.box, expected.box)
  expectBox(found.unclipped, expected.unclipped)
}

const previous = { cx: 120.25, cy: 90.5, width: 48.5, height: 31 }

describe('decoding the best box', () => {
  test('decodes every target of a batch from its own maps and state', async () => {
    const problems = [
      problem('a', previous, 1.7),
      problem('b', { cx: 20, cy: 230, width: 12, height: 60 }, 0.6),
      problem('c', { cx: 300, cy: 5, width: 200, height: 150 }, 0.3),
    ]
    const { best, state } = await decode(problems)
    for (const [t, one] of problems.entries()) {
      expectBest(best[t]!, getBBox(one))
      const { box } = best[t]!
      const expected = stateRecord(box, one.scale, one.frame)
      expect([...state.subarray(t * 8, t * 8 + 8)]).toEqual([...expected])
    }
  })

  test('decodes targets that share maps by rules of their own', async () => {
    const maps = [problem('a', previous, 1.7), problem('b', previous, 1.7)] as const
    const rules = [
      { penalty_k: 0.01, window_influence: 0.1, lr: 0.2, map: 1 },
      { penalty_k: 0.5, window_influence: 0.7, lr: 0.9, map: 0 },
      { penalty_k: 0.5, window_influence: 0, lr: 0.1, map: 1 },
    ] as const
    const states = rules.map(({ map, ...rule }) => ruledStateRecord(record(maps[map]), rule, map))
    const args = {
      cls: device.tensor(
        join(maps, (one) => one.cls),
        [2, height, width, 2 * perPosition],
      ),
      bbox: device.tensor(
        join(maps, (one) => one.bbox),
        [2, height, width, 4 * perPosition],
      ),
      anchors: device.tensor(Float32Array.from(anchors), [count, 4]),
      window: device.tensor(Float32Array.from(window), [count]),
      state: device.tensor(Float32Array.from(states.flatMap((state) => [...state])), [3, ruledStateRecordSize]),
      ...settings,
    }
    const program = await runOnce(device, (r) => decodeBest(r, args))
    const best = bestBoxes(await device.readF32(program.result))
    program.destroy()
    expect(best).toHaveLength(3)
    for (const [target, { penalty_k, window_influence, lr, map }] of rules.entries()) {
      expectBest(best[target]!, getBBox({ ...maps[map], penaltyK: penalty_k, windowInfluence: window_influence, lr }))
    }
  })

  test('clips the box to the frame, and its size to 10 pixels at least', async () => {
    const outside = problem('d', { cx: 5000, cy: -5000, width: 3, height: 4000 }, 1)
    const { best } = await decode([outside])
    expectBest(best[0]!, getBBox(outside))
    expect(best[0]!.box).toMatchObject({ cx: frame.width, cy: 0, height: frame.height })
    expect(best[0]!.box.width).toBe(10)
    expect(best[0]!.unclipped.width).toBeLessThan(10)
  })

  test('limits the logarithm of the size ratio', async () => {
    const one = problem('e', previous, 1)
    const bbox = Float32Array.from(one.bbox, (value, i) =>
      i % (4 * perPosition) >= 2 * perPosition ? value * 50 : value,
    )
    const wild = { ...one, bbox, penaltyK: 0 }
    const { best } = await decode([wild])
    const expected = getBBox(wild)
    expect(best[0]!.index).toBe(expected.index)
    const { width: found } = best[0]!.unclipped
    expect(Math.abs(found / expected.unclipped.width - 1)).toBeLessThan(1e-5)
  })

  test('applies the means and deviations of the box coder', async () => {
    const one = { ...problem('f', previous, 1.2), means: [0.1, -0.2, 0.05, 0.3], deviations: [0.1, 0.2, 0.3, 0.4] }
    const { best } = await decode([one])
    expectBest(best[0]!, getBBox(one))
  })

  test('gives a tie to the lowest index', async () => {
    const one = problem('g', previous, 1)
    const cls = new Float32Array(one.cls.length)
    const flat = { ...one, cls, penaltyK: 0, window: window.map(() => 0.5) }
    const args = {
      cls: device.tensor(cls, [1, height, width, 2 * perPosition]),
      bbox: device.tensor(Float32Array.from(one.bbox), [1, height, width, 4 * perPosition]),
      anchors: device.tensor(Float32Array.from(anchors), [count, 4]),
      window: device.tensor(Float32Array.from(flat.window), [count]),
      state: device.tensor(record(flat), [1, 8]),
      ...settings,
      penaltyK: 0,
    }
    const program = await capture(device, (r) => decodeBest(r, args))
    const indexAfter = async (windowValues: Float32Array) => {
      device.write(args.window, windowValues)
      program.run()
      return bestBoxes(await device.readF32(program.result))[0]!.index
    }
    expect(await indexAfter(Float32Array.from(flat.window))).toBe(0)
    const raised = Float32Array.from(flat.window)
    for (const index of [117, 13, 99]) raised[index] = 0.75
    expect(await indexAfter(raised)).toBe(13)
    program.destroy()
  })

  test('says so where no score is finite', async () => {
    const one = problem('h', previous, 1)
    const { best } = await decode([{ ...one, cls: new Float32Array(one.cls.length).fill(Number.NaN) }])
    expect(best[0]).toMatchObject({ index: 0 })
    expect(best[0]!.penalisedScore).toBeLessThan(-3e38)
  })

  test('refuses maps, anchors, window or state that do not belong together', async () => {
    const args = {
      cls: device.empty([2, 5, 5, 10]),
      bbox: device.empty([2, 5, 5, 20]),
      anchors: device.empty([125, 4]),
      window: device.empty([125]),
      state: device.empty([2, 8]),
      ...settings,
    }
    const refused = (changes: Record<string, GpuTensor>) =>
      expect(capture(device, (r) => decodeBest(r, { ...args, ...changes }))).rejects.toThrow(ShapeError)
    await refused({ cls: device.empty([2, 5, 5, 9]) })
    await refused({ bbox: device.empty([2, 5, 5, 10]) })
    await refused({ anchors: device.empty([4, 125]) })
    await refused({ window: device.empty([124]) })
    await refused({ state: device.empty([1, 8]) })
  })
})
