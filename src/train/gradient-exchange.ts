// Data-parallel training as the trainer sees it: several processes step on parts of a batch, and before each update their
// gradients are added up, bucket by bucket. What carries the numbers (MPI, in the command line) is behind an interface.
// Source of the idea: Li et al., PyTorch Distributed, VLDB 2020.

import type { Device } from '../gpu/device.ts'
import type { GpuTensor } from '../gpu/tensor.ts'

/** The processes that train one model together; every one of them makes the same calls in the same order. */
export interface GradientExchange {
  /** How many there are. */
  readonly ranks: number
  /**
   * Adds up the values of all ranks in the order of ranks, element by element in float32, and puts the sums in their place:
   * the same bits on every rank. Several may be under way.
   */
  sum(values: Float32Array): Promise<void>
}

/** Bytes of a bucket, unless a single gradient is larger: PyTorch's first guess. */
const mostBucketBytes = 25 * 1024 * 1024

interface Bucket {
  readonly tensors: readonly GpuTensor[]
  readonly host: Float32Array<ArrayBuffer>
}

/** Exchanges the values of tensors on the device. */
export class BucketExchange {
  readonly #device: Device
  readonly #exchange: GradientExchange
  readonly #buckets: readonly Bucket[]

  /** @param tensors f32, in the same order on all ranks: consecutive ones fill a bucket */
  constructor(
    device: Device,
    exchange: GradientExchange,
    tensors: readonly GpuTensor[],
    bucketBytes = mostBucketBytes,
  ) {
    this.#device = device
    this.#exchange = exchange
    this.#buckets = bucketsOf(tensors, bucketBytes).map((members) => {
      const size = members.reduce((sum, tensor) => sum + tensor.size, 0)
      return { tensors: members, host: new Float32Array(size) }
    })
  }

  /** Bytes that each rank gives to an exchange. */
  get bytes(): number {
    return this.#buckets.reduce((sum, { host }) => sum + host.byteLength, 0)
  }

  /** Copies what the tensors hold after all work submitted so far to the host. */
  async read(): Promise<void> {
    const read = async ({ tensors, host }: Bucket) => {
      host.set(new Float32Array(await this.#device.readAll(tensors)))
    }
    await Promise.all(this.#buckets.map(read))
  }

  /** Adds up what was read over all ranks, and puts the sums into the tensors for whatever is submitted next. */
  async sum(): Promise<void> {
    const sum = async ({ tensors, host }: Bucket) => {
      await this.#exchange.sum(host)
      let start = 0
      for (const tensor of tensors) {
        this.#device.write(tensor, host.subarray(start, start + tensor.size))
        start += tensor.size
      }
    }
    await Promise.all(this.#buckets.map(sum))
  }
}

/** Consecutive tensors together, as many as fit. */
export function bucketsOf<T extends { readonly bytes: number }>(tensors: readonly T[], bucketBytes: number): T[][] {
  const buckets: T[][] = []
  let filled = 0
  for (const tensor of tensors) {
    const last = buckets.at(-1)
    const fits = last !== undefined && filled + tensor.bytes <= bucketBytes
    filled = fits ? filled + tensor.bytes : tensor.bytes
    if (fits) last.push(tensor)
    else buckets.push([tensor])
  }
  return buckets
}
