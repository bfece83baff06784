// mmcv's learning-rate policies against a table. Every value was computed in Python from the formula of the hook in
// mmcv/runner/hooks/lr_updater.py that the third column repeats with the row's numbers; `cos` and `pi` are Python's. The run has
// 20 epochs of 100 iterations, and the optimizer a rate of 0.01.

import { describe, expect, test } from 'vitest'
import { type ConfigInput, fromMMTracking, parseConfig } from '../../src/siamrpn/config.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import { TrainingError } from '../../src/train/errors.ts'
import { LrSchedule, type Moment } from '../../src/train/lr-schedule.ts'

type Input = NonNullable<ConfigInput['lr_config']>

const base = 0.01
const schedule = (lr_config: unknown) =>
  new LrSchedule(parseConfig(fromMMTracking({ ...r50, lr_config, total_epochs: 20 })).lr_config)

function momentOf(iteration: number): Moment {
  return { epoch: Math.floor(iteration / 100), iteration, maxEpochs: 20, iterationsPerEpoch: 100 }
}

const byIteration = { by_epoch: false } as const
const restart: Input = {
  policy: 'CosineRestart',
  periods: [5, 10, 5],
  restart_weights: [1, 0.5, 1],
  min_lr_ratio: 0.1,
}
const cyclic = { policy: 'cyclic', cyclic_times: 2 } as const
const warm = { policy: 'fixed', warmup_iters: 500 } as const

