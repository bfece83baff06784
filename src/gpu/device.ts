// The device: owns the GPU object, the buffers and the compiled kernels, and turns every way in which a GPU can fail into an
// error class. Nothing hangs and nothing is swallowed: work pending when the device ends rejects, and an error that WebGPU
// reports out of band is thrown by the next call. `close()` destroys it, after which Node exits by itself.

import './webgpu-names.ts'
import { type AdapterFacts, adapterFacts, type DeviceOptions, deviceDescriptor } from './adapter.ts'
import {
  BindingError,
  DeviceClosedError,
  DeviceLostError,
  OutOfMemoryError,
  ShapeError,
  SiamRpnError,
  WebGpuError,
} from './errors.ts'
import { Memory, mapModeRead, tensorUsage } from './memory.ts'
import { KernelCache } from './pipelines.ts'
import { findGpu, noAdapter } from './provider.ts'
import {
  type DType,
  dtypeOf,
  elementBytes,
  elementCount,
  GpuTensor,
  Storage,
  type TensorData,
  wholeWords,
} from './tensor.ts'

export type { AdapterFacts, DeviceOptions } from './adapter.ts'

/** How long a failed call waits for WebGPU to say that the device is lost, in milliseconds. */
const lostGrace = 100

/**
 * Opens a device with the adapter's largest limits and the optional features that the kernels know
 * (`shader-f16`, `subgroups`, `timestamp-query`, subgroup matrices).
 * @throws NoAdapterError if no adapter answers; its message says what was tried and how to install a driver
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const { gpu, name } = await findGpu(options)
  let adapter: GPUAdapter | null
  let device: GPUDevice
  try {
    adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' })
    if (!adapter) throw noAdapter(name)
    device = await adapter.requestDevice(deviceDescriptor(adapter, options.hideFeatures))
  } catch (cause) {
    throw cause instanceof SiamRpnError ? cause : noAdapter(name, cause)
  }
  return new Device(device, adapterFacts(adapter, device, gpu.wgslLanguageFeatures, options), {
    ...options,
    gpu,
    openTwin: () => openDevice({ ...options, gpu }),
  })
}

/** What a device knows of how it was opened. */
export interface DeviceParts {
  readonly gpu: GPU
  readonly stopsThread?: boolean
  readonly openTwin?: () => Promise<Device>
}

