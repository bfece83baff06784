// One rank of the cases on MPI: exchanges gradients, or trains a small model, and prints on rank 0 how long that took.

import { MpiCollective } from '../../tools/distributed/mpi-collective.ts'
import { launchedBy, MpiLibrary } from '../../tools/distributed/mpi-library.ts'
import { openTrainer } from '../cases/training.ts'
import { childRequest } from '../child.ts'
import { median } from '../stopwatch.ts'

/** What a rank is asked for. */
export interface MpiRequest {
  /** Bytes to exchange again and again; absent: a model is trained. */
  readonly bytes?: number
  readonly repeats: number
}

/** Milliseconds of a repetition, and of it those that an exchange was under way. */
export interface MpiTimes {
  readonly ms: number
  readonly exchangeMs: number
  /** That a rank gives to an exchange. */
  readonly bytes: number
}

const bucketBytes = 25 * 1024 * 1024
const warmUp = 2

async function exchangeTimes(collective: MpiCollective, bytes: number, repeats: number): Promise<MpiTimes> {
  const buckets: Float32Array[] = []
  for (let left = bytes; left > 0; left -= bucketBytes) buckets.push(new Float32Array(Math.min(left, bucketBytes) / 4))
  const times: number[] = []
  for (let k = 0; k < repeats + warmUp; k++) {
    await collective.allGather('a common start', new Uint8Array(0))
    const start = performance.now()
    await Promise.all(buckets.map((bucket) => collective.sum(bucket)))
    times.push(performance.now() - start)
  }
  const ms = median(times.slice(warmUp))
  return { ms, exchangeMs: ms, bytes }
}

async function stepTimes(collective: MpiCollective | undefined, repeats: number): Promise<MpiTimes> {
  let [exchangeMs, bytes] = [0, 0]
  const exchange = collective && {
    ranks: collective.ranks,
    async sum(values: Float32Array) {
      const start = performance.now()
      await collective.sum(values)
      exchangeMs += performance.now() - start
      bytes += values.byteLength
    },
  }
  const { device, trainer, step } = await openTrainer('tiny', 2, exchange)
  await trainer.startEpoch(0)
  for (let k = 0; k < warmUp; k++) await step()
  ;[exchangeMs, bytes] = [0, 0]
  const times: number[] = []
  for (let k = 0; k < repeats; k++) {
    const start = performance.now()
    await step()
    times.push(performance.now() - start)
  }
  trainer.release()
  await device.close()
  return { ms: median(times), exchangeMs: exchangeMs / repeats, bytes: bytes / repeats }
}

const { bytes, repeats } = childRequest<MpiRequest>()
const family = launchedBy(process.env)
const collective = family && (await MpiCollective.open(MpiLibrary.open(family), { patience: 300_000 }))
const times =
  bytes !== undefined && collective
    ? await exchangeTimes(collective, bytes, repeats)
    : await stepTimes(collective, repeats)
if ((collective?.rank ?? 0) === 0) process.stdout.write(`${JSON.stringify(times)}\n`)
await collective?.close()
