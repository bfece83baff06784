// Configurations far beyond any real one: refused at once, in few words, whatever is too large in them.

import { describe, expect, test } from 'vitest'
import { fromMMTracking, overrideConfig, parseConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { ConfigError } from '../../src/siamrpn/errors.ts'

const base = JSON.parse(JSON.stringify(namedConfig('tiny'))) as Record<string, unknown>
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]))

function refusal(read: () => unknown): ConfigError {
  const start = process.cpuUsage()
  try {
    read()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).message.length).toBeLessThan(8000)
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(2)
    return error as ConfigError
  }
  expect.unreachable('the configuration was accepted')
}

describe.each<[string, (value: Record<string, unknown>) => unknown]>([
  ['parseConfig', parseConfig],
  ['fromMMTracking', (value) => parseConfig(fromMMTracking(value))],
])('%s refuses', (_, read) => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a key of 200 kB', { ['k'.repeat(200_000)]: 1 }, 'unknown key'],
    ['a key of 20 MB', { ['k'.repeat(20_000_000)]: 1 }, 'unknown key'],
    ['30,000 unknown keys', keys(30_000), '30000 problems'],
    ['a million values', { custom_hooks: Array.from({ length: 1e6 }, () => 1) }, 'at most 100000 values'],
    ['a million levels', { custom_hooks: nested(1e6) }, 'at most 64 levels'],
    ['a value of 20 MB', { model: 'x'.repeat(20_000_000) }, 'expected an object'],
    ['a bigint', { total_epochs: 5n }, 'found 5n'],
  ])('%s', (_, changes, message) => {
    expect(refusal(() => read({ ...base, ...changes })).message).toContain(message)
  })

  test('what contains itself', () => {
    const circle: Record<string, unknown> = { ...base }
    circle.custom_hooks = [circle]
    expect(refusal(() => read(circle)).message).toContain('levels')
  })
})

test('the first hundred problems are worked out, and all are counted', () => {
  const { problems, message } = refusal(() => parseConfig({ ...base, ...keys(30_000) }))
  expect(problems).toHaveLength(100)
  expect(message).toContain("key0: unknown key, did you mean 'seed'?")
  expect(message).toContain('... and 29988 more')
})

test.each([
  'model.backbone.base_channels=1000000',
  'model.test_cfg.search_size=100000',
  'data.workers_per_gpu=1000',
  'data.samples_per_gpu=1e9',
  'model.neck.kernel_size=99999',
])('a number that sizes something is bounded: %s', (override) => {
  expect(refusal(() => overrideConfig(parseConfig(base as never), override)).message).toMatch(/a number of at most \d+/)
})

test.each([`train_pipeline=${'['.repeat(1e5)}${']'.repeat(1e5)}`, `${'a'.repeat(1e6)}=1`, `${'a.'.repeat(1e5)}=1`])(
  'an override of any size is refused',
  (override) => {
    refusal(() => overrideConfig(parseConfig(base as never), override))
  },
)
