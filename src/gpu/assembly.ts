// From a recording to something that can be encoded: lifetimes, buffers, the parameter arena and bind groups, all made once.
// Either everything is made, or an error is thrown and nothing is left allocated.

import type { Device } from './device.ts'
import { BindingError } from './errors.ts'
import type { CompiledKernel, Kernel } from './kernel.ts'
import { bufferUsage, tensorUsage } from './memory.ts'
import { type Lifetime, planMemory } from './planner.ts'
import type { Recorder, Step } from './recorder.ts'
import { bindingAlignment, type Storage } from './tensor.ts'
import type { OnKernel } from './warm-up.ts'

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
  readonly form: string | undefined
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: readonly [number, number, number]
  readonly flops: number
  readonly bytes: number
  readonly fresh: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[]
}

/** All that a program owns. */
export interface Assembly {
  readonly label: string
  readonly stats: ProgramStats
  readonly steps: readonly EncodedStep[]
  readonly buffers: readonly GPUBuffer[]
  readonly kept: readonly Storage[]
  readonly poison: GPUBuffer | undefined
}

interface Draft {
  readonly device: Device
  readonly recorder: Recorder
  readonly lifetimes: ReadonlyMap<Storage, Lifetime>
  readonly label: string
  /** Every buffer made so far. */
  readonly buffers: GPUBuffer[]
}

interface AssembleOptions {
  readonly label?: string
  readonly onProgress?: OnKernel
  readonly poison?: boolean
}

/** Compiles, allocates and binds what `recorder` has recorded. */
export async function assemble(device: Device, recorder: Recorder, options: AssembleOptions): Promise<Assembly> {
  const draft: Draft = {
    device,
    recorder,
    lifetimes: findLifetimes(recorder),
    label: options.label ?? 'program',
    buffers: [],
  }
  await device.settle()
  const kernels = recorder.steps.map((step) => step.kernel)
  const compiled = await device.kernels.compile(kernels, options.onProgress)
  try {
    return await build(draft, compiled, options.poison ?? false)
  } catch (error) {
    for (const storage of recorder.storages) storage.vacate(`belonged to program \`${draft.label}\`, which failed`)
    for (const buffer of draft.buffers) device.memory.destroy(buffer)
    throw error
  }
}

async function build(
  draft: Draft,
  compiled: ReadonlyMap<Kernel, CompiledKernel>,
  poisoned: boolean,
): Promise<Assembly> {
  const { device, recorder, label, buffers } = draft
  const arenaBytes = placeStorages(draft)
  const parameters = packParameters(draft)
  const poison = poisoned ? makePoison(draft) : undefined
  device.gpu.pushErrorScope('validation')
  const steps = recorder.steps.map((step, index) => {
    const fresh = freshBuffers(draft, step, index)
    return encodeStep(device, step, compiled.get(step.kernel), { parameters, index, fresh })
  })
  const error = await device.guard(device.gpu.popErrorScope())
  await device.settle() // first: where a buffer was refused, what binds it is invalid as well
  if (error) throw new BindingError(`Program \`${label}\`: ${error.message}`)
  const kept = recorder.storages.filter((storage) => recorder.kept.has(storage))
  for (const storage of recorder.storages) {
    if (recorder.kept.has(storage)) continue
    storage.vacate(`was an intermediate of program \`${label}\`, whose memory is reused; keep() it to use it later`)
  }
  const sum = (key: 'flops' | 'bytes') => recorder.steps.reduce((total, step) => total + step[key], 0)
  const parameterBytes = parameters.buffer?.size ?? 0
  const stats = { dispatches: steps.length, arenaBytes, parameterBytes, flops: sum('flops'), bytes: sum('bytes') }
  return { label, stats, steps, buffers, kept, poison }
}

