// Rows of numbers in result files, read without a copy of the text: a LaSOT tracker's results are 685 000 lines. Numbers may be
// separated by commas, semicolons, tabs and spaces in any mixture, lines may end in any way, a byte order mark may come first.

import { parseNumber } from '../rows.ts'

/** Told of each line, from 1: its numbers are the first `count` of `row`, which is used again for the next line. */
export type RowVisitor = (row: Float64Array, count: number, line: number) => void

/** Told of a line that does not parse, from 1. */
export type BrokenLine = (line: number, message: string) => void

/** Numbers of a row that are kept; further ones are only counted. */
const capacity = 16
const shownLength = 80
/** Up to here a mantissa and a power of ten are exact, so that one division rounds correctly. */
const exactDigits = 15
const powersOfTen = Array.from({ length: exactDigits + 1 }, (_, power) => 10 ** power)

const [tab, newline, carriage, space, comma, semicolon] = [9, 10, 13, 32, 44, 59]
const [plus, minus, point, zero, nine] = [43, 45, 46, 48, 57]

/** Visits the rows of a text; empty lines at the end are none. @returns the number of lines */
export function eachRow(text: string, visit: RowVisitor, broken: BrokenLine): number {
  const row = new Float64Array(capacity)
  const end = text.trimEnd().length
  let line = 0
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  while (at < end) {
    const lineEnd = endOfLine(text, at, end)
    line++
    const count = parseLine(text, at, lineEnd, row)
    if (count > 0) visit(row, count, line)
    else broken(line, faultOf(text.slice(at, lineEnd)))
    at = lineEnd + (text.charCodeAt(lineEnd) === carriage && text.charCodeAt(lineEnd + 1) === newline ? 2 : 1)
  }
  return line
}

function endOfLine(text: string, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === newline || code === carriage) return at
  }
  return end
}

/** @returns how many numbers the line holds; 0 if there are none or it is broken */
function parseLine(text: string, from: number, end: number, row: Float64Array): number {
  let count = 0
  let commas = 0
  let at = from
  while (at < end) {
    const code = text.charCodeAt(at)
    if (isSeparator(code)) {
      if (code === comma || code === semicolon) commas++
      at++
      continue
    }
    if (commas > (count === 0 ? 0 : 1)) return 0
    commas = 0
    let wordEnd = at + 1
    while (wordEnd < end && !isSeparator(text.charCodeAt(wordEnd))) wordEnd++
    const value = parseWord(text, at, wordEnd)
    if (value === undefined) return 0
    if (count < capacity) row[count] = value
    count++
    at = wordEnd
  }
  return commas > 1 ? 0 : count
}

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
  const shown = JSON.stringify(line.length > shownLength ? `${line.slice(0, shownLength)}...` : line)
  if (line.trim() === '') return 'an empty line, expected numbers'
  const word = line
    .trim()
    .split(/\s*[,;]\s*|\s+/)
    .find((text) => parseNumber(text) === undefined)
  if (word === undefined) return `commas without a number between them; found ${shown}`
  return `${JSON.stringify(word)} is not a number; found ${shown}`
}
