// Learning rates against those of MMTracking: equal in float32, and within a few units in the last place of float64.

import { describe, expect, test } from 'vitest'
import { parameterGroups } from '../../src/nn/optimizer.ts'
import { parseConfig } from '../../src/siamrpn/config.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import { TrainingError } from '../../src/train/errors.ts'
import { cosineFactor, LrSchedule, lrFactors, type Moment } from '../../src/train/lr-schedule.ts'
import { readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'

interface Golden {
  readonly lr_schedule: { rows: { epoch: number; factor: number; lr_backbone: number; lr_rest: number }[] }
  readonly lr_schedule_other: { lr_configs: Parameters<typeof lrFactors>[0]['lr_configs']; factors: number[] }[]
}

const { json } = await readGoldenSection<Golden>(goldenDirectory, 'I')

/** Powers of an engine and of numpy may differ in the last bits. */
const mostUlps = 2

/** Distance in units in the last place. */
function ulps(a: number, b: number): number {
  const [first = 0n, second = 0n] = new BigInt64Array(Float64Array.of(a, b).buffer)
  return Math.abs(Number(first - second))
}

/** The beginning of an epoch. */
function momentOf(epoch: number): Moment {
  return { epoch, iteration: epoch, maxEpochs: 20, iterationsPerEpoch: 1 }
}

describe('the CosineAnnealing policy', () => {
  const config = {
    ...({ policy: 'CosineAnnealing', min_lr_ratio: 0.02, by_epoch: false } as const),
    ...({ warmup: 'linear', warmup_iters: 200, warmup_ratio: 0.005 } as const),
  }
  const at = (iteration: number) => ({
    epoch: Math.floor(iteration / 500),
    iteration,
    maxEpochs: 4,
    iterationsPerEpoch: 500,
  })

  test('is a cosine over all iterations, with a linear rise before', () => {
    const bare = (progress: number) => 0.02 + 0.98 * 0.5 * (1 + Math.cos(Math.PI * progress))
    for (const iteration of [200, 999, 1999]) {
      expect(cosineFactor(config, at(iteration))).toBeCloseTo(bare(iteration / 2000), 14)
    }
    expect(cosineFactor(config, at(0))).toBeCloseTo(0.005, 14)
    expect(cosineFactor(config, at(100))).toBeCloseTo((0.005 + 0.995 / 2) * bare(0.05), 14)
  })

  test('changes by epoch where it is told to', () => {
    const byEpoch = { ...config, by_epoch: true, warmup: null }
    expect(cosineFactor(byEpoch, at(999))).toBe(cosineFactor(byEpoch, at(500)))
    expect(cosineFactor(byEpoch, at(1000))).toBeCloseTo(0.51, 14)
    const schedule = new LrSchedule(byEpoch)
    expect(schedule.rates([{ lr: 0.1 }, { lr: 1 }], at(1000))).toEqual([0.1 * 0.51, 0.51])
  })
})

describe('the SiameseRPN policy', () => {
  test.each(json.lr_schedule_other)('has the factors of MMTracking', ({ lr_configs, factors }) => {
    const found = lrFactors({ policy: 'SiameseRPN', lr_configs })
    expect(found.length).toBe(factors.length)
    expect(found.map(Math.fround)).toEqual(factors.map(Math.fround))
    for (const [i, factor] of found.entries()) expect(ulps(factor, factors[i]!)).toBeLessThanOrEqual(mostUlps)
  })

  test("gives r50's learning rates, those of the backbone and the rest", () => {
    const config = parseConfig(r50)
    const groups = parameterGroups(config.optimizer!)
    const schedule = new LrSchedule(config.lr_config)
    for (const { epoch, lr_backbone, lr_rest } of json.lr_schedule.rows) {
      const rates = schedule.rates(groups, momentOf(epoch))
      expect(rates.map(Math.fround)).toEqual([lr_rest, lr_backbone].map(Math.fround))
      expect(Math.max(ulps(rates[0]!, lr_rest), ulps(rates[1]!, lr_backbone))).toBeLessThanOrEqual(mostUlps)
    }
    expect(() => schedule.rates(groups, momentOf(20))).toThrow(TrainingError)
  })

  test('takes an interval of one epoch', () => {
    const one = (type: 'log' | 'step') => ({ type, start_lr_factor: 0.3, end_lr_factor: 0.1, end_epoch: 1 })
    expect(lrFactors({ policy: 'SiameseRPN', lr_configs: [one('log')] })[0]).toBeCloseTo(0.3, 14)
    expect(lrFactors({ policy: 'SiameseRPN', lr_configs: [one('step')] })).toEqual([0.3])
  })

  test('stays constant without a configuration', () => {
    expect(new LrSchedule(undefined).rates([{ lr: 0.1 }, { lr: 0.2 }], momentOf(1000))).toEqual([0.1, 0.2])
  })
})
