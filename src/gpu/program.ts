// A recorded piece of work, ready to be replayed: memory planned, pipelines compiled, bind groups and parameters made once.
// A run is one command buffer with one pass and allocates nothing; only the contents of the inputs change between runs.

import { type Assembly, assemble, type ProgramStats, plannedBuffers } from './assembly.ts'
import type { Device } from './device.ts'
import { BindingError } from './errors.ts'
import type { Profile } from './profiler.ts'
import { Recorder } from './recorder.ts'
import { GpuTensor } from './tensor.ts'
import type { OnKernel } from './warm-up.ts'

export type { ProgramStats } from './assembly.ts'
export type { Profile } from './profiler.ts'

export interface CaptureOptions {
  /** Names the program in errors, profiles and buffer labels. */
  readonly label?: string
  /** Told after each kernel that is compiled. */
  readonly onProgress?: OnKernel
  /** Fill each intermediate with NaN before its first writer runs, so that elements nobody wrote show. For tests. */
  readonly poison?: boolean
}

/**
 * Runs `record` once, synchronously, and makes a program of what it recorded.
 * The result's tensors (a tensor, or arrays and plain records of them, nested) are kept; they are readable after each run.
 * @throws BindingError if a dispatch reads a virtual tensor that none before it wrote; ShaderError; OutOfMemoryError
 */
export async function capture<T>(
  device: Device,
  record: (recorder: Recorder) => T,
  options: CaptureOptions = {},
): Promise<Program<T>> {
  device.check()
  const recorder = new Recorder(device)
  const result = record(recorder)
  keepAll(recorder, result)
  return new Program(device, result, await assemble(device, recorder, options))
}

/** What a recording would need, found without allocating or compiling anything. */
export interface Plan<T> {
  /** What `record` returned: tensors without memory. */
  readonly result: T
  readonly dispatches: number
  /** Sizes of the shared buffers of all intermediates. */
  readonly bufferBytes: readonly number[]
  readonly flops: number
}

/** Records like `capture` and plans the memory, but makes no program. @throws as the recording does */
export function plan<T>(device: Device, record: (recorder: Recorder) => T): Plan<T> {
  device.check()
  const recorder = new Recorder(device)
  const result = record(recorder)
  keepAll(recorder, result)
  const flops = recorder.steps.reduce((sum, step) => sum + step.flops, 0)
  return { result, dispatches: recorder.steps.length, bufferBytes: plannedBuffers(recorder), flops }
}

/** Captures and runs at once, with NaN in everything unwritten unless `poison: false`: for tests and exploration. */
export async function runOnce<T>(
  device: Device,
  record: (recorder: Recorder) => T,
  options: CaptureOptions = {},
): Promise<Program<T>> {
  const program = await capture(device, record, { poison: true, ...options })
  program.run()
  return program
}

export class Program<T> {
  readonly result: T
  readonly label: string
  readonly stats: ProgramStats
  readonly #device: Device
  readonly #assembly: Assembly
  #destroyed = false

  constructor(device: Device, result: T, assembly: Assembly) {
    this.result = result
    this.label = assembly.label
    this.stats = assembly.stats
    this.#device = device
    this.#assembly = assembly
  }

  /**
   * Submits dispatches as one command buffer; returns before they have run. Parts must be run in order, and nothing else of the
   * program in between.
   * @param from the first dispatch, from 0
   * @param to the one after the last; default: all that follow
   * @throws if the device ended or failed
   */
  run(from = 0, to = Number.POSITIVE_INFINITY): void {
    this.#check()
    const { gpu } = this.#device
    const { poison, steps } = this.#assembly
    const encoder = gpu.createCommandEncoder({ label: this.label })
    let pass = encoder.beginComputePass({ label: this.label })
    let pipeline: GPUComputePipeline | undefined
    for (let index = from; index < to; index++) {
      const step = steps[index]
      if (!step) break
      if (poison && step.fresh.length > 0) {
        pass.end()
        for (const { buffer, bytes } of step.fresh) encoder.copyBufferToBuffer(poison, 0, buffer, 0, bytes)
        pass = encoder.beginComputePass({ label: this.label })
        pipeline = undefined
      }
      if (step.pipeline !== pipeline) pass.setPipeline(step.pipeline)
      pipeline = step.pipeline
      pass.setBindGroup(0, step.group)
      pass.dispatchWorkgroups(...step.workgroups)
    }
    pass.end()
    gpu.queue.submit([encoder.finish()])
  }

  /** Runs once with a pass and two timestamps per dispatch. @throws FeatureError without `timestamp-query` */
  async profile(): Promise<Profile> {
    const { profileSteps } = await import('./profiler.ts')
    this.#check()
    return await profileSteps(this.#device, this.label, this.#assembly.steps)
  }

  /** Frees the program's memory, its result included. Idempotent. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    for (const storage of this.#assembly.kept)
      storage.vacate(`belonged to program \`${this.label}\`, which has been destroyed`)
    for (const buffer of this.#assembly.buffers) this.#device.memory.destroy(buffer)
  }

  #check(): void {
    this.#device.check()
    if (this.#destroyed) throw new BindingError(`Program \`${this.label}\` has been destroyed`)
  }
}

function keepAll(recorder: Recorder, result: unknown): void {
  if (result instanceof GpuTensor) recorder.keep(result)
  else if (isPlain(result)) for (const value of Object.values(result)) keepAll(recorder, value)
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}
