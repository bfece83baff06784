// Examples are there to be read: under 80 lines each.

import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const folder = new URL('../../examples/', import.meta.url)
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|html)$/.test(name))

test.each(files)('%s has under 80 lines', (name) => {
  expect(readFileSync(new URL(name, folder), 'utf8').split('\n').length - 1).toBeLessThan(80)
})
