// A recorded piece of work, ready to be replayed: memory planned, pipelines compiled, bind groups and parameters made once.
// A run is one command buffer with one pass and allocates nothing; only the contents of the inputs change between runs.

import type { Device } from './device.ts'
import { BindingError } from './errors.ts'
import { BufferUsage, TENSOR_USAGE } from './memory.ts'
import type { CompiledKernel, Kernel } from './pipelines.ts'
import { type Lifetime, planMemory } from './planner.ts'
import { type Profile, profileSteps } from './profiler.ts'
import { Recorder, type Step } from './recorder.ts'
import { BINDING_ALIGNMENT, GpuTensor, type Storage } from './tensor.ts'

export interface CaptureOptions {
  /** Names the program in errors, profiles and buffer labels. */
  readonly label?: string
  /** Told after each compiled pipeline. */
  readonly onProgress?: (done: number, total: number) => void
  /** Fill each intermediate with NaN before its first writer runs, so that elements nobody wrote show. For tests. */
  readonly poison?: boolean
}

export interface ProgramStats {
  readonly dispatches: number
  /** Bytes of the intermediates' buffers, after sharing. */
  readonly arenaBytes: number
  readonly parameterBytes: number
  readonly flops: number
  readonly bytes: number
}

/** A dispatch ready to be encoded. `fresh` are the buffers that it is the first to write, with the bytes of the tensor. */
export interface EncodedStep {
  readonly label: string
  readonly kernel: string
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: readonly [number, number, number]
  readonly flops: number
  readonly bytes: number
  readonly fresh: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[]
}

