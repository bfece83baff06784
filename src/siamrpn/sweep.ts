// One target under many rules (penalty_k, window_influence, lr) side by side. What the network computes depends on the template and
// on the crop alone, and a crop is made of whole pixels: rules whose boxes have not drifted apart look at the same crop, which is
// computed once. Each rule then chooses its box from its crop's maps by the kernel that `update` uses, so that its track is the
// one that tracking under this rule alone gives: to the bit on software adapters, up to the rounding of sums on GPUs, where
// convolutions are split by the size of the batch.

import { ArgumentError } from '../gpu/errors.ts'
import { Pacer } from '../gpu/pacer.ts'
import { capture, type Program } from '../gpu/program.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { channelMean, cropRecord } from '../kernels/crop-resize.ts'
import {
  bestBoxes,
  type DecodeRule,
  ruledStateRecord,
  ruledStateRecordSize,
  stateRecord,
} from '../kernels/decode-best.ts'
import { type Box, type CenterBox, type InitBox, toCenter, visiblePart } from './boxes.ts'
import { mapSizes } from './config.ts'
import { cropGeometry, exemplarCropSize, searchCrop } from './crop-geometry.ts'
import { ClosedError, FrameError } from './errors.ts'
import { type Frame, FrameBuffer, type FrameShape, frameShape, sameShape } from './frame.ts'
import { type MapRequest, type MapRun, MapSteps, mostPlaces, type Template } from './map-step.ts'
import { recordDecode, type StepContext, templateKernels } from './steps.ts'
import { type TrackResult, trackResult } from './target.ts'
import type { Borrower, Loan, SiamRPN } from './tracker.ts'

/** How a tracking step weighs the anchors, by the names of `test_cfg.rpn`. */
export type TrackRule = DecodeRule

/** What a sweep has done since it was made. */
export interface SweepCounts {
  /** Crops that the network has seen. */
  readonly computed: number
  /** Boxes found: crops that tracking under each rule alone would have seen. */
  readonly updates: number
}

interface Track {
  readonly rule: TrackRule
  readonly box: CenterBox
  readonly template: Template
}

/** Maps of all crops of a frame, each row one crop. */
interface MapPool {
  readonly cls: GpuTensor
  readonly bbox: GpuTensor
  readonly state: GpuTensor
}

/** What one frame takes. */
interface Work {
  readonly requests: readonly MapRequest[]
  readonly state: Float32Array
}

/**
 * Prepares to follow one target under many rules (`test_cfg.rpn`) side by side, which costs less than following it once for each.
 * @param capacity how many rules at most
 * @throws ClosedError if the tracker has been closed; ArgumentError for a configuration with `test_cfg.long_term`, which a sweep
 * does not follow
 */
export async function openSweep(tracker: SiamRPN, capacity: number): Promise<Sweep> {
  if (tracker.model.test_cfg.long_term !== null) {
    throw new ArgumentError('a sweep has no long-term rule: model.test_cfg.long_term is set, expected null')
  }
  return await tracker.lend((loan) => new Sweep(loan, capacity))
}

/** Made by `openSweep`. */
export class Sweep implements Borrower {
  readonly capacity: number
  readonly #context: StepContext
  readonly #loan: Loan
  readonly #pool: MapPool
  readonly #pacers = new Map<number, Pacer>()
  #decode: Program<GpuTensor> | undefined
  #frame: { readonly buffer: FrameBuffer; readonly steps: MapSteps } | undefined
  #tracks: Track[] = []
  #counts = { computed: 0, updates: 0 }
  #freed = false

