// All buffers of a device pass through here: counted, limited, and created inside an out-of-memory error scope, so that a
// failed allocation becomes an OutOfMemoryError with names and numbers. Numeric usage flags: Node has no GPUBufferUsage.

import { OutOfMemoryError, type SiamRpnError } from './errors.ts'

export const bufferUsage = {
  MAP_READ: 0x0001,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
  QUERY_RESOLVE: 0x0200,
} as const

export const mapModeRead = 1

/** Usage of a tensor's buffer: bound by kernels, as windows too, written from and read back to the host. */
export const tensorUsage = bufferUsage.STORAGE | bufferUsage.UNIFORM | bufferUsage.COPY_SRC | bufferUsage.COPY_DST

const pooledBytes = 1 << 20

export class Memory {
  readonly #gpu: GPUDevice
  readonly #maxBufferBytes: number
  readonly #fail: (error: SiamRpnError) => void
  readonly #pending = new Set<Promise<void>>()
  readonly #live = new Set<GPUBuffer>()
  readonly #staging: GPUBuffer[] = []
  #bytes = 0
  #peakBytes = 0

  constructor(gpu: GPUDevice, maxBufferBytes: number, fail: (error: SiamRpnError) => void) {
    this.#gpu = gpu
    this.#maxBufferBytes = maxBufferBytes
    this.#fail = fail
  }

  /** Bytes of all buffers now alive: weights, arenas, parameters, staging. */
  get bytes(): number {
    return this.#bytes
  }

  get peakBytes(): number {
    return this.#peakBytes
  }

  /**
   * A zero-filled buffer of `bytes` (rounded up to 4).
   * @throws OutOfMemoryError above the adapter's largest buffer; an allocation that the driver refuses is reported by
   * the device's next call, or by `settle()`
   */
  create(bytes: number, usage: number, label: string): GPUBuffer {
    const size = Math.ceil(bytes / 4) * 4
    if (size > this.#maxBufferBytes) {
      throw new OutOfMemoryError(
        `Buffer \`${label}\` wants ${size} bytes, but the adapter's largest buffer is ${this.#maxBufferBytes} bytes ` +
          `(${this.#bytes} bytes in use)`,
      )
    }
    this.#gpu.pushErrorScope('out-of-memory')
    const buffer = this.#gpu.createBuffer({ size, usage, label })
    this.#watch(size, label)
    this.#live.add(buffer)
    this.#bytes += size
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes)
    return buffer
  }

  /** Frees the buffer, once. */
  destroy(buffer: GPUBuffer): void {
    if (!this.#live.delete(buffer)) return
    this.#bytes -= buffer.size
    buffer.destroy()
  }

  /** Whether the driver has yet to answer for a buffer. */
  get unanswered(): boolean {
    return this.#pending.size > 0
  }

  /** Resolves once the driver has answered for every buffer created so far. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending)
  }

  /** A mappable buffer of at least `bytes`, from the pool if one fits. */
  takeStaging(bytes: number): GPUBuffer {
    const index = this.#staging.findIndex((buffer) => buffer.size >= bytes)
    const [pooled] = index < 0 ? [] : this.#staging.splice(index, 1)
    const size = bytes <= pooledBytes ? Math.max(256, 2 ** Math.ceil(Math.log2(bytes))) : bytes
    return pooled ?? this.create(size, bufferUsage.MAP_READ | bufferUsage.COPY_DST, 'staging')
  }

  /** Gives back an unmapped staging buffer; small ones are kept for the next read. */
  giveStaging(buffer: GPUBuffer): void {
    if (buffer.size > pooledBytes) this.destroy(buffer)
    else {
      this.#staging.push(buffer)
      this.#staging.sort((a, b) => a.size - b.size)
    }
  }

  /** Forgets everything: the device is gone, and all of its buffers with it. */
  clear(): void {
    this.#live.clear()
    this.#staging.length = 0
    this.#bytes = 0
  }

  #watch(size: number, label: string): void {
    const inUse = this.#bytes
    const check = this.#gpu
      .popErrorScope()
      .then((error) => {
        if (!error) return
        const message = `Buffer \`${label}\` wants ${size} bytes with ${inUse} bytes in use: ${error.message}`
        this.#fail(new OutOfMemoryError(message))
      })
      .catch(() => {}) // a lost device reports itself
      .finally(() => this.#pending.delete(check))
    this.#pending.add(check)
  }
}
