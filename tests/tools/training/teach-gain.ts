// What teaching is worth on a clip with known truth: success over the frames that were not given, of the tracker as it ships and of
// the taught one, each followed from the first box alone and started again at the given frames.

import type { RgbFrame } from 'siamrpn'
import type { SiamRPN } from '../../../src/siamrpn/tracker.ts'
import type { Box } from '../../../tools/frames/types.ts'
import { evaluateOpe, toCorners } from '../../../tools/metrics/ope.ts'

export interface KnownClip {
  readonly name: string
  /** One per frame. */
  readonly boxes: readonly Box[]
  read(index: number): Promise<RgbFrame>
}

/** Success in percent over the frames that were not given, and how long teaching took. */
export interface TeachGain {
  readonly first: number
  readonly restarted: number
  readonly taughtFirst: number
  readonly taughtRestarted: number
  readonly seconds: number
}

/** `count` frames spread evenly from the first on, as far as their truth is a box. */
export function givenFrames({ boxes }: KnownClip, count: number): number[] {
  const spread = Array.from({ length: count }, (_, k) => Math.floor((k * boxes.length) / count))
  return spread.filter((index) => isBox(boxes[index]))
}

export async function teachGain(tracker: SiamRPN, clip: KnownClip, given: readonly number[]): Promise<TeachGain> {
  const frames = await Promise.all(clip.boxes.map((_, index) => clip.read(index)))
  const [start = 0] = given
  const examples = given.flatMap((index) => {
    const [frame, box] = [frames[index], clip.boxes[index]]
    return frame && box ? [{ frame, box }] : []
  })
  const first = await success(tracker, { clip, frames, given, starts: [start] })
  const restarted = await success(tracker, { clip, frames, given, starts: given })
  const before = performance.now()
  await using taught = await tracker.teach(examples)
  const seconds = (performance.now() - before) / 1000
  const taughtFirst = await success(taught, { clip, frames, given, starts: [start] })
  const taughtRestarted = await success(taught, { clip, frames, given, starts: given })
  return { first, restarted, taughtFirst, taughtRestarted, seconds }
}

interface Pass {
  readonly clip: KnownClip
  readonly frames: readonly RgbFrame[]
  readonly given: readonly number[]
  /** Frames at which the tracker is given the box. */
  readonly starts: readonly number[]
}

async function success(tracker: SiamRPN, { clip, frames, given, starts }: Pass): Promise<number> {
  const results: Box[] = []
  const truth: Box[] = []
  for (const [part, start] of starts.entries()) {
    const [frame, box] = [frames[start], clip.boxes[start]]
    if (!frame || !box) throw new RangeError(`${clip.name}: no frame ${start} of ${frames.length}`)
    const target = await tracker.init(frame, box)
    for (let index = start + 1; index < (starts[part + 1] ?? frames.length); index++) {
      const [next, known] = [frames[index], clip.boxes[index]]
      if (!next || !known) break
      const { center } = await target.update(next)
      if (given.includes(index) || !isBox(known)) continue
      const { cx, cy, width, height } = center
      results.push({ x: cx - width / 2, y: cy - height / 2, width, height })
      truth.push(known)
    }
    await target.release()
  }
  return evaluateOpe([{ results: results.map(toCorners), groundTruth: truth.map(toCorners) }]).success
}

function isBox(box: Box | undefined): boolean {
  return box !== undefined && Number.isFinite(box.x + box.y) && box.width > 0 && box.height > 0
}