  /** @internal */
  constructor(loan: Loan, capacity: number) {
    const { context } = loan
    const { device, model, anchors } = context
    const size = mapSizes(model).score[0] ?? 0
    const perPosition = (anchors.shape[0] ?? 0) / (size * size)
    // The last run of a frame may have more places than there are crops left.
    const rows = capacity + mostPlaces - 1
    this.capacity = capacity
    this.#context = context
    this.#loan = loan
    this.#pool = {
      cls: device.empty([rows, size, size, 2 * perPosition], 'f32', 'sweep.cls'),
      bbox: device.empty([rows, size, size, 4 * perPosition], 'f32', 'sweep.bbox'),
      state: device.empty([capacity, ruledStateRecordSize], 'f32', 'sweep.state'),
    }
  }

  get counts(): SweepCounts {
    return { ...this.#counts }
  }

  /** Where each track is, in the order of the rules; the parts of the boxes that lie in the frame. */
  get boxes(): Box[] {
    const shape = this.#frame?.buffer.shape
    return shape === undefined ? [] : this.#tracks.map(({ box }) => visiblePart(box, shape))
  }

  /**
   * Begins one track per rule, all from this box; what was tracked before is forgotten.
   * @throws as `SiamRPN.init`; ClosedError
   */
  async start(frame: Frame, box: InitBox, rules: readonly TrackRule[]): Promise<void> {
    if (rules.length === 0 || rules.length > this.capacity) {
      throw new RangeError(`found ${rules.length} rules, expected 1 to ${this.capacity}`)
    }
    const shape = frameShape(frame)
    const center = toCenter(box, shape)
    await this.#turn(async () => {
      await this.#useShape(shape)
      const template = await this.#template(frame, center)
      this.#keep(rules.map((rule) => ({ rule, box: center, template })))
    })
  }

  /** Begins some tracks anew from this box, with its own template. @throws as `start`, and as `update` */
  async restart(frame: Frame, box: InitBox, tracks: readonly number[]): Promise<void> {
    const shape = frameShape(frame)
    const center = toCenter(box, shape)
    this.#expectShape(shape)
    await this.#turn(async () => {
      const template = await this.#template(frame, center)
      const begun = new Set(tracks)
      this.#keep(this.#tracks.map((old, i) => (begun.has(i) ? { ...old, box: center, template } : old)))
    })
  }

  /**
   * Finds the target in the next frame.
   * @param tracks indices of the tracks that see this frame; the others stay where they are. Default: all
   * @returns one entry per index
   * @throws FrameError if the frame has another size or format than the one at `start`; ClosedError
   */
  async update(frame: Frame, tracks: readonly number[] = [...this.#tracks.keys()]): Promise<TrackResult[]> {
    this.#expectShape(frameShape(frame))
    if (tracks.length === 0) return []
    return await this.#turn(async () => {
      const { buffer, steps } = this.#opened()
      const { device } = this.#context
      const { requests, state } = this.#work(tracks)
      const runs = await steps.plan(requests)
      const decode = await this.#decoder()
      await buffer.write(device, frame)
      const values = await this.#pacer(requests.length).through(
        () => this.#submit(runs, state, decode),
        () => device.readF32(decode.result),
      )
      const best = bestBoxes(values).slice(0, tracks.length)
      this.#counts.computed += requests.length
      this.#counts.updates += tracks.length
      for (const [row, track] of tracks.entries()) {
        const [old, found] = [this.#tracks[track], best[row]]
        if (old && found) this.#tracks[track] = { ...old, box: found.box }
      }
      return best.map((found) => trackResult(found, buffer.shape))
    })
  }

  /** Frees the memory, after calls under way. The tracker's `close` does it too. Idempotent. */
  async release(): Promise<void> {
    if (this.#freed) return
    await this.#loan.turn(async () => this.free())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  /** Frees the memory at once; for the tracker, which knows that no call is under way. */
  free(): void {
    if (this.#freed) return
    this.#freed = true
    this.#keep([])
    this.#decode?.destroy()
    this.#dropShape()
    for (const tensor of Object.values(this.#pool)) this.#context.device.release(tensor)
    this.#loan.released()
  }

  /** Each different crop once, and for each track which one is its own. */
  #work(tracks: readonly number[]): Work {
    const { width, height } = this.#opened().buffer.shape
    const { test_cfg } = this.#context.model
    const requests: MapRequest[] = []
    const known = new Map<Template, Map<string, number>>()
    const state = new Float32Array(tracks.length * ruledStateRecordSize)
    for (const [row, index] of tracks.entries()) {
      const track = this.#tracks[index]
      if (!track) throw new RangeError(`found track ${index}, expected 0 to ${this.#tracks.length - 1}`)
      const { box, rule, template } = track
      const { size, scale } = searchCrop(box, test_cfg)
      const crop = cropRecord(cropGeometry(box, size, width, height), template.padding)
      const seen = known.get(template) ?? new Map<string, number>()
      known.set(template, seen)
      const key = crop.join()
      const map = seen.get(key) ?? requests.push({ crop, template }) - 1
      seen.set(key, map)
      state.set(ruledStateRecord(stateRecord(box, scale, { width, height }), rule, map), row * ruledStateRecordSize)
    }
    return { requests, state }
  }

  #submit(runs: readonly MapRun[], state: Float32Array, decode: Program<GpuTensor>): void {
    const { device } = this.#context
    for (const { start, run } of runs) {
      const maps = run()
      for (const name of ['cls', 'bbox'] as const) {
        const rowBytes = maps[name].bytes / (maps[name].shape[0] ?? 1)
        device.copyInto(maps[name], this.#pool[name], start * rowBytes)
      }
    }
    device.write(this.#pool.state, state)
    decode.run()
  }

  async #decoder(): Promise<Program<GpuTensor>> {
    const record = (r: Parameters<typeof recordDecode>[0]) => recordDecode(r, this.#context, this.#pool)
    this.#decode ??= await capture(this.#context.device, record, { label: 'sweep.decode' })
    return this.#decode
  }

  /** A frame takes as long as it has crops. */
  #pacer(crops: number): Pacer {
    const pacer = this.#pacers.get(crops) ?? new Pacer(this.#context.device)
    this.#pacers.set(crops, pacer)
    return pacer
  }

  async #template(frame: Frame, center: CenterBox): Promise<Template> {
    const { device, model } = this.#context
    const { buffer } = this.#opened()
    await buffer.write(device, frame)
    const padding = await channelMean(device, buffer.packed)
    const size = exemplarCropSize(center, model.test_cfg)
    const crop = cropRecord(cropGeometry(center, size, buffer.shape.width, buffer.shape.height), padding)
    return { padding, kernels: await templateKernels(this.#context, buffer.packed, crop) }
  }

  /** Takes over the tracks, and frees templates that none of them needs. */
  #keep(tracks: Track[]): void {
    const needed = new Set(tracks.map(({ template }) => template))
    const before = new Set(this.#tracks.map(({ template }) => template))
    this.#tracks = tracks
    for (const template of before) {
      if (needed.has(template)) continue
      for (const tensor of template.kernels) this.#context.device.release(tensor)
    }
  }

  async #useShape(shape: FrameShape): Promise<void> {
    if (this.#frame && sameShape(this.#frame.buffer.shape, shape)) return
    this.#dropShape()
    const { device } = this.#context
    const buffer = new FrameBuffer(device, shape)
    this.#frame = { buffer, steps: new MapSteps(this.#context, buffer.packed) }
    await device.settle()
  }

  #dropShape(): void {
    this.#frame?.steps.release()
    this.#frame?.buffer.release(this.#context.device)
    this.#frame = undefined
  }

  #expectShape({ width, height, format }: FrameShape): void {
    const { shape } = this.#opened().buffer
    if (shape.width === width && shape.height === height && shape.format === format) return
    throw new FrameError(
      `The frame is ${width}x${height} ${format}, expected ${shape.width}x${shape.height} ${shape.format} as at the start`,
    )
  }

  #opened() {
    if (!this.#frame)
      throw new ClosedError(this.#freed ? 'The sweep has been released' : 'The sweep has not been started')
    return this.#frame
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    return await this.#loan.turn(async () => {
      if (this.#freed) throw new ClosedError('The sweep has been released')
      return await work()
    })
  }
}
