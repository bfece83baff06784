// Text files of numbers as data sets publish them: a box per line (commas, tabs, spaces or semicolons between the numbers, any
// line ends, a byte order mark, NaN where there is no object), and flags, one per frame, on one line or on many.

import { cut, show } from 'siamrpn/gpu'
import { decodeText, eachRow, linesOf, parseNumber } from '../frames/number-rows.ts'
import type { Box } from '../frames/types.ts'
import { FileSizeError, mostTextBytes, readBounded } from '../read-bounded.ts'
import type { Sequence, Tell } from './types.ts'

/** Broken lines of a file that are told one by one; the rest only by their number. */
const brokenLinesTold = 5

/** A text file, undefined where there is none or it cannot be read (`tell` decides whether that matters). @throws FileSizeError */
export async function readTextFile(file: string): Promise<string | undefined> {
  try {
    const text = decodeText(await readBounded(file, mostTextBytes))
    checkLines(text, file)
    return text
  } catch (error) {
    if (error instanceof FileSizeError) throw error
    return undefined
  }
}

/** No list and no sequence has so many; every line of a list costs a finding. */
const mostLines = 200_000

function checkLines(text: string, file: string): void {
  let lines = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if ((code === 10 || code === 13) && ++lines > 2 * mostLines) {
      throw new FileSizeError(`${file} has more than ${mostLines} lines, expected fewer of a file of its kind`)
    }
  }
}

/**
 * A file with a row of numbers per line; `counts`: how many a line may hold (4 for boxes, 4 or 8 where polygons may come).
 * Tells a missing, an empty and a broken file as errors with `file:line` and answers undefined; separators that change within
 * the file, blank lines, CRLF, a byte order mark and NaN as warnings.
 */
export async function readRows(
  file: string,
  counts: readonly number[],
  tell: Tell,
): Promise<readonly (readonly number[])[] | undefined> {
  const text = await readTextFile(file)
  if (text === undefined) {
    tell({ severity: 'error', place: file, message: 'not found, expected the ground truth: a box per line' })
    return undefined
  }
  return parseRows(text, { file, counts, tell })
}

export interface RowsFormat {
  /** For messages. */
  readonly file: string
  readonly counts: readonly number[]
  readonly tell: Tell
}

/** As `readRows`, of a text. */
export function parseRows(text: string, { file, counts, tell }: RowsFormat): number[][] | undefined {
  const rows: number[][] = []
  const places: number[] = []
  let broken = 0
  const brokenLine = (line: number, message: string) => {
    if (++broken <= brokenLinesTold) tell({ severity: 'error', place: `${file}:${line}`, message })
  }
  const { lines, blank } = eachRow(
    text,
    (row, count, line, shown) => {
      if (!counts.includes(count)) {
        brokenLine(line, `${count} values, expected ${counts.join(' or ')}; ${shown()}`)
      } else {
        rows.push([...row.subarray(0, count)])
        places.push(line)
      }
    },
    brokenLine,
  )
  if (lines === 0) {
    tell({ severity: 'error', place: `${file}:1`, message: 'the file is empty, expected a box per line' })
    return undefined
  }
  if (broken > brokenLinesTold) {
    const message = `${broken - brokenLinesTold} more lines are broken, ${broken} of ${lines} in all`
    tell({ severity: 'error', place: file, message })
  }
  if (broken > 0) return undefined
  tellOddities(text, { file, tell, blank })
  tellNaN(rows, places, { file, tell })
  return rows
}

type Separator = 'comma' | 'semicolon' | 'tab' | 'space'

function separatorOf(line: string): Separator {
  const text = line.trim()
  if (text.includes(',')) return 'comma'
  if (text.includes(';')) return 'semicolon'
  return text.includes('\t') ? 'tab' : 'space'
}

