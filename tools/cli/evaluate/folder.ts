// Reads and writes run.json, by which the folder of an evaluation says what it holds, so that a run can go on, and so
// that its report can be made again without the command line that made it.

import { createHash } from 'node:crypto'
import { type Precision, testDatasetSchema } from 'siamrpn'
import * as z from 'zod'
import { readResults } from '../../benchmarks/results/read-results.ts'
import type { Benchmark, SequenceResult } from '../../benchmarks/types.ts'
import { type Agreed, libraryVersion } from '../../distributed/agreement.ts'
import { UsageError } from '../../errors.ts'
import { type RunDescription, readRun, readStoredResults } from '../../evaluation/result-store.ts'
import { collectFindings, findingLines } from '../dataset/finding-lines.ts'
import { type DataOptions, datasetChoices, type EvaluationData, openEvaluationData } from './data.ts'
import type { EvaluationModel } from './model.ts'

/** What to open to have the data set again. */
const aboutSchema = z.object({
  tracker: z.string(),
  config: z.string().nullable(),
  checkpoint: z.string(),
  data: z.object({
    dataset: z.enum(datasetChoices).optional(),
    root: z.string().optional(),
    annFile: z.string().optional(),
    split: z.string().optional(),
    limit: z.number().optional(),
    onlyVisible: z.literal(true).optional(),
    /** `data.test` of the configuration, where it was that. */
    test: testDatasetSchema.nullable(),
    testMode: z.enum(['OPE', 'VOT']).nullable(),
  }),
})

/** Whatever decides about the results is in the fingerprint. */
export function describeRun(
  model: EvaluationModel,
  data: EvaluationData,
  options: DataOptions & { readonly precision: Precision },
): RunDescription {
  const { sha256, config, trackerName: tracker, checkpoint, configName } = model
  const { dataset, root, annFile, split, limit, onlyVisible, precision } = options
  // Folders of single precision do not say so: they go on as before there was another.
  const half = precision === 'f16' ? { precision } : {}
  const about: z.input<typeof aboutSchema> = {
    tracker,
    config: configName ?? null,
    checkpoint: String(checkpoint),
    data: {
      ...{ dataset, root, annFile, split, limit, onlyVisible },
      test: config.data?.test ?? null,
      testMode: config.model.test_cfg.test_mode ?? null,
    },
  }
  return { fingerprint: { sha256, model: config.model, ...half, ...data.fingerprint }, about }
}

/** What ranks must have alike to evaluate or search together: files may lie in other places. */
export function describeWork({ config, sha256 }: EvaluationModel, { benchmark, onlyVisible }: EvaluationData): Agreed {
  const { title, protocol, sequences } = benchmark
  const videos = sequences.map(({ name, images, boxes, corners }) => {
    const truth = createHash('sha256').update(JSON.stringify([boxes, corners ?? null]))
    return [name, { frames: images.length, truth: truth.digest('hex').slice(0, 16) }]
  })
  const data = { title, protocol, onlyVisible, videos: Object.fromEntries(videos) }
  return { version: libraryVersion(), checkpoint: sha256, model: config.model, data }
}

/** An evaluation as its folder has it. */
export interface StoredEvaluation {
  readonly data: EvaluationData
  /** Of the videos that are done. */
  readonly results: ReadonlyMap<string, SequenceResult>
  readonly tracker: string
  /** Name or file of the configuration, where one was named. */
  readonly config?: string
  readonly checkpoint: string
  readonly sha256?: string
}

/**
 * Opens the folder of an evaluation: its results, and the data set that they are of, found where it was then.
 *
 * @throws UsageError if it is no such folder; EvaluationError, DatasetError
 */
export async function openStoredEvaluation(folder: string, warn: (line: string) => void): Promise<StoredEvaluation> {
  const run = await readRun(folder)
  if (!run) throw new UsageError(`${folder} holds no evaluation, expected a folder that "siamrpn evaluate" wrote`)
  const about = aboutSchema.safeParse(run.about)
  if (!about.success) throw new UsageError(`${folder}/run.json: ${z.prettifyError(about.error)}`)
  const { tracker, config, checkpoint, data: stored } = about.data
  const { test, testMode, ...options } = stored
  const test_cfg = testMode === null ? {} : { test_mode: testMode }
  const data = await openEvaluationData(withoutAbsent(options), { data: { test }, model: { test_cfg } }, warn)
  const { sha256 } = run.fingerprint
  return {
    data,
    results: await readStoredResults(folder, data.benchmark.sequences),
    tracker,
    checkpoint,
    ...(config === null ? {} : { config }),
    ...(typeof sha256 === 'string' ? { sha256 } : {}),
  }
}

/**
 * A tracker's results: the folder of an evaluation, or result files as trackers publish them. What is wrong with a file is
 * told, and its sequence left out.
 *
 * @throws UsageError if nothing there can be used; SourceNotFoundError
 */
export async function openResults(
  folder: string,
  benchmark: Benchmark,
  warn: (line: string) => void,
): Promise<Map<string, SequenceResult>> {
  const isOurs = (await readRun(folder)) !== undefined
  const findings = collectFindings()
  const results = isOurs
    ? await readStoredResults(folder, benchmark.sequences)
    : await readResults(folder, benchmark, findings.tell)
  for (const line of findingLines(findings)) warn(line)
  if (results.size > 0) return results
  throw new UsageError(`${folder} holds no results of ${benchmark.title} that can be used`)
}

type Parsed = Omit<z.output<typeof aboutSchema>['data'], 'test' | 'testMode'>

function withoutAbsent({ dataset, root, annFile, split, limit, onlyVisible }: Parsed): DataOptions {
  return {
    ...(dataset === undefined ? {} : { dataset }),
    ...(root === undefined ? {} : { root }),
    ...(annFile === undefined ? {} : { annFile }),
    ...(split === undefined ? {} : { split }),
    ...(limit === undefined ? {} : { limit }),
    ...(onlyVisible === undefined ? {} : { onlyVisible }),
  }
}
