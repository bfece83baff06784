// Training data sets and what wraps them: RepeatDataset and concatenation as in mmdet/datasets/dataset_wrappers.py,
// RandomSampleConcatDataset as in mmtrack/datasets/dataset_wrappers.py.

import type { Random } from 'siamrpn'
import { DatasetError } from './errors.ts'
import type { PairDataset, PairRequest } from './pair.ts'
import { type PairSamplingOptions, samplePairOfTrack, samplePairOfTracks, samplePairOfVideo } from './pair-sampling.ts'
import type { TrackTable } from './tracks.ts'

/**
 * What sample `index` is: a pair of video `index` (SOTTrainDataset), of track `index`, or of any two tracks whatever the
 * index (PairSampling of MMTracking).
 */
export type PairUnit = 'video' | 'track' | 'any track'

/** Pairs of the frames of a table. */
export class TrackDataset implements PairDataset {
  readonly name: string
  readonly table: TrackTable
  readonly #unit: PairUnit
  readonly #options: PairSamplingOptions

  constructor(name: string, table: TrackTable, unit: PairUnit, options: PairSamplingOptions) {
    this.name = name
    this.table = table
    this.#unit = unit
    this.#options = options
    if (table.frames === 0) throw new DatasetError(`${name}: no frame with a usable box; ${describeTable(table)}`)
  }

  get length(): number {
    return this.#unit === 'video' ? this.table.videos : this.table.tracks
  }

  /** A folder of clips has few of them: as many pairs as frames that show the object. */
  get samplesPerEpoch(): number | undefined {
    return this.#unit === 'track' ? this.table.frames : undefined
  }

  sample(index: number, random: Random): PairRequest {
    const { table } = this
    const options = this.#options
    if (this.#unit === 'video') return samplePairOfVideo(table, options, index, random)
    return this.#unit === 'track'
      ? samplePairOfTrack(table, options, index, random)
      : samplePairOfTracks(table, options, random)
  }

  /** Its size and what was left out, in one line. */
  describe(): string {
    return `${this.name}: ${describeTable(this.table)}`
  }
}

function describeTable({ videos, tracks, frames, leftOut }: TrackTable): string {
  const out = Object.entries(leftOut).filter(([, count]) => count > 0)
  const tail = out.length > 0 ? `; left out: ${out.map(([reason, count]) => `${count} ${reason}`).join(', ')}` : ''
  return `${videos} videos, ${tracks} tracks, ${frames} boxes${tail}`
}

/** A data set several times over in one epoch. */
export class RepeatDataset implements PairDataset {
  readonly length: number
  readonly #dataset: PairDataset

  constructor(dataset: PairDataset, times: number) {
    if (!Number.isSafeInteger(times) || times < 1) throw new DatasetError(`repeated ${times} times, expected 1 or more`)
    this.#dataset = dataset
    this.length = dataset.length * times
  }

  startEpoch(epoch: number, seed: number): void {
    this.#dataset.startEpoch?.(epoch, seed)
  }

  sample(index: number, random: Random): PairRequest {
    return this.#dataset.sample(index % this.#dataset.length, random)
  }
}

/** Data sets one after the other. */
export class ConcatDataset implements PairDataset {
  readonly length: number
  readonly #datasets: readonly PairDataset[]

  constructor(datasets: readonly PairDataset[]) {
    this.#datasets = datasets
    this.length = totalLength(datasets)
  }

  startEpoch(epoch: number, seed: number): void {
    for (const dataset of this.#datasets) dataset.startEpoch?.(epoch, seed)
  }

  sample(index: number, random: Random): PairRequest {
    let rest = index
    for (const dataset of this.#datasets) {
      if (rest < dataset.length) return dataset.sample(rest, random)
      rest -= dataset.length
    }
    throw new RangeError(`sample ${index} of ${this.length}`)
  }
}

/** Every sample comes from a data set drawn by weight, at an index drawn too; the sample's own index plays no part. */
export class RandomSampleConcatDataset implements PairDataset {
  readonly length: number
  readonly #datasets: readonly PairDataset[]
  readonly #weights: readonly number[]
  readonly #total: number

  /** @param weights one per data set, not negative, not all 0 (equal) */
  constructor(datasets: readonly PairDataset[], weights: readonly number[] = datasets.map(() => 1)) {
    this.#total = weights.reduce((sum, weight) => sum + weight, 0)
    if (weights.length !== datasets.length || weights.some((weight) => !(weight >= 0)) || !(this.#total > 0)) {
      throw new DatasetError(
        `sampling weights [${weights.join(', ')}], expected ${datasets.length} numbers, none negative, not all 0`,
      )
    }
    this.#datasets = datasets
    this.#weights = weights
    this.length = totalLength(datasets)
  }

  startEpoch(epoch: number, seed: number): void {
    for (const dataset of this.#datasets) dataset.startEpoch?.(epoch, seed)
  }

  sample(_index: number, random: Random): PairRequest {
    let rest = random.next() * this.#total
    let chosen: PairDataset | undefined
    for (const [k, dataset] of this.#datasets.entries()) {
      const weight = this.#weights[k] ?? 0
      if (weight > 0) chosen = dataset
      if (weight > 0 && rest < weight) break
      rest -= weight
    }
    if (chosen === undefined) throw new RangeError('no data set')
    return chosen.sample(random.integer(chosen.length), random)
  }
}

function totalLength(datasets: readonly PairDataset[]): number {
  const length = datasets.reduce((sum, dataset) => sum + dataset.length, 0)
  if (length === 0) throw new DatasetError(`${datasets.length} data sets that hold no sample, expected at least one`)
  return length
}