/**
 * Runs `record` once, synchronously, and makes a program of what it recorded.
 * The result's tensors (a tensor, or arrays and records of them, nested) are kept; they are readable after each run.
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
  const lifetimes = findLifetimes(recorder)
  const compiled = await device.kernels.compile(
    recorder.steps.map((step) => step.kernel),
    options.onProgress,
  )
  const buffers: GPUBuffer[] = []
  try {
    return await build({ device, recorder, lifetimes, compiled, buffers, options }, result)
  } catch (error) {
    for (const buffer of buffers) device.memory.destroy(buffer)
    throw error
  }
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
  readonly #steps: readonly EncodedStep[]
  readonly #buffers: readonly GPUBuffer[]
  readonly #kept: readonly Storage[]
  readonly #poison: GPUBuffer | undefined
  #destroyed = false

  constructor(parts: ProgramParts<T>) {
    this.result = parts.result
    this.label = parts.label
    this.stats = parts.stats
    this.#device = parts.device
    this.#steps = parts.steps
    this.#buffers = parts.buffers
    this.#kept = parts.kept
    this.#poison = parts.poison
  }

  /** Submits all dispatches as one command buffer; returns before they have run. @throws if the device ended or failed */
  run(): void {
    this.#check()
    const { gpu } = this.#device
    const encoder = gpu.createCommandEncoder({ label: this.label })
    let pass = encoder.beginComputePass({ label: this.label })
    let pipeline: GPUComputePipeline | undefined
    for (const step of this.#steps) {
      if (this.#poison && step.fresh.length > 0) {
        pass.end()
        for (const { buffer, bytes } of step.fresh) encoder.copyBufferToBuffer(this.#poison, 0, buffer, 0, bytes)
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
  profile(): Promise<Profile> {
    this.#check()
    return profileSteps(this.#device, this.label, this.#steps)
  }

  /** Frees the program's memory, its result included. Idempotent. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    for (const storage of this.#kept) storage.vacate(`belonged to program \`${this.label}\`, which has been destroyed`)
    for (const buffer of this.#buffers) this.#device.memory.destroy(buffer)
  }

  #check(): void {
    this.#device.check()
    if (this.#destroyed) throw new BindingError(`Program \`${this.label}\` has been destroyed`)
  }
}

interface ProgramParts<T> {
  readonly result: T
  readonly label: string
  readonly stats: ProgramStats
  readonly device: Device
  readonly steps: readonly EncodedStep[]
  readonly buffers: readonly GPUBuffer[]
  readonly kept: readonly Storage[]
  readonly poison: GPUBuffer | undefined
}

interface Plan {
  readonly device: Device
  readonly recorder: Recorder
  readonly lifetimes: ReadonlyMap<Storage, Lifetime>
  readonly compiled: ReadonlyMap<Kernel, CompiledKernel>
  /** Every buffer made so far, so that a failure can free them. */
  readonly buffers: GPUBuffer[]
  readonly options: CaptureOptions
}

async function build<T>(plan: Plan, result: T): Promise<Program<T>> {
  const { device, recorder, buffers } = plan
  const label = plan.options.label ?? 'program'
  const arenaBytes = placeStorages(plan, label)
  const parameters = packArena(plan, label)
  const poison = plan.options.poison ? makePoison(plan, label) : undefined
  device.gpu.pushErrorScope('validation')
  const steps = recorder.steps.map((step, index) => encodeStep(plan, step, index, parameters))
  const error = await device.guard(device.gpu.popErrorScope())
  if (error) throw new BindingError(`Program \`${label}\`: ${error.message}`)
  await device.guard(device.memory.settle())
  device.check()
  const kept: Storage[] = []
  for (const storage of recorder.storages) {
    if (recorder.kept.has(storage)) kept.push(storage)
    else
      storage.vacate(`was an intermediate of program \`${label}\`, whose memory is reused; keep() it to use it later`)
  }
  const sum = (key: 'flops' | 'bytes') => recorder.steps.reduce((total, step) => total + step[key], 0)
  const stats = {
    dispatches: steps.length,
    arenaBytes,
    parameterBytes: parameters.buffer?.size ?? 0,
    flops: sum('flops'),
    bytes: sum('bytes'),
  }
  return new Program({ result, label, stats, device, steps, buffers, kept, poison })
}

function keepAll(recorder: Recorder, result: unknown): void {
  if (result instanceof GpuTensor) recorder.keep(result)
  else if (typeof result === 'object' && result !== null && !ArrayBuffer.isView(result)) {
    for (const value of Object.values(result)) keepAll(recorder, value)
  }
}

/** From first write to last use of every virtual storage that is used, counted in dispatches; kept ones last for ever. */
function findLifetimes(recorder: Recorder): Map<Storage, Lifetime> {
  const lifetimes = new Map<Storage, Lifetime>()
  recorder.steps.forEach((step, index) => {
    for (const { tensor, access } of step.tensors) {
      const { storage } = tensor
      if (storage.owner !== recorder) continue
      const known = lifetimes.get(storage)
      if (!known && access === 'read') {
        throw new BindingError(
          `${step.label} (${step.kernel.name}) reads tensor \`${tensor.label}\`, which nothing has written`,
        )
      }
      lifetimes.set(storage, { bytes: storage.bytes, first: known?.first ?? index, last: index })
    }
  })
  for (const storage of recorder.kept) {
    if (storage.owner !== recorder) continue
    const known = lifetimes.get(storage)
    if (!known) throw new BindingError(`Tensor \`${storage.label}\` is in the result, but nothing has written it`)
    lifetimes.set(storage, { ...known, last: Number.POSITIVE_INFINITY })
  }
  return lifetimes
}

function placeStorages({ device, lifetimes, buffers }: Plan, label: string): number {
  const storages = [...lifetimes.keys()]
  const plan = planMemory([...lifetimes.values()])
  const arena = plan.buffers.map((bytes, k) => {
    const buffer = device.memory.create(bytes, TENSOR_USAGE, `${label} arena ${k}`)
    buffers.push(buffer)
    return buffer
  })
  storages.forEach((storage, index) => {
    const buffer = arena[plan.assignment[index] ?? -1]
    if (buffer) storage.place(buffer)
  })
  return arena.reduce((sum, buffer) => sum + buffer.size, 0)
}

interface ParameterArena {
  readonly buffer: GPUBuffer | undefined
  readonly offsets: readonly number[]
}

/** One uniform buffer with the parameters of all dispatches, equal blocks once. */
function packArena({ device, recorder, buffers }: Plan, label: string): ParameterArena {
  const known = new Map<string, number>()
  const blocks: { offset: number; data: Uint8Array }[] = []
  let end = 0
  const offsets = recorder.steps.map(({ params }) => {
    if (!params) return 0
    const key = params.data.join()
    const offset = known.get(key) ?? end
    if (offset < end) return offset
    known.set(key, offset)
    blocks.push({ offset, data: params.data })
    end += Math.ceil(params.data.length / BINDING_ALIGNMENT) * BINDING_ALIGNMENT
    return offset
  })
  if (end === 0) return { buffer: undefined, offsets }
  const buffer = device.memory.create(end, BufferUsage.UNIFORM | BufferUsage.COPY_DST, `${label} parameters`)
  buffers.push(buffer)
  const bytes = new Uint8Array(end)
  for (const { offset, data } of blocks) bytes.set(data, offset)
  device.gpu.queue.writeBuffer(buffer, 0, bytes)
  return { buffer, offsets }
}

function makePoison({ device, lifetimes, buffers }: Plan, label: string): GPUBuffer | undefined {
  const bytes = Math.max(0, ...[...lifetimes.values()].map((lifetime) => lifetime.bytes))
  if (bytes === 0) return undefined
  const buffer = device.memory.create(bytes, BufferUsage.COPY_SRC | BufferUsage.COPY_DST, `${label} poison`)
  buffers.push(buffer)
  device.gpu.queue.writeBuffer(buffer, 0, new Uint32Array(bytes / 4).fill(0x7fc00000))
  return buffer
}

function encodeStep(plan: Plan, step: Step, index: number, parameters: ParameterArena): EncodedStep {
  const compiled = plan.compiled.get(step.kernel)
  if (!compiled) throw new BindingError(`${step.label}: kernel ${step.kernel.name} was not compiled`)
  const entries: GPUBindGroupEntry[] = step.tensors.map(({ binding, tensor }) => {
    return { binding, resource: { buffer: tensor.storage.buffer, offset: tensor.byteOffset, size: tensor.bytes } }
  })
  if (step.params && parameters.buffer) {
    const offset = parameters.offsets[index] ?? 0
    const resource = { buffer: parameters.buffer, offset, size: step.params.data.length }
    entries.push({ binding: step.params.binding, resource })
  }
  const fresh = [...new Set(step.tensors.map(({ tensor }) => tensor.storage))]
    .filter((storage) => plan.lifetimes.get(storage)?.first === index)
    .map((storage) => ({ buffer: storage.buffer, bytes: storage.bytes }))
  return {
    label: step.label,
    kernel: step.kernel.name,
    pipeline: compiled.pipeline,
    group: plan.device.gpu.createBindGroup({ label: step.label, layout: compiled.layout, entries }),
    workgroups: step.workgroups,
    flops: step.flops,
    bytes: step.bytes,
    fresh,
  }
}
