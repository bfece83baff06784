// Which parts of a filter a kernel sees at once through uniform windows of 64 KiB, and so which dispatches a convolution of
// conv2d_subgroup takes: several groups of output channels, or several of Winograd's products, where they are small; runs of
// taps, or of one tap's input channels, where they are large. Pure, no GPU.

import { bindingAlignment, type GpuTensor } from '../../gpu/tensor.ts'

/** vec4 in a window. */
export const windowVec4 = 4096

/** Bytes of memory that a filter needs behind it, so that windows on its end can be bound. */
export const windowBytes = windowVec4 * 16

/** vec4 from one offset that can be bound to the next. */
const alignment = bindingAlignment / 16

/**
 * `batches` filters: `[panels, batches, taps, inChannels, panel4]` vec4, or in quarters, `[4, panels, batches, taps,
 * inChannels / 4, panel4]`, where quarter i has the input channels c with c % 4 = i.
 */
export interface FilterLayout {
  readonly panels: number
  readonly batches: number
  readonly taps: number
  readonly inChannels: number
  readonly panel4: number
  readonly quarters: boolean
}

/** What one dispatch does. */
export interface FilterPart {
  /** Panels at the beginning of the windows; undefined where a group has no second one. */
  readonly left: number
  readonly right: number | undefined
  readonly groups: number
  readonly firstBatch: number
  readonly batches: number
  readonly firstTap: number
  readonly endTap: number
  /** Input channels, of a single tap unless they are all. */
  readonly firstChannel: number
  readonly channels: number
  /** vec4 from the beginning of a panel to what is read first. */
  readonly first4: number
}

/** vec4 of a batch of a panel, in each quarter if there are quarters. */
export function batchSize4({ taps, inChannels, panel4, quarters }: FilterLayout): number {
  return (taps * inChannels * panel4) / (quarters ? 4 : 1)
}

/** The same of all batches. */
export function panelSize4(filter: FilterLayout): number {
  return filter.batches * batchSize4(filter)
}

/** The window that a vec4 of a filter lies in, as near to its beginning as can be bound. */
export function filterWindow(weight: GpuTensor, at4: number): { window: GpuTensor; first4: number } {
  const first4 = (weight.byteOffset / 16 + at4) % alignment
  return { window: weight.from((at4 - first4) * 16), first4 }
}

/** The fewest dispatches for a filter, `panelsPerGroup` (1 or 2) panels side by side. */
export function filterParts(filter: FilterLayout, panelsPerGroup: 1 | 2): FilterPart[] {
  const { panels, batches, taps, inChannels, panel4 } = filter
  const batchSize = batchSize4(filter)
  const rowsPerChannel = filter.quarters ? 1 / 4 : 1
  // Where offsets cannot be bound, a window begins a little before what is read.
  const room = windowVec4 - (batchSize % alignment === 0 ? 0 : alignment - 1)
  const fitting = Math.min(batches, Math.floor(room / batchSize))
  const groups = Math.ceil(panels / panelsPerGroup)
  const groupsAtOnce = fitting === batches ? groupsInWindow(room, panelSize4(filter), panelsPerGroup) : 1
  const rows = fitting > 0 ? [{ firstTap: 0, endTap: taps, firstChannel: 0, channels: inChannels }] : rowRuns(filter)
  return runs(groups, groupsAtOnce).flatMap((group) =>
    runs(batches, Math.max(1, fitting)).flatMap((batch) =>
      rows.map((run) => {
        const left = group.first * panelsPerGroup
        const right = panelsPerGroup === 2 && left + 1 < panels ? left + 1 : undefined
        const first4 =
          batch.first * batchSize + (run.firstTap * inChannels + run.firstChannel) * rowsPerChannel * panel4
        return { left, right, groups: group.count, firstBatch: batch.first, batches: batch.count, ...run, first4 }
      }),
    ),
  )
}

/** Groups whose left panels lie in one window. */
function groupsInWindow(room: number, panelSize: number, panelsPerGroup: number): number {
  return Math.max(1, Math.floor((Math.floor(room / panelSize) + panelsPerGroup - 1) / panelsPerGroup))
}

/** Runs of taps, or of a tap's channels, that fit a window. */
function rowRuns({ taps, inChannels, panel4, quarters }: FilterLayout): RowRun[] {
  const channelsPerRow = quarters ? 4 : 1
  const aligned = ((inChannels / channelsPerRow) * panel4) % alignment === 0
  const most = Math.floor((windowVec4 - (aligned ? 0 : alignment - 1)) / panel4) * channelsPerRow
  if (inChannels <= most) {
    return evenRuns(taps, Math.floor(most / inChannels), 1).map(({ first, count }) => {
      return { firstTap: first, endTap: first + count, firstChannel: 0, channels: inChannels }
    })
  }
  const channelRuns = evenRuns(inChannels, most, alignment * channelsPerRow)
  return Array.from({ length: taps }, (_, tap) =>
    channelRuns.map(({ first, count }) => {
      return { firstTap: tap, endTap: tap + 1, firstChannel: first, channels: count }
    }),
  ).flat()
}

type RowRun = Pick<FilterPart, 'firstTap' | 'endTap' | 'firstChannel' | 'channels'>

interface Run {
  readonly first: number
  readonly count: number
}

function runs(count: number, most: number): Run[] {
  return Array.from({ length: Math.ceil(count / most) }, (_, index) => {
    return { first: index * most, count: Math.min(most, count - index * most) }
  })
}

/** As few runs as `runs` gives, but about equal, and beginning at multiples of `step`. */
function evenRuns(count: number, most: number, step: number): Run[] {
  const wanted = Math.ceil(count / (Math.floor(most / step) * step))
  return runs(count, Math.ceil(count / wanted / step) * step)
}
