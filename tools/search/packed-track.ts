// Tracks as numbers: four per frame, x, y, width, height, or one of VOT's marks followed by NaN. A tracker's boxes are float32, so
// nothing is lost; a thousand tracks of a video need a quarter of what objects would.

import type { TrackedRegion } from '../benchmarks/types.ts'
import type { VideoStep } from '../evaluation/track-video.ts'

/** `[frames, 4]` */
export type PackedTrack = Float32Array

export function packTrack(steps: readonly VideoStep[]): PackedTrack {
  const packed = new Float32Array(4 * steps.length)
  for (const [index, { region }] of steps.entries()) {
    const row =
      typeof region === 'number'
        ? [region, Number.NaN, Number.NaN, Number.NaN]
        : [region.x, region.y, region.width, region.height]
    packed.set(row, 4 * index)
  }
  return packed
}

/** The steps of a track; how sure the tracker was and how long it took is not kept. */
export function unpackTrack(packed: PackedTrack): VideoStep[] {
  return Array.from({ length: packed.length / 4 }, (_, index) => {
    const [x = 0, y = 0, width = 0, height = 0] = packed.subarray(4 * index, 4 * index + 4)
    const region: TrackedRegion = Number.isNaN(y) ? markOf(x) : { x, y, width, height }
    return { region, score: 0, seconds: 0 }
  })
}

function markOf(value: number): 0 | 1 | 2 {
  return value === 1 || value === 2 ? value : 0
}
