// Reads ground-truth boxes: the text files of OTB, LaSOT, GOT-10k, TrackingNet and UAV123 (`x,y,width,height`), the
// polygons of VOT (eight numbers, of which the axis-aligned hull is taken), and our own .json results.

import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { GroundTruthError, SourceNotFoundError } from './errors.ts'
import type { Box } from './types.ts'
import { resultsFormat } from './write-results.ts'

/** One entry per frame; undefined where the file says that there is no object (NaN). */
export type GroundTruth = readonly (Box | undefined)[]

/**
 * Reads a file with one box per line: four numbers `x y width height` or a polygon's eight, separated by commas, tabs,
 * semicolons or spaces, in pixels. A line with a NaN is a frame without object. Or a .json file written by this package.
 *
 * @param target which target of a .json file with several (0)
 * @throws SourceNotFoundError, GroundTruthError with file and line
 */
export async function readGroundTruth(file: string, target = 0): Promise<GroundTruth> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (missing) throw new SourceNotFoundError(file, { cause: error })
    throw new GroundTruthError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  return text.trimStart().startsWith('{') ? parseResults(text, file, target) : parseBoxes(text, file)
}

/** Parses the text form; `file` is only for messages. */
export function parseBoxes(text: string, file: string): GroundTruth {
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r\n|\n|\r/)
  if (lines.length === 1 && lines[0]?.trim() === '') throw new GroundTruthError(`${file}: the file is empty`)
  return lines.map((line, index) => parseLine(line, `${file}:${index + 1}`))
}

function parseLine(line: string, place: string): Box | undefined {
  const words = line.trim().split(/\s*[,;]\s*|\s+/)
  const found = `found ${JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}...` : line)}`
  if (words.length !== 4 && words.length !== 8) {
    throw new GroundTruthError(`${place}: ${words[0] === '' ? 0 : words.length} values, expected 4 or 8; ${found}`)
  }
  const values = words.map((word) => (/^[-+]?nan$/i.test(word) ? Number.NaN : parseNumber(word)))
  const wrong = values.indexOf(undefined)
  if (wrong >= 0) throw new GroundTruthError(`${place}: ${JSON.stringify(words[wrong])} is not a number; ${found}`)
  const numbers = values.filter((value) => value !== undefined)
  if (numbers.some(Number.isNaN)) return undefined
  return numbers.length === 8 ? hull(numbers) : toBox(numbers)
}

function parseNumber(word: string): number | undefined {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(word) ? Number(word) : undefined
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

const resultsSchema = z.object({
  format: z.literal(resultsFormat),
  frames: z.array(
    z.object({
      frame: z.int().min(0),
      targets: z.array(z.object({ box: z.tuple([z.number(), z.number(), z.number(), z.number()]) })),
    }),
  ),
})

function parseResults(text: string, file: string, target: number): GroundTruth {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new GroundTruthError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  const parsed = resultsSchema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new GroundTruthError(`${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a result file'}`)
  }
  const boxes: (Box | undefined)[] = []
  for (const { frame, targets } of parsed.data.frames) {
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