export class Device {
  readonly gpu: GPUDevice
  readonly adapter: AdapterFacts
  /** Resolves if the device is lost; never after a plain `close()`. */
  readonly lost: Promise<DeviceLostError>
  /** Bytes of all buffers of this device (weights, arenas, parameters, staging), now and at most. */
  readonly memory: Memory
  /** Compiled kernels, each once per specialised text. */
  readonly kernels: KernelCache
  /** Kept referenced for the life of the device (see provider.ts). */
  readonly provider: GPU
  /** Whether waiting for a software adapter may stop the host's thread; see `DeviceOptions`. */
  readonly stopsThread: boolean
  /** Opens another device on the same adapter in the same way; absent where that is not known. */
  readonly openTwin: (() => Promise<Device>) | undefined
  readonly #listener = (event: Event): void => {
    event.preventDefault()
    this.#fail(toError((event as GPUUncapturedErrorEvent).error))
  }
  #ended: DeviceLostError | DeviceClosedError | undefined
  #failure: SiamRpnError | undefined
  #closing: Promise<void> | undefined
  readonly #attached = new Map<new () => object, object>()
  readonly #pending = new Set<(reason: SiamRpnError) => void>()

  constructor(gpu: GPUDevice, adapter: AdapterFacts, options: DeviceParts) {
    this.gpu = gpu
    this.adapter = adapter
    this.provider = options.gpu
    this.stopsThread = options.stopsThread ?? true
    this.openTwin = options.openTwin
    this.memory = new Memory(gpu, adapter.maxBufferBytes, (error) => this.#fail(error))
    this.kernels = new KernelCache(this)
    this.lost = new Promise((resolve) => {
      gpu.lost.then(({ reason, message }) => {
        if (this.#ended) return
        const error = new DeviceLostError(`The device \`${adapter.description}\` was lost (${reason}): ${message}`)
        this.#end(error)
        resolve(error)
      })
    })
    gpu.addEventListener('uncapturederror', this.#listener)
  }

  /**
   * Uploads `data` as a new tensor.
   * @param margin bytes of memory behind it, for windows on its end
   * @throws ShapeError if the shape does not have as many elements
   */
  tensor(data: TensorData, shape: readonly number[], label = 'tensor', margin = 0): GpuTensor {
    if (elementCount(shape, label) !== data.length) {
      throw new ShapeError(
        `Tensor \`${label}\` [${shape}] needs ${elementCount(shape, label)} elements, found ${data.length}`,
      )
    }
    const tensor = this.empty(shape, dtypeOf(data), label, margin)
    this.write(tensor, data)
    return tensor
  }

  /** A new zero-filled tensor. @param margin bytes of memory behind it, for windows on its end */
  empty(shape: readonly number[], dtype: DType = 'f32', label = 'tensor', margin = 0): GpuTensor {
    this.check()
    const bytes = wholeWords(elementCount(shape, label) * elementBytes[dtype])
    const storage = new Storage(bytes, label, { buffer: this.memory.create(bytes + margin, tensorUsage, label) })
    return new GpuTensor(storage, shape, dtype)
  }

  /**
   * Copies the bytes of `data` to `byteOffset` (a multiple of 4) of the tensor, before whatever runs next. If their number
   * is not a multiple of 4, up to 3 zero bytes follow.
   * @throws BindingError if they do not fit in the tensor
   */
  write(tensor: GpuTensor, data: ArrayBufferView, byteOffset = 0): void {
    this.check()
    const end = byteOffset + wholeWords(data.byteLength)
    if (byteOffset % 4 !== 0 || byteOffset < 0 || end > wholeWords(tensor.bytes)) {
      throw new BindingError(
        `Cannot write ${data.byteLength} bytes at byte ${byteOffset} of tensor \`${tensor.label}\` of ${tensor.bytes} bytes`,
      )
    }
    const whole = data.byteLength & ~3
    const start = tensor.byteOffset + byteOffset
    const source = data.buffer as ArrayBuffer
    if (whole > 0) this.gpu.queue.writeBuffer(tensor.storage.buffer, start, source, data.byteOffset, whole)
    if (whole === data.byteLength) return
    const tail = new Uint8Array(4)
    tail.set(new Uint8Array(source, data.byteOffset + whole, data.byteLength - whole))
    this.gpu.queue.writeBuffer(tensor.storage.buffer, start + whole, tail)
  }

  /**
   * Copies the tensor's elements back to the host, after all work submitted so far.
   * @throws the error of that work if it failed; DeviceLostError, DeviceClosedError
   */
  async read(tensor: GpuTensor): Promise<TensorData> {
    const words = await this.readBytes(tensor.storage.buffer, tensor.byteOffset, wholeWords(tensor.bytes))
    const bytes = words.slice(0, tensor.bytes)
    if (tensor.dtype === 'f32') return new Float32Array(bytes)
    if (tensor.dtype === 'f16') return new Uint16Array(bytes)
    return tensor.dtype === 'u32' ? new Uint32Array(bytes) : new Int32Array(bytes)
  }

  /** `read` of an f32 tensor. @throws BindingError for any other */
  async readF32(tensor: GpuTensor): Promise<Float32Array> {
    const data = await this.read(tensor)
    if (data instanceof Float32Array) return data
    throw new BindingError(`Tensor \`${tensor.label}\` is ${tensor.dtype}, expected f32`)
  }

  /** Copies a range of any buffer with usage COPY_SRC to the host. */
  async readBytes(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    return await this.#readRanges([{ buffer, offset, bytes }])
  }

  /** Copies the elements of several tensors to the host in one go, one behind the other. @throws as `read` */
  async readAll(tensors: readonly GpuTensor[]): Promise<ArrayBuffer> {
    return await this.#readRanges(
      tensors.map(({ storage, byteOffset, bytes }) => ({ buffer: storage.buffer, offset: byteOffset, bytes })),
    )
  }

  async #readRanges(ranges: readonly { buffer: GPUBuffer; offset: number; bytes: number }[]): Promise<ArrayBuffer> {
    this.check()
    const total = ranges.reduce((sum, { bytes }) => sum + bytes, 0)
    const staging = this.memory.takeStaging(total)
    const encoder = this.gpu.createCommandEncoder({ label: 'read' })
    let start = 0
    for (const { buffer, offset, bytes } of ranges) {
      encoder.copyBufferToBuffer(buffer, offset, staging, start, bytes)
      start += bytes
    }
    this.gpu.queue.submit([encoder.finish()])
    await this.guard(staging.mapAsync(mapModeRead, 0, total))
    const copy = staging.getMappedRange(0, total).slice(0)
    staging.unmap()
    this.memory.giveStaging(staging)
    await this.settle()
    return copy
  }

  /** Copies all elements of one tensor to another of as many bytes, on the device, before whatever runs next. */
  copy(from: GpuTensor, to: GpuTensor): void {
    this.check()
    if (from.bytes !== to.bytes) {
      throw new BindingError(
        `Cannot copy tensor \`${from.label}\` of ${from.bytes} bytes to \`${to.label}\` of ${to.bytes} bytes`,
      )
    }
    this.copyInto(from, to, 0)
  }

  /**
   * Copies all elements of one tensor to `byteOffset` (a multiple of 4) of a larger one, on the device, before whatever runs
   * next. @throws BindingError if they do not fit there
   */
  copyInto(from: GpuTensor, to: GpuTensor, byteOffset: number): void {
    this.check()
    if (byteOffset % 4 !== 0 || byteOffset < 0 || byteOffset + from.bytes > to.bytes) {
      throw new BindingError(
        `Cannot copy tensor \`${from.label}\` of ${from.bytes} bytes to byte ${byteOffset} of \`${to.label}\` ` +
          `of ${to.bytes} bytes`,
      )
    }
    const encoder = this.gpu.createCommandEncoder({ label: 'copy' })
    const start = to.byteOffset + byteOffset
    encoder.copyBufferToBuffer(from.storage.buffer, from.byteOffset, to.storage.buffer, start, from.bytes)
    this.gpu.queue.submit([encoder.finish()])
  }

  /** Frees the tensor's memory; views of it go with it. Does nothing for tensors that a program owns. */
  release(tensor: GpuTensor): void {
    if (tensor.storage.owner) return
    const buffer = tensor.storage.vacate('has been released')
    if (buffer) this.memory.destroy(buffer)
  }

  /** The one object of a class that belongs to this device, made when it is first asked for: what kernels keep with it. */
  attached<T extends object>(kind: new () => T): T {
    const known = this.#attached.get(kind)
    if (known instanceof kind) return known
    const made = new kind()
    this.#attached.set(kind, made)
    return made
  }

  /** Why the device cannot be used any more, if so. */
  get ended(): DeviceLostError | DeviceClosedError | undefined {
    return this.#ended
  }

  /**
   * @throws DeviceClosedError, DeviceLostError, or the last error that WebGPU reported out of band (once). While the driver has not
   * answered for every buffer, only that one was refused: other errors may follow from a refusal that is yet to be told
   */
  check(): void {
    if (this.#ended) throw this.#ended
    const failure = this.#failure
    if (this.memory.unanswered && !(failure instanceof OutOfMemoryError)) return
    this.#failure = undefined
    if (failure) throw failure
  }

  /** Resolves once the driver has granted every buffer made so far. @throws OutOfMemoryError; as `check` */
  async settle(): Promise<void> {
    await this.guard(this.memory.settle())
    if (this.#failure) await this.guard(this.#told())
    this.check()
  }

  /** `work`, but rejecting with the device's own error as soon as the device is lost or closed. */
  async guard<T>(work: Promise<T>): Promise<T> {
    let abandon: (reason: SiamRpnError) => void = () => {}
    const ended = new Promise<never>((_, reject) => {
      abandon = reject
    })
    this.#pending.add(abandon)
    try {
      return await Promise.race([work, ended])
    } catch (error) {
      if (!(error instanceof SiamRpnError)) await Promise.race([this.lost, delay(lostGrace)])
      this.check()
      throw error
    } finally {
      this.#pending.delete(abandon)
    }
  }

  /** Destroys the device and all of its memory. Work still pending rejects with DeviceClosedError. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    if (!this.#ended) this.#end(new DeviceClosedError(`The device \`${this.adapter.description}\` has been closed`))
    this.gpu.destroy()
    await this.gpu.lost
    this.gpu.removeEventListener('uncapturederror', this.#listener) // Dawn keeps what has listeners alive for ever
    this.memory.clear()
  }

  #end(error: DeviceLostError | DeviceClosedError): void {
    this.#ended = error
    for (const reject of this.#pending) reject(error)
    this.#pending.clear()
  }

  /** Resolves once the driver has told all errors so far: work with a refused buffer has errors of its own, told after it. */
  async #told(): Promise<void> {
    this.gpu.pushErrorScope('validation')
    await this.gpu.popErrorScope()
  }

  /** Of several errors the first is kept, but out of memory counts before what followed from it. */
  #fail(error: SiamRpnError): void {
    const kept = this.#failure
    if (!kept || (error instanceof OutOfMemoryError && !(kept instanceof OutOfMemoryError))) this.#failure = error
  }
}

function toError(error: GPUError): SiamRpnError {
  const outOfMemory = error.constructor.name === 'GPUOutOfMemoryError'
  return outOfMemory ? new OutOfMemoryError(error.message) : new WebGpuError(`WebGPU reports: ${error.message}`)
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
