// Text files of numbers, a row per line: ground truth and results, which one reader reads by one rule. Numbers are separated by
// commas, semicolons and white space; one separator may end a line; lines end in any way, CR CR LF too, and blank ones are passed
// over. Read without a copy of the text: a LaSOT tracker's results are 685,000 lines.

import { cut, show } from 'siamrpn/gpu'

/** Told of each line, from 1: its numbers are the first `count` of `row`, which is used again for the next line. */
export type RowVisitor = (row: Float64Array, count: number, line: number, shown: () => string) => void

/** Told of a line that does not parse, from 1. */
export type BrokenLine = (line: number, message: string) => void

/** Fourteen hours of video at 30 frames a second. */
const mostLines = 1_500_000
/** Numbers of a row that are kept; further ones are only counted. */
const capacity = 16
/** Longest word that is looked at, and part of a line that messages are made from. */
const longestWord = 400
const longestLine = 1000
/** Up to here a mantissa and a power of ten are exact, so that one division rounds correctly. */
const exactDigits = 15
const powersOfTen = Array.from({ length: exactDigits + 1 }, (_, power) => 10 ** power)

const [tab, newline, carriage, space, comma, semicolon] = [9, 10, 13, 32, 44, 59]
const [plus, minus, point, zero, nine] = [43, 45, 46, 48, 57]

/** A number as the data sets write it; NaN in any case, with a sign or without. Undefined for what is none, or is infinite. */
export function parseNumber(word: string): number | undefined {
  if (word.length > longestWord) return undefined
  if (/^[-+]?nan$/i.test(word)) return Number.NaN
  if (!/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i.test(word)) return undefined
  const value = Number(word)
  return Number.isFinite(value) ? value : undefined
}

/**
 * Text from the bytes of a file: UTF-8, or UTF-16 as some editors and spreadsheets write it; a byte order mark stays.
 * Bytes that are no text become U+FFFD, which is no number.
 */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes
  const little = (first === 0xff && second === 0xfe) || (first !== undefined && first !== 0 && second === 0)
  const big = (first === 0xfe && second === 0xff) || (first === 0 && second !== undefined && second !== 0)
  return new TextDecoder(little ? 'utf-16le' : big ? 'utf-16be' : 'utf-8', { ignoreBOM: true }).decode(bytes)
}

/** Visits the rows of a text. @returns the number of lines that are not blank, and the first blank line before the end, or 0 */
export function eachRow(
  text: string,
  visit: RowVisitor,
  broken: BrokenLine,
): { readonly lines: number; readonly blank: number } {
  const row = new Float64Array(capacity)
  const end = text.trimEnd().length
  let [line, lines, blank] = [0, 0, 0]
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let lineEnd = at
  const shown = () => `found ${show(text.slice(at, Math.min(lineEnd, at + longestLine)))}`
  while (at < end) {
    lineEnd = endOfLine(text, at, end)
    if (++line > mostLines) {
      broken(line, `more than ${mostLines} lines, expected one for each frame`)
      break
    }
    const count = parseLine(text, at, lineEnd, row)
    if (count === blankLine) blank ||= line
    else {
      lines++
      if (count > 0) visit(row, count, line, shown)
      else broken(line, faultOf(text.slice(at, Math.min(lineEnd, at + longestLine))))
    }
    at = behindLine(text, lineEnd)
  }
  return { lines, blank }
}

/** The lines of a text, whatever ends them, without a byte order mark and without empty ones at the end. */
export function linesOf(text: string): string[] {
  const body = text.replace(/^\uFEFF/, '').trimEnd()
  return body === '' ? [] : body.split(/\r\r\n|\r\n|\n|\r/)
}

function endOfLine(text: string, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === newline || code === carriage) return at
  }
  return end
}

/** Behind LF, CR, CR LF, or the CR CR LF that a file has after two conversions. */
function behindLine(text: string, lineEnd: number): number {
  if (text.charCodeAt(lineEnd) !== carriage) return lineEnd + 1
  if (text.charCodeAt(lineEnd + 1) === newline) return lineEnd + 2
  const twice = text.charCodeAt(lineEnd + 1) === carriage && text.charCodeAt(lineEnd + 2) === newline
  return twice ? lineEnd + 3 : lineEnd + 1
}

/** Stands for a line without anything in it. */
const blankLine = -1

/** @returns how many numbers the line holds; 0 if it is broken, `blankLine` if there is nothing in it */
function parseLine(text: string, from: number, end: number, row: Float64Array): number {
  let count = 0
  let marks = 0
  /** Bit k: a comma alone, without white space, stands between numbers k and k + 1. */
  let tight = 0
  let at = from
  let gap = from
  while (at < end) {
    const code = text.charCodeAt(at)
    if (isSeparator(code)) {
      if (code === comma || code === semicolon) marks++
      at++
      continue
    }
    if (marks > (count === 0 ? 0 : 1)) return 0
    if (count > 0 && count < capacity && at === gap + 1 && text.charCodeAt(gap) === comma) tight |= 1 << (count - 1)
    marks = 0
    let wordEnd = at + 1
    while (wordEnd < end && !isSeparator(text.charCodeAt(wordEnd))) wordEnd++
    const value = parseWord(text, at, wordEnd)
    if (value === undefined) return 0
    if (count < capacity) row[count] = value
    count++
    at = wordEnd
    gap = wordEnd
  }
  if (marks > 1 || (count === 0 && marks > 0)) return 0
  return count === 8 && tight === fourPairs && !text.slice(from, end).includes('.') ? 0 : count || blankLine
}

/** `1,5;2,5;3,5;4,5` may be four numbers with decimal commas, or the corners of a polygon: nobody can tell. */
const fourPairs = 0b1010101

function isSeparator(code: number): boolean {
  return code === comma || code === space || code === tab || code === semicolon
}

/** A plain decimal number at once, everything else (exponents, NaN, many digits) by way of `parseNumber`. */
function parseWord(text: string, from: number, end: number): number | undefined {
  const sign = text.charCodeAt(from)
  let mantissa = 0
  let digits = 0
  let decimals = -1
  for (let at = sign === minus || sign === plus ? from + 1 : from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code >= zero && code <= nine) {
      mantissa = mantissa * 10 + (code - zero)
      digits++
      if (decimals >= 0) decimals++
    } else if (code === point && decimals < 0) decimals = 0
    else return parseNumber(text.slice(from, end))
  }
  if (digits === 0 || digits > exactDigits) return parseNumber(text.slice(from, end))
  const value = decimals > 0 ? mantissa / (powersOfTen[decimals] ?? 1) : mantissa
  return sign === minus ? -value : value
}

function faultOf(line: string): string {
  const shown = `found ${show(line)}`
  const word = line.split(/[\s,;]/).find((text) => text !== '' && parseNumber(text) === undefined)
  if (word !== undefined) return `${JSON.stringify(cut(word))} is not a number; ${shown}`
  if (/(?:^|[,;])\s*[,;]/.test(line)) return `commas without a number between them; ${shown}`
  return `pairs of numbers: decimal commas, or corners? expected points before decimals and one kind of separator; ${shown}`
}
