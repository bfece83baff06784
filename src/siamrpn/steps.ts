// The two programs of tracking. Template: crop, network, correlation kernels; run once per `init`, then freed. Search: crop,
// network, head, choice of the box; captured once per number of targets and frame shape, and replayed for each frame.
// Source: SiamRPN.init and SiamRPN.track of mmtrack/models/sot/siamrpn.py.

import type { Device } from '../gpu/device.ts'
import { Pacer } from '../gpu/pacer.ts'
import { capture, type Profile, type Program } from '../gpu/program.ts'
import { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { OnKernel } from '../gpu/warm-up.ts'
import type { BenchmarkOptions, ConvChoice } from '../kernels/conv/benchmark.ts'
import { channelSums, cropRecordSize, cropResize, type PackedFrame } from '../kernels/crop-resize.ts'
import { type BestBox, bestBoxes, decodeBest, stateRecordSize } from '../kernels/decode-best.ts'
import { SiameseRPNAnchorGenerator } from './anchors.ts'
import { type ModelConfig, mapSizes } from './config.ts'
import { normalisationOf } from './image-norm.ts'
import type { HeadOutput, Network } from './network.ts'

/** What both programs are made from. */
export interface StepContext {
  readonly device: Device
  readonly model: ModelConfig
  readonly network: Network
  readonly anchors: GpuTensor
  readonly window: GpuTensor
}

/** Uploads what does not change from target to target. */
export function makeContext(device: Device, model: ModelConfig, network: Network): StepContext {
  const size = mapSizes(model).score[0] ?? 0
  const generator = new SiameseRPNAnchorGenerator(model.head.anchor_generator)
  const anchors = generator.headAnchors(size, size)
  const window = Float32Array.from(generator.genWindow(size, size))
  return {
    device,
    model,
    network,
    anchors: device.tensor(anchors, [anchors.length / 4, 4], 'anchors'),
    window: device.tensor(window, [window.length], 'window'),
  }
}

export function releaseContext({ device, anchors, window }: StepContext): void {
  for (const tensor of [anchors, window]) device.release(tensor)
}

/**
 * Compiles all kernels of both programs, so that the first frame takes no longer than others.
 * @param onProgress told after each kernel
 */
export async function warmUp(context: StepContext, onProgress?: OnKernel): Promise<void> {
  const r = new Recorder(context.device)
  recordTracking(r, context)
  await context.device.kernels.compile(
    r.steps.map((step) => step.kernel),
    onProgress,
  )
}

/** How kernels are chosen by measurement. */
export type KernelBenchmark = Pick<BenchmarkOptions, 'store' | 'seconds'>

/** Times the kernels that can do each convolution of both programs, if asked to, and takes the fastest from then on. */
export async function benchmarkTracking(
  context: StepContext,
  benchmark: boolean | KernelBenchmark = false,
  onProgress?: (done: number, total: number) => void,
): Promise<ConvChoice[]> {
  if (benchmark === false) return []
  // Loaded on demand: a page that measures nothing does not fetch it.
  const { benchmarkConvs } = await import('../kernels/conv/benchmark.ts')
  const options = benchmark === true ? {} : benchmark
  const record = (r: Recorder) => recordTracking(r, context)
  return await benchmarkConvs(context.device, record, { ...options, ...(onProgress && { onProgress }) })
}

/** Both programs for one target, on a frame of no matter what size: what there is to compile and to measure. */
function recordTracking(r: Recorder, context: StepContext): void {
  const frame: PackedFrame = { pixels: r.alloc([16 * 12], 'u32', 'frame'), width: 16, height: 16, format: 'rgb8' }
  channelSums(r, frame)
  const kernels = recordTemplate(r, context, { frame, crops: r.alloc([1, cropRecordSize]) })
  recordSearch(r, context, {
    frame,
    crops: r.alloc([1, cropRecordSize]),
    state: r.alloc([1, stateRecordSize]),
    kernels,
  })
}

/**
 * Correlation kernels of the targets in a frame, one tensor `[T, 5, 5, 2 C]` per level; the caller releases them.
 * @param crops `cropRecord`s of the targets, one after the other
 */
export async function templateKernels(
  context: StepContext,
  frame: PackedFrame,
  crops: Float32Array,
): Promise<GpuTensor[]> {
  const { device } = context
  const records = device.tensor(crops, [crops.length / cropRecordSize, cropRecordSize], 'template.crops')
  try {
    const program = await capture(device, (r) => recordTemplate(r, context, { frame, crops: records }), {
      label: 'template',
    })
    try {
      program.run()
      return await copies(device, program.result)
    } finally {
      program.destroy()
    }
  } finally {
    device.release(records)
  }
}

async function copies(device: Device, tensors: readonly GpuTensor[]): Promise<GpuTensor[]> {
  const made: GpuTensor[] = []
  try {
    for (const tensor of tensors) {
      const copy = device.empty(tensor.shape, 'f32', tensor.label)
      made.push(copy)
      device.copy(tensor, copy)
    }
    await device.settle()
    return made
  } catch (error) {
    for (const tensor of made) device.release(tensor)
    throw error
  }
}

/** What an exemplar or search windows are cut from. */
export interface ImageInputs {
  readonly frame: PackedFrame
  readonly crops: GpuTensor
}

/** Records the network's input: windows of a frame, in the colors and the range that the model was trained on. */
export function recordImages(
  r: Recorder,
  { model }: StepContext,
  side: 'template' | 'search',
  { frame, crops }: ImageInputs,
): GpuTensor {
  const { exemplar_size, search_size } = model.test_cfg
  const size = side === 'template' ? exemplar_size : search_size
  return cropResize(r, { frame, crops, size, normalise: normalisationOf(model), label: `${side}.crop` })
}

/** Records everything from the frame to the correlation kernels. */
export function recordTemplate(r: Recorder, context: StepContext, inputs: ImageInputs) {
  const { network } = context
  return network.forwardKernels(r, network.forwardTemplate(r, recordImages(r, context, 'template', inputs)))
}

/** What a search reads that differs from frame to frame or from group to group. */
export interface SearchInputs extends ImageInputs {
  readonly state: GpuTensor
  readonly kernels: readonly GpuTensor[]
}

/** Records everything from the frame to the head's maps: logits `[T, H, W, 2 A]` and deltas `[T, H, W, 4 A]`. */
export function recordMaps(
  r: Recorder,
  context: StepContext,
  { kernels, ...inputs }: Omit<SearchInputs, 'state'>,
): HeadOutput {
  const { network } = context
  return network.forwardMaps(r, kernels, network.forwardSearch(r, recordImages(r, context, 'search', inputs)))
}

/** Records the choice of the boxes from the maps: `[T, 12]`, see `bestBoxes`. */
export function recordDecode(
  r: Recorder,
  { model, anchors, window }: StepContext,
  { cls, bbox, state }: HeadOutput & Pick<SearchInputs, 'state'>,
): GpuTensor {
  const { rpn } = model.test_cfg
  const { target_means, target_stds } = model.head.bbox_coder
  return decodeBest(r, {
    ...{ cls, bbox, anchors, window, state },
    penaltyK: rpn.penalty_k,
    windowInfluence: rpn.window_influence,
    lr: rpn.lr,
    means: target_means,
    deviations: target_stds,
    label: 'search.decode',
  })
}

/** Records everything from the frame to the boxes: `[T, 12]`, see `bestBoxes`. */
export function recordSearch(r: Recorder, context: StepContext, inputs: SearchInputs): GpuTensor {
  return recordDecode(r, context, { ...recordMaps(r, context, inputs), state: inputs.state })
}

/** What one replay takes. */
export interface SearchRequest {
  /** `cropRecord`s, one after the other. */
  readonly crops: Float32Array
  /** `stateRecord`s, one after the other. */
  readonly state: Float32Array
  readonly kernels: readonly GpuTensor[]
}

/** The captured program of a frame, with the inputs that change. */
export class SearchStep {
  readonly #context: StepContext
  readonly #program: Program<GpuTensor>
  readonly #inputs: SearchInputs
  readonly #pacer: Pacer
  #kernels: readonly GpuTensor[] | undefined

  /** @param kernels any group's kernels: they give the shapes */
  static async create(context: StepContext, frame: PackedFrame, kernels: readonly GpuTensor[]): Promise<SearchStep> {
    const { device } = context
    const targets = kernels[0]?.shape[0] ?? 1
    const inputs: SearchInputs = {
      frame,
      crops: device.empty([targets, cropRecordSize], 'f32', 'search.crops'),
      state: device.empty([targets, stateRecordSize], 'f32', 'search.state'),
      kernels: kernels.map((tensor) => device.empty(tensor.shape, 'f32', `${tensor.label}.input`)),
    }
    try {
      const program = await capture(device, (r) => recordSearch(r, context, inputs), { label: 'search' })
      return new SearchStep(context, program, inputs)
    } catch (error) {
      releaseInputs(device, inputs)
      throw error
    }
  }

  private constructor(context: StepContext, program: Program<GpuTensor>, inputs: SearchInputs) {
    this.#context = context
    this.#program = program
    this.#inputs = inputs
    this.#pacer = new Pacer(context.device)
  }

  get stats(): Program<GpuTensor>['stats'] {
    return this.#program.stats
  }

  /** One frame: the box of each target. The frame itself has been written to the frame's tensor. */
  async run(request: SearchRequest): Promise<BestBox[]> {
    this.#write(request)
    const values = await this.#pacer.through(
      () => this.#program.run(),
      () => this.#context.device.readF32(this.#program.result),
    )
    return bestBoxes(values)
  }

  /** The same, with times per dispatch. */
  async profile(request: SearchRequest): Promise<Profile> {
    this.#write(request)
    return await this.#program.profile()
  }

  release(): void {
    this.#program.destroy()
    releaseInputs(this.#context.device, this.#inputs)
  }

  #write({ crops, state, kernels }: SearchRequest): void {
    const { device } = this.#context
    device.write(this.#inputs.crops, crops)
    device.write(this.#inputs.state, state)
    if (this.#kernels === kernels) return
    this.#kernels = undefined
    for (const [level, kernel] of kernels.entries()) {
      const input = this.#inputs.kernels[level]
      if (input) device.copy(kernel, input)
    }
    this.#kernels = kernels
  }
}

function releaseInputs(device: Device, { crops, state, kernels }: SearchInputs): void {
  for (const tensor of [crops, state, ...kernels]) device.release(tensor)
}
