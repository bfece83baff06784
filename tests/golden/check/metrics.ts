// Section I, measures of benchmarks: one-pass evaluation, overlaps of VOT's regions, accuracy, robustness and EAO, and the
// results that MMTracking's own unit tests expect of its demonstration data.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Corners } from '../../../src/siamrpn/boxes.ts'
import { parseRows } from '../../../tools/benchmarks/rows.ts'
import { evaluateOpe } from '../../../tools/metrics/ope.ts'
import {
  expectedAverageOverlap,
  expectedOverlaps,
  type VotVideo,
  votAccuracy,
  votFailures,
  votFragments,
  votOverlaps,
} from '../../../tools/metrics/vot.ts'
import { votOverlap } from '../../../tools/metrics/vot-overlap.ts'
import type { GoldenSet } from './golden-set.ts'
import { ownGoldens } from './own-goldens.ts'
import { GoldenDataError } from './reader.ts'
import type { CaseReport, SectionReport } from './report.ts'
import { measureTolerance } from './tolerances.ts'

const numbers = z.array(z.number())
const rows = z.array(numbers)
const corners = z.tuple([z.number(), z.number(), z.number(), z.number()])
const size = z.tuple([z.number(), z.number()])

const opeCase = z.object({
  results: z.array(z.array(corners)),
  annotations: z.array(z.array(corners)),
  visible: z.array(z.array(z.boolean())).nullable(),
  per_video: z.array(z.object({ success: numbers, precision: numbers, norm_precision: numbers })),
  success: z.number(),
  norm_precision: z.number(),
  precision: z.number(),
})

const overlapCase = z.object({
  a_xywh: numbers,
  b: numbers,
  bounds: size,
  overlap_bounded: z.number(),
  overlap_unbounded: z.number(),
})

const votCase = z.object({
  results: z.array(rows),
  annotations: z.array(rows),
  videos_wh: z.array(size),
  interval: size,
  overlaps: z.array(numbers),
  eao: z.number(),
  accuracy: z.number(),
  robustness: z.number(),
  num_fails: z.number(),
  accuracy_burnin5_keep_unknown: z.number(),
})

const ownTests = z.object({
  ope: z.object({ success: z.number(), norm_precision: z.number(), precision: z.number() }),
  vot: z.object({ eao: z.number(), accuracy: z.number(), robustness: z.number(), num_fails: z.number() }),
  files: z.record(z.string(), z.string()),
})

/** The section's fields of which `checkMetrics` makes cases. */
export const metricsSchema = {
  ope: z.object({ cases: z.array(opeCase) }).optional(),
  vot_overlap: z.object({ cases: z.array(overlapCase) }).optional(),
  vot: z.object({ cases: z.array(votCase) }).optional(),
  mmtracking_own_tests: ownTests.optional(),
}

type Metrics = z.infer<z.ZodObject<typeof metricsSchema>>

export async function checkMetrics(set: GoldenSet, json: Metrics, report: SectionReport): Promise<void> {
  for (const [index, one] of json.ope?.cases.entries() ?? []) {
    await report.check(`ope ${index}`, (found) => checkOpe(found, one))
  }
  for (const [index, one] of json.vot_overlap?.cases.entries() ?? []) {
    await report.check(`vot_overlap ${index}`, (found) => checkOverlap(found, one))
  }
  for (const [index, one] of json.vot?.cases.entries() ?? []) {
    await report.check(`vot ${index}`, (found) => checkVot(found, one))
  }
  if (json.mmtracking_own_tests) await checkOwnTests(set, json.mmtracking_own_tests, report)
}

function checkOpe(one: CaseReport, expected: z.infer<typeof opeCase>): void {
  const { results, annotations, visible, per_video: curves } = expected
  const found = evaluateOpe(
    results.map((boxes, video) => {
      const seen = visible?.[video]
      return { results: boxes, groundTruth: annotations[video] ?? [], ...(seen && { visible: seen }) }
    }),
  )
  one.absolute('success', [found.success], [expected.success], measureTolerance)
  one.absolute('norm_precision', [found.normPrecision], [expected.norm_precision], measureTolerance)
  one.absolute('precision', [found.precision], [expected.precision], measureTolerance)
  const ours = found.perVideo.flatMap((video) => [...video.success, ...video.precision, ...video.normPrecision])
  const theirs = curves.flatMap((video) => [...video.success, ...video.precision, ...video.norm_precision])
  one.absolute('curves', ours, theirs, measureTolerance)
}

function checkOverlap(one: CaseReport, expected: z.infer<typeof overlapCase>): void {
  const { a_xywh: first, b: second, bounds } = expected
  const [width, height] = bounds
  one.absolute(
    'in the image',
    [votOverlap(first, second, { width, height })],
    [expected.overlap_bounded],
    measureTolerance,
  )
  one.absolute('without borders', [votOverlap(first, second)], [expected.overlap_unbounded], measureTolerance)
}

