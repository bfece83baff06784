// Reads a tracker's result files, our own or published ones, as the official toolkits do: in one-pass evaluation an unusable box
// (NaN or without area) becomes the one before it and the first is the given one (OTB, LaSOT), more lines than frames are cut
// (LaSOT), missing lines of TrackingNet are failures; elsewhere another number of lines than frames is an error.

import { eachRow } from '../../frames/number-rows.ts'
import type { Box } from '../../frames/types.ts'
import { brief } from '../findings.ts'
import { throwErrors } from '../open-benchmark.ts'
import { enclosingBox, hasArea } from '../rows.ts'
import type { Benchmark, Sequence, SequenceResult, Tell, TrackedRegion } from '../types.ts'
import { listResultFiles, type ResultFile, ResultIndex, resultNames } from './files.ts'

/** Files read at once. */
const readAtOnce = 16
/** Broken lines of a file that are told one by one. */
const brokenLinesTold = 5
const namesShown = 5
const lost: Box = { x: Number.NaN, y: Number.NaN, width: Number.NaN, height: Number.NaN }

/**
 * The results of one tracker by the names of the sequences, from a folder or a zip archive. Tells what is wrong with a file, as
 * `file:line`; a sequence with an error, or without a file, has no entry.
 *
 * @param listener told of what is wrong; the default throws DatasetError at the first error
 * @throws SourceNotFoundError; what `listener` throws
 */
export async function readResults(
  folder: string,
  benchmark: Benchmark,
  listener: Tell = throwErrors,
): Promise<Map<string, SequenceResult>> {
  const tell = brief(listener)
  const index = new ResultIndex(await listResultFiles(folder))
  const results = new Map<string, SequenceResult>()
  const missing: string[] = []
  for (let start = 0; start < benchmark.sequences.length; start += readAtOnce) {
    const batch = benchmark.sequences.slice(start, start + readAtOnce)
    const read = batch.map(async (sequence) => {
      const findings: Parameters<Tell>[0][] = []
      const outcome = await readSequence(index, benchmark, sequence, (finding) => findings.push(finding))
      return { sequence, outcome, findings }
    })
    for (const { sequence, outcome, findings } of await Promise.all(read)) {
      findings.forEach(tell)
      if (outcome === 'missing') missing.push(sequence.name)
      else if (outcome) results.set(sequence.name, outcome)
    }
  }
  tellMissing(missing, { folder, benchmark, tell })
  return results
}

async function readSequence(
  index: ResultIndex,
  { type, protocol }: Benchmark,
  sequence: Sequence,
  tell: Tell,
): Promise<SequenceResult | 'missing' | undefined> {
  const { name } = sequence
  const file = index.find(resultNames(type, protocol, name), tell)
  if (!file) return 'missing'
  if (protocol !== 'ope') tellFurtherRuns(index, name, tell)
  const answers = parseAnswers(await file.read(), { file, isVot: protocol === 'vot', tell })
  if (!answers) return undefined
  const regions = fitted(answers, { sequence, file, type, tell })
  if (!regions) return undefined
  const seconds = await readSeconds(index, name, regions.length)
  return {
    name,
    regions: protocol === 'ope' ? repaired(regions, { sequence, file, tell }) : regions,
    ...(seconds && { seconds }),
  }
}

/** The toolkits judge all runs of a tracker that is not deterministic. */
function tellFurtherRuns(index: ResultIndex, name: string, tell: Tell): void {
  const second = index.find([`${name}/${name}_002.txt`], () => undefined)
  if (!second) return
  const message = 'a further run of the tracker is not read; the official toolkit takes the mean of all runs'
  tell({ severity: 'warning', place: second.place, message })
}

interface FileContext {
  readonly file: ResultFile
  readonly tell: Tell
}

/** A region per line; undefined after an error. */
function parseAnswers(
  text: string,
  { file, isVot, tell }: FileContext & { readonly isVot: boolean },
): TrackedRegion[] | undefined {
  const answers: TrackedRegion[] = []
  let brokenLines = 0
  let polygonLine = 0
  const broken = (line: number, message: string) => {
    if (++brokenLines <= brokenLinesTold) tell({ severity: 'error', place: `${file.place}:${line}`, message })
  }
  const { lines, blank } = eachRow(
    text,
    (row, count, line) => {
      if (count === 4) answers.push({ x: row[0] ?? 0, y: row[1] ?? 0, width: row[2] ?? 0, height: row[3] ?? 0 })
      else if (count === 8) {
        polygonLine ||= line
        answers.push(polygonBox(row.subarray(0, count)))
      } else if (isVot && count === 1) {
        const mark = row[0]
        if (mark === 0 || mark === 1 || mark === 2) answers.push(mark)
        else broken(line, `${mark} alone on a line, expected a mark (1 start, 2 failure, 0 skipped) or a box`)
      } else broken(line, `${count} values, expected ${isVot ? '1, 4 or 8' : '4 or 8'}`)
    },
    broken,
  )
  if (lines === 0)
    tell({ severity: 'error', place: `${file.place}:1`, message: 'the file is empty, expected a box per line' })
  if (brokenLines > brokenLinesTold) {
    tell({ severity: 'error', place: file.place, message: `${brokenLines} of ${lines} lines are broken` })
  }
  if (blank > 0) {
    const message = 'a blank line, which is passed over'
    tell({ severity: 'warning', place: `${file.place}:${blank}`, message })
  }
  if (polygonLine > 0) {
    const message = 'a polygon, expected x, y, width, height; the box around it is judged'
    tell({ severity: 'warning', place: `${file.place}:${polygonLine}`, message })
  }
  return lines === 0 || brokenLines > 0 ? undefined : answers
}

