import { describe, expect, test } from 'vitest'
import {
  type FilterLayout,
  type FilterPart,
  filterParts,
  panelSize4,
  windowVec4,
} from '../../../src/kernels/conv/filter-windows.ts'

const layouts: readonly FilterLayout[] = [1, 3, 8].flatMap((panels) =>
  [1, 16].flatMap((batches) =>
    [1, 9].flatMap((taps) =>
      [4, 36, 64, 508, 1044, 2048].flatMap((inChannels) =>
        [1, 6, 8].flatMap((panel4) =>
          [false, true].map((quarters) => ({ panels, batches, taps, inChannels, panel4, quarters })),
        ),
      ),
    ),
  ),
)

/** Last vec4 that a part reads in its windows, from their beginning on; the first is at most 15. */
function lastRead(filter: FilterLayout, part: FilterPart, panelsPerGroup: number): number {
  const rowsPerChannel = filter.quarters ? 1 / 4 : 1
  const size = filter.taps * filter.inChannels * filter.panel4 * rowsPerChannel
  const rows = ((part.endTap - part.firstTap - 1) * filter.inChannels + part.channels) * rowsPerChannel
  const panels = (part.groups - 1) * panelsPerGroup
  const begin = (Math.min(part.left, 1) * panelSize4(filter) + part.first4) % 16
  return begin + panels * panelSize4(filter) + (part.batches - 1) * size + rows * filter.panel4
}

describe('parts of a filter', () => {
  test.each([1, 2] as const)(
    'cover every panel, batch, tap and channel once, within the windows (%i panels)',
    (per) => {
      for (const filter of layouts) {
        const covered = new Map<string, number>()
        for (const part of filterParts(filter, per)) {
          expect(lastRead(filter, part, per), JSON.stringify({ filter, part })).toBeLessThanOrEqual(windowVec4)
          expect(part.channels % (filter.quarters ? 4 : 1)).toBe(0)
          for (let group = 0; group < part.groups; group++) {
            for (let batch = 0; batch < part.batches; batch++) {
              const key = `${part.left / per + group} ${part.firstBatch + batch}`
              const rows = (part.endTap - part.firstTap) * part.channels
              covered.set(key, (covered.get(key) ?? 0) + rows)
            }
          }
        }
        expect(covered.size).toBe(Math.ceil(filter.panels / per) * filter.batches)
        expect([...new Set(covered.values())]).toEqual([filter.taps * filter.inChannels])
      }
    },
  )

  test('are as few as the windows allow', () => {
    const count = (filter: FilterLayout) => filterParts(filter, 2).length
    const one = { panels: 8, batches: 1, taps: 1, inChannels: 64, panel4: 8, quarters: false }
    expect(count(one)).toBe(1)
    expect(count({ ...one, inChannels: 512 })).toBe(4) // a panel fills a window
    expect(count({ ...one, inChannels: 512, quarters: true })).toBe(2) // four panels fill one, of which l has every other
    expect(count({ ...one, inChannels: 1024 })).toBe(8)
    expect(count({ ...one, taps: 9 })).toBe(8) // five taps and four
    expect(count({ ...one, batches: 16, inChannels: 256, quarters: true })).toBe(8) // eight batches at once
  })

  test('share the rows of a large filter about equally', () => {
    const filter = { panels: 1, batches: 1, taps: 1, inChannels: 1044, panel4: 8, quarters: false }
    expect(filterParts(filter, 2).map(({ channels }) => channels)).toEqual([352, 352, 340])
  })
})
