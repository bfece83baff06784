// A tensor on the device: a shape and an element type over a range of a storage. Views (reshape, samples) share the storage.
// A storage made by a Recorder is virtual: it gets its buffer when the capture ends, and may share that buffer with others.

import { ArgumentError, BindingError, ShapeError } from './errors.ts'
import { show } from './message.ts'

/** `f16` is storage: kernels compute in f32. */
export type DType = 'f32' | 'f16' | 'u32' | 'i32'

/** Halves are handed over as their bits. */
export type TensorData = Float32Array | Uint16Array | Uint32Array | Int32Array

/** Bytes of an element. */
export const elementBytes: Readonly<Record<DType, number>> = { f32: 4, f16: 2, u32: 4, i32: 4 }

/** Bytes that are copied and bound: in words of four, which an odd number of halves does not fill. */
export function wholeWords(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

/** Offsets of storage and uniform bindings: the limit that every WebGPU device keeps, on all machines alike. */
export const bindingAlignment = 256

/** Memory behind one or more tensors. `owner` is the recorder of a virtual storage, undefined for one made by the device. */
export class Storage {
  readonly bytes: number
  readonly label: string
  readonly owner: object | undefined
  #buffer: GPUBuffer | undefined
  #span: number
  #gone = 'has no memory before its capture ends'

  constructor(bytes: number, label: string, source: { buffer: GPUBuffer } | { owner: object }) {
    this.bytes = bytes
    this.label = label
    if ('buffer' in source) this.#buffer = source.buffer
    else this.owner = source.owner
    this.#span = this.#buffer?.size ?? bytes
  }

  /** Bytes of the buffer that it has or will get: windows on the storage may go beyond its own bytes. */
  get span(): number {
    return this.#span
  }

  /** Makes the buffer of a virtual storage at least that large. Does nothing once there is a buffer. */
  reserve(bytes: number): void {
    if (!this.#buffer) this.#span = Math.max(this.#span, bytes)
  }

  /** @throws BindingError if the storage has been released, or is virtual and has no memory (yet, or any more). */
  get buffer(): GPUBuffer {
    if (!this.#buffer) throw new BindingError(`Tensor \`${this.label}\` ${this.#gone}`)
    return this.#buffer
  }

  get resident(): boolean {
    return this.#buffer !== undefined
  }

  /** Gives a virtual storage its buffer. */
  place(buffer: GPUBuffer): void {
    this.#buffer = buffer
  }

  /** Takes the buffer away; later uses throw with this reason. */
  vacate(reason: string): GPUBuffer | undefined {
    const buffer = this.#buffer
    this.#buffer = undefined
    this.#gone = reason
    return buffer
  }
}

/** A dense row-major tensor on the device; activations are `[N, H, W, C]`. */
export class GpuTensor {
  readonly storage: Storage
  readonly shape: readonly number[]
  readonly dtype: DType
  /** Where it begins in its storage. */
  readonly byteOffset: number
  readonly bytes: number
  readonly label: string

  constructor(storage: Storage, shape: readonly number[], dtype: DType, byteOffset = 0) {
    this.storage = storage
    this.shape = [...shape]
    this.dtype = dtype
    this.byteOffset = byteOffset
    this.bytes = elementCount(shape, storage.label) * elementBytes[dtype]
    this.label = storage.label
  }

  /** Number of elements. */
  get size(): number {
    return this.bytes / elementBytes[this.dtype]
  }

  /** The same elements under another shape. @throws ShapeError if the number of elements differs */
  reshape(shape: readonly number[]): GpuTensor {
    if (elementCount(shape, this.label) !== this.size) {
      throw new ShapeError(
        `Tensor \`${this.label}\` [${this.shape}] cannot be reshaped to [${shape}]: element counts differ`,
      )
    }
    return new GpuTensor(this.storage, shape, this.dtype, this.byteOffset)
  }

  /**
   * The view of all elements from a byte on, flat.
   * @throws ShapeError if the byte is outside the tensor, or cannot be bound (a multiple of 256)
   */
  from(byte: number): GpuTensor {
    const byteOffset = this.byteOffset + byte
    if (!(byte >= 0 && byte < this.bytes) || byteOffset % bindingAlignment !== 0) {
      throw new ShapeError(
        `Byte ${byte} of tensor \`${this.label}\` of ${this.bytes} bytes cannot be bound: it must lie inside, and ` +
          `${byteOffset} be a multiple of ${bindingAlignment}`,
      )
    }
    return new GpuTensor(this.storage, [(this.bytes - byte) / elementBytes[this.dtype]], this.dtype, byteOffset)
  }

  /**
   * The view of samples `start .. start + count` of the first dimension.
   * @throws ShapeError if the range is outside the tensor, or begins at a byte that cannot be bound (a multiple of 256)
   */
  samples(start: number, count: number): GpuTensor {
    const [batch = 0, ...rest] = this.shape
    if (!Number.isInteger(start) || !Number.isInteger(count) || start < 0 || count < 1 || start + count > batch) {
      throw new ShapeError(`Samples ${start} to ${start + count} lie outside tensor \`${this.label}\` [${this.shape}]`)
    }
    const byteOffset = this.byteOffset + start * (this.bytes / batch)
    if (byteOffset % bindingAlignment !== 0) {
      throw new ShapeError(
        `Sample ${start} of tensor \`${this.label}\` [${this.shape}] begins at byte ${byteOffset}, ` +
          `which is not a multiple of ${bindingAlignment}`,
      )
    }
    return new GpuTensor(this.storage, [count, ...rest], this.dtype, byteOffset)
  }
}

/** Product of the dimensions. @throws ShapeError unless all are positive integers */
export function elementCount(shape: readonly number[], label: string): number {
  let count = 1
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 1) {
      throw new ShapeError(`Tensor \`${label}\` has shape [${shape}]; dimensions must be positive integers`)
    }
    count *= dimension
  }
  return count
}

const dtypes: Readonly<Record<string, DType>> = {
  Float32Array: 'f32',
  Uint16Array: 'f16',
  Uint32Array: 'u32',
  Int32Array: 'i32',
}

/** Element type of a typed array, of another realm's (a frame's, a `vm` context's), too. @throws ArgumentError for other data */
export function dtypeOf(data: TensorData): DType {
  const kind = ArrayBuffer.isView(data) ? data[Symbol.toStringTag] : undefined
  const dtype = kind !== undefined && Object.hasOwn(dtypes, kind) ? dtypes[kind] : undefined
  if (dtype) return dtype
  throw new ArgumentError(
    `the data of a tensor are ${kind ?? show(data)}, expected one of ${Object.keys(dtypes).join(', ')}`,
  )
}
