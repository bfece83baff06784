// Measures a model in training on the videos of `data.val`, as MMTracking's EvalHook does: tracked from the first box on (VOT:
// with restarts) and judged by the benchmark's measures.

import { type Config, isBenchmark, SiamRPN, type TestDatasetConfig } from 'siamrpn'
import type { StateDict } from 'siamrpn/formats'
import type { Device } from 'siamrpn/gpu'
import { TrainingError } from 'siamrpn/train'
import { withFrameSizes } from '../benchmarks/frame-sizes.ts'
import { benchmarkOfConfig } from '../benchmarks/open-benchmark.ts'
import type { Benchmark, Sequence, SequenceResult, Tell } from '../benchmarks/types.ts'
import type { Collective } from '../distributed/collective.ts'
import { shareWork } from '../distributed/share-work.ts'
import { frameOverlaps, score } from '../metrics/score.ts'
import { votIntervals } from '../metrics/score-vot.ts'
import type { MeasureName } from '../metrics/scores.ts'
import type { Scores } from '../training/runner.ts'
import { type ReadFrame, readFrameFile, sequenceResult, sequenceVideo } from './sequence-video.ts'
import { syntheticBenchmark } from './synthetic-benchmark.ts'
import { trackVideo } from './track-video.ts'

/** Videos with their truth. */
export interface EvaluationClips {
  readonly benchmark: Benchmark
  readonly read: ReadFrame
  /** MMTracking's `only_eval_visible`. */
  readonly onlyEvalVisible: boolean
  /** Lengths that VOT's expected average overlap is the mean over. */
  readonly interval?: readonly [from: number, to: number]
}

/**
 * Opens what `data.val` names.
 *
 * @param tell told what is odd about the data set; absent: errors are thrown
 * @throws TrainingError for a data set without videos, or one that keeps its truth to itself; what `benchmarkOfConfig` throws
 */
export async function openEvaluationClips(config: TestDatasetConfig, tell?: Tell): Promise<EvaluationClips> {
  if (config.type === 'SyntheticClips') {
    const { seed, clips, width, height, frames_per_clip: framesPerClip } = config
    return { ...syntheticBenchmark({ seed, clips, width, height, framesPerClip }), onlyEvalVisible: true }
  }
  if (config.type !== 'ClipFolder' && !isBenchmark(config)) {
    throw new TrainingError(
      `data.val is a ${config.type}, which cannot be evaluated on; expected a benchmark such as LaSOTDataset, ClipFolder or ` +
        'SyntheticClips (or no evaluation: --no-evaluate)',
    )
  }
  const opened = await benchmarkOfConfig(config, tell && { tell })
  const secret = opened.sequences.find(({ boxes, images }) => boxes.length < images.length)
  if (secret) {
    throw new TrainingError(
      `data.val is ${opened.title}, of which only the first box of a video is published (${secret.name}), expected a split ` +
        'with ground truth',
    )
  }
  // MMTracking measures success on GOT-10k, too.
  const benchmark: Benchmark =
    opened.protocol === 'vot'
      ? { ...opened, sequences: await withFrameSizes(opened.sequences) }
      : { ...opened, protocol: 'ope' }
  const onlyEvalVisible = config.type === 'ClipFolder' || config.only_eval_visible
  return { benchmark, read: readFrameFile, onlyEvalVisible, ...intervalOf(config) }
}

/** Lengths that EAO is the mean over, where the data set decides. */
export function intervalOf(config: TestDatasetConfig): Pick<EvaluationClips, 'interval'> | undefined {
  if (config.type !== 'VOTDataset') return undefined
  const intervals: Partial<Record<string, readonly [number, number]>> = votIntervals
  const interval = intervals[config.dataset_type]
  return interval && { interval }
}

export interface EvaluationRun {
  readonly device: Device
  readonly config: Config
  readonly clips: EvaluationClips
  /** Raised: the evaluation is broken off. */
  readonly signal?: AbortSignal
  /** The processes that measure together, each a part of the clips; absent: this one alone. */
  readonly collective?: Collective | undefined
  /** Told of each clip that is done. */
  readonly onClip?: (done: number, name: string) => void
}

/** MMTracking's names of the measures. */
const names: Partial<Record<MeasureName, string>> = {
  success: 'success',
  normPrecision: 'norm_precision',
  precision: 'precision',
  eao: 'eao',
  accuracy: 'accuracy',
  robustness: 'robustness',
}

/**
 * `success` (area under the curve), `norm_precision` at 0.2, `precision` at 20 pixels, in percent; of VOT `eao`, `accuracy`, and
 * `robustness`, failures per 100 frames. And over the tracked frames that show the object: `mean_overlap` and `on_target`, the
 * share of those with an overlap above 0.3, both 0..1.
 */
export async function evaluateModel(state: StateDict, run: EvaluationRun): Promise<Scores> {
  const { device, config, clips, signal, collective, onClip } = run
  const { benchmark, read, onlyEvalVisible, interval } = clips
  const tracker = await SiamRPN.create(state, { device, config })
  try {
    const track = async (sequence: Sequence) => {
      const onFrame = () => collective?.busy()
      const steps = await trackVideo(tracker, sequenceVideo(sequence, benchmark.protocol, read), { signal, onFrame })
      return sequenceResult(sequence, benchmark.protocol, steps)
    }
    const found = await shareWork(collective, benchmark.sequences, track, { onItem: onClip, signal })
    const results = new Map(found.map((result) => [result.name, result]))
    const { overall } = score(benchmark, results, { onlyEvalVisible, ...(interval && { interval }) })
    const measured = Object.entries(names).flatMap(([measure, name]) => {
      const value = overall.values[measure as MeasureName]
      return value === undefined ? [] : [[name, value] as const]
    })
    return { ...Object.fromEntries(measured), ...overlapMeasures(benchmark, results) }
  } finally {
    await tracker.close()
  }
}

/** What counts as still being on the object. */
const onTargetOverlap = 0.3

function overlapMeasures(
  { protocol, sequences }: Benchmark,
  results: ReadonlyMap<string, SequenceResult>,
): { mean_overlap: number; on_target: number } {
  const found = sequences.flatMap((sequence) => {
    const result = results.get(sequence.name)
    const overlaps = result ? [...frameOverlaps(protocol, sequence, result)] : []
    return overlaps.filter((overlap, frame) => frame > 0 && overlap >= 0 && sequence.visible[frame])
  })
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return { mean_overlap: mean(found), on_target: mean(found.map((value) => (value > onTargetOverlap ? 1 : 0))) }
}
