// Teaching: the heads are fitted to a few frames of the clip that is to be tracked, in which a person gave the box. Backbone, neck
// and statistics stay; the backbone runs once over each window. With four given frames of a real clip, success over the others rose by
// six points over starting again at those frames, by eleven from the first box alone (docs/models.md).

import type { StateDict } from '../formats/state-dict.ts'
import { ArgumentError } from '../gpu/errors.ts'
import { show } from '../gpu/message.ts'
import { capture } from '../gpu/program.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { channelMean, cropRecord, cropRecordSize, type PackedFrame } from '../kernels/crop-resize.ts'
import type { ModelConfig } from './config.ts'
import type { Frame, FrameShape } from './frame.ts'
import { type FeatureBank, HeadFit } from './head-fit.ts'
import { Random } from './random.ts'
import { recordImages, type StepContext } from './steps.ts'
import { TargetBuilder } from './targets.ts'
import { type CheckedExample, checkExamples, TeachError, type TeachExample } from './teach-examples.ts'
import { exemplarCrop, type TeachWindow, windowsOf } from './teach-windows.ts'

/** What is being done, for display. */
export interface TeachProgress {
  /** `features`: the backbone runs over the windows. `kernels`: the step is compiled. `fitting`: steps. */
  readonly stage: 'features' | 'kernels' | 'fitting'
  readonly done: number
  readonly total: number
  /** Loss of the last step; only while fitting. */
  readonly loss?: number
}

export interface TeachOptions {
  /** Default 80. */
  readonly steps?: number
  /** Pairs of exemplar and window in a step. Default 10. */
  readonly pairs?: number
  /** Highest learning rate, of AdamW: it rises over ten steps and falls as a cosine. Default 3e-4. */
  readonly lr?: number
  /** The same frames, options and seed give the same weights. Default 0. */
  readonly seed?: number
  /** Cancels; the promise rejects with its reason, and the tracker is as it was. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: TeachProgress) => void
}

/** Found in trials: enough for the heads to settle on the given frames. */
const teachDefaults = { steps: 80, pairs: 10, lr: 3e-4, seed: 0 } as const

const warmUp = 10
const lastLrPart = 0.05

/** Windows that go through the backbone together. */
const chunkWindows = 10

/** What teaching needs of the tracker. */
export interface TeachSource {
  readonly context: StepContext
  /** The whole model's weights. */
  readonly state: StateDict
  /** Uploads a frame. */
  readonly upload: (frame: Frame, shape: FrameShape) => Promise<PackedFrame>
}

/**
 * The parameters of the fitted heads, by name. Examples and options are checked before anything runs.
 * @throws as `checkExamples`; TeachError if the fit diverges; ArgumentError for wrong options; the signal's reason
 */
export async function teachHead(
  source: TeachSource,
  given: readonly TeachExample[],
  options: TeachOptions,
): Promise<StateDict> {
  checkTeachOptions(options)
  const examples = checkExamples(given)
  const { context } = source
  const { device } = context
  const model = withoutCrossPairs(context.model)
  const builder = new TargetBuilder(model)
  const random = new Random('teach', options.seed ?? teachDefaults.seed)
  const windows = examples.map((example) => windowsOf(example, model.test_cfg, random))
  const lesson = await features(source, examples, windows, options)
  try {
    const { pairs: batch = teachDefaults.pairs } = options
    const { exemplars, searches } = lesson
    const fit = new HeadFit({
      ...{ device, model, state: source.state, exemplars, windows: searches, batch },
      anchors: builder.numAnchors,
    })
    try {
      await fit.record((done, total) => options.onProgress?.({ stage: 'kernels', done, total }))
      await runSteps(fit, { builder, windows: windows.flat(), exemplars: lesson.count }, random, options)
      return await fit.parameters()
    } finally {
      fit.release()
    }
  } finally {
    for (const tensor of [...lesson.exemplars, ...lesson.searches]) device.release(tensor)
  }
}

/** Pairs across the batch are background because they show two objects; here all exemplars show the same one. */
function withoutCrossPairs(model: ModelConfig): ModelConfig {
  const { train_cfg } = model
  return train_cfg ? { ...model, train_cfg: { ...train_cfg, rpn: { ...train_cfg.rpn, cross_pairs: 0 } } } : model
}

interface Lesson {
  readonly exemplars: FeatureBank
  /** Number of exemplars. */
  readonly count: number
  readonly searches: FeatureBank
}

/** Features of all exemplars and windows, after the neck. */
async function features(
  source: TeachSource,
  examples: readonly CheckedExample[],
  windows: readonly (readonly TeachWindow[])[],
  options: TeachOptions,
): Promise<Lesson> {
  const { device, model } = source.context
  const shown = examples.filter(({ box }) => box)
  const total = shown.length + windows.flat().length
  const exemplars = new Bank(source, { side: 'template', total: shown.length })
  const searches = new Bank(source, { side: 'search', total: total - shown.length })
  try {
    for (const [index, example] of examples.entries()) {
      options.signal?.throwIfAborted()
      const packed = await source.upload(example.frame, example.shape)
      const padding = await channelMean(device, packed)
      const record = (crop: Parameters<typeof cropRecord>[0]) => cropRecord(crop, padding)
      const own = exemplarCrop(example, model.test_cfg)
      if (own) await exemplars.add(packed, [record(own)])
      await searches.add(
        packed,
        (windows[index] ?? []).map(({ crop }) => record(crop)),
      )
      options.onProgress?.({ stage: 'features', done: exemplars.filled + searches.filled, total })
    }
    return { exemplars: exemplars.levels, count: shown.length, searches: searches.levels }
  } catch (error) {
    for (const tensor of [...exemplars.levels, ...searches.levels]) device.release(tensor)
    throw error
  }
}

/** Features of one side, filled window by window. */
class Bank {
  levels: GpuTensor[] = []
  filled = 0
  readonly #source: TeachSource
  readonly #side: 'template' | 'search'
  readonly #total: number

