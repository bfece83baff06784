// The page of the configuration speaks of every key of the seed.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { r50 } from '../../src/siamrpn/configs/r50.ts'

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')

/** Keys of objects at any depth; classes by their `type`. */
function words(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(words)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [key, ...words(inner)])
}

test('every key of the seed has its row', () => {
  const table = page.slice(page.indexOf('## The seed configuration'), page.indexOf('## Entries that MMTracking'))
  const named = new Set([...table.matchAll(/`([^`]+)`/g)].flatMap(([, text = '']) => text.split('.')))
  const keys = [...new Set(words(r50))]
  expect(keys.length).toBeGreaterThan(90)
  expect(keys.filter((key) => !named.has(key))).toEqual([])
})
