// A training batch of windows that the host has cut and colored already: their bytes go to the device, one captured program
// makes the network's input of them.

import type { Device } from '../../gpu/device.ts'
import { capture, type Program } from '../../gpu/program.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { unpackWindows, windowWords } from '../../kernels/unpack-windows.ts'
import type { ImgNormConfig } from '../../siamrpn/config.ts'
import type { RgbFrame } from '../../siamrpn/frame.ts'
import { normalisationOf } from '../../siamrpn/image-norm.ts'
import { TrainSampleError } from '../errors.ts'
import type { DecodedPair, Xyxy } from './pair.ts'
import type { PreparedBatch } from './train-pipeline.ts'

/** The images of one kind, template or search, of all samples. */
interface Side {
  readonly size: number
  readonly staging: Uint8Array<ArrayBuffer>
  readonly bytes: GpuTensor
  readonly output: GpuTensor
}

export class WindowUpload {
  readonly #device: Device
  readonly #batchSize: number
  readonly #sides: readonly [Side, Side]
  readonly #program: Program<unknown>

  /**
   * @param sizes sides of template and search images, pixels
   * @param norm the model's `img_norm_cfg`
   */
  static async create(
    device: Device,
    sizes: readonly [number, number],
    batchSize: number,
    norm: ImgNormConfig | null = null,
  ): Promise<WindowUpload> {
    const normalise = normalisationOf({ img_norm_cfg: norm })
    const sides = [side(device, 'template', sizes[0], batchSize), side(device, 'search', sizes[1], batchSize)] as const
    const program = await capture(
      device,
      (r) => {
        for (const { bytes, output } of sides) unpackWindows(r, { bytes, output, normalise })
      },
      { label: 'window upload' },
    )
    return new WindowUpload(device, batchSize, sides, program)
  }

  private constructor(device: Device, batchSize: number, sides: readonly [Side, Side], program: Program<unknown>) {
    this.#device = device
    this.#batchSize = batchSize
    this.#sides = sides
    this.#program = program
  }

  /** `[N, size, size, 4]`: B, G, R in 0..255, or normalised, and a zero. */
  get template(): GpuTensor {
    return this.#sides[0].output
  }

  /** `[N, size, size, 4]`, as the template's. */
  get search(): GpuTensor {
    return this.#sides[1].output
  }

  /**
   * Uploads a batch; its images are in `template` and `search` for whatever is submitted next.
   * @param pairs as many as the batch size, each with windows of the right size and their boxes
   * @throws TrainSampleError that names the sample
   */
  async prepare(pairs: readonly Omit<DecodedPair, 'random'>[]): Promise<PreparedBatch> {
    if (pairs.length !== this.#batchSize) {
      throw new TrainSampleError(`found ${pairs.length} pairs, expected ${this.#batchSize}, the batch size`)
    }
    const boxes = pairs.map(({ request, boxes: both }) => {
      if (both === undefined) throw new TrainSampleError(`sample ${request.id}: no boxes in its windows`)
      return both
    })
    for (const [index, { size, staging, bytes }] of this.#sides.entries()) {
      for (const [i, { request, template, search }] of pairs.entries()) {
        const image = index === 0 ? template : search
        checkSize(image, size, request.id)
        staging.set(image.data, 3 * size * size * i)
      }
      this.#device.write(bytes, staging)
    }
    this.#program.run()
    return {
      ids: pairs.map(({ request }) => request.id),
      positive: pairs.map(({ request }) => request.positive),
      templateBoxes: boxes.map(([template]) => toFloat32(template)),
      searchBoxes: boxes.map(([, search]) => toFloat32(search)),
    }
  }

  /** Gives all memory back. */
  release(): void {
    this.#program.destroy()
    for (const { bytes, output } of this.#sides) {
      this.#device.release(bytes)
      this.#device.release(output)
    }
  }
}

function side(device: Device, name: string, size: number, batchSize: number): Side {
  const words = windowWords(batchSize * size * size)
  return {
    size,
    staging: new Uint8Array(4 * words),
    bytes: device.empty([words], 'u32', `${name} bytes`),
    output: device.empty([batchSize, size, size, 4], 'f32', `${name} images`),
  }
}

function checkSize({ width, height }: RgbFrame, size: number, id: string): void {
  if (width === size && height === size) return
  throw new TrainSampleError(`sample ${id}: a window of ${width}x${height} pixels, expected ${size}x${size}`)
}

function toFloat32(box: Xyxy): Xyxy {
  return [Math.fround(box[0]), Math.fround(box[1]), Math.fround(box[2]), Math.fround(box[3])]
}
