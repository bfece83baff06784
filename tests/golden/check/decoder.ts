// The head's last step on the device, apart from the network: from maps in the files' layout to the best box. Anchors and window
// are those of a configuration.

import type { Device } from '../../../src/gpu/device.ts'
import { capture, type Program } from '../../../src/gpu/program.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { type BestBox, bestBoxes, decodeBest, stateRecord } from '../../../src/kernels/decode-best.ts'
import { SiameseRPNAnchorGenerator } from '../../../src/siamrpn/anchors.ts'
import type { CenterBox } from '../../../src/siamrpn/boxes.ts'
import type { Config } from '../../../src/siamrpn/config.ts'
import { type Map4, toNHWC } from './maps.ts'

/** cx, cy, w, h as the files have it. */
export type Four = readonly [number, number, number, number]

export interface HeadStep {
  /** `[1, 2 A, H, W]` */
  readonly cls: Map4
  /** `[1, 4 A, H, W]` */
  readonly bbox: Map4
  readonly previous: Four
  /** Search-image pixels per frame pixel. */
  readonly scale: number
  readonly frame: { readonly width: number; readonly height: number }
}

/** A frame so large that nothing is clipped: for boxes from before the clipping. */
export const endless = { width: 1e6, height: 1e6 } as const

/** What of a model's configuration the decoding needs. */
type HeadModel = Pick<Config['model'], 'head' | 'test_cfg'>

export class HeadDecoder {
  readonly #device: Device
  readonly #program: Program<GpuTensor>
  readonly #cls: GpuTensor
  readonly #bbox: GpuTensor
  readonly #state: GpuTensor
  readonly #owned: readonly GpuTensor[]

  private constructor(device: Device, program: Program<GpuTensor>, tensors: Tensors) {
    this.#device = device
    this.#program = program
    this.#cls = tensors.cls
    this.#bbox = tensors.bbox
    this.#state = tensors.state
    this.#owned = Object.values(tensors)
  }

  /** A decoder for maps of `height` times `width` positions. */
  static async create(
    device: Device,
    model: HeadModel,
    [height, width]: readonly [number, number],
  ): Promise<HeadDecoder> {
    const generator = new SiameseRPNAnchorGenerator(model.head.anchor_generator)
    const perPosition = generator.numBaseAnchors
    const count = height * width * perPosition
    const tensors: Tensors = {
      cls: device.empty([1, height, width, 2 * perPosition]),
      bbox: device.empty([1, height, width, 4 * perPosition]),
      state: device.empty([1, 8]),
      anchors: device.tensor(generator.headAnchors(height, width), [count, 4]),
      window: device.tensor(Float32Array.from(generator.genWindow(height, width)), [count]),
    }
    const program = await capture(device, (r) => decodeBest(r, { ...tensors, ...decodeSettings(model) }))
    return new HeadDecoder(device, program, tensors)
  }

  async step({ cls, bbox, previous, scale, frame }: HeadStep): Promise<BestBox | undefined> {
    this.#device.write(this.#cls, toNHWC(cls).data)
    this.#device.write(this.#bbox, toNHWC(bbox).data)
    this.#device.write(this.#state, stateRecord(centerBox(previous), scale, frame))
    this.#program.run()
    return bestBoxes(await this.#device.readF32(this.#program.result))[0]
  }

  destroy(): void {
    this.#program.destroy()
    for (const tensor of this.#owned) this.#device.release(tensor)
  }
}

interface Tensors {
  readonly cls: GpuTensor
  readonly bbox: GpuTensor
  readonly state: GpuTensor
  readonly anchors: GpuTensor
  readonly window: GpuTensor
}

/** The numbers that `decodeBest` takes from a configuration. */
export function decodeSettings({ head, test_cfg }: HeadModel) {
  const { penalty_k, window_influence, lr } = test_cfg.rpn
  return {
    penaltyK: penalty_k,
    windowInfluence: window_influence,
    lr,
    means: head.bbox_coder.target_means,
    deviations: head.bbox_coder.target_stds,
  }
}

export function centerBox([cx, cy, width, height]: Four): CenterBox {
  return { cx, cy, width, height }
}

export function fourOf({ cx, cy, width, height }: CenterBox): Four {
  return [cx, cy, width, height]
}
