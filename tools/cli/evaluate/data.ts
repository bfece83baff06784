// Opens the videos that an evaluation tracks, as its options say: a data set by its name and folder, or what the
// configuration has as `data.test`; and chooses the protocol.

import { resolve } from 'node:path'
import { type Config, isBenchmark, type TestDatasetConfig } from 'siamrpn'
import { withFrameSizes } from '../../benchmarks/frame-sizes.ts'
import { benchmarkOfConfig, detectBenchmark, openBenchmark, throwErrors } from '../../benchmarks/open-benchmark.ts'
import { type Benchmark, type BenchmarkName, benchmarkNames, type Protocol, type Tell } from '../../benchmarks/types.ts'
import { heldOutSeeds } from '../../clips/clips.ts'
import { UsageError } from '../../errors.ts'
import { intervalOf } from '../../evaluation/evaluate.ts'
import type { JsonRecord } from '../../evaluation/result-store.ts'
import type { ReadFrame } from '../../evaluation/sequence-video.ts'
import { syntheticBenchmark } from '../../evaluation/synthetic-benchmark.ts'
import { collectFindings, findingLines } from '../dataset/finding-lines.ts'

export const datasetChoices = [...benchmarkNames, 'synthetic'] as const

export interface DataOptions {
  readonly dataset?: (typeof datasetChoices)[number]
  readonly root?: string
  readonly annFile?: string
  readonly split?: string
  readonly limit?: number
  readonly onlyVisible?: true
}

export interface EvaluationData {
  /** With the protocol that is to be run. */
  readonly benchmark: Benchmark
  /** Absent: from the image files. */
  readonly read?: ReadFrame
  readonly onlyVisible: boolean
  /** Lengths that VOT's expected average overlap is the mean over, where the configuration decides. */
  readonly interval?: readonly [from: number, to: number]
  /** For file names. */
  readonly name: string
  /** What of it must stay the same for a run to go on. */
  readonly fingerprint: JsonRecord
}

/** What of a configuration is asked for. */
export interface DataConfig {
  readonly data?: { readonly test: TestDatasetConfig | null } | undefined
  readonly model: { readonly test_cfg: Pick<Config['model']['test_cfg'], 'test_mode'> }
}

/** @param warn told of what is odd about the data set @throws UsageError, DatasetError */
export async function openEvaluationData(
  options: DataOptions,
  config: DataConfig,
  warn: (line: string) => void,
): Promise<EvaluationData> {
  const warnings = collectFindings()
  const opened = await openData(options, config, (finding) => {
    throwErrors(finding)
    warnings.tell(finding)
  })
  for (const line of findingLines(warnings)) warn(line)
  const { sequences } = opened.benchmark
  if (sequences.length === 0) throw new UsageError('the data set has no videos: "siamrpn dataset check" says why')
  const protocol = protocolOf(config, opened.benchmark.protocol)
  const benchmark = {
    ...opened.benchmark,
    protocol,
    sequences: protocol === 'vot' ? await withFrameSizes(sequences) : sequences,
  }
  return { ...opened, benchmark, fingerprint: { ...opened.fingerprint, protocol } }
}

/** The model's `test_mode` where it is set, as MMTracking; else what the benchmark is made for. */
function protocolOf({ model }: DataConfig, own: Protocol): Protocol {
  const { test_mode: mode } = model.test_cfg
  if (mode === undefined) return own
  if (mode === 'VOT') return 'vot'
  return own === 'vot' ? 'ope' : own
}

/** Whether the configuration's `data.test` is read. */
export function readsTestData({ dataset, root }: DataOptions): boolean {
  return root === undefined && (dataset === undefined || dataset === 'synthetic')
}

async function openData(options: DataOptions, config: DataConfig, tell: Tell): Promise<EvaluationData> {
  const { dataset, root, annFile, split, limit } = options
  if (dataset === 'synthetic') return synthetic(config.data?.test ?? undefined, options)
  if (dataset === undefined && root === undefined) return await configured(config, options, tell)
  if (root === undefined) throw new UsageError(`--dataset ${dataset} needs --root: the folder that holds it`)
  const type = dataset ?? (await detected(root))
  const benchmark = await openBenchmark({
    type,
    root,
    tell,
    ...(annFile === undefined ? {} : { annFile }),
    ...(split === undefined ? {} : { split }),
    ...(limit === undefined ? {} : { limit }),
  })
  const fingerprint = {
    dataset: type,
    root: resolve(root),
    annFile: annFile === undefined ? null : resolve(annFile),
    split: split ?? null,
  }
  return { benchmark, onlyVisible: options.onlyVisible ?? false, name: type, fingerprint }
}

async function detected(root: string): Promise<BenchmarkName> {
  const type = await detectBenchmark(root)
  if (type !== undefined) return type
  throw new UsageError(
    `${root} looks like none of the data sets that are known; name one with --dataset: ${datasetChoices.join(', ')}`,
  )
}

/** `data.test` of the configuration. */
async function configured(config: DataConfig, options: DataOptions, tell: Tell): Promise<EvaluationData> {
  const test = config.data?.test ?? undefined
  if (test === undefined) {
    throw new UsageError('the configuration has no data.test: give --dataset and --root')
  }
  for (const key of ['annFile', 'split'] as const) {
    if (options[key] !== undefined) throw new UsageError(`--${key === 'annFile' ? 'ann-file' : key} needs --root`)
  }
  if (test.type === 'SyntheticClips') return synthetic(test, options)
  const { limit } = options
  const benchmark = await benchmarkOfConfig(test, { tell, ...(limit === undefined ? {} : { limit }) })
  const onlyVisible = options.onlyVisible ?? (isBenchmark(test) && test.only_eval_visible)
  const fingerprint = { dataset: test.type, ...placeOf(test) }
  return { benchmark, onlyVisible, ...intervalOf(test), name: benchmark.type, fingerprint }
}

/** Where a configuration's data set lies and what of it counts. */
function placeOf(test: TestDatasetConfig): JsonRecord {
  if (!isBenchmark(test)) return { root: 'path' in test ? resolve(test.path) : null }
  const { img_prefix, ann_file, split } = test
  return { root: resolve(img_prefix), annFile: resolve(ann_file), split }
}

const heldOut = { seed: heldOutSeeds, clips: 20, frames_per_clip: 100, width: 320, height: 240 } as const

/** Generated clips: those of the configuration, or the first that training leaves alone. */
function synthetic(test: TestDatasetConfig | undefined, options: DataOptions): EvaluationData {
  for (const key of ['root', 'annFile', 'split'] as const) {
    if (options[key] !== undefined) throw new UsageError('--dataset synthetic has no folder: its clips are generated')
  }
  const { seed, clips, frames_per_clip, width, height } = test?.type === 'SyntheticClips' ? test : heldOut
  const settings = { seed, clips, framesPerClip: frames_per_clip, width, height }
  const { benchmark, read } = syntheticBenchmark(settings, options.limit)
  const { clips: _, ...same } = settings
  const fingerprint = { dataset: 'synthetic', ...same }
  return { benchmark, read, onlyVisible: options.onlyVisible ?? false, name: 'synthetic', fingerprint }
}
