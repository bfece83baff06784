// Measures a model by tracking: each clip from its first box on, one pass, scores as MMTracking's OPE evaluation gives them,
// and the plain mean overlap. Frames without a box count as failures of success, as there.

import { type Corners, evaluateOpe, meanOverlap, overlap, toCorners } from '../data/metrics.ts'
import type { Box, RgbFrame } from '../data/types.ts'
import type { StateDict } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import type { Config } from '../siamrpn/config.ts'
import { SiamRPN } from '../siamrpn/tracker.ts'
import { TrainingError } from './errors.ts'

/** A clip with the truth of every frame; undefined where the object is not seen. */
export interface EvaluationClip {
  readonly name: string
  readonly boxes: readonly (Box | undefined)[]
  /** One after the other, from the first. */
  frames(): AsyncIterable<RgbFrame> | Iterable<RgbFrame>
}

export interface TrackedClip {
  readonly name: string
  readonly boxes: readonly Box[]
  /** Mean over the frames after the first, 0..1. */
  readonly overlap: number
  /** Share of the frames after the first with an overlap above 0.3. */
  readonly onTarget: number
}

export interface ClipScores {
  /** Area under the success curve, percent. */
  readonly success: number
  /** Percent. */
  readonly norm_precision: number
  /** Percent. */
  readonly precision: number
  /** Mean overlap over all frames after the first of all clips, 0..1. */
  readonly mean_overlap: number
  /** Share of those frames with an overlap above 0.3. */
  readonly on_target: number
  readonly clips: readonly TrackedClip[]
}

export interface TrackClipsOptions {
  readonly device: Device
  readonly config: Config
  readonly onFrame?: (clip: number, frame: number) => void
}

/** What counts as still being on the object. */
const ON_TARGET = 0.3

/** Tracks all clips. @throws TrainingError without clips, or for a clip without a first box */
export async function trackClips(
  state: StateDict,
  clips: readonly EvaluationClip[],
  { device, config, onFrame }: TrackClipsOptions,
): Promise<ClipScores> {
  if (clips.length === 0) throw new TrainingError('there are no clips to evaluate on')
  const tracker = await SiamRPN.create(state, { config, device })
  try {
    const tracked: { readonly clip: EvaluationClip; readonly boxes: Box[] }[] = []
    for (const [index, clip] of clips.entries()) {
      const boxes = await trackClip(tracker, clip, (frame) => onFrame?.(index, frame))
      tracked.push({ clip, boxes })
    }
    return score(tracked)
  } finally {
    await tracker.close()
  }
}

async function trackClip(tracker: SiamRPN, clip: EvaluationClip, onFrame: (frame: number) => void): Promise<Box[]> {
  const [first] = clip.boxes
  if (!first) throw new TrainingError(`clip ${clip.name} has no box in its first frame`)
  const boxes: Box[] = []
  let target: Awaited<ReturnType<typeof start>> | undefined
  const start = (frame: RgbFrame) => tracker.init(frame, first)
  try {
    for await (const frame of clip.frames()) {
      if (target) boxes.push((await target.update(frame)).box)
      else {
        target = await start(frame)
        boxes.push(first)
      }
      onFrame(boxes.length)
    }
  } finally {
    await target?.release()
  }
  if (boxes.length === clip.boxes.length) return boxes
  throw new TrainingError(`clip ${clip.name} has ${boxes.length} frames, but ${clip.boxes.length} boxes`)
}

function score(tracked: readonly { readonly clip: EvaluationClip; readonly boxes: Box[] }[]): ClipScores {
  const nowhere: Corners = [0, 0, 0, 0]
  const { success, precision, normPrecision } = evaluateOpe(
    tracked.map(({ clip, boxes }) => ({
      results: boxes.map(toCorners),
      groundTruth: clip.boxes.map((box) => (box ? toCorners(box) : nowhere)),
      visible: clip.boxes.map((box) => box !== undefined),
    })),
  )
  const clips = tracked.map(({ clip, boxes }) => {
    const later = boxes.slice(1)
    const truth = clip.boxes.slice(1)
    const hits = later.filter((box, index) => {
      const real = truth[index]
      return real !== undefined && overlap(toCorners(real), toCorners(box)) > ON_TARGET
    })
    const frames = Math.max(1, later.length)
    return { name: clip.name, boxes, overlap: meanOverlap(later, truth), onTarget: hits.length / frames }
  })
  const frames = clips.reduce((sum, { boxes }) => sum + boxes.length - 1, 0)
  const weighted = (pick: (clip: TrackedClip) => number) =>
    clips.reduce((sum, clip) => sum + pick(clip) * (clip.boxes.length - 1), 0) / Math.max(1, frames)
  return {
    success,
    norm_precision: normPrecision,
    precision,
    mean_overlap: weighted((clip) => clip.overlap),
    on_target: weighted((clip) => clip.onTarget),
    clips,
  }
}
