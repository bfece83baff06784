// A tracking step through the network, in two ways: from given crops to the maps, which the tracker itself never shows, and from
// frames to the box with the tracker's own programs.

import type { Device } from '../../../src/gpu/device.ts'
import { capture, type Program } from '../../../src/gpu/program.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { channelMean, cropRecord } from '../../../src/kernels/crop-resize.ts'
import { type BestBox, stateRecord } from '../../../src/kernels/decode-best.ts'
import type { CenterBox } from '../../../src/siamrpn/boxes.ts'
import { cropGeometry, exemplarCropSize, searchCrop } from '../../../src/siamrpn/crop-geometry.ts'
import { FrameBuffer, frameShape } from '../../../src/siamrpn/frame.ts'
import type { Network } from '../../../src/siamrpn/network.ts'
import {
  makeContext,
  releaseContext,
  SearchStep,
  type StepContext,
  templateKernels,
} from '../../../src/siamrpn/steps.ts'
import { type HostFrame, toRgb } from './frames.ts'
import type { NamedModel } from './golden-set.ts'
import { type Map4, readMap, toNHWC } from './maps.ts'

/** `[1, 4, size, size]` each. */
export interface Crops {
  readonly template: Map4
  readonly search: Map4
}

/** What the head gives: `[1, 2 A, H, W]` and `[1, 4 A, H, W]`. */
export interface StepMaps {
  readonly cls: Map4
  readonly bbox: Map4
}

/** Where the target is in a frame. */
export interface Sight {
  readonly frame: HostFrame
  readonly box: CenterBox
}

interface HeadTensors {
  readonly cls: GpuTensor
  readonly bbox: GpuTensor
}

interface Inputs {
  readonly template: GpuTensor
  readonly search: GpuTensor
}

/** One model's step; programs are captured once and, for frames, once per size. */
export class WholeStep {
  readonly #context: StepContext
  readonly #inputs: Inputs
  readonly #program: Program<HeadTensors>
  readonly #frames = new Map<string, FrameBuffer>()
  readonly #steps = new Map<string, SearchStep>()

  private constructor(context: StepContext, inputs: Inputs, program: Program<HeadTensors>) {
    this.#context = context
    this.#inputs = inputs
    this.#program = program
  }

  static async create(device: Device, { config }: NamedModel, network: Network): Promise<WholeStep> {
    const { exemplar_size, search_size } = config.model.test_cfg
    const template = device.empty([1, exemplar_size, exemplar_size, 4])
    const search = device.empty([1, search_size, search_size, 4])
    const program = await capture(device, (r) =>
      network.forwardHead(r, network.forwardTemplate(r, template), network.forwardSearch(r, search)),
    )
    return new WholeStep(makeContext(device, config.model, network), { template, search }, program)
  }

  /** The maps of two crops. */
  async maps({ template, search }: Crops): Promise<StepMaps> {
    const { device } = this.#context
    device.write(this.#inputs.template, toNHWC(template).data)
    device.write(this.#inputs.search, toNHWC(search).data)
    this.#program.run()
    const { cls, bbox } = this.#program.result
    return { cls: await readMap(device, cls), bbox: await readMap(device, bbox) }
  }

  /** `SiamRPN.init` on the first sight, then one `update` from where the second one has the target. */
  async track(exemplar: Sight, previous: Sight): Promise<BestBox | undefined> {
    const { model } = this.#context
    const first = await this.#upload(exemplar.frame)
    const padding = await channelMean(this.#context.device, first.packed)
    const kernels = await templateKernels(
      this.#context,
      first.packed,
      cropOf(exemplar, exemplarCropSize(exemplar.box, model.test_cfg), padding),
    )
    try {
      const { size, scale } = searchCrop(previous.box, model.test_cfg)
      const step = await this.#searchStep(previous.frame, kernels)
      const crops = cropOf(previous, size, padding)
      const [best] = await step.run({ crops, state: stateRecord(previous.box, scale, previous.frame), kernels })
      return best
    } finally {
      for (const tensor of kernels) this.#context.device.release(tensor)
    }
  }

  destroy(): void {
    const { device } = this.#context
    this.#program.destroy()
    for (const step of this.#steps.values()) step.release()
    for (const frame of this.#frames.values()) frame.release(device)
    for (const tensor of Object.values(this.#inputs)) device.release(tensor)
    releaseContext(this.#context)
  }

  async #searchStep(frame: HostFrame, kernels: readonly GpuTensor[]): Promise<SearchStep> {
    const { packed } = await this.#upload(frame)
    const key = sizeOf(frame)
    const step = this.#steps.get(key) ?? (await SearchStep.create(this.#context, packed, kernels))
    this.#steps.set(key, step)
    return step
  }

  async #upload(frame: HostFrame): Promise<FrameBuffer> {
    const { device } = this.#context
    const rgb = toRgb(frame)
    const key = sizeOf(frame)
    const buffer = this.#frames.get(key) ?? new FrameBuffer(device, frameShape(rgb))
    this.#frames.set(key, buffer)
    await buffer.write(device, rgb)
    return buffer
  }
}

function cropOf({ frame, box }: Sight, side: number, padding: Float32Array): Float32Array {
  return cropRecord(cropGeometry(box, side, frame.width, frame.height), padding)
}

function sizeOf({ width, height }: HostFrame): string {
  return `${width}x${height}`
}