function checkVot(one: CaseReport, expected: z.infer<typeof votCase>): void {
  const { results, annotations, videos_wh: sizes, interval } = expected
  const videos = results.map((answers, video): VotVideo => {
    const [width = 0, height = 0] = sizes[video] ?? []
    return { answers, overlaps: votOverlaps(answers, annotations[video] ?? [], { width, height }) }
  })
  const found = measureVot(videos, interval)
  one.absolute(
    'overlaps',
    videos.flatMap(({ overlaps }) => Array.from(overlaps)),
    expected.overlaps.flat(),
    measureTolerance,
  )
  one.absolute('eao', [found.eao], [expected.eao], measureTolerance)
  one.absolute('accuracy', [found.accuracy], [expected.accuracy], measureTolerance)
  one.absolute('robustness', [found.robustness], [expected.robustness], measureTolerance)
  one.exact('num_fails', found.failures, expected.num_fails)
  const burnin5 = meanAccuracy(videos, { burnin: 5, ignoreSkipped: false })
  one.absolute(
    'accuracy, burn-in 5, skipped frames kept',
    [burnin5],
    [expected.accuracy_burnin5_keep_unknown],
    measureTolerance,
  )
}

function measureVot(videos: readonly VotVideo[], interval: readonly [number, number]) {
  const failures = videos.reduce((sum, video) => sum + votFailures(video), 0)
  return {
    eao:
      expectedAverageOverlap(expectedOverlaps(videos.flatMap((video) => votFragments(video))), interval) ?? Number.NaN,
    accuracy: meanAccuracy(videos, {}),
    robustness: (100 * failures) / frameCount(videos),
    failures,
  }
}

function meanAccuracy(videos: readonly VotVideo[], options: Parameters<typeof votAccuracy>[1]): number {
  const sum = videos.reduce((all, video) => all + (votAccuracy(video, options) ?? 0) * video.answers.length, 0)
  return sum / frameCount(videos)
}

function frameCount(videos: readonly VotVideo[]): number {
  return videos.reduce((sum, { answers }) => sum + answers.length, 0)
}

const ownVideos = ['video-1', 'video-2'] as const
/** Of the picture in MMTracking's demonstration data that both videos share. */
const ownSize = { width: 512, height: 256 }
const ownInterval = [1, 3] as const

async function checkOwnTests(set: GoldenSet, expected: z.infer<typeof ownTests>, report: SectionReport): Promise<void> {
  const texts = new Map<string, string>()
  for (const [path, sha256] of Object.entries(expected.files)) {
    const name = path.split('/').slice(-2).join('/')
    const text = await ownFile(set, name, sha256)
    if (text === undefined) return report.leaveOut("MMTracking's own tests", 1)
    texts.set(name, text)
  }
  const table = (video: string, file: string, counts: readonly number[]) => {
    const name = `${video}/${file}.txt`
    const parsed = parseRows(texts.get(name) ?? '', { file: name, counts, tell: () => undefined })
    if (parsed) return parsed
    throw new GoldenDataError(`${name} of MMTracking's own tests is no table of ${counts.join(' or ')} numbers`)
  }
  const round = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits
  await report.check("MMTracking's own test of OPE", (one) => {
    const { success, normPrecision, precision } = evaluateOpe(
      ownVideos.map((video) => ({
        results: table(video, 'track_results', [4]).map(asCorners),
        groundTruth: table(video, 'gt_for_eval', [4]).map(([x = 0, y = 0, w = 0, h = 0]) => [x, y, x + w, y + h]),
      })),
    )
    const { ope } = expected
    const found = [round(success, 3), round(normPrecision, 3), round(precision, 3)]
    one.absolute(
      'success, norm_precision, precision',
      found,
      [ope.success, ope.norm_precision, ope.precision],
      measureTolerance,
    )
  })
  await report.check("MMTracking's own test of VOT", (one) => {
    const videos = ownVideos.map((video): VotVideo => {
      const answers = table(video, 'vot2018_track_results', [1, 4]).map(asAnswer)
      return { answers, overlaps: votOverlaps(answers, table(video, 'vot2018_gt_for_eval', [8]), ownSize) }
    })
    const { eao, accuracy, robustness, failures } = measureVot(videos, ownInterval)
    const { vot } = expected
    one.absolute('eao', [eao], [vot.eao], measureTolerance)
    one.absolute('accuracy', [round(accuracy, 4)], [vot.accuracy], measureTolerance)
    one.absolute('robustness', [round(robustness, 4)], [vot.robustness], measureTolerance)
    one.exact('num_fails', failures, vot.num_fails)
  })
}

/** A file of MMTracking's demonstration data, from the set or from the project's own; undefined if neither has these bytes. */
async function ownFile(set: GoldenSet, name: string, sha256: string): Promise<string | undefined> {
  for (const directory of [set.directory, ownGoldens]) {
    const bytes = await readFile(join(directory, 'mmtracking_own_tests', name)).catch(() => undefined)
    if (bytes && createHash('sha256').update(bytes).digest('hex') === sha256) return bytes.toString('utf8')
  }
  return undefined
}

function asCorners([x1 = 0, y1 = 0, x2 = 0, y2 = 0]: readonly number[]): Corners {
  return [x1, y1, x2, y2]
}

/** The test's files give corners, as MMTracking's results do; marks stay. */
function asAnswer(row: readonly number[]): readonly number[] {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = row
  return row.length === 1 ? row : [x1, y1, x2 - x1, y2 - y1]
}