function tellOddities(text: string, { file, tell, blank }: Omit<RowsFormat, 'counts'> & { blank: number }): void {
  const warn = (line: number, message: string) => tell({ severity: 'warning', place: `${file}:${line}`, message })
  if (text.startsWith('\uFEFF')) warn(1, 'begins with a byte order mark, which is skipped')
  if (blank > 0) warn(blank, 'a blank line, which is passed over')
  const lines = linesOf(text)
  const first = lines.find((line) => line.trim() !== '') ?? ''
  const expected = separatorOf(first)
  const changed = lines.findIndex((line) => line.trim() !== '' && separatorOf(line) !== expected)
  if (changed > 0) {
    const found = separatorOf(lines[changed] ?? '')
    warn(changed + 1, `separated by ${found}, expected ${expected} as on line 1; read all the same`)
  }
  const windowsEnd = text.indexOf('\r')
  if (windowsEnd >= 0)
    warn(linesOf(text.slice(0, windowsEnd)).length, 'the line ends in CR, expected LF; read all the same')
}

/** @param lines where the rows stand, from 1 */
function tellNaN(
  rows: readonly (readonly number[])[],
  lines: readonly number[],
  { file, tell }: Omit<RowsFormat, 'counts'>,
): void {
  const places = rows.flatMap((row, index) => (row.some(Number.isNaN) ? [lines[index] ?? 0] : []))
  const [first] = places
  if (first === undefined) return
  const message =
    places.length === 1
      ? 'NaN: a frame without the object'
      : `NaN on ${places.length} lines, this is the first: frames without the object`
  tell({ severity: 'warning', place: `${file}:${first}`, message })
}

const longestSide = 65_535

/** The size of a sequence's frames as a file states it in digits; undefined where it does not, or cannot mean it, which is told. */
export function statedSize(
  width: string | undefined,
  height: string | undefined,
  file: string,
  tell: Tell,
): Sequence['size'] {
  if (width === undefined || height === undefined) return undefined
  const size = { width: Number(width), height: Number(height) }
  if (Object.values(size).every((side) => side >= 1 && side <= longestSide)) return size
  const message = `frames of ${cut(width, 20)}x${cut(height, 20)} pixels, expected sides of 1 to ${longestSide}; not heeded`
  tell({ severity: 'warning', place: file, message })
  return undefined
}

/** Left, top, width, height. */
export function boxOfRow([
  x = Number.NaN,
  y = Number.NaN,
  width = Number.NaN,
  height = Number.NaN,
]: readonly number[]): Box {
  return { x, y, width, height }
}

/** What encloses the corners x1, y1, x2, y2 ... of a polygon. */
export function enclosingBox(corners: readonly number[]): Box {
  const xs = corners.filter((_, index) => index % 2 === 0)
  const ys = corners.filter((_, index) => index % 2 === 1)
  const x = Math.min(...xs)
  const y = Math.min(...ys)
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y }
}

/** MMTracking's `bboxes_isvalid`: a box with an area; NaN is none. */
export function hasArea({ x, y, width, height }: Box): boolean {
  return width > 0 && height > 0 && Number.isFinite(x) && Number.isFinite(y)
}

/**
 * Whole numbers, one per frame, however they are separated. Undefined where there is no such file, and after an error that was
 * told: a word that is no whole number, or a number of entries that is not `count`.
 */
export async function readFlags(file: string, count: number, tell: Tell): Promise<readonly number[] | undefined> {
  const text = await readTextFile(file)
  if (text === undefined) return undefined
  const flags: number[] = []
  for (const [index, line] of linesOf(text).entries()) {
    for (const word of line.split(/[\s,;]+/)) {
      const flag = parseNumber(word)
      if (word === '') continue
      if (flag === undefined || !Number.isInteger(flag)) {
        const message = `entry ${flags.length + 1} is ${show(word)}, expected a whole number`
        tell({ severity: 'error', place: `${file}:${index + 1}`, message })
        return undefined
      }
      flags.push(flag)
    }
  }
  if (flags.length === count) return flags
  tell({
    severity: 'error',
    place: file,
    message: `${flags.length} entries, expected ${count}, one per line of the ground truth`,
  })
  return undefined
}

/** As `readFlags`, of a file that belongs to the download: that it is not there is an error. */
export async function readRequiredFlags(
  file: string,
  count: number,
  tell: Tell,
): Promise<readonly number[] | undefined> {
  let told = false
  const flags = await readFlags(file, count, (finding) => {
    told = true
    tell(finding)
  })
  if (!flags && !told)
    tell({ severity: 'error', place: file, message: `not found, expected ${count} flags, one per frame` })
  return flags
}