const table: readonly [config: Input, iteration: number, formula: string, rate: number][] = [
  [{ policy: 'fixed' }, 1999, 'base_lr', 0.01],
  [{ policy: 'step', step: 3 }, 799, '0.01 * 0.1**(7 // 3)', 0.00010000000000000002],
  [{ policy: 'step', step: [8, 11], gamma: 0.5 }, 799, '0.01 * 0.5**0: epoch 7 < 8', 0.01],
  [{ policy: 'step', step: [8, 11], gamma: 0.5 }, 800, '0.01 * 0.5**1: 8 <= epoch 8 < 11', 0.005],
  [{ policy: 'step', step: [8, 11], gamma: 0.5 }, 1999, '0.01 * 0.5**2: 11 <= epoch 19', 0.0025],
  [{ policy: 'step', step: 3, min_lr: 5e-5 }, 999, 'max(0.01 * 0.1**(9 // 3), 5e-5)', 5e-5],
  [{ policy: 'step', step: [700, 1300], ...byIteration }, 1299, '0.01 * 0.1**1: 700 <= iter 1299 < 1300', 0.001],
  [{ policy: 'exp', gamma: 0.9 }, 750, '0.01 * 0.9**7', 0.004782969000000001],
  [{ policy: 'exp', gamma: 0.999, ...byIteration }, 1234, '0.01 * 0.999**1234', 0.0029094605365002847],
  [
    { policy: 'poly', power: 0.9, min_lr: 1e-4 },
    500,
    '(0.01 - 1e-4) * (1 - 5 / 20)**0.9 + 1e-4',
    0.0077417061165633485,
  ],
  [{ policy: 'poly', ...byIteration }, 1500, '(0.01 - 0) * (1 - 1500 / 2000)**1 + 0', 0.0025],
  [{ policy: 'inv', gamma: 0.1, power: 0.75 }, 600, '0.01 * (1 + 0.1 * 6)**(-0.75)', 0.007029266564879363],
  [{ policy: 'inv', gamma: 1e-3, ...byIteration }, 500, '0.01 * (1 + 1e-3 * 500)**(-1)', 0.006666666666666666],
  [
    { policy: 'CosineAnnealing', min_lr: 1e-5 },
    599,
    '1e-5 + 0.5 * (0.01 - 1e-5) * (cos(pi * 5 / 20) + 1)',
    0.008536998372026804,
  ],
  [
    { policy: 'CosineAnnealing', min_lr_ratio: 0.02, ...byIteration },
    1500,
    '0.01 * 0.02 + 0.5 * (0.01 - 0.01 * 0.02) * (cos(pi * 1500 / 2000) + 1)',
    0.0016351767721859175,
  ],
  [restart, 500, '0.01 * 0.1 + 0.5 * 0.5 * (0.01 - 0.01 * 0.1) * (cos(pi * 0 / 10) + 1)', 0.0055000000000000005],
  [restart, 800, '0.01 * 0.1 + 0.5 * 0.5 * (0.01 - 0.01 * 0.1) * (cos(pi * 3 / 10) + 1)', 0.004572516817658065],
  [
    { policy: 'CosineRestart', periods: [1000, 1000], restart_weights: [1, 0.3], min_lr: 0, ...byIteration },
    1200,
    '0 + 0.5 * 0.3 * (0.01 - 0) * (cos(pi * 200 / 1000) + 1)',
    0.002713525491562421,
  ],
  [cyclic, 0, 'annealing_cos(0.01, 0.1, 0 / 400): 2000 // 2 a cycle, int(0.4 * 1000) of it up', 0.009999999999999995],
  [cyclic, 100, '0.1 + 0.5 * (0.01 - 0.1) * (cos(pi * 100 / 400) + 1)', 0.023180194846605356],
  [cyclic, 400, 'annealing_cos(0.1, 1e-6, 0 / 600)', 0.1],
  [cyclic, 700, '1e-6 + 0.5 * (0.1 - 1e-6) * (cos(pi * 300 / 600) + 1)', 0.0500005],
  [cyclic, 1100, 'as iteration 100: 1100 % 1000', 0.023180194846605356],
  [
    { policy: 'cyclic', target_ratio: [6], step_ratio_up: 0.25 },
    700,
    '6e-7 + 0.5 * (0.06 - 6e-7) * (cos(pi * 200 / 1500) + 1): the lowest is 6 / 1e5',
    0.057406389665640725,
  ],
  [{ ...warm, warmup: 'constant', warmup_ratio: 1 / 3 }, 0, '0.01 * (1 / 3)', 0.003333333333333333],
  [{ ...warm, warmup: 'constant', warmup_ratio: 1 / 3 }, 499, '0.01 * (1 / 3)', 0.003333333333333333],
  [{ ...warm, warmup: 'constant', warmup_ratio: 1 / 3 }, 500, '0.01: iter 500 >= warmup_iters', 0.01],
  [{ ...warm, warmup: 'linear', warmup_ratio: 0.001 }, 0, '0.01 * (1 - (1 - 0 / 500) * (1 - 0.001))', 1e-5],
  [{ ...warm, warmup: 'linear', warmup_ratio: 0.001 }, 250, '0.01 * (1 - (1 - 250 / 500) * (1 - 0.001))', 0.005005],
  [{ ...warm, warmup: 'exp', warmup_ratio: 0.001 }, 0, '0.01 * 0.001**(1 - 0 / 500)', 1e-5],
  [{ ...warm, warmup: 'exp', warmup_ratio: 0.001 }, 250, '0.01 * 0.001**(1 - 250 / 500)', 0.00031622776601683794],
  [
    { policy: 'fixed', warmup: 'linear', warmup_iters: 2, warmup_by_epoch: true },
    150,
    '0.01 * (1 - (1 - 150 / 200) * (1 - 0.1)): 2 epochs of 100 iterations',
    0.007750000000000001,
  ],
  [
    { policy: 'exp', gamma: 0.999, ...byIteration, warmup: 'linear', warmup_iters: 500 },
    250,
    '0.01 * 0.999**250 * (1 - (1 - 250 / 500) * (1 - 0.1))',
    0.004282868557643445,
  ],
]

test.each(table)('%j at iteration %i is %s', (config, iteration, _, rate) => {
  const [found = Number.NaN] = schedule(config).rates([{ lr: base }], momentOf(iteration))
  expect(Math.abs(found / rate - 1)).toBeLessThan(1e-13)
})

