// Data-parallel training as the trainer sees it: several processes step on parts of a batch, and before each update their
// gradients are added up, bucket by bucket, each as soon as the backward pass has come past its gradients. What carries the
// numbers (MPI, in the command line) is behind an interface. Source of the idea: Li et al., PyTorch Distributed, VLDB 2020.

import type { Device } from '../gpu/device.ts'
import type { Program } from '../gpu/program.ts'
import type { GpuTensor } from '../gpu/tensor.ts'

/** The processes that train one model together; every one of them makes the same calls in the same order. */
export interface GradientExchange {
  /** How many ranks there are. */
  readonly ranks: number
  /**
   * Adds up the values of all ranks in the order of ranks, element by element in float32, and puts the sums in their place:
   * the same bits on every rank. Several may be under way.
   */
  sum(values: Float32Array): Promise<void>
  /** Bytes that a bucket of gradients has at most, unless a single gradient is larger. Default: 25 MiB. */
  readonly bucketBytes?: number
}

/** A sum of gradients that is complete after so many dispatches of a step. */
export interface Gathered {
  readonly tensor: GpuTensor
  readonly dispatches: number
}

/** PyTorch's first guess. */
const usualBucketBytes = 25 * 1024 * 1024

interface Bucket {
  readonly tensors: readonly GpuTensor[]
  /** Dispatches of the step, after which all of them are complete. */
  readonly dispatches: number
  readonly host: Float32Array<ArrayBuffer>
}

/** Exchanges the values of tensors on the device. */
export class BucketExchange {
  readonly #device: Device
  readonly #exchange: GradientExchange
  readonly #buckets: readonly Bucket[]

  /** @param gathered f32, in the same order on all ranks: consecutive ones fill a bucket */
  constructor(device: Device, exchange: GradientExchange, gathered: readonly Gathered[]) {
    this.#device = device
    this.#exchange = exchange
    this.#buckets = bucketsOf(gathered, exchange.bucketBytes ?? usualBucketBytes).map((members) => {
      const tensors = members.map(({ tensor }) => tensor)
      const size = tensors.reduce((sum, tensor) => sum + tensor.size, 0)
      return { tensors, dispatches: members.at(-1)?.dispatches ?? 0, host: new Float32Array(size) }
    })
  }

  /** Bytes that each rank gives to an exchange. */
  get bytes(): number {
    return this.#buckets.reduce((sum, { host }) => sum + host.byteLength, 0)
  }

  /**
   * Submits a step in parts, and adds up each bucket over all ranks while the device computes the parts that follow.
   * All of the step is submitted when it returns its promise; that ends when the sums are in the tensors, for whatever is
   * submitted next.
   */
  async run(step: Pick<Program<unknown>, 'run'>): Promise<void> {
    let done = 0
    let before: Promise<void> = Promise.resolve()
    const sums = this.#buckets.map((bucket) => {
      step.run(done, bucket.dispatches)
      done = bucket.dispatches
      const reading = this.#device.readAll(bucket.tensors)
      // Exchanges begin in the same order on all ranks.
      const read = Promise.all([reading, before]).then(([values]) => bucket.host.set(new Float32Array(values)))
      before = read
      return read.then(async () => await this.#sum(bucket))
    })
    step.run(done)
    await Promise.all(sums)
  }

  async #sum({ tensors, host }: Bucket): Promise<void> {
    await this.#exchange.sum(host)
    let start = 0
    for (const tensor of tensors) {
      this.#device.write(tensor, host.subarray(start, start + tensor.size))
      start += tensor.size
    }
  }
}

/** Consecutive sums together, as many as fit. */
export function bucketsOf<T extends { readonly tensor: { readonly bytes: number } }>(
  gathered: readonly T[],
  bucketBytes: number,
): T[][] {
  const buckets: T[][] = []
  let filled = 0
  for (const each of gathered) {
    const { bytes } = each.tensor
    const last = buckets.at(-1)
    const fits = last !== undefined && filled + bytes <= bucketBytes
    filled = fits ? filled + bytes : bytes
    if (fits) last.push(each)
    else buckets.push([each])
  }
  return buckets
}
