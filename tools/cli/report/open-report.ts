// From folders to what a report is made of: an evaluation's own files where there are any, else published result files beside a
// data set that the options name.

import { basename, extname, join, resolve } from 'node:path'
import { parseJson } from 'siamrpn/formats'
import { cut } from 'siamrpn/gpu'
import * as z from 'zod'
import type { SequenceResult } from '../../benchmarks/types.ts'
import { UsageError } from '../../errors.ts'
import { readRun } from '../../evaluation/result-store.ts'
import { score } from '../../metrics/score.ts'
import { FileSizeError, mostTextBytes, readBounded } from '../../read-bounded.ts'
import type { ReportData, ReportRun, ReportTracker } from '../../report/data.ts'
import { readTrainingLog } from '../../report/training-log.ts'
import { type DataOptions, type EvaluationData, openEvaluationData } from '../evaluate/data.ts'
import { openResults, openStoredEvaluation } from '../evaluate/folder.ts'
import type { ComparedFolder } from '../options.ts'

export interface OpenReportOptions extends DataOptions {
  readonly name?: string
  readonly compare?: readonly ComparedFolder[]
  readonly log?: readonly string[]
}

export interface OpenedReport {
  readonly data: ReportData
  /** Where the page goes unless somebody says otherwise. */
  readonly folder: string
}

interface Opened {
  readonly data: EvaluationData
  readonly results: ReadonlyMap<string, SequenceResult>
  readonly name: string
  readonly run: ReportRun
}

/**
 * @param warn told of what is odd about data set and results
 * @throws UsageError, DatasetError, EvaluationError, SourceNotFoundError
 */
export async function openReport(
  path: string,
  options: OpenReportOptions,
  warn: (line: string) => void,
): Promise<OpenedReport> {
  const isOwn = (await readRun(path)) !== undefined
  const { data, results, name, run } = isOwn
    ? await openOwn(path, options, warn)
    : await openPublished(path, options, warn)
  if (results.size === 0) throw new UsageError(`${path} holds no results for ${data.benchmark.title}`)
  const ours = judged(data, options.name ?? name, results)
  const others: ReportTracker[] = []
  for (const { name: other, folder } of options.compare ?? []) {
    others.push(judged(data, other, await openResults(folder, data.benchmark, warn)))
  }
  const { benchmark, read } = data
  const training = options.log && (await readTrainingLog(options.log))
  const folder = isOwn || extname(path) !== '.zip' ? path : resolve(path, '..')
  return { data: { benchmark, ours, others, run, ...(read && { read }), ...(training && { training }) }, folder }
}

function judged(
  { benchmark, onlyVisible, interval }: EvaluationData,
  name: string,
  results: ReadonlyMap<string, SequenceResult>,
): ReportTracker {
  const scores = score(benchmark, results, { onlyEvalVisible: onlyVisible, ...(interval && { interval }) })
  return { name, results, scores }
}

/** The data set is where the evaluation found it, or where the options say. */
async function openOwn(path: string, options: OpenReportOptions, warn: (line: string) => void): Promise<Opened> {
  const run = await storedRun(path)
  if (options.dataset !== undefined || options.root !== undefined) {
    const data = await openNamed(options, warn)
    return { data, results: await openResults(path, data.benchmark, warn), name: run.tracker, run: run.run }
  }
  const stored = await openStoredEvaluation(path, warn)
  const { tracker, config, checkpoint, sha256 } = stored
  return {
    data: stored.data,
    results: stored.results,
    name: tracker,
    run: {
      ...run.run,
      ...(config === undefined ? {} : { config }),
      checkpoint: { name: basename(checkpoint), ...(sha256 === undefined ? {} : { sha256 }) },
    },
  }
}

async function openPublished(path: string, options: OpenReportOptions, warn: (line: string) => void): Promise<Opened> {
  if (options.dataset === undefined && options.root === undefined) {
    throw new UsageError(
      `${path} holds no evaluation of "siamrpn evaluate"; for result files of a tracker give --dataset and --root`,
    )
  }
  const data = await openNamed(options, warn)
  const results = await openResults(path, data.benchmark, warn)
  return { data, results, name: basename(path, extname(path)), run: {} }
}

/** Without a configuration: the benchmark's own protocol. */
async function openNamed(options: DataOptions, warn: (line: string) => void): Promise<EvaluationData> {
  return await openEvaluationData(options, { model: { test_cfg: {} } }, warn)
}

/** What is read of summary.json: circumstances that only the run itself knew. */
const summarySchema = z.object({
  tracker: z.string().optional(),
  date: z.string().optional(),
  adapter: z.string().optional(),
  config: z.string().optional(),
  checkpoint: z.string().optional(),
  sha256: z.string().optional(),
  parameters: z.number().optional(),
  run: z.object({ framesPerSecond: z.number().optional(), videosBefore: z.number().optional() }).optional(),
})

function parseSummary(file: string, text: string): unknown {
  try {
    return parseJson(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`${file} is damaged: ${cut(reason, 200)}; evaluate with --resume, which writes it again`, {
      cause,
    })
  }
}

/** An evaluation that was broken off has no summary yet. @throws FileSizeError */
async function readSummary(file: string): Promise<string> {
  try {
    return (await readBounded(file, mostTextBytes)).toString()
  } catch (error) {
    if (error instanceof FileSizeError) throw error
    return '{}'
  }
}

async function storedRun(path: string): Promise<{ readonly tracker: string; readonly run: ReportRun }> {
  const text = await readSummary(join(path, 'summary.json'))
  const parsed = summarySchema.safeParse(parseSummary(join(path, 'summary.json'), text))
  const summary = parsed.success ? parsed.data : {}
  const { date, adapter, config, checkpoint, sha256, parameters } = summary
  const framesPerSecond = summary.run?.framesPerSecond
  const run = {
    ...(date === undefined ? {} : { date }),
    ...(adapter === undefined ? {} : { adapter }),
    ...(config === undefined ? {} : { config }),
    ...(checkpoint === undefined
      ? {}
      : { checkpoint: { name: basename(checkpoint), ...(sha256 === undefined ? {} : { sha256 }) } }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(framesPerSecond === undefined ? {} : { framesPerSecond }),
    ...(summary.run?.videosBefore === undefined ? {} : { videosBefore: summary.run.videosBefore }),
  }
  return { tracker: summary.tracker ?? basename(path), run }
}
