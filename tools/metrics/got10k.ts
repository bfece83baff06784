// GOT-10k's measures as the official toolkit computes them on the validation set (got10k/experiments/got10k.py,
// got10k/utils/metrics.py): overlaps in float64 of boxes cut at the image's border, without the first frame and the frames
// that hide the object, all frames of all sequences weighing the same.

import type { Box } from '../frames/types.ts'
import type { ImageSize } from './vot-overlap.ts'

/** 0, 0.01 ... 1. */
export const got10kThresholds: readonly number[] = Array.from({ length: 101 }, (_, index) =>
  index === 100 ? 1 : index * 0.01,
)

/** Overlaps of the frames that count; those of several videos can be put together. */
export interface Got10kTally {
  readonly frames: number
  /** The sum of all overlaps. */
  readonly sum: number
  readonly above50: number
  readonly above75: number
  /** Frames with an overlap above each of `got10kThresholds`. */
  readonly above: readonly number[]
}

export interface Got10kVideo {
  readonly results: readonly Box[]
  readonly truth: readonly Box[]
  /** 0 (hidden) to 8, one per frame. Without it all frames count. */
  readonly cover?: readonly number[]
  /** Without it boxes are not cut. */
  readonly size?: ImageSize
}

/** Intersection over union, 0..1; 0 if a number is no number. @param size cuts both boxes */
export function got10kOverlap(first: Box, second: Box, size?: ImageSize): number {
  const a = cut(first, size)
  const b = cut(second, size)
  const width = Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x))
  const height = Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y))
  const shared = width * height
  const found = shared / (a.width * a.height + b.width * b.height - shared + Number.EPSILON)
  return Number.isNaN(found) ? 0 : Math.min(1, Math.max(0, found))
}

/** One entry per frame; NaN for those that do not count: the first, and those that hide the object. */
export function got10kOverlaps({ results, truth, cover, size }: Got10kVideo): Float64Array {
  return Float64Array.from(results, (box, frame) => {
    const expected = truth[frame]
    const counts = frame > 0 && expected && (cover?.[frame] ?? 1) > 0
    return counts ? got10kOverlap(box, expected, size) : Number.NaN
  })
}

/** Counts overlaps; NaN entries are left out. */
export function got10kTally(overlaps: Float64Array): Got10kTally {
  const counted = overlaps.filter((value) => !Number.isNaN(value))
  const bins = new Float64Array(got10kThresholds.length + 1)
  let sum = 0
  let above50 = 0
  let above75 = 0
  for (const overlap of counted) {
    sum += overlap
    if (overlap > 0.5) above50++
    if (overlap > 0.75) above75++
    const exceeded = thresholdsBelow(overlap)
    bins[exceeded] = (bins[exceeded] ?? 0) + 1
  }
  let above = 0
  const cumulated = got10kThresholds.map((_, index) => {
    above += bins[got10kThresholds.length - index] ?? 0
    return above
  })
  return { frames: counted.length, sum, above50, above75, above: cumulated.reverse() }
}

/** Tallies of several videos as one. */
export function addTallies(tallies: readonly Got10kTally[]): Got10kTally {
  const total = (pick: (tally: Got10kTally) => number) => tallies.reduce((sum, tally) => sum + pick(tally), 0)
  return {
    frames: total(({ frames }) => frames),
    sum: total(({ sum }) => sum),
    above50: total(({ above50 }) => above50),
    above75: total(({ above75 }) => above75),
    above: got10kThresholds.map((_, index) => total(({ above }) => above[index] ?? 0)),
  }
}

/** numpy's clip: first up to the lower bound, then down to the upper one. */
function clip(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}

function cut(box: Box, size: ImageSize | undefined): Box {
  if (!size) return box
  const x = clip(box.x, 0, size.width)
  const y = clip(box.y, 0, size.height)
  return { x, y, width: clip(box.width, 0, size.width - x), height: clip(box.height, 0, size.height - y) }
}

function thresholdsBelow(overlap: number): number {
  let count = Math.max(0, Math.min(got10kThresholds.length, Math.floor(overlap * 100)))
  while (count < got10kThresholds.length && overlap > (got10kThresholds[count] ?? 0)) count++
  while (count > 0 && !(overlap > (got10kThresholds[count - 1] ?? 0))) count--
  return count
}