test('every group of the optimizer has its own rate, and the lowest rate is one for all', () => {
  const rates = (config: Input) => schedule(config).rates([{ lr: 0.01 }, { lr: 1 }], momentOf(1900))
  expect(rates({ policy: 'step', step: [1], min_lr: 0.05 })).toEqual([0.05, 0.1])
  const [low = 0, high = 0] = rates({ policy: 'CosineAnnealing', min_lr: 0.005 })
  expect(low).toBeCloseTo(0.005 + 0.5 * 0.005 * (Math.cos(0.95 * Math.PI) + 1), 14)
  expect(high).toBeCloseTo(0.005 + 0.5 * 0.995 * (Math.cos(0.95 * Math.PI) + 1), 14)
})

test('mmcv finds a policy by its class, whatever its first letter', () => {
  expect(schedule({ policy: 'Step', step: [1] }).rates([{ lr: 1 }], momentOf(100))).toEqual([0.1])
})

test('without a policy the rate stays', () => {
  expect(schedule(null).rates([{ lr: 0.3 }], momentOf(700))).toEqual([0.3])
})

describe('what mmcv asserts', () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [
      { policy: 'fixed', warmup: 'linear' },
      /lr_config\.warmup_iters: found 0, expected at least 1, because of .*'linear'/,
    ],
    [{ policy: 'fixed', warmup: 'cubic' }, /lr_config\.warmup: found "cubic", expected .*'constant', 'linear', 'exp'/],
    [{ policy: 'fixed', warmup: 'exp', warmup_iters: 9, warmup_ratio: 0 }, /warmup_ratio: found 0/],
    [{ policy: 'step' }, /lr_config\.step: missing/],
    [{ policy: 'step', step: [3, 0] }, /lr_config\.step.* found 0/],
    [{ policy: 'CosineAnnealing' }, /lr_config\.min_lr_ratio: missing, expected it or lr_config\.min_lr/],
    [{ policy: 'CosineAnnealing', min_lr: 0, min_lr_ratio: 0 }, /lr_config\.min_lr: found 0, expected none beside/],
    [{ ...restart, restart_weights: [1] }, /lr_config\.restart_weights: found \[1\], expected 3 items/],
    [
      { ...restart, periods: [5, 5, 5] },
      /lr_config\.periods: found \[5,5,5\], expected a sum of at least total_epochs, 20/,
    ],
    [{ policy: 'cyclic', by_epoch: true }, /lr_config\.by_epoch: found true, expected false/],
    [{ policy: 'OneCycle', max_lr: 1 }, /lr_config\.policy: found "OneCycle", expected one of 'SiameseRPN', 'fixed'/],
  ])('%j is refused', (config, message) => {
    expect(() => schedule(config)).toThrow(message)
  })

  test('restarts that end too early in iterations are told when they end', () => {
    const short = schedule({ ...restart, ...byIteration, periods: [5, 10, 5] })
    expect(() => short.rates([{ lr: 1 }], momentOf(20))).toThrow(TrainingError)
    expect(() => short.rates([{ lr: 1 }], momentOf(20))).toThrow('lr_config.periods end after 20 iterations')
  })

  test('more cycles than iterations are told', () => {
    const many = schedule({ policy: 'cyclic', cyclic_times: 5000 })
    expect(() => many.rates([{ lr: 1 }], momentOf(0))).toThrow('lr_config.cyclic_times is 5000, expected at most 2000')
  })
})

test('loggers of a server, and schedules of the momentum, are refused with the reason', () => {
  const refusal = (entries: object) => () => fromMMTracking({ ...r50, ...entries })
  const wandb = { interval: 50, hooks: [{ type: 'TextLoggerHook' }, { type: 'WandbLoggerHook' }] }
  expect(refusal({ log_config: wandb })).toThrow(
    /log_config\.hooks\.1\.type: found "WandbLoggerHook", expected one of TextLoggerHook, .* nothing is sent to a server/,
  )
  expect(refusal({ momentum_config: { policy: 'cyclic' } })).toThrow(/momentum_config: .* momentum and betas stay/)
})