/** Another number of answers than frames, handled as the benchmark's toolkit does; undefined after an error. */
function fitted(
  answers: TrackedRegion[],
  { sequence, file, type, tell }: FileContext & { readonly sequence: Sequence; readonly type: Benchmark['type'] },
): TrackedRegion[] | undefined {
  const frames = sequence.images.length
  const found = answers.length
  if (found === frames) return answers
  const counts = `${found} lines, expected ${frames}, one per frame of ${sequence.name}`
  const place = (line: number) => `${file.place}:${line}`
  if (found > frames && type !== 'got10k' && type !== 'vot2018') {
    tell({ severity: 'warning', place: place(frames + 1), message: `${counts}; the rest is not read` })
    return answers.slice(0, frames)
  }
  if (found < frames && type === 'trackingnet') {
    tell({ severity: 'warning', place: place(found + 1), message: `${counts}; the missing frames are failures` })
    return [...answers, ...Array.from({ length: frames - found }, () => lost)]
  }
  tell({ severity: 'error', place: place(Math.min(found, frames) + 1), message: counts })
  return undefined
}

/** The first answer is the given box; later ones that are no box repeat the last one that is, where there is a true box. */
function repaired(
  regions: readonly TrackedRegion[],
  { sequence, file, tell }: FileContext & { readonly sequence: Sequence },
): TrackedRegion[] {
  const boxes = [...regions]
  let first = 0
  let count = 0
  boxes[0] = sequence.boxes[0] ?? lost
  for (let frame = 1; frame < boxes.length; frame++) {
    const box = boxes[frame]
    if (box === lost || (typeof box === 'object' && hasArea(box))) continue
    const truth = sequence.boxes[frame]
    if (truth && Number.isNaN(truth.x + truth.y + truth.width + truth.height)) continue
    boxes[frame] = boxes[frame - 1] ?? lost
    count++
    first ||= frame + 1
  }
  if (count > 0) {
    const rest = count > 1 ? ` (and on ${count - 1} lines more)` : ''
    const message = `no box with an area${rest}; the box before it is judged, as OTB's and LaSOT's toolkits do`
    tell({ severity: 'warning', place: `${file.place}:${first}`, message })
  }
  return boxes
}

function polygonBox(corners: Float64Array): Box {
  return corners.some(Number.isNaN) ? lost : enclosingBox(Array.from(corners))
}

/** Times beside the results: NAME_time.txt, of which the first column is that of the first run; anything odd is no time. */
async function readSeconds(index: ResultIndex, name: string, frames: number): Promise<number[] | undefined> {
  const file = index.find([`${name}/${name}_time.txt`, `times/${name}_time.txt`, `${name}_time.txt`], () => undefined)
  if (!file) return undefined
  const seconds: number[] = []
  let isBroken = false
  eachRow(
    await file.read(),
    (row) => seconds.push(row[0] ?? Number.NaN),
    () => {
      isBroken = true
    },
  )
  return !isBroken && seconds.length === frames ? seconds : undefined
}

function tellMissing(
  missing: readonly string[],
  { folder, benchmark, tell }: { readonly folder: string; readonly benchmark: Benchmark; readonly tell: Tell },
): void {
  const [first] = missing
  if (first === undefined) return
  const { type, protocol, sequences } = benchmark
  const expected = resultNames(type, protocol, first)[0]
  const none = missing.length === sequences.length
  const names = missing.slice(0, namesShown).join(', ') + (missing.length > namesShown ? ' ...' : '')
  const message = none
    ? `no result of any of the ${sequences.length} sequences of ${benchmark.title}, expected files such as ${expected}`
    : `no result of ${missing.length} of ${sequences.length} sequences (${names}), expected files such as ${expected}`
  tell({ severity: none ? 'error' : 'warning', place: folder, message })
}
