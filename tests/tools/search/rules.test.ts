import { describe, expect, test } from 'vitest'
import {
  differentRules,
  parseRange,
  randomRules,
  ruleGrid,
  ruleName,
  ruleOptions,
} from '../../../tools/search/rules.ts'

describe('a range', () => {
  test('is np.round(np.arange(start, stop, step), 2), in both ways of writing', () => {
    expect(parseRange('penalty_k', '0.01:0.2:0.03')).toEqual([0.01, 0.04, 0.07, 0.1, 0.13, 0.16, 0.19])
    expect(parseRange('lr', '0.3,0.5,0.05')).toEqual([0.3, 0.35, 0.4, 0.45])
    // numpy counts ceil((stop - start) / step), which float64 makes one more here.
    expect(parseRange('lr', '0.1:0.4:0.1')).toEqual([0.1, 0.2, 0.3, 0.4])
    expect(parseRange('penalty_k', '0:3:1')).toEqual([0, 1, 2])
  })

  test('keeps more digits where it is written with more', () => {
    expect(parseRange('lr', '0.3:0.318:0.005')).toEqual([0.3, 0.305, 0.31, 0.315])
  })

  test('may be a single value', () => {
    expect(parseRange('window_influence', '0.42')).toEqual([0.42])
  })

  test.each([
    ['lr', '0.1:0.2', 'expected start:stop:step'],
    ['lr', '0.1:x:0.1', 'expected start:stop:step'],
    ['lr', '', 'expected start:stop:step'],
    ['lr', '0.1:0.5:0', 'the step is 0'],
    ['lr', '0.5:0.5:0.1', 'is empty: its end is excluded'],
    ['lr', '0.5:1.3:0.5', null],
    ['lr', '0.5:1.6:0.5', 'lr would be 1.5, expected 0 to 1'],
    ['window_influence', '1.01', 'expected 0 to 1'],
    ['penalty_k', '-0.1:0.2:0.1', 'penalty_k would be -0.1, expected 0 or more'],
    ['penalty_k', '4', null],
  ] as const)('%s %s', (key, text, message) => {
    if (message === null) expect(parseRange(key, text).length).toBeGreaterThan(0)
    else expect(() => parseRange(key, text)).toThrow(message)
  })
})

describe('the sets of a search', () => {
  const grid = ruleGrid({ penalty_k: [0, 1], lr: [0.1, 0.2], window_influence: [0.3, 0.4] })

  test("are all combinations in the order of MMTracking's loops", () => {
    expect(grid.map(({ penalty_k, lr, window_influence }) => [penalty_k, lr, window_influence])).toEqual([
      [0, 0.1, 0.3],
      [0, 0.1, 0.4],
      [0, 0.2, 0.3],
      [0, 0.2, 0.4],
      [1, 0.1, 0.3],
      [1, 0.1, 0.4],
      [1, 0.2, 0.3],
      [1, 0.2, 0.4],
    ])
  })

  test('or some of them, the same ones for the same seed', () => {
    const some = randomRules(grid, 3, 7)
    expect(some).toHaveLength(3)
    expect(grid).toEqual(expect.arrayContaining(some))
    expect(randomRules(grid, 3, 7)).toEqual(some)
    expect([0, 1, 2, 3].map((seed) => randomRules(grid, 3, seed))).not.toEqual([some, some, some, some])
    expect(randomRules(grid, 100, 1)).toEqual(grid)
  })

  test('are tried once each', () => {
    expect(differentRules([...grid.slice(0, 2), ...grid])).toEqual(grid)
  })

  test('have names, and options that put them into a configuration', () => {
    expect(ruleName(grid[3]!)).toBe('penalty_k=0 lr=0.2 window_influence=0.4')
    expect(ruleOptions(grid[3]!)).toBe(
      '--set model.test_cfg.rpn.penalty_k=0 --set model.test_cfg.rpn.lr=0.2 --set model.test_cfg.rpn.window_influence=0.4',
    )
  })
})
