// The one loop that tracks a video, for benchmarks as for measuring a model in training: from the first frame that has a box to
// the last one, or by VOT's supervised protocol, which begins anew five frames after the target was lost.
// Source: SiamRPN.simple_test_ope and simple_test_vot of mmtrack/models/sot/siamrpn.py, v0.14.

import { type CenterBox, centerToBox, type RgbFrame } from 'siamrpn'
import { type TrackedRegion, trackMarks } from '../benchmarks/types.ts'
import { FrameSizeError } from '../frames/errors.ts'
import { type Box, formatSize } from '../frames/types.ts'
import { EvaluationError } from './errors.ts'
import { FramesAhead } from './frames-ahead.ts'

/** What tracks; a SiamRPN is one. */
export interface VideoTracker {
  init(frame: RgbFrame, box: CenterBox): Promise<VideoTarget>
}

/** Where a target was found: its box as MMTracking has it, not cut at the edges of the frame, as published numbers need it. */
export interface Found {
  readonly center: CenterBox
  readonly score: number
}

export interface VideoTarget {
  update(frame: RgbFrame): Promise<Found>
  release(): Promise<void>
}

/** A video to track through. */
export interface Video {
  readonly name: string
  readonly frames: number
  read(index: number): Promise<RgbFrame>
  /** What to call a frame in messages, such as its file. */
  place(index: number): string
  /** Where the truth lets a tracker begin; undefined where there is none. */
  start(index: number): CenterBox | undefined
  /** VOT: whether the answer for a frame has lost the target. Absent: one pass. */
  readonly lost?: (box: Box, index: number, size: FrameSize) => boolean
}

export interface FrameSize {
  readonly width: number
  readonly height: number
}

/** What came of one frame. */
export interface VideoStep {
  /** A box, or a mark: where tracking began, failed, or was not under way. */
  readonly region: TrackedRegion
  /** 0..1; 1 where the box was given, 0 where nothing was tracked. */
  readonly score: number
  /** Spent by the tracker. */
  readonly seconds: number
}

export interface TrackVideoOptions {
  /** Raised: tracking is broken off between two frames. */
  readonly signal?: AbortSignal | undefined
  /** Told after each frame. */
  readonly onFrame?: ((index: number) => void) | undefined
}

/** Frames from a failure to the next start. */
const restartAfter = 5

const skipped: VideoStep = { region: trackMarks.skipped, score: 0, seconds: 0 }

/**
 * Tracks a video: one step per frame. A frame whose truth cannot begin a track (no box, no area, outside of the picture) is passed
 * over until one can; MMTracking would start from it all the same, which cannot be done.
 *
 * @throws EvaluationError if no frame can begin; FrameSizeError naming the frame; what reading a frame throws; the signal's reason
 */
export async function trackVideo(
  tracker: VideoTracker,
  video: Video,
  options: TrackVideoOptions = {},
): Promise<VideoStep[]> {
  const frames = new FramesAhead(video.frames, (index) => video.read(index))
  const course = new Course(tracker, video, frames)
  const steps: VideoStep[] = []
  try {
    for (let index = 0; index < video.frames; index++) {
      options.signal?.throwIfAborted()
      steps.push(await course.step(index))
      options.onFrame?.(index)
    }
  } finally {
    await course.end()
  }
  if (!course.began) throw new EvaluationError(`${video.name}: no frame has a box inside of the picture to begin from`)
  return steps
}

/** A video under way. */
class Course {
  began = false
  readonly #tracker: VideoTracker
  readonly #video: Video
  readonly #frames: FramesAhead
  #target: VideoTarget | undefined
  #startAt = 0
  #first: { readonly size: FrameSize; readonly place: string } | undefined

  constructor(tracker: VideoTracker, video: Video, frames: FramesAhead) {
    this.#tracker = tracker
    this.#video = video
    this.#frames = frames
  }

  async step(index: number): Promise<VideoStep> {
    return this.#target ? await this.#follow(this.#target, index) : await this.#begin(index)
  }

  async end(): Promise<void> {
    const target = this.#target
    this.#target = undefined
    await target?.release()
  }

  async #begin(index: number): Promise<VideoStep> {
    const box = index < this.#startAt ? undefined : this.#video.start(index)
    if (!box || !hasArea(box)) return skipped
    const frame = await this.#frame(index)
    if (!touches(centerToBox(box), frame)) return skipped
    const begin = performance.now()
    this.#target = await this.#tracker.init(frame, box)
    this.began = true
    return { region: trackMarks.init, score: 1, seconds: secondsSince(begin) }
  }

  async #follow(target: VideoTarget, index: number): Promise<VideoStep> {
    const frame = await this.#frame(index)
    const begin = performance.now()
    const { center, score } = await target.update(frame)
    const seconds = secondsSince(begin)
    const box = centerToBox(center)
    if (!this.#video.lost?.(box, index, frame)) return { region: box, score, seconds }
    await this.end()
    this.#startAt = index + restartAfter
    return { region: trackMarks.failure, score, seconds }
  }

  async #frame(index: number): Promise<RgbFrame> {
    const frame = await this.#frames.at(index)
    const { width, height } = frame
    this.#first ??= { size: { width, height }, place: this.#video.place(index) }
    const { size, place } = this.#first
    if (size.width === width && size.height === height) return frame
    throw new FrameSizeError(this.#video.place(index), formatSize(frame), `${formatSize(size)} (${place})`)
  }
}

function hasArea({ cx, cy, width, height }: CenterBox): boolean {
  return [cx, cy, width, height].every(Number.isFinite) && width > 0 && height > 0
}

function touches({ x, y, width, height }: Box, frame: FrameSize): boolean {
  return x < frame.width && y < frame.height && x + width > 0 && y + height > 0
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000
}
