// A project as the browser's storage holds it: the frames, boxes and scores of each target as columns of numbers. Storage copies what
// it is given while the page waits, and a column is copied far faster than an object per frame.

import type { Box } from 'siamrpn'
import type { Mark, Project, TrackedTarget } from './project.ts'
import { Track, type Tracked } from './track.ts'

interface Columns {
  readonly frames: Float64Array
  /** x, y, width and height of each frame; NaN where a mark says that the target is absent. */
  readonly boxes: Float64Array
}

interface SavedTarget extends Pick<TrackedTarget, 'id' | 'name' | 'color'> {
  /** A map in what an earlier version of the page saved. */
  readonly marks: Columns | TrackedTarget['marks']
  /** A map in what an earlier version of the page saved. */
  readonly track: (Columns & { readonly scores: Float64Array }) | ReadonlyMap<number, Tracked>
}

export interface SavedProject extends Pick<Project, 'clip'> {
  readonly targets: readonly SavedTarget[]
}

export function packed({ clip, targets }: Project): SavedProject {
  return {
    clip,
    targets: targets.map(({ id, name, color, marks, track }) => {
      const boxes = [...marks.values()].map((mark) => (mark.kind === 'box' ? mark.box : undefined))
      const tracked = [...track]
      const scores = Float64Array.from(tracked, ([, { score }]) => score)
      const followed = columnsOf(
        tracked.map(([frame]) => frame),
        tracked.map(([, { box }]) => box),
      )
      return { id, name, color, marks: columnsOf([...marks.keys()], boxes), track: { ...followed, scores } }
    }),
  }
}

export function unpacked({ clip, targets }: SavedProject): Project {
  return {
    clip,
    targets: targets.map(({ id, name, color, marks, track }) => ({
      ...{ id, name, color },
      marks: 'frames' in marks ? marksOf(marks) : marks,
      track: Track.from('frames' in track ? trackedOf(track) : track),
    })),
  }
}

function columnsOf(frames: readonly number[], boxes: readonly (Box | undefined)[]): Columns {
  const columns = { frames: Float64Array.from(frames), boxes: new Float64Array(4 * boxes.length).fill(Number.NaN) }
  for (const [index, box] of boxes.entries()) {
    if (box) columns.boxes.set([box.x, box.y, box.width, box.height], 4 * index)
  }
  return columns
}

function marksOf({ frames, boxes }: Columns): Map<number, Mark> {
  const marks = new Map<number, Mark>()
  for (const [index, frame] of frames.entries()) {
    const box = boxAt(boxes, index)
    marks.set(frame, Number.isNaN(box.x) ? { kind: 'absent' } : { kind: 'box', box })
  }
  return marks
}

function* trackedOf({ frames, boxes, scores }: Columns & { readonly scores: Float64Array }) {
  for (const [index, frame] of frames.entries()) {
    yield [frame, { box: boxAt(boxes, index), score: scores[index] ?? 0 }] as const
  }
}

function boxAt(boxes: Float64Array, index: number): Box {
  const [x = 0, y = 0, width = 0, height = 0] = boxes.subarray(4 * index, 4 * index + 4)
  return { x, y, width, height }
}
