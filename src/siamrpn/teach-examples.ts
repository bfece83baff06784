// What is given to teach: frames with the object's box, or without the object. Everything is checked before anything runs.

import { SiamRpnError } from '../gpu/errors.ts'
import { show } from '../gpu/message.ts'
import { type InitBox, toCenter } from './boxes.ts'
import { BoxError, FrameError } from './errors.ts'
import { type Frame, type FrameShape, frameShape } from './frame.ts'
import type { TeachFrame } from './teach-windows.ts'

/** The fit diverged, or has nothing to learn from; the tracker that was to be taught is as it was. */
export class TeachError extends SiamRpnError {}

/** A frame of the clip, and where the object is in it. */
export interface TeachExample {
  readonly frame: Frame
  /** Frame pixels; null: the object is not in this frame. */
  readonly box: InitBox | null
}

/** Examples whose frames and boxes have been checked. */
export interface CheckedExample extends TeachFrame {
  readonly frame: Frame
  readonly shape: FrameShape
}

/**
 * Checks examples before anything runs.
 * @throws TeachError without frames, or if none shows the object; FrameError for frames of several sizes; BoxError for a box
 * outside of its frame, and for two boxes in one frame
 */
export function checkExamples(examples: readonly TeachExample[]): CheckedExample[] {
  if (!Array.isArray(examples) || examples.length === 0) {
    throw new TeachError('teach: found no frames, expected at least one with the box of the object')
  }
  for (const [index, example] of examples.entries()) {
    if (typeof example === 'object' && example !== null) continue
    throw new TeachError(`teach: example ${index} is ${show(example)}, expected { frame, box }`)
  }
  const shapes = examples.map(({ frame }) => frameShape(frame))
  const [first] = shapes
  const boxes = examples.map(({ box }, index) => {
    const shape = shapes[index]
    if (!shape || !first) throw new TeachError(`teach: frame ${index} is missing`)
    if (shape.width !== first.width || shape.height !== first.height) {
      const expected = `${first.width}x${first.height} as frame 0`
      throw new FrameError(`teach: frame ${index} is ${shape.width}x${shape.height} pixels, expected ${expected}`)
    }
    return box === null ? undefined : toCenter(box, shape)
  })
  checkOnce(examples)
  const known = boxes.flatMap((box, index) => (box ? [{ index, box }] : []))
  const [nearest] = known
  if (!nearest) {
    throw new TeachError(
      `teach: the object is absent from all ${examples.length} frames, expected its box in at least one`,
    )
  }
  return examples.map(({ frame }, index) => {
    const near = known.reduce((best, other) => (distance(other, index) < distance(best, index) ? other : best), nearest)
    return { frame, shape: shapes[index] ?? frameShape(frame), box: boxes[index], near: near.box }
  })
}

function distance({ index }: { readonly index: number }, other: number): number {
  return Math.abs(index - other)
}

/** A picture may be given only once: two boxes for it contradict each other. */
function checkOnce(examples: readonly TeachExample[]): void {
  const seen = new Map<unknown, Map<number, number>>()
  for (const [index, { frame }] of examples.entries()) {
    const [memory, place] = pictureOf(frame)
    const places = seen.get(memory) ?? new Map<number, number>()
    const before = places.get(place)
    if (before !== undefined) {
      throw new BoxError(
        `teach: frames ${before} and ${index} are the same picture, expected one box for each (frames that a reader makes in one memory, one after the other, have to be copied)`,
      )
    }
    seen.set(memory, places.set(place, index))
  }
}

/** What is equal of two frames that are one picture: the memory and the place in it where their pixels are read. */
function pictureOf(frame: Frame): readonly [memory: unknown, place: number] {
  return 'data' in frame ? [frame.data.buffer, frame.data.byteOffset] : [frame, 0]
}
