// A sweep must find, for every rule, the boxes that tracking under this rule alone finds, and compute each crop once.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { parseConfig } from '../../src/siamrpn/config.ts'
import { BoxError, ClosedError, FrameError } from '../../src/siamrpn/errors.ts'
import { planRuns } from '../../src/siamrpn/map-step.ts'
import { openSweep, type TrackRule } from '../../src/siamrpn/sweep.ts'
import type { TrackResult } from '../../src/siamrpn/target.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { boxes, clipFrame, firstBox, micro, microTracker, microWeights } from './helpers.ts'

const rules: readonly TrackRule[] = [0.01, 0.3].flatMap((penalty_k) =>
  [0.1, 0.6].flatMap((window_influence) => [0.05, 0.9].map((lr) => ({ penalty_k, window_influence, lr }))),
)
const [, secondBox] = boxes as [never, (typeof boxes)[number]]
const lastFrame = 3

let device: Device
let tracker: SiamRPN
beforeAll(async () => {
  device = await openDevice()
  tracker = await microTracker(device)
})
afterAll(async () => {
  await tracker.close()
  await device.close()
})

/** The boxes of `SiamRPN` with the rule in its configuration. */
async function alone(rule: TrackRule, first = 0, box = firstBox): Promise<TrackResult[]> {
  const test_cfg = { ...micro.model.test_cfg, rpn: rule }
  const config = parseConfig({ ...micro, model: { ...micro.model, test_cfg } })
  await using one = await SiamRPN.create(microWeights(), { config, device })
  const target = await one.init(clipFrame(first), box)
  const results: TrackResult[] = []
  for (let frame = first + 1; frame <= lastFrame; frame++) results.push(await target.update(clipFrame(frame)))
  return results
}

describe('a sweep', () => {
  test('tracks as SiamRPN does under each rule, bit for bit on one adapter', async () => {
    await using sweep = await openSweep(tracker, rules.length)
    await sweep.start(clipFrame(0), firstBox, rules)
    const found: TrackResult[][] = []
    for (let frame = 1; frame <= lastFrame; frame++) found.push(await sweep.update(clipFrame(frame)))
    for (const [index, rule] of [...rules.entries()].filter(([index]) => index % 5 === 2)) {
      expect(found.map((results) => results[index])).toEqual(await alone(rule))
    }
    expect(sweep.boxes).toEqual(found.at(-1)?.map(({ box }) => box))
    expect(new Set(sweep.boxes.map((box) => JSON.stringify(box))).size, 'different boxes').toBeGreaterThan(2)
  })

  test('computes the crop of the first frame once for all rules, and fewer crops than boxes afterwards', async () => {
    await using sweep = await openSweep(tracker, rules.length)
    await sweep.start(clipFrame(0), firstBox, rules)
    await sweep.update(clipFrame(1))
    expect(sweep.counts).toEqual({ computed: 1, updates: rules.length })
    await sweep.update(clipFrame(2))
    expect(sweep.counts.updates).toBe(2 * rules.length)
    expect(sweep.counts.computed).toBeLessThanOrEqual(1 + rules.length)
  })

  test('begins single tracks anew with a template of their own, while the others go on', async () => {
    const [a, b] = rules as [TrackRule, TrackRule]
    await using sweep = await openSweep(tracker, 2)
    await sweep.start(clipFrame(0), firstBox, [a, b])
    const found: (TrackResult | undefined)[][] = [[], []]
    for (let frame = 1; frame <= lastFrame; frame++) {
      if (frame === 2) await sweep.restart(clipFrame(2), secondBox, [1])
      const seeing = frame === 2 ? [0] : [0, 1]
      const results = await sweep.update(clipFrame(frame), seeing)
      for (const [row, track] of seeing.entries()) found[track]?.push(results[row])
    }
    expect(found[0]).toEqual(await alone(a))
    expect(found[1]?.slice(1)).toEqual(await alone(b, 2, secondBox))
  })

  test('goes on to frames of another size, and to fewer rules', async () => {
    await using sweep = await openSweep(tracker, 3)
    const large = { width: 200, height: 140 }
    await sweep.start(clipFrame(0, large), firstBox, rules.slice(0, 3))
    await sweep.update(clipFrame(1, large))
    await sweep.start(clipFrame(0), firstBox, rules.slice(4, 5))
    const results: TrackResult[] = []
    for (let frame = 1; frame <= lastFrame; frame++) results.push(...(await sweep.update(clipFrame(frame))))
    expect(results).toEqual(await alone(rules[4]!))
  })

  test('takes no more rules than it was made for, and only frames and boxes that fit', async () => {
    await using sweep = await openSweep(tracker, 2)
    await expect(sweep.update(clipFrame(1))).rejects.toThrow(ClosedError)
    await expect(sweep.start(clipFrame(0), firstBox, rules)).rejects.toThrow('found 8 rules, expected 1 to 2')
    await expect(sweep.start(clipFrame(0), { ...firstBox, width: 0 }, rules.slice(0, 2))).rejects.toThrow(BoxError)
    await sweep.start(clipFrame(0), firstBox, rules.slice(0, 2))
    await expect(sweep.update(clipFrame(1, { width: 100, height: 90 }))).rejects.toThrow(FrameError)
    await expect(sweep.update(clipFrame(1), [2])).rejects.toThrow('found track 2, expected 0 to 1')
    expect(await sweep.update(clipFrame(1), [])).toEqual([])
  })

  test('gives its memory back on release, and with the tracker', async () => {
    await using other = await microTracker(device)
    const before = device.memory.bytes
    const sweep = await openSweep(other, 4)
    await sweep.start(clipFrame(0), firstBox, rules.slice(0, 4))
    await sweep.update(clipFrame(1))
    expect(device.memory.bytes).toBeGreaterThan(before)
    await sweep.release()
    await sweep.release()
    await expect(sweep.update(clipFrame(2))).rejects.toThrow(ClosedError)
    const released = device.memory.bytes
    const second = await openSweep(other, 4)
    await second.start(clipFrame(0), firstBox, rules.slice(0, 4))
    await second.update(clipFrame(1))
    await second.release()
    expect(device.memory.bytes, 'nothing is left of a second sweep').toBe(released)
    const third = await openSweep(other, 4)
    await third.start(clipFrame(0), firstBox, rules.slice(0, 4))
    await other.close()
    await expect(third.update(clipFrame(1))).rejects.toThrow(ClosedError)
  })
})

describe('the runs of a number of crops', () => {
  const sizes = [8, 4, 2, 1]

  test('leave no place empty on a software adapter', () => {
    expect(planRuns(1, sizes, 'cpu')).toEqual([1])
    expect(planRuns(23, sizes, 'cpu')).toEqual([8, 8, 4, 2, 1])
    expect(planRuns(3, [1], 'cpu')).toEqual([1, 1, 1])
  })

  test('are as few as possible on a GPU', () => {
    expect(planRuns(1, sizes, 'gpu')).toEqual([1])
    expect(planRuns(3, sizes, 'gpu')).toEqual([4])
    expect(planRuns(4, sizes, 'gpu')).toEqual([4])
    expect(planRuns(21, sizes, 'gpu')).toEqual([8, 8, 8])
    expect(planRuns(18, sizes, 'gpu')).toEqual([8, 8, 2])
  })
})
