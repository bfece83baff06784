// Judges tracks, rule by rule, by the measures of the benchmark's protocol. Videos are judged as they are finished;
// only what the measures still need is kept. The numbers are those that `siamrpn evaluate` gives for the same tracks.

import type { Benchmark, Protocol, Sequence, SequenceResult } from '../benchmarks/types.ts'
import { EvaluationError } from '../evaluation/errors.ts'
import { sequenceResult } from '../evaluation/sequence-video.ts'
import { addTallies, type Got10kTally, got10kTally } from '../metrics/got10k.ts'
import { mean } from '../metrics/mean.ts'
import { measures } from '../metrics/measures.ts'
import { frameOverlaps, score } from '../metrics/score.ts'
import type { Measure } from '../metrics/scores.ts'
import { type PackedTrack, unpackTrack } from './packed-track.ts'

/** A measure to search by. */
export type SearchMeasure = Pick<Measure, 'title' | 'better' | 'digits' | 'meaning'> & { readonly name: string }

/** By the names of measures; what could not be computed is absent. */
export type MeasureValues = Readonly<Record<string, number>>

export interface Judge {
  /** In the order of tables; the first is what trackers are ranked by. */
  readonly measures: readonly SearchMeasure[]
  /** Takes the track of a video under a rule. */
  add(sequence: Sequence, rule: number, track: PackedTrack): void
  /** Of all videos so far. */
  values(rule: number): MeasureValues
}

export interface JudgeOptions {
  /** Frames that do not show the object count as failures (OPE). */
  readonly onlyVisible: boolean
}

/** @throws EvaluationError if a sequence's truth is not known */
export function makeJudge(benchmark: Benchmark, options: JudgeOptions): Judge {
  for (const { name, images, boxes } of benchmark.sequences) {
    if (boxes.length === images.length) continue
    throw new EvaluationError(
      `${name} has ${boxes.length} true boxes for ${images.length} frames: parameters can be searched only where the truth is known`,
    )
  }
  switch (benchmark.protocol) {
    case 'ope':
      return new OpeJudge(benchmark, options)
    case 'got10k':
      return new Got10kJudge()
    case 'vot':
      return new VotJudge(benchmark)
  }
}

/** What counts as still being on the object. */
const onTargetOverlap = 0.3

const onTarget: SearchMeasure = {
  name: 'onTarget',
  title: 'On target',
  better: 'higher',
  digits: 3,
  meaning:
    'Share of the frames that show the object, first ones left out, with an overlap above 0.3; all frames weigh the same.',
}

/** In the order of tables. */
export function judgeMeasures(protocol: Protocol): readonly SearchMeasure[] {
  return protocol === 'ope' ? [...measures.ope, onTarget] : measures[protocol]
}

interface OpeSums {
  readonly values: Map<string, number[]>
  frames: number
  hits: number
}

/** Each video's measures, of which the mean is taken. */
class OpeJudge implements Judge {
  readonly measures = judgeMeasures('ope')
  readonly #benchmark: Benchmark
  readonly #options: JudgeOptions
  readonly #sums: OpeSums[] = []

  constructor(benchmark: Benchmark, options: JudgeOptions) {
    this.#benchmark = benchmark
    this.#options = options
  }

  add(sequence: Sequence, rule: number, track: PackedTrack): void {
    const result = resultOf(this.#benchmark, sequence, track)
    const one = { ...this.#benchmark, sequences: [sequence] }
    const { overall } = score(one, new Map([[sequence.name, result]]), { onlyEvalVisible: this.#options.onlyVisible })
    this.#sums[rule] ??= { values: new Map(), frames: 0, hits: 0 }
    const sums = this.#sums[rule]
    for (const [name, value] of Object.entries(overall.values)) {
      sums.values.set(name, [...(sums.values.get(name) ?? []), value])
    }
    for (const [frame, overlap] of frameOverlaps('ope', sequence, result).entries()) {
      if (frame === 0 || Number.isNaN(overlap) || sequence.visible[frame] === false) continue
      sums.frames++
      if (overlap > onTargetOverlap) sums.hits++
    }
  }

  values(rule: number): MeasureValues {
    const { values, frames, hits } = this.#sums[rule] ?? { values: new Map<string, number[]>(), frames: 0, hits: 0 }
    const means = [...values].map(([name, list]) => [name, mean(list)] as const)
    return { ...Object.fromEntries(means), ...(frames > 0 && { onTarget: hits / frames }) }
  }
}

/** Frames of all videos weigh the same. */
class Got10kJudge implements Judge {
  readonly measures = judgeMeasures('got10k')
  readonly #tallies: Got10kTally[][] = []

  add(sequence: Sequence, rule: number, track: PackedTrack): void {
    const result = sequenceResult(sequence, 'got10k', unpackTrack(track))
    this.#tallies[rule] ??= []
    this.#tallies[rule].push(got10kTally(frameOverlaps('got10k', sequence, result)))
  }

  values(rule: number): MeasureValues {
    const { frames, sum, above50, above75 } = addTallies(this.#tallies[rule] ?? [])
    return frames > 0 ? { ao: sum / frames, sr50: above50 / frames, sr75: above75 / frames } : {}
  }
}

/** The expected overlap is one of all videos together. */
class VotJudge implements Judge {
  readonly measures = judgeMeasures('vot')
  readonly #benchmark: Benchmark
  readonly #tracks: Map<Sequence, PackedTrack>[] = []

  constructor(benchmark: Benchmark) {
    this.#benchmark = benchmark
  }

  add(sequence: Sequence, rule: number, track: PackedTrack): void {
    this.#tracks[rule] ??= new Map()
    this.#tracks[rule].set(sequence, track)
  }

  values(rule: number): MeasureValues {
    const tracks = [...(this.#tracks[rule] ?? [])]
    const results = tracks.map(([sequence, track]) => resultOf(this.#benchmark, sequence, track))
    const benchmark = { ...this.#benchmark, sequences: tracks.map(([sequence]) => sequence) }
    return { ...score(benchmark, new Map(results.map((result) => [result.name, result]))).overall.values }
  }
}

function resultOf({ protocol }: Benchmark, sequence: Sequence, track: PackedTrack): SequenceResult {
  return sequenceResult(sequence, protocol, unpackTrack(track))
}
