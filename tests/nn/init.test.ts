// The initialisers: spread and range of what they draw, and what mmcv's and PyTorch's formulas say it has to be.

import { describe, expect, test } from 'vitest'
import { fans, kaiming, resetParameters, xavier } from '../../src/nn/init.ts'
import { Random } from '../../src/siamrpn/random.ts'

const shape = [64, 32, 3, 3]
const count = 64 * 32 * 9

function moments(values: Float32Array): { mean: number; deviation: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return {
    mean,
    deviation: Math.sqrt(variance),
    largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  }
}

describe('initialisers', () => {
  test('fans count a filter’s taps', () => {
    expect(fans(shape)).toEqual({ fanIn: 288, fanOut: 576 })
  })

  test('Kaiming, normal, fan out', () => {
    const values = new Float32Array(count)
    kaiming(values, shape, new Random('kaiming'), {
      distribution: 'normal',
      mode: 'fan_out',
      nonlinearity: 'relu',
      a: 1,
    })
    const { mean, deviation, largest } = moments(values)
    const expected = Math.sqrt(2 / 576)
    expect(Math.abs(mean)).toBeLessThan((5 * expected) / Math.sqrt(count))
    expect(deviation / expected).toBeCloseTo(1, 1)
    expect(largest).toBeGreaterThan(3 * expected) // a normal has tails
  })

  test('Kaiming as Conv2d.reset_parameters: uniform, fan in, a leaky ReLU of slope sqrt(5)', () => {
    const values = new Float32Array(count)
    const options = { distribution: 'uniform', mode: 'fan_in', nonlinearity: 'leaky_relu', a: Math.sqrt(5) } as const
    kaiming(values, shape, new Random('kaiming'), options)
    const { largest } = moments(values)
    const bound = 1 / Math.sqrt(288)
    expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6))
    expect(largest).toBeGreaterThan(0.99 * bound)
  })

  test.each(['normal', 'uniform'] as const)('Xavier, %s', (distribution) => {
    const values = new Float32Array(count)
    xavier(values, shape, new Random('xavier'), { gain: 2, distribution })
    const expected = 2 * Math.sqrt(2 / (288 + 576))
    const { deviation, largest } = moments(values)
    expect(deviation / expected).toBeCloseTo(1, 1)
    if (distribution === 'uniform') expect(largest).toBeLessThanOrEqual(Math.fround(expected * Math.sqrt(3)))
    else expect(largest).toBeGreaterThan(expected * Math.sqrt(3))
  })

  test('reset_parameters stays within 1 / sqrt(fanIn) and fills the range', () => {
    const values = new Float32Array(count)
    resetParameters(values, 288, new Random('reset'))
    const { largest } = moments(values)
    const bound = 1 / Math.sqrt(288)
    expect(largest).toBeLessThanOrEqual(Math.fround(bound))
    expect(largest).toBeGreaterThan(0.99 * bound)
  })
})
