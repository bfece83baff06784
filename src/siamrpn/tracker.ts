// SiamRPN: loads a model once, then starts targets in frames. Programs and frame memory are shared by all targets and keyed by
// what they depend on; calls queue up, because they share them. Source: SiamRPN of mmtrack/models/sot/siamrpn.py.

import { loadCheckpoint } from '../formats/load-checkpoint.ts'
import { matchStateDict } from '../formats/match.ts'
import { writeSafetensors } from '../formats/safetensors.ts'
import type { StateDict } from '../formats/state-dict.ts'
import { type Device, openDevice } from '../gpu/device.ts'
import { ArgumentError } from '../gpu/errors.ts'
import { checkPrecision, type Precision } from '../gpu/half.ts'
import { show } from '../gpu/message.ts'
import type { ConvChoice } from '../kernels/conv/benchmark.ts'
import { channelMean, cropRecord } from '../kernels/crop-resize.ts'
import { type CenterBox, type InitBox, toCenter } from './boxes.ts'
import { headPrefix, impliedAnchors, ownConfig, partKey, withAnchors, withHead } from './checkpoint-model.ts'
import { type Config, parseConfig } from './config.ts'
import { r50 } from './configs/r50.ts'
import { cropGeometry, exemplarCropSize } from './crop-geometry.ts'
import { defaultModel } from './default-model.ts'
import { BoxError, ClosedError } from './errors.ts'
import { type Frame, FrameBuffer, type FrameShape, frameShape } from './frame.ts'
import { stateDictShapes } from './layout.ts'
import { type CreateOptions, checkOptions, type LoadOptions, reporter } from './load-options.ts'
import { Network } from './network.ts'
import { SearchPrograms } from './search-programs.ts'
import type { Shot } from './shots.ts'
import { isRemote, kindOf, readSource, sourceName } from './source.ts'
import { benchmarkTracking, makeContext, releaseContext, type StepContext, templateKernels, warmUp } from './steps.ts'
import { type GroupState, type GroupSteps, type StepRunner, Target, TargetGroup } from './target.ts'
import type { TeachOptions } from './teach.ts'
import type { TeachExample } from './teach-examples.ts'
import { UploadAhead } from './upload-ahead.ts'

export type { CreateOptions, LoadOptions, LoadProgress } from './load-options.ts'

/** What a tracker lends to something that works with its network. */
export interface Loan {
  readonly context: StepContext
  /** Runs work when its turn comes. */
  turn<T>(work: () => Promise<T>): Promise<T>
  /** Told when the borrower's memory is free. */
  released(): void
}

/** What works with a tracker's network beside its targets. */
export interface Borrower {
  /** Frees its memory at once: no call is under way. */
  free(): void
}

