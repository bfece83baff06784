// The scale of the loss, number by number, as GradScaler has it: _amp_update_scale_ of PyTorch, worked out by hand.

import { describe, expect, test } from 'vitest'
import { CheckpointError } from '../../src/formats/errors.ts'
import { fromFloat32 } from '../../src/formats/state-dict.ts'
import { type Fp16Config, parseConfig } from '../../src/siamrpn/config.ts'
import { micro } from '../../src/siamrpn/configs/micro.ts'
import { hasLossScale, LossScaler } from '../../src/train/loss-scaler.ts'

function settings(loss_scale: unknown): Fp16Config {
  return parseConfig({ ...micro, fp16: { loss_scale } }).fp16!
}

interface Case {
  readonly what: string
  readonly loss_scale: unknown
  /** `+`: finite gradients, `-`: others. */
  readonly updates: string
  /** The scale before the first update, and after each. */
  readonly scales: readonly number[]
}

const single = Math.fround

const cases: readonly Case[] = [
  { what: 'a number stays', loss_scale: 512, updates: '+--+', scales: [512, 512, 512, 512, 512] },
  { what: 'a number is a float32', loss_scale: 0.1, updates: '+', scales: [single(0.1), single(0.1)] },
  {
    what: "GradScaler's defaults halve",
    loss_scale: 'dynamic',
    updates: '-+--',
    scales: [65536, 32768, 32768, 16384, 8192],
  },
  {
    what: 'growth comes after so many in a row, and counts anew',
    loss_scale: { init_scale: 8, growth_interval: 3 },
    updates: '+++++++',
    scales: [8, 8, 8, 16, 16, 16, 32, 32],
  },
  {
    what: 'one that is not finite lets the count begin anew',
    loss_scale: { init_scale: 8, growth_interval: 2 },
    updates: '+-+++',
    scales: [8, 8, 4, 4, 8, 8],
  },
  {
    what: 'products are in double precision, the scale a float32',
    loss_scale: { init_scale: 3, growth_interval: 1, growth_factor: 1.1, backoff_factor: 0.3 },
    updates: '+-+',
    scales: [3, single(3 * 1.1), single(single(3 * 1.1) * 0.3), single(single(single(3 * 1.1) * 0.3) * 1.1)],
  },
  {
    what: 'growth beyond float32 is left out, and its count begins anew',
    loss_scale: { init_scale: 2 ** 127, growth_interval: 2 },
    updates: '++-++',
    scales: [2 ** 127, 2 ** 127, 2 ** 127, 2 ** 126, 2 ** 126, 2 ** 127],
  },
]

function follow(scaler: LossScaler, updates: string) {
  return [...updates].map((sign) => scaler.update(sign === '+'))
}

describe('the scale', () => {
  test.each(cases)('$what', ({ loss_scale, updates, scales }) => {
    const scaler = new LossScaler(settings(loss_scale))
    expect(scaler.scale).toBe(scales[0])
    const outcomes = follow(scaler, updates)
    expect(outcomes.map(({ nextScale }) => nextScale)).toEqual(scales.slice(1))
    expect(outcomes.map(({ scale }) => scale)).toEqual(scales.slice(0, -1))
    expect(outcomes.map(({ skipped }) => skipped)).toEqual([...updates].map((sign) => sign === '-'))
  })

  test('grows after 2000 updates by default', () => {
    const scaler = new LossScaler(settings('dynamic'))
    const scales = follow(scaler, '+'.repeat(4000)).map(({ nextScale }) => nextScale)
    expect([scales[1998], scales[1999], scales[3998], scales[3999]]).toEqual([65536, 131072, 131072, 262144])
  })

  test('goes with a count of what was left out, in all and in a row', () => {
    const outcomes = follow(new LossScaler(settings(512)), '--+-+')
    expect(outcomes.map(({ skippedUpdates }) => skippedUpdates)).toEqual([1, 2, 2, 3, 3])
    expect(outcomes.map(({ skippedInARow }) => skippedInARow)).toEqual([1, 2, 0, 1, 0])
  })
})

describe('its state', () => {
  test('lets another one go on as the first would have', () => {
    const config = settings({ init_scale: 8, growth_interval: 3 })
    for (const stop of [0, 1, 2, 3, 4, 5]) {
      const whole = follow(new LossScaler(config), '++-++++')
      const first = new LossScaler(config)
      const begun = follow(first, '++-++++'.slice(0, stop))
      const second = new LossScaler(config)
      second.load(first.state())
      expect([...begun, ...follow(second, '++-++++'.slice(stop))]).toEqual(whole)
    }
  })

  test('of single precision is none: the scale begins as configured', () => {
    const scaler = new LossScaler(settings('dynamic'))
    follow(scaler, '---')
    expect(hasLossScale(scaler.state())).toBe(true)
    expect(hasLossScale(new Map())).toBe(false)
    scaler.load(new Map())
    expect(scaler.update(true)).toMatchObject({ scale: 65536, skippedUpdates: 0, skippedInARow: 0 })
  })

  test('does not replace a scale that is a number', () => {
    const dynamic = new LossScaler(settings('dynamic'))
    const fixed = new LossScaler(settings(512))
    fixed.load(dynamic.state())
    expect(fixed.scale).toBe(512)
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('with a scale of %d is refused', (scale) => {
    const state = new Map([['loss_scaler.scale', fromFloat32(Float32Array.of(scale), [])]])
    const load = () => new LossScaler(settings('dynamic')).load(state)
    expect(load).toThrow(CheckpointError)
    expect(load).toThrow(`\`loss_scaler.scale\` is ${scale}, expected a positive number`)
  })
})
