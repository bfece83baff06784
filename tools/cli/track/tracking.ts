// The loop of `track` and `demo`: frames in, boxes out, pictures to the writers. What tracks is passed in, so that the
// loop is tested without a GPU.

import type { Precision, RgbFrame } from 'siamrpn'
import { annotate } from '../../frames/draw.ts'
import { EmptySourceError } from '../../frames/errors.ts'
import type { GroundTruth } from '../../frames/ground-truth.ts'
import type { Box, FrameSource, Tracked } from '../../frames/types.ts'
import type { Writer } from '../../frames/writer.ts'
import { Feed } from './feed.ts'

/** A step of loading, for display. */
export interface LoadProgress {
  /** What is being done, in a word or two. */
  readonly stage: string
  readonly done: number
  readonly total: number
  /** What was done last. */
  readonly detail?: string
}

/** Which tracker to load. */
export interface LoadRequest {
  /** Name of a configuration, or its file; absent: the one in the checkpoint, or r50. */
  readonly config?: string | undefined
  /** Changes of the configuration's entries, `key.path=value`. */
  readonly set?: readonly string[]
  /** Whether `teach` will be called, which reads what the configuration says of samples and losses. Default false. */
  readonly teaches?: boolean
  /** A checkpoint file or URL, or the seed of random weights. */
  readonly weights: { readonly checkpoint: string } | { readonly seed: string }
  /** A taught head, file or URL, in place of the checkpoint's own. */
  readonly head?: string | undefined
  /** The filters' element type as they are stored. Default f32. */
  readonly precision?: Precision
  /** Overrides the anchors that the checkpoint's layout implies. */
  readonly anchors?: 'mmtracking' | 'pysot'
  readonly onProgress: (progress: LoadProgress) => void
}

/** A frame whose box is known; null: the object is not in it. */
export interface TeachExample {
  readonly frame: RgbFrame
  readonly box: Box | null
}

/** A step of teaching, for display. */
export interface TeachStep {
  readonly stage: string
  readonly done: number
  readonly total: number
  readonly loss?: number
}

export interface TeachSettings {
  readonly part: 'all' | 'head'
  readonly steps?: number
  readonly seed?: number
  readonly signal: AbortSignal
  readonly onProgress: (step: TeachStep) => void
}

/** A tracker that is ready. */
export interface LoadedTracker {
  /** The adapter in one line. */
  readonly adapter: string
  /** What there is to know of how it was loaded, a line each. */
  readonly notes: readonly string[]
  /** The anchors in use. */
  readonly anchors: string
  /** Device memory in bytes, now and at most. */
  readonly memory: { readonly bytes: number; readonly peakBytes: number }
  init(frame: RgbFrame, boxes: readonly Box[]): Promise<TargetGroup>
  /** Fits the heads to frames of one clip; the weights as a safetensors file. This tracker stays as it is. */
  teach(examples: readonly TeachExample[], options: TeachSettings): Promise<Uint8Array>
  close(): Promise<void>
}

/** Targets that are tracked together. */
export interface TargetGroup {
  /** Per frame one entry per box given to `init`, in its order; the next frame is asked for while one is under way. */
  stream(frames: AsyncIterable<RgbFrame>): AsyncIterable<readonly Tracked[]>
  /** Times one more update of `frame` on the GPU. */
  profile(frame: RgbFrame): Promise<ProfileReport>
}

/** Times per dispatch. */
export interface ProfileReport {
  table(): string
  chromeTrace(): object
}

export type LoadTracker = (request: LoadRequest) => Promise<LoadedTracker>

export interface TrackingRun {
  readonly source: FrameSource
  /** Index of the source's first frame. */
  readonly start: number
  /** Where to end, counted from `start`. */
  readonly maxFrames?: number
  readonly boxes: readonly Box[]
  /** Per target, indexed by frame. */
  readonly groundTruth: readonly GroundTruth[]
  readonly tracker: LoadedTracker
  readonly writer: Writer
  readonly banner?: string
  /** Ask for a profile after the last frame. */
  readonly profile: boolean
  readonly signal: AbortSignal
  readonly onFrame: (done: number, targets: readonly Tracked[]) => void
}

export interface TrackingResult {
  /** Per frame, per target; the first frame holds the given boxes. */
  readonly frames: readonly (readonly Tracked[])[]
  /** From the first frame's arrival to the last box, writing included. */
  readonly seconds: number
  /** Spent in the tracker alone: from the beginning of its work on a frame to that frame's boxes. */
  readonly trackerSeconds: number
  readonly interrupted: boolean
  readonly profile?: ProfileReport
}

/**
 * Tracks to the end of the source, to `maxFrames`, or until the signal is raised, whichever is first. Leaves writer and
 * tracker open.
 *
 * @throws EmptySourceError when the source yields nothing
 */
export async function trackFrames(run: TrackingRun): Promise<TrackingResult> {
  const { source, boxes, tracker, signal } = run
  const feed = new Feed(source, run.maxFrames)
  try {
    const first = await feed.first()
    if (first === undefined) throw new EmptySourceError('the source holds no frame')
    const began = performance.now()
    const group = await tracker.init(first, boxes)
    let trackerMs = performance.now() - began
    const frames: (readonly Tracked[])[] = []
    let last = first
    const take = async (frame: RgbFrame, targets: readonly Tracked[]) => {
      last = frame
      frames.push(targets)
      await write(run, { frame, index: run.start + frames.length - 1, targets })
      run.onFrame(frames.length, targets)
    }
    const given = boxes.map((box) => ({ box, score: 1 }))
    await take(first, given)
    if (!signal.aborted && frames.length !== run.maxFrames) {
      for await (const targets of group.stream(feed.others())) {
        const { frame, milliseconds } = feed.arrived(frames.length)
        trackerMs += milliseconds
        if (frame) await take(frame, targets)
        if (signal.aborted) break
      }
    }
    const seconds = (performance.now() - began) / 1000
    const profile = run.profile && !signal.aborted ? { profile: await group.profile(last) } : {}
    return { frames, seconds, trackerSeconds: trackerMs / 1000, interrupted: signal.aborted, ...profile }
  } finally {
    await feed.end()
  }
}

interface Outcome {
  readonly frame: RgbFrame
  readonly index: number
  readonly targets: readonly Tracked[]
}

async function write({ writer, groundTruth, banner }: TrackingRun, { frame, index, targets }: Outcome): Promise<void> {
  const truth = groundTruth.map((boxes) => boxes[index])
  const picture = writer.pictures
    ? { picture: annotate(frame, { targets, groundTruth: truth, ...(banner ? { banner } : {}) }) }
    : {}
  await writer.write({ index, targets, ...picture })
}