export class SiamRPN implements StepRunner {
  /** The configuration in use; its anchors are the checkpoint's. */
  readonly config: Config
  readonly device: Device
  /** The filters' element type as they are stored. */
  readonly precision: Precision
  /** What `benchmark` found, one entry per distinct convolution. */
  readonly convChoices: readonly ConvChoice[]
  readonly #context: StepContext
  readonly #ownsDevice: boolean
  readonly #state: StateDict
  readonly #frames = new Map<string, FrameBuffer>()
  readonly #programs: SearchPrograms
  readonly #groups = new Set<GroupState>()
  readonly #borrowers = new Set<Borrower>()
  #queue: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  private constructor(context: StepContext, config: Config, belongings: Belongings) {
    const { state, ownsDevice, convChoices, programs, precision } = belongings
    this.precision = precision
    this.#context = context
    this.#programs = programs
    this.#state = state
    this.config = config
    this.device = context.device
    this.#ownsDevice = ownsDevice
    this.convChoices = convChoices
  }

  /**
   * Loads a checkpoint, or the model that ships, and makes everything ready for the first frame.
   * @throws ArgumentError for options that are none; NoAdapterError; SourceError if the file cannot be read; CheckpointError for a broken file, one of another model, or
   * a backbone alone; ConfigError; FeatureError and PrecisionError for half precision; OutOfMemoryError
   */
  static async load(options: LoadOptions = {}): Promise<SiamRPN> {
    checkOptions(options)
    const { checkpoint = defaultModel(), sha256 } = options
    const given = options.config === undefined ? undefined : parseConfig(options.config)
    const bytes = await readSource(checkpoint, {
      sha256,
      onProgress: reporter(options, isRemote(checkpoint) ? 'download' : 'reading'),
    })
    const name = sourceName(checkpoint)
    const file = await loadCheckpoint(bytes, name)
    const config = given ?? ownConfig(file, name) ?? parseConfig(r50)
    const anchors = options.anchors ?? impliedAnchors(file)
    const state = options.head === undefined ? file.stateDict : await withHead(file.stateDict, options.head)
    return await SiamRPN.#make(state, name, { ...options, config: withAnchors(config, anchors) })
  }

  /** A tracker from a state dict by MMTracking's names, which must fit the configuration. @throws as `load` */
  static async create(state: StateDict, options: CreateOptions = {}): Promise<SiamRPN> {
    checkOptions(options)
    if (kindOf(state) !== 'Map') throw new ArgumentError(`the state dict is ${show(state)}, expected a Map of tensors`)
    const config = parseConfig(options.config ?? r50)
    return await SiamRPN.#make(state, 'state dict', { ...options, config })
  }

  static async #make(
    found: StateDict,
    name: string,
    options: CreateOptions & { readonly config: Config },
  ): Promise<SiamRPN> {
    const { config } = options
    const state = matchStateDict(stateDictShapes(config.model), found, { name })
    const device = options.device ?? (await openDevice())
    const { precision = 'f32' } = options
    const network = new Network(config.model, precision)
    let context: StepContext | undefined
    let programs: SearchPrograms | undefined
    try {
      checkPrecision(device, precision)
      await network.load(device, state, reporter(options, 'weights'))
      context = makeContext(device, config.model, network)
      const convChoices = await benchmarkTracking(context, options.benchmark, reporter(options, 'benchmark'))
      await warmUp(context, reporter(options, 'kernels'))
      programs = await SearchPrograms.create(context)
      await device.settle()
      return new SiamRPN(context, config, { state, ownsDevice: !options.device, convChoices, programs, precision })
    } catch (error) {
      programs?.release()
      if (context) releaseContext(context)
      network.release(device)
      if (!options.device) await device.close()
      throw error
    }
  }

  get model(): Config['model'] {
    return this.config.model
  }

  /**
   * Starts tracking: one target for a box, a group for a list of boxes.
   * @param frame the frame in which the boxes are
   * @param box frame pixels; it may reach beyond the frame but must touch it
   * @throws FrameError for a frame without area or with too few bytes; BoxError
   */
  init(frame: Frame, box: InitBox): Promise<Target>
  init(frame: Frame, boxes: readonly InitBox[]): Promise<TargetGroup>
  async init(frame: Frame, boxes: InitBox | readonly InitBox[]): Promise<Target | TargetGroup> {
    const shape = frameShape(frame)
    const several = isList(boxes)
    const centers = (several ? boxes : [boxes]).map((box) => toCenter(box, shape))
    if (centers.length === 0) throw new BoxError('The list of boxes is empty, expected at least one')
    const group = await this.#exclusive(() => this.#start(frame, shape, centers))
    return several ? group : new Target(group)
  }

  /**
   * Makes something that works with this tracker's network, takes turns with its calls and is freed with it, such as a sweep.
   * @internal
   */
  async lend<T extends Borrower>(make: (loan: Loan) => T): Promise<T> {
    return await this.#exclusive(async () => {
      const borrower: T = make({
        context: this.#context,
        turn: (work) => this.#exclusive(work),
        released: () => this.#borrowers.delete(borrower),
      })
      this.#borrowers.add(borrower)
      return borrower
    })
  }

  /**
   * A tracker that knows the object: its heads are fitted to a few frames of the clip that is to be tracked. This one stays as it
   * is, and so does the taught one's backbone. Both share the device, which this one's `close` ends: close it last.
   * @param examples frames of one size with the object's box, or null where it is absent; at least one with a box
   * @throws TeachError if no frame shows the object or the fit diverges; FrameError; BoxError; the signal's reason; ConfigError
   * for a configuration without `train_cfg`; OutOfMemoryError; DeviceLostError
   */
  async teach(examples: readonly TeachExample[], options: TeachOptions = {}): Promise<SiamRPN> {
    const source = {
      context: this.#context,
      state: this.#state,
      upload: async (frame: Frame, shape: FrameShape) => (await this.#upload(frame, shape)).packed,
    }
    const work = async () => {
      // Only who teaches loads what trains: a page that tracks is a good deal smaller.
      const { teachHead } = await import('./teach.ts')
      try {
        return await teachHead(source, examples, options)
      } finally {
        this.#sweep()
      }
    }
    const head = await this.#exclusive(work)
    const { device, config, precision } = this
    return await SiamRPN.create(new Map([...this.#state, ...head]), { device, config, precision })
  }

  /**
   * The weights in use, by MMTracking's names, to be saved with `writeSafetensors`; the tensors are shared, not copied.
   * @param part `head`: those that `teach` changes alone, a small file that `load` takes as `head`
   */
  weights(part: 'all' | 'head' = 'all'): StateDict {
    return new Map([...this.#state].filter(([name]) => part === 'all' || name.startsWith(headPrefix)))
  }

  /**
   * A safetensors file of `weights(part)`, the configuration in its metadata, as `load` reads it.
   */
  save(part: 'all' | 'head' = 'all'): Uint8Array {
    return writeSafetensors(this.weights(part), { config: JSON.stringify(this.config), [partKey]: part })
  }

  /** Frees everything; closes the device if it is the tracker's own. Waits for calls under way. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * For targets: runs `use` with the programs for this group and frame, the frame uploaded. `use` submits its work before it
   * returns its promise; the next frame of a stream is uploaded behind that work if it comes in time.
   */
  async withSteps<T>(group: GroupState, shot: Shot, use: (steps: GroupSteps) => Promise<T>): Promise<T> {
    return await this.#exclusive(async () => {
      if (!this.#groups.has(group)) throw new ClosedError('The target has been released')
      const buffer = await this.#frameBuffer(group.shape)
      if (!buffer.takeAhead(shot)) await buffer.write(this.device, shot.frame)
      const steps = await this.#programs.of(group, buffer)
      const ahead = new UploadAhead(this.device, buffer)
      const using = use(steps)
      if (shot.next) ahead.begin(shot.next())
      try {
        return await using
      } finally {
        await ahead.end()
      }
    })
  }

  /** For targets: frees a group's memory, and what no other group needs, after the calls under way. */
  async forget(group: GroupState): Promise<void> {
    if (this.#closing) return await this.#closing
    await this.#exclusive(async () => {
      if (!this.#groups.delete(group)) return
      for (const tensor of group.kernels) this.device.release(tensor)
      this.#sweep()
    })
  }

  async #start(frame: Frame, shape: FrameShape, centers: readonly CenterBox[]): Promise<TargetGroup> {
    try {
      const { packed } = await this.#upload(frame, shape)
      const padding = await channelMean(this.device, packed)
      const crops = centers.flatMap((center) => {
        const size = exemplarCropSize(center, this.model.test_cfg)
        return [...cropRecord(cropGeometry(center, size, shape.width, shape.height), padding)]
      })
      const kernels = await templateKernels(this.#context, packed, Float32Array.from(crops))
      const group = new TargetGroup(this, { shape, kernels }, centers, padding)
      this.#groups.add(group)
      return group
    } catch (error) {
      this.#sweep()
      throw error
    }
  }

  async #upload(frame: Frame, shape: FrameShape): Promise<FrameBuffer> {
    const buffer = await this.#frameBuffer(shape)
    await buffer.write(this.device, frame)
    return buffer
  }

  async #frameBuffer(shape: FrameShape): Promise<FrameBuffer> {
    const key = shapeKey(shape)
    let buffer = this.#frames.get(key)
    if (!buffer) {
      buffer = new FrameBuffer(this.device, shape)
      this.#frames.set(key, buffer)
      await this.device.settle()
    }
    return buffer
  }

  /** Frees programs and frames that no group needs. */
  #sweep(): void {
    const groups = [...this.#groups]
    this.#programs.keep(groups)
    const frames = new Set(groups.map(({ shape }) => shapeKey(shape)))
    for (const [key, buffer] of this.#frames) {
      if (frames.has(key)) continue
      buffer.release(this.device)
      this.#frames.delete(key)
    }
  }

  /** One call at a time, in the order of calling. */
  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new ClosedError('The tracker has been closed')
    const turn = this.#queue.then(work, work)
    this.#queue = turn.catch(() => {})
    return await turn
  }

  async #close(): Promise<void> {
    await this.#queue
    for (const { kernels } of this.#groups) for (const tensor of kernels) this.device.release(tensor)
    this.#groups.clear()
    for (const borrower of this.#borrowers) borrower.free()
    this.#sweep()
    this.#programs.release()
    releaseContext(this.#context)
    this.#context.network.release(this.device)
    if (this.#ownsDevice) await this.device.close()
  }
}

interface Belongings {
  /** The weights as they were loaded. */
  readonly state: StateDict
  readonly ownsDevice: boolean
  readonly programs: SearchPrograms
  readonly precision: Precision
  readonly convChoices: readonly ConvChoice[]
}

function isList(boxes: InitBox | readonly InitBox[]): boxes is readonly InitBox[] {
  return Array.isArray(boxes)
}

function shapeKey({ width, height, format, rowStride }: FrameShape): string {
  return `${width}x${height} ${format} ${rowStride}`
}
