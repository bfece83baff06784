// The long-term rule: states by scores, the larger search image of a lost target against a tracker that always searches with it,
// groups of which some are lost, and configurations that contradict themselves.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import type { BestBox } from '../../src/kernels/decode-best.ts'
import { type Config, parseConfig } from '../../src/siamrpn/config.ts'
import { lostModel, nextPlace } from '../../src/siamrpn/long-term.ts'
import { openSweep } from '../../src/siamrpn/sweep.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { boxes, clipFrame, firstBox, micro, microWeights } from './helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

type Rule = NonNullable<Config['model']['test_cfg']['long_term']>

function withRule(rule: Partial<Rule>): Config {
  const long_term = { search_size: 319, ...rule }
  return parseConfig({ ...micro, model: { ...micro.model, test_cfg: { ...micro.model.test_cfg, long_term } } })
}

function trackerOf(config: Config): Promise<SiamRPN> {
  return SiamRPN.create(microWeights(), { config, device })
}

const [always, never] = [
  { confidence_low: 0, confidence_high: 1 },
  { confidence_low: 1, confidence_high: 1 },
]

describe('a target', () => {
  const rule = withRule({ confidence_low: 0.8, confidence_high: 0.9 }).model.test_cfg.long_term
  const [old, found] = [1, 2].map((cx) => ({ cx, cy: 5, width: 20, height: 20 })) as [BestBox['box'], BestBox['box']]
  const best = (score: number): BestBox => ({
    box: found,
    unclipped: found,
    score,
    penalisedScore: 0,
    index: 0,
    rate: 0,
  })

  test.each([
    [false, 0.85, false, found],
    [false, 0.79, true, old],
    [true, 0.85, true, found],
    [true, 0.91, false, found],
    [true, 0.5, true, old],
  ])('that is lost (%s), at score %f: %s', (lost, score, after, box) => {
    expect(nextPlace({ box: old, lost }, best(score), rule)).toEqual({ box, lost: after })
  })

  test('is never lost without the rule', () => {
    expect(nextPlace({ box: old, lost: false }, best(0), null)).toEqual({ box: found, lost: false })
    expect(lostModel(micro.model)).toBeUndefined()
  })
})

describe('tracking', () => {
  test('that is always sure is that without the rule', async () => {
    const [plain, sure] = [await trackerOf(micro), await trackerOf(withRule(always))]
    const [one, other] = [await plain.init(clipFrame(0), firstBox), await sure.init(clipFrame(0), firstBox)]
    for (let i = 1; i < 4; i++) expect(await other.update(clipFrame(i))).toEqual(await one.update(clipFrame(i)))
    await plain.close()
    await sure.close()
  })

  test('stays where it was while the score is low, and scores as a tracker with the larger search image', async () => {
    const rule = withRule({ ...never, window_influence: 0.25 })
    const lost = await trackerOf(rule)
    const model = lostModel(rule.model)!
    expect(model.test_cfg).toMatchObject({ search_size: 319, rpn: { window_influence: 0.25 } })
    const { search_size: _size, ...rest } = rule
    const large = await trackerOf(parseConfig({ ...rest, model: { ...model, train_cfg: null } }))
    const plain = await trackerOf(micro)
    const [target, reference, near] = [
      await lost.init(clipFrame(0), firstBox),
      await large.init(clipFrame(0), firstBox),
      await plain.init(clipFrame(0), firstBox),
    ]
    const before = target.center
    const first = await target.update(clipFrame(1))
    expect([first.score, first.anchor]).toEqual(Object.values(await near.update(clipFrame(1))).slice(2))
    const second = await target.update(clipFrame(2))
    const expected = await reference.update(clipFrame(2))
    expect([second.score, second.anchor]).toEqual([expected.score, expected.anchor])
    expect([first.center, second.center, target.center]).toEqual([before, before, before])
    for (const tracker of [lost, large, plain]) await tracker.close()
  })

  test('of a group of which some are lost is that of each alone, in a stream too', async () => {
    const plain = await trackerOf(micro)
    const scores = (await (await plain.init(clipFrame(0), boxes)).update(clipFrame(1))).map(({ score }) => score)
    const [low = 0, middle = 1] = [...scores].sort((a, b) => a - b)
    await plain.close()
    const bound = (low + middle) / 2
    const tracker = await trackerOf(withRule({ confidence_low: bound, confidence_high: 1 }))
    const frames = [1, 2, 3].map((index) => clipFrame(index))
    const group = await tracker.init(clipFrame(0), boxes)
    const together = []
    for await (const results of group.stream(frames)) together.push(results.map(({ score, box }) => [score, box]))
    expect(group.places.some(({ lost }) => lost)).toBe(true)
    for (const [index, box] of boxes.entries()) {
      const alone = await tracker.init(clipFrame(0), box)
      for (const [at, frame] of frames.entries()) {
        const { score, box: found } = await alone.update(frame)
        const [seen, place] = together[at]![index] as [number, typeof found]
        expect(seen).toBeCloseTo(score, 4)
        expect(place.x).toBeCloseTo(found.x, 2)
      }
    }
    await expect(openSweep(tracker, 2)).rejects.toThrow('a sweep has no long-term rule')
    await tracker.close()
  })

  test('frees its programs with the tracker', async () => {
    const config = withRule(never)
    const bytesLeft = async () => {
      const tracker = await trackerOf(config)
      const target = await tracker.init(clipFrame(0), firstBox)
      for (const index of [1, 2]) await target.update(clipFrame(index))
      await tracker.close()
      return device.memory.bytes
    }
    expect(await bytesLeft()).toBe(await bytesLeft())
  })
})

test.each([
  [{ search_size: 255 }, 'model.test_cfg.long_term.search_size: found 255, expected more than'],
  [{ confidence_low: 0.9, confidence_high: 0.5 }, 'confidence_low: found 0.9, expected at most'],
] as [Partial<Rule>, string][])('%o is refused', (rule, message) => {
  expect(() => withRule(rule)).toThrow(message)
})
