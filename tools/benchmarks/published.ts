// The sizes of the data sets as their authors publish them, to tell a part of one from all of it.
// Sources: the data sets' papers and sites; OTB100, UAV123: the frame ranges of their toolkits, added up.

import type { BenchmarkName } from './types.ts'

export interface PublishedPart {
  /** Whose sequences are meant; undefined: all. */
  readonly folder?: string
  readonly sequences: number
}

export interface Published extends PublishedPart {
  /** Where a total is published. */
  readonly frames?: number
  /** Archives that the data set comes in. */
  readonly parts?: readonly PublishedPart[]
  /** The reader itself tells which sequences are missing. */
  readonly named?: true
}

const trackingNetChunks: readonly PublishedPart[] = Array.from({ length: 12 }, (_, chunk) => ({
  folder: `TRAIN_${chunk}`,
  sequences: 2511,
}))

/** By type and split; `''` where there are no parts. */
const published: Readonly<Record<BenchmarkName, Readonly<Record<string, Published>>>> = {
  lasot: {
    test: { sequences: 280 },
    train: { sequences: 1120 },
    all: { sequences: 1400 },
    extension: { sequences: 150 },
  },
  otb100: {
    '': { sequences: 100, named: true },
    otb50: { sequences: 50, named: true },
    otb2013: { sequences: 51, named: true },
  },
  uav123: {
    '': { sequences: 123, frames: 112578, named: true },
    uav20l: { sequences: 20, frames: 58670, named: true },
    '10fps': { sequences: 123, frames: 37607, named: true },
  },
  trackingnet: {
    test: { sequences: 511, frames: 225589 },
    train: { sequences: 30132, frames: 14205677, parts: trackingNetChunks },
  },
  got10k: { train: { sequences: 9335 }, val: { sequences: 180 }, test: { sequences: 180 } },
  vot2018: { '': { sequences: 60 } },
  folder: {},
}

/** What is published of a data set's part; undefined where nothing is known. */
export function publishedOf(type: BenchmarkName, split = ''): Published | undefined {
  const parts = published[type]
  return parts[split] ?? parts['']
}