/** Sizes of the buffers that the recording's intermediates would share, in bytes; allocates nothing. */
export function plannedBuffers(recorder: Recorder): readonly number[] {
  return planMemory([...findLifetimes(recorder).values()]).buffers
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
      lifetimes.set(storage, { bytes: storage.span, first: known?.first ?? index, last: index })
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

function placeStorages({ device, lifetimes, buffers, label }: Draft): number {
  const storages = [...lifetimes.keys()]
  const plan = planMemory([...lifetimes.values()])
  const arena = plan.buffers.map((bytes, k) => {
    const buffer = device.memory.create(bytes, tensorUsage, `${label} arena ${k}`)
    buffers.push(buffer)
    return buffer
  })
  storages.forEach((storage, index) => {
    const buffer = arena[plan.assignment[index] ?? -1]
    if (buffer) storage.place(buffer)
  })
  return arena.reduce((sum, buffer) => sum + buffer.size, 0)
}

/** Where each dispatch's parameters lie. */
interface ParameterArena {
  readonly buffer: GPUBuffer | undefined
  readonly offsets: readonly number[]
}

/** One uniform buffer with the parameters of all dispatches, equal blocks once. */
function packParameters({ device, recorder, buffers, label }: Draft): ParameterArena {
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
    end += Math.ceil(params.data.length / bindingAlignment) * bindingAlignment
    return offset
  })
  if (end === 0) return { buffer: undefined, offsets }
  const buffer = device.memory.create(end, bufferUsage.UNIFORM | bufferUsage.COPY_DST, `${label} parameters`)
  buffers.push(buffer)
  const bytes = new Uint8Array(end)
  for (const { offset, data } of blocks) bytes.set(data, offset)
  device.gpu.queue.writeBuffer(buffer, 0, bytes)
  return { buffer, offsets }
}

/** Not a number in single precision, and twice in half. */
const poisonBits = 0x7fc07fc0

function makePoison({ device, lifetimes, buffers, label }: Draft): GPUBuffer | undefined {
  const bytes = Math.max(0, ...[...lifetimes.values()].map((lifetime) => lifetime.bytes))
  if (bytes === 0) return undefined
  const buffer = device.memory.create(bytes, bufferUsage.COPY_SRC | bufferUsage.COPY_DST, `${label} poison`)
  buffers.push(buffer)
  device.gpu.queue.writeBuffer(buffer, 0, new Uint32Array(bytes / 4).fill(poisonBits))
  return buffer
}

/** The buffers that this dispatch is the first to write, for poisoning. */
function freshBuffers({ lifetimes }: Draft, step: Step, index: number): EncodedStep['fresh'] {
  const storages = new Set(step.tensors.map(({ tensor }) => tensor.storage))
  return [...storages]
    .filter((storage) => lifetimes.get(storage)?.first === index)
    .map((storage) => ({ buffer: storage.buffer, bytes: storage.bytes }))
}

interface Place {
  readonly parameters: ParameterArena
  readonly index: number
  readonly fresh: EncodedStep['fresh']
}

function encodeStep(device: Device, step: Step, compiled: CompiledKernel | undefined, place: Place): EncodedStep {
  const { label, form, workgroups, flops, bytes } = step
  if (!compiled) throw new BindingError(`${label}: kernel ${step.kernel.name} was not compiled`)
  const entries: GPUBindGroupEntry[] = step.tensors.map(({ binding, tensor, bytes: size }) => {
    return { binding, resource: { buffer: tensor.storage.buffer, offset: tensor.byteOffset, size } }
  })
  if (step.params && place.parameters.buffer) {
    const offset = place.parameters.offsets[place.index] ?? 0
    const resource = { buffer: place.parameters.buffer, offset, size: step.params.data.length }
    entries.push({ binding: step.params.binding, resource })
  }
  const group = device.gpu.createBindGroup({ label, layout: compiled.layout, entries })
  const { pipeline } = compiled
  return { label, kernel: step.kernel.name, form, pipeline, group, workgroups, flops, bytes, fresh: place.fresh }
}
