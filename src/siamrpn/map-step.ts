// The network without the choice of a box: crops of a frame in, the head's maps out, in programs of a few fixed batch sizes, so
// that any number of crops goes through in a few runs. Programs are captured when they are first needed.

import type { Device } from '../gpu/device.ts'
import { capture, type Program } from '../gpu/program.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { cropRecordSize, type PackedFrame } from '../kernels/crop-resize.ts'
import type { HeadOutput } from './network.ts'
import { recordMaps, type StepContext } from './steps.ts'

/** Crops of one run, at most. */
export const mostPlaces = 8

/** Batch sizes of the programs, as far as memory goes. */
const batchSizes = [mostPlaces, 4, 2, 1] as const

/** Bytes of the intermediates of one program, at most; the smallest one may need more. */
const mostBytes = 512 << 20

/** What the network is to look for: correlation kernels `[1, 5, 5, 2 C]` per level. */
export interface Template {
  readonly kernels: readonly GpuTensor[]
  /** Mean of the template's frame, blue, green, red. */
  readonly padding: Float32Array
}

/** A part of the frame, and what to look for there. */
export interface MapRequest {
  /** A `cropRecord`. */
  readonly crop: Float32Array
  readonly template: Template
}

/**
 * Batch sizes of the runs that compute `count` maps. On a software adapter, where a place in a batch costs as much as a run of
 * its own, no place stays empty; on a GPU the rest goes in one run. Pure.
 * @param sizes descending, the last one 1
 */
export function planRuns(count: number, sizes: readonly number[], kind: 'cpu' | 'gpu'): number[] {
  const runs: number[] = []
  let left = count
  for (const [index, size] of sizes.entries()) {
    while (left >= size) {
      runs.push(size)
      left -= size
    }
    const next = sizes[index + 1] ?? 0
    if (kind === 'cpu' || left <= next) continue
    runs.push(size)
    return runs
  }
  return runs
}

/** The programs for frames of one shape. */
export class MapSteps {
  readonly #context: StepContext
  readonly #frame: PackedFrame
  readonly #steps = new Map<number, MapStep>()

  constructor(context: StepContext, frame: PackedFrame) {
    this.#context = context
    this.#frame = frame
  }

  /** The runs that compute `requests`, their programs ready. Nothing runs before `run` is called. */
  async plan(requests: readonly MapRequest[]): Promise<MapRun[]> {
    const [first] = requests
    if (!first) return []
    const single = await this.#step(1, first.template)
    const sizes = batchSizes.filter((size) => size === 1 || size * single.bytes <= mostBytes)
    const runs: MapRun[] = []
    let start = 0
    for (const size of planRuns(requests.length, sizes, this.#context.device.adapter.kind)) {
      const step = await this.#step(size, first.template)
      const part = requests.slice(start, start + size)
      runs.push({ start, run: () => step.run(part) })
      start += size
    }
    return runs
  }

  release(): void {
    for (const step of this.#steps.values()) step.release()
    this.#steps.clear()
  }

  async #step(size: number, template: Template): Promise<MapStep> {
    const step = this.#steps.get(size) ?? (await MapStep.create(this.#context, this.#frame, size, template))
    this.#steps.set(size, step)
    return step
  }
}

/** One run of a program. */
export interface MapRun {
  /** Index of its first request. */
  readonly start: number
  /** Submits it. The maps of all places of the batch, until the program's next run; surplus ones repeat the last request. */
  readonly run: () => HeadOutput
}

class MapStep {
  readonly #device: Device
  readonly #program: Program<HeadOutput>
  readonly #crops: GpuTensor
  readonly #kernels: readonly GpuTensor[]
  /** Whose kernels each place holds. */
  readonly #held: (Template | undefined)[]

  static async create(context: StepContext, frame: PackedFrame, size: number, template: Template): Promise<MapStep> {
    const { device } = context
    const crops = device.empty([size, cropRecordSize], 'f32', 'maps.crops')
    const kernels = template.kernels.map(({ shape, label }) => device.empty([size, ...shape.slice(1)], 'f32', label))
    try {
      const record = (r: Parameters<typeof recordMaps>[0]) => recordMaps(r, context, { frame, crops, kernels })
      const program = await capture(device, record, { label: `maps of ${size}` })
      return new MapStep(device, program, { crops, kernels })
    } catch (error) {
      for (const tensor of [crops, ...kernels]) device.release(tensor)
      throw error
    }
  }

  private constructor(
    device: Device,
    program: Program<HeadOutput>,
    { crops, kernels }: { readonly crops: GpuTensor; readonly kernels: readonly GpuTensor[] },
  ) {
    this.#device = device
    this.#program = program
    this.#crops = crops
    this.#kernels = kernels
    this.#held = Array.from({ length: crops.shape[0] ?? 0 }, () => undefined)
  }

  /** Bytes of its intermediates. */
  get bytes(): number {
    return this.#program.stats.arenaBytes
  }

  run(requests: readonly MapRequest[]): HeadOutput {
    const crops = new Float32Array(this.#held.length * cropRecordSize)
    for (let place = 0; place < this.#held.length; place++) {
      const request = requests[place] ?? requests.at(-1)
      if (!request) continue
      crops.set(request.crop, place * cropRecordSize)
      this.#hold(place, request.template)
    }
    this.#device.write(this.#crops, crops)
    this.#program.run()
    return this.#program.result
  }

  release(): void {
    this.#program.destroy()
    for (const tensor of [this.#crops, ...this.#kernels]) this.#device.release(tensor)
  }

  #hold(place: number, template: Template): void {
    if (this.#held[place] === template) return
    this.#held[place] = template
    for (const [level, kernel] of template.kernels.entries()) {
      const input = this.#kernels[level]
      if (input) this.#device.copyInto(kernel, input, place * kernel.bytes)
    }
  }
}
