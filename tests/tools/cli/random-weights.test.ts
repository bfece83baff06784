// Random weights: complete, seeded, and of the spreads that keep a deep network's activations in range.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { toFloat32 } from '../../../src/formats/state-dict.ts'
import { randomWeights } from '../../../tools/cli/random-weights.ts'
import { goldenDirectory } from '../../golden-directory.ts'

interface Entry {
  name: string
  shape: number[]
  dtype: string
  a?: number
  b?: number
}

const entries: Entry[] = JSON.parse(readFileSync(join(goldenDirectory, 'A.json'), 'utf8')).models.small.entries
const shapes = new Map(entries.map(({ name, shape }) => [name, shape]))

test('every tensor of the model is there, in its shape, with values spread as in the golden weights', () => {
  const weights = randomWeights(shapes, 1)
  expect([...weights.keys()]).toEqual(entries.map(({ name }) => name))
  for (const { name, shape, dtype, a = 0, b = 0 } of entries) {
    const tensor = weights.get(name)!
    expect(tensor.shape, name).toEqual(shape)
    if (dtype === 'int64') {
      expect(tensor, name).toEqual({ dtype: 'i64', shape: [], data: new Uint8Array(8) })
      continue
    }
    const values = toFloat32(tensor).toSorted()
    const [low = 0, high = 0] = [values[0], values.at(-1)]
    expect(low, name).toBeGreaterThanOrEqual(b - 0.01 * a - 1e-9)
    expect(high, name).toBeLessThanOrEqual(a + b + 0.01 * a + 1e-9)
    if (values.length >= 100) expect(high - low, name).toBeGreaterThan(0.93 * a)
  }
})

test('equal seeds give equal weights, other seeds and other names other ones', () => {
  const some = new Map([
    ['neck.convs.0.conv.weight', [2, 3, 1, 1]],
    ['neck.convs.1.conv.weight', [2, 3, 1, 1]],
  ])
  const first = randomWeights(some, 'a')
  expect(randomWeights(some, 'a')).toEqual(first)
  const [one, two] = [...first.values()]
  expect(one?.data).not.toEqual(two?.data)
  expect(randomWeights(some, 'b').get('neck.convs.0.conv.weight')?.data).not.toEqual(one?.data)
})