  constructor(source: TeachSource, { side, total }: { readonly side: 'template' | 'search'; readonly total: number }) {
    this.#source = source
    this.#side = side
    this.#total = total
  }

  /** Adds the features of these crops of a frame. */
  async add(frame: PackedFrame, crops: readonly Float32Array[]): Promise<void> {
    for (let from = 0; from < crops.length; from += chunkWindows)
      await this.#addChunk(frame, crops.slice(from, from + chunkWindows))
  }

  async #addChunk(frame: PackedFrame, chunk: readonly Float32Array[]): Promise<void> {
    const { context } = this.#source
    const { device, network } = context
    const records = device.empty([chunk.length, cropRecordSize], 'f32', 'teach.crops')
    for (const [row, record] of chunk.entries()) device.write(records, record, row * record.byteLength)
    try {
      const program = await capture(
        device,
        (r) => {
          const images = recordImages(r, context, this.#side, { frame, crops: records })
          return this.#side === 'template' ? network.forwardTemplate(r, images) : network.forwardSearch(r, images)
        },
        { label: `teach.${this.#side}` },
      )
      try {
        program.run()
        this.#keep(program.result)
        await device.settle()
      } finally {
        program.destroy()
      }
    } finally {
      device.release(records)
    }
    this.filled += chunk.length
  }

  #keep(features: readonly GpuTensor[]): void {
    const { device } = this.#source.context
    if (this.levels.length === 0) {
      this.levels = features.map(({ shape, label }) => device.empty([this.#total, ...shape.slice(1)], 'f32', label))
    }
    for (const [level, tensor] of features.entries()) {
      const bank = this.levels[level]
      if (bank) device.copyInto(tensor, bank, (this.filled * bank.bytes) / this.#total)
    }
  }
}

interface Fitting {
  readonly builder: TargetBuilder
  readonly windows: readonly TeachWindow[]
  /** Number of exemplars. */
  readonly exemplars: number
}

async function runSteps(fit: HeadFit, fitting: Fitting, random: Random, options: TeachOptions): Promise<void> {
  const { builder, windows, exemplars } = fitting
  const {
    steps = teachDefaults.steps,
    pairs = teachDefaults.pairs,
    lr = teachDefaults.lr,
    signal,
    onProgress,
  } = options
  for (let step = 0; step < steps; step++) {
    signal?.throwIfAborted()
    const chosen = draw(windows.length, pairs, random)
    const samples = chosen.flatMap((index) => {
      const window = windows[index]
      return window ? [{ box: window.box, positive: window.positive, random }] : []
    })
    const couples = chosen.map((index) => [random.integer(exemplars), index] as const)
    const { loss, norm } = await fit.step(couples, builder.build(samples), rateOf(step, steps, lr))
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      throw new TeachError(
        `teach: the fit diverged in step ${step + 1} of ${steps} (loss ${loss}), expected finite losses; try a lower \`lr\` than ${lr}`,
      )
    }
    onProgress?.({ stage: 'fitting', done: step + 1, total: steps, loss })
  }
}

/** `size` numbers below `count`, different ones as long as there are enough. */
function draw(count: number, size: number, random: Random): number[] {
  const rounds = Math.ceil(size / count)
  return Array.from({ length: rounds }, () => [...random.choose(count, Math.min(count, size))])
    .flat()
    .slice(0, size)
}

/** Rises over the first steps, then falls as half a cosine. */
function rateOf(step: number, steps: number, lr: number): number {
  const cosine = 0.5 * (1 + Math.cos((Math.PI * step) / steps))
  return lr * Math.min(1, (step + 1) / warmUp) * (lastLrPart + (1 - lastLrPart) * cosine)
}

/** @throws TeachError for a number that is out of range; ArgumentError for what is of another kind */
function checkTeachOptions(options: TeachOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError(`teach: the options are ${show(options)}, expected an object`)
  }
  const { steps, pairs, lr, seed, signal, onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ArgumentError(`teach: \`onProgress\` is ${show(onProgress)}, expected a function`)
  }
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new ArgumentError(`teach: \`signal\` is ${show(signal)}, expected an AbortSignal`)
  }
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    throw new TeachError(`teach: \`seed\` is ${show(seed)}, expected a whole number`)
  }
  const whole = (name: string, value: number | undefined, most: number) => {
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return
    throw new TeachError(`teach: \`${name}\` is ${show(value)}, expected a whole number from 1 to ${most}`)
  }
  whole('steps', steps, 100_000)
  whole('pairs', pairs, 256)
  if (lr !== undefined && !(typeof lr === 'number' && lr > 0 && lr < 1)) {
    throw new TeachError(`teach: \`lr\` is ${show(lr)}, expected a number above 0 and below 1`)
  }
}
