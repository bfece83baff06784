// Targets under way: where each one is, and the step from frame to frame. Geometry is worked out on the host, in float32 and
// with MMTracking's roundings; pixels, network and the choice of the box stay on the device.
// Source: SiamRPN.track of mmtrack/models/sot/siamrpn.py.

import type { Profile } from '../gpu/program.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { cropRecord, cropRecordSize } from '../kernels/crop-resize.ts'
import { type BestBox, stateRecord, stateRecordSize } from '../kernels/decode-best.ts'
import { type Box, type CenterBox, visiblePart } from './boxes.ts'
import type { ModelConfig } from './config.ts'
import { cropGeometry, searchCrop } from './crop-geometry.ts'
import { ClosedError, FrameError } from './errors.ts'
import { type Frame, type FrameShape, frameShape, sameShape } from './frame.ts'
import { lostModel, nextPlace, type Place } from './long-term.ts'
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
  withSteps<T>(group: GroupState, shot: Shot, use: (steps: GroupSteps) => Promise<T>): Promise<T>
  forget(group: GroupState): Promise<void>
}

/** The programs that a frame needs: of targets that are where they were, and of lost ones. */
export interface GroupSteps {
  readonly near: SearchStep | undefined
  readonly far: SearchStep | undefined
}

/** A group as the tracker sees it. */
export interface GroupState {
  /** Where each target is, before the next frame. */
  readonly places: readonly Place[]
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
  #places: readonly Place[]

  /** Made by `SiamRPN.init`. @param padding mean of the first frame, blue, green, red: what lies outside of frames */
  constructor(
    runner: StepRunner,
    group: Omit<GroupState, 'places'>,
    boxes: readonly CenterBox[],
    padding: Float32Array,
  ) {
    this.#runner = runner
    this.shape = group.shape
    this.kernels = group.kernels
    this.#places = boxes.map((box) => ({ box, lost: false }))
    this.#padding = padding
  }

  /** Where the targets are, in the order of the boxes given to `init`; the parts that lie in the frame. */
  get boxes(): Box[] {
    return this.#places.map(({ box }) => visiblePart(box, this.shape))
  }

  /** The same by centre: what tracking itself goes on. */
  get centers(): readonly CenterBox[] {
    return this.#places.map(({ box }) => box)
  }

  /** The same, and which of the targets are lost by `test_cfg.long_term`. */
  get places(): readonly Place[] {
    return this.#places
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
    let places = this.#places
    const find = async (coming: Promise<Shot | undefined>) => {
      const shot = await coming
      if (!shot || left) return undefined
      return { shot, results: await this.#find(shot) }
    }
    let finding = find(source.pull())
    try {
      for (let found = await finding; found; found = await finding) {
        places = this.#places
        finding = find(found.shot.next?.() ?? source.pull())
        finding.catch(() => undefined) // awaited by the next turn of the loop
        yield found.results
      }
    } finally {
      left = true
      await source.end()
      await finding.catch(() => undefined)
      this.#places = places
    }
  }

  /** Times every dispatch of an update; the targets stay where they were. @throws FeatureError without timestamps */
  async profile(frame: Frame): Promise<Profile> {
    return await this.#steps({ frame }, async ({ near, far }) => {
      const { model } = this.#runner
      if (near) return await near.profile(this.#request(model))
      if (far) return await far.profile(this.#request(lostModel(model) ?? model))
      throw new ClosedError('The group has no targets')
    })
  }

  /** Frees what the device holds for these targets, after calls under way. The tracker's `close` does it too. Idempotent. */
  async release(): Promise<void> {
    await this.#runner.forget(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  async #find(shot: Shot): Promise<TrackResult[]> {
    const { model } = this.#runner
    const rule = model.test_cfg.long_term
    return await this.#steps(shot, async ({ near, far }) => {
      const [nearby, distant] = await Promise.all([
        near?.run(this.#request(model)),
        far?.run(this.#request(lostModel(model) ?? model)),
      ])
      const found = this.#places.flatMap((place, target) => {
        const best = (place.lost ? distant : nearby)?.[target]
        return best === undefined ? [] : [{ best, place: nextPlace(place, best, rule) }]
      })
      this.#places = found.map(({ place }) => place) // before the next call's turn, which starts from here
      return found.map(({ best, place }) => trackResult({ ...best, box: place.box }, this.shape))
    })
  }

  async #steps<T>(shot: Shot, use: (steps: GroupSteps) => Promise<T>): Promise<T> {
    const shape = frameShape(shot.frame)
    if (!sameShape(shape, this.shape)) {
      throw new FrameError(`The frame is ${describe(shape)}, expected ${describe(this.shape)} as at init`)
    }
    return await this.#runner.withSteps(this, shot, use)
  }

  /** The request of all targets, with the search image of a model. */
  #request({ test_cfg }: ModelConfig): SearchRequest {
    const { width, height } = this.shape
    const crops = new Float32Array(this.#places.length * cropRecordSize)
    const state = new Float32Array(this.#places.length * stateRecordSize)
    for (const [target, { box }] of this.#places.entries()) {
      const { size, scale } = searchCrop(box, test_cfg)
      crops.set(cropRecord(cropGeometry(box, size, width, height), this.#padding), target * cropRecordSize)
      state.set(stateRecord(box, scale, this.shape), target * stateRecordSize)
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

  /** The target's whole box, by its centre. */
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
