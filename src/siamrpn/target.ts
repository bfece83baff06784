// Targets under way: where each one is, and the step from frame to frame. Geometry is worked out on the host, in float32 and
// with MMTracking's roundings; pixels, network and the choice of the box stay on the device.
// Source: SiamRPN.track of mmtrack/models/sot/siamrpn.py.

import type { Profile } from '../gpu/program.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { CROP_RECORD, cropRecord } from '../kernels/crop-resize.ts'
import { type BestBox, STATE_RECORD, stateRecord } from '../kernels/decode-best.ts'
import { type Box, type CenterBox, visiblePart } from './boxes.ts'
import type { ModelConfig } from './config.ts'
import { cropGeometry, searchCrop } from './crop-geometry.ts'
import { ClosedError, FrameError } from './errors.ts'
import { type Frame, type FrameShape, frameShape, sameShape } from './frame.ts'
import { type Frames, type Shot, ShotSource } from './shots.ts'
import type { SearchRequest, SearchStep } from './steps.ts'

/** What one frame says of one target. */
export interface TrackResult {
  /** Frame pixels, top-left corner; the part of the box that lies in the frame. */
  readonly box: Box
  /** The box by its centre, which lies in the frame, as MMTracking has it and the next frame goes on from: it may reach beyond. */
  readonly center: CenterBox
  /** Softmax score of the best anchor, 0..1. */
  readonly score: number
  /** Which anchor it was: (y * W + x) * A + a. */
  readonly anchor: number
}

/** What a frame says, from what the network found in it. */
export function trackResult({ box, score, index }: BestBox, frame: FrameShape): TrackResult {
  return { box: visiblePart(box, frame), center: box, score, anchor: index }
}

/** What the tracker lends to its targets: one frame at a time on the shared programs. */
export interface StepRunner {
  readonly model: ModelConfig
  withStep<T>(group: GroupState, shot: Shot, use: (step: SearchStep) => Promise<T>): Promise<T>
  forget(group: GroupState): Promise<void>
}

/** A group as the tracker sees it. */
export interface GroupState {
  readonly shape: FrameShape
  /** Correlation kernels, `[T, 5, 5, 2 C]` per level. */
  readonly kernels: readonly GpuTensor[]
}

/** Several targets that are tracked in the same frames, as one batch. */
export class TargetGroup implements GroupState {
  readonly shape: FrameShape
  readonly kernels: readonly GpuTensor[]
  readonly #runner: StepRunner
  readonly #padding: Float32Array
  #boxes: readonly CenterBox[]

  /** Made by `SiamRPN.init`. @param padding mean of the first frame, blue, green, red: what lies outside of frames */
  constructor(runner: StepRunner, group: GroupState, boxes: readonly CenterBox[], padding: Float32Array) {
    this.#runner = runner
    this.shape = group.shape
    this.kernels = group.kernels
    this.#boxes = boxes
    this.#padding = padding
  }

  /** Where the targets are, in the order of the boxes given to `init`; the parts that lie in the frame. */
  get boxes(): Box[] {
    return this.#boxes.map((box) => visiblePart(box, this.shape))
  }

  /** The same by centre: what tracking itself goes on. */
  get centers(): readonly CenterBox[] {
    return this.#boxes
  }

  /**
   * Finds each target in the next frame, in the order of the boxes given to `init`. May be called again before the result is
   * there: calls take turns, and each reads its frame's pixels when its turn comes.
   * @throws FrameError if the frame has another size or format than the one at `init`; ClosedError after `release`;
   * DeviceLostError. The targets then stay where they were
   */
  async update(frame: Frame): Promise<TrackResult[]> {
    return await this.#find({ frame })
  }

