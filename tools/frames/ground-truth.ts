// Reads ground-truth boxes: the text files of OTB, LaSOT, GOT-10k, TrackingNet and UAV123 (`x,y,width,height`), the
// polygons of VOT (eight numbers, of which the axis-aligned hull is taken), and our own .json results.

import { parseJson } from 'siamrpn/formats'
import { cut } from 'siamrpn/gpu'
import { z } from 'zod'
import { FileSizeError, mostJsonBytes, readBounded } from '../read-bounded.ts'
import { GroundTruthError, SourceNotFoundError } from './errors.ts'
import { decodeText, eachRow } from './number-rows.ts'
import type { Box } from './types.ts'
import { resultsFormat } from './write-results.ts'

/** One entry per frame; undefined where the file says that there is no object (NaN). */
export type GroundTruth = readonly (Box | undefined)[]

/**
 * Reads a file with one box per line: four numbers `x y width height` or a polygon's eight, separated by commas, tabs,
 * semicolons or spaces, in pixels. A line with a NaN is a frame without object. Or a .json file written by this package.
 *
 * @param target which target of a .json file with several (0)
 * @throws SourceNotFoundError, FileSizeError, GroundTruthError with file and line
 */
export async function readGroundTruth(file: string, target = 0): Promise<GroundTruth> {
  let text: string
  try {
    text = decodeText(await readBounded(file, mostJsonBytes)).replace(/^\uFEFF/, '')
  } catch (error) {
    if (error instanceof FileSizeError) throw error
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (missing) throw new SourceNotFoundError(file, { cause: error })
    throw new GroundTruthError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  return text.trimStart().startsWith('{') ? parseResults(text, file, target) : parseBoxes(text, file)
}

/** Parses the text form; `file` is only for messages. @throws GroundTruthError with the first line that is broken */
export function parseBoxes(text: string, file: string): GroundTruth {
  const boxes: (Box | undefined)[] = []
  const fail = (line: number, message: string): never => {
    throw new GroundTruthError(`${file}:${line}: ${message}`)
  }
  const { lines } = eachRow(
    text,
    (row, count, line, shown) => {
      if (count !== 4 && count !== 8) fail(line, `${count} values, expected 4 or 8; ${shown()}`)
      const numbers = [...row.subarray(0, count)]
      boxes.push(numbers.some(Number.isNaN) ? undefined : count === 8 ? hull(numbers) : toBox(numbers))
    },
    fail,
  )
  if (lines === 0) throw new GroundTruthError(`${file}: the file is empty`)
  return boxes
}

function toBox([x = Number.NaN, y = Number.NaN, width = Number.NaN, height = Number.NaN]: readonly number[]): Box {
  return { x, y, width, height }
}

function hull(corners: readonly number[]): Box {
  const xs = corners.filter((_, index) => index % 2 === 0)
  const ys = corners.filter((_, index) => index % 2 === 1)
  const x = Math.min(...xs)
  const y = Math.min(...ys)
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y }
}

/** Four days at 30 frames per second: a list of that length is made of what a file says. */
const mostFrames = 10_000_000

const resultsSchema = z.object({
  format: z.literal(resultsFormat),
  frames: z.array(
    z.object({
      frame: z.int().min(0).max(mostFrames),
      targets: z.array(z.object({ box: z.tuple([z.number(), z.number(), z.number(), z.number()]) })),
    }),
  ),
})

function parseResults(text: string, file: string, target: number): GroundTruth {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw new GroundTruthError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  const parsed = resultsSchema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new GroundTruthError(
      `${file}: ${cut(issue?.path.join('.') ?? '')}: ${cut(issue?.message ?? 'not a result file', 300)}`,
    )
  }
  const boxes: (Box | undefined)[] = []
  const seen = new Set<number>()
  for (const { frame, targets } of parsed.data.frames) {
    if (seen.has(frame)) throw new GroundTruthError(`${file}: frame ${frame} is there twice, expected once`)
    seen.add(frame)
    const box = targets[target]?.box
    if (box === undefined) {
      throw new GroundTruthError(
        `${file}: frame ${frame} holds ${targets.length} targets, expected ${target + 1} or more`,
      )
    }
    while (boxes.length < frame) boxes.push(undefined)
    boxes[frame] = toBox(box)
  }
  return boxes
}
