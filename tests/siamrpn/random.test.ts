import { describe, expect, test } from 'vitest'
import { Random } from '../../src/siamrpn/random.ts'

describe('normal draws', () => {
  test('have the moments of the standard normal distribution', () => {
    const random = new Random('normal', 1)
    const values = Array.from({ length: 20_000 }, () => random.normal())
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length
    expect(Math.abs(moment(1))).toBeLessThan(0.03)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.05)
    expect(Math.abs(moment(3))).toBeLessThan(0.1)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.25)
  })

  test('follow from the key', () => {
    const draw = (key: string) => {
      const random = new Random(key)
      return [random.normal(), random.normal(), random.next()]
    }
    expect(draw('a')).toEqual(draw('a'))
    expect(draw('a')).not.toEqual(draw('b'))
  })
})
