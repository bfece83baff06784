// Comma-separated values with a header line: frame (from 1), target, name, x, y, width, height, score, source.

import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Project } from '../model/project.ts'
import { shortened } from './json-value.ts'
import { projectOf, type Row, rowsOf } from './rows.ts'

const columnNames = ['frame', 'target', 'name', 'x', 'y', 'width', 'height', 'score', 'source'] as const

export function writeCsv(project: Project): string {
  const lines = rowsOf(project).map(({ frame, target, name, box, score }) => {
    const numbers = box ? [box.x, box.y, box.width, box.height].map(rounded) : ['', '', '', '']
    const source = score !== undefined ? 'tracked' : box ? 'marked' : 'absent'
    return [frame + 1, target, quote(name), ...numbers, score === undefined ? '' : rounded(score), source].join(',')
  })
  return `${[columnNames.join(','), ...lines].join('\n')}\n`
}

/** True if the first line has the columns of `writeCsv`. */
export function isCsv(text: string): boolean {
  return text
    .replace(/^\uFEFF/, '')
    .trimStart()
    .startsWith(columnNames.join(','))
}

/** @throws ImportError with the line */
export function readCsv(clip: ClipFacts, text: string): Project {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)
  const rows: Row[] = []
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === '') continue
    rows.push(readLine(line, index + 1))
  }
  return projectOf(clip, rows)
}

function readLine(line: string, number: number): Row {
  const cells = splitCsv(line)
  if (cells.length !== columnNames.length) {
    throw new ImportError(
      `Line ${number} has ${cells.length} cells, expected ${columnNames.length}: ${columnNames.join(', ')}`,
    )
  }
  const [frame = '', target = '', name = '', x = '', y = '', width = '', height = '', score = '', source = ''] = cells
  const numeric = (cell: string, column: string) => {
    const value = cell.trim() === '' ? Number.NaN : Number(cell)
    if (!Number.isFinite(value))
      throw new ImportError(`Line ${number}: ${column} is "${shortened(cell)}", expected a number`)
    return value
  }
  const box =
    source === 'absent'
      ? undefined
      : { x: numeric(x, 'x'), y: numeric(y, 'y'), width: numeric(width, 'width'), height: numeric(height, 'height') }
  return {
    frame: numeric(frame, 'frame') - 1,
    target: numeric(target, 'target'),
    name,
    box,
    score: source === 'tracked' ? numeric(score, 'score') : undefined,
  }
}

/** Cells of a line, quotes of RFC 4180 removed. */
function splitCsv(line: string): string[] {
  const cells: string[] = []
  const pattern = /("(?:[^"]|"")*"|[^,]*)(?:,|$)/y
  while (pattern.lastIndex < line.length || cells.length === 0) {
    const match = pattern.exec(line)
    if (!match) break
    const cell = match[1] ?? ''
    cells.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell)
    if (pattern.lastIndex === line.length && line.endsWith(',')) {
      cells.push('')
      break
    }
  }
  return cells
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function rounded(value: number): string {
  return String(Math.round(value * 1e4) / 1e4)
}