  /**
   * Finds each target in frame after frame, with the same boxes as `update`, and faster where frames take time to come or
   * results time to use: while the network works on one frame, the next is asked for and uploaded, and what the caller does
   * with a result happens beside the work on the frame after. So a frame's pixels must stay as they are until its result is
   * there. Leaving the loop ends the frames' source, and the targets are where the last result says.
   * @throws as `update`, and what the frames' source throws
   */
  async *stream(frames: Frames): AsyncGenerator<TrackResult[], void, undefined> {
    const source = new ShotSource(frames)
    let left = false
    let boxes = this.#boxes
    const find = async (coming: Promise<Shot | undefined>) => {
      const shot = await coming
      if (!shot || left) return undefined
      return { shot, results: await this.#find(shot) }
    }
    let finding = find(source.pull())
    try {
      for (let found = await finding; found; found = await finding) {
        boxes = this.#boxes
        finding = find(found.shot.next?.() ?? source.pull())
        finding.catch(() => undefined) // awaited by the next turn of the loop
        yield found.results
      }
    } finally {
      left = true
      await source.end()
      await finding.catch(() => undefined)
      this.#boxes = boxes
    }
  }

  /** Times every dispatch of an update; the targets stay where they were. @throws FeatureError without timestamps */
  async profile(frame: Frame): Promise<Profile> {
    return await this.#step({ frame }, (step, request) => step.profile(request))
  }

  /** Frees what the device holds for these targets, after calls under way. The tracker's `close` does it too. Idempotent. */
  async release(): Promise<void> {
    await this.#runner.forget(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  async #find(shot: Shot): Promise<TrackResult[]> {
    return await this.#step(shot, async (step, request) => {
      const best = await step.run(request)
      this.#boxes = best.map(({ box }) => box) // before the next call's turn, which starts from here
      return best.map((found) => trackResult(found, this.shape))
    })
  }

  async #step<T>(shot: Shot, use: (step: SearchStep, request: SearchRequest) => Promise<T>): Promise<T> {
    const shape = frameShape(shot.frame)
    if (!sameShape(shape, this.shape)) {
      throw new FrameError(`The frame is ${describe(shape)}, expected ${describe(this.shape)} as at init`)
    }
    return await this.#runner.withStep(this, shot, (step) => use(step, this.#request()))
  }

  #request(): SearchRequest {
    const { width, height } = this.shape
    const crops = new Float32Array(this.#boxes.length * CROP_RECORD)
    const state = new Float32Array(this.#boxes.length * STATE_RECORD)
    for (const [target, box] of this.#boxes.entries()) {
      const { size, scale } = searchCrop(box, this.#runner.model.test_cfg)
      crops.set(cropRecord(cropGeometry(box, size, width, height), this.#padding), target * CROP_RECORD)
      state.set(stateRecord(box, scale, this.shape), target * STATE_RECORD)
    }
    return { crops, state, kernels: this.kernels }
  }
}

/** A single target. */
export class Target {
  readonly group: TargetGroup

  constructor(group: TargetGroup) {
    this.group = group
  }

  /** Where the target is: the part of its box that lies in the frame. */
  get box(): Box {
    return visiblePart(this.center, this.group.shape)
  }

  /** The same by centre. */
  get center(): CenterBox {
    const [center] = this.group.centers
    if (!center) throw new ClosedError('The group has no targets')
    return center
  }

  /** Finds the target in the next frame. @throws FrameError as `TargetGroup.update` */
  async update(frame: Frame): Promise<TrackResult> {
    const [result] = await this.group.update(frame)
    if (!result) throw new ClosedError('The group has no targets')
    return result
  }

  /** Finds the target in frame after frame. As `TargetGroup.stream` */
  async *stream(frames: Frames): AsyncGenerator<TrackResult, void, undefined> {
    for await (const [result] of this.group.stream(frames)) {
      if (!result) throw new ClosedError('The group has no targets')
      yield result
    }
  }

  /** Times every dispatch of an update. */
  async profile(frame: Frame): Promise<Profile> {
    return await this.group.profile(frame)
  }

  /** As `TargetGroup.release`. */
  async release(): Promise<void> {
    await this.group.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}

function describe({ width, height, format, rowStride }: FrameShape): string {
  const gap = rowStride === width * (format === 'rgb8' ? 3 : 4) ? '' : ' from an image source'
  return `${width}x${height} ${format === 'rgb8' ? 'RGB' : 'RGBA'}${gap}`
}
