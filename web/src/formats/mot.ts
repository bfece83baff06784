// MOT Challenge's text format: frame, id, left, top, width, height, confidence, -1, -1, -1, both counted from 1.
// Source: "MOT16: A Benchmark for Multi-Object Tracking", section 3.2. It has no word for an absent target: such frames have no line.

import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Project } from '../model/project.ts'
import { projectOf, type Row, rowsOf } from './rows.ts'

const fieldCount = 7

export function writeMot(project: Project): string {
  const lines = rowsOf(project).flatMap(({ frame, target, box, score }) => {
    if (!box) return []
    // MOT counts pixels from 1, too.
    const numbers = [box.x + 1, box.y + 1, box.width, box.height].map((value) => value.toFixed(2))
    return [[frame + 1, target, ...numbers, (score ?? 1).toFixed(4), -1, -1, -1].join(',')]
  })
  return lines.length > 0 ? `${lines.join('\n')}\n` : ''
}

/** True if the first line with text is a row of MOT's. */
export function isMot(text: string): boolean {
  const first = text.split(/\r\n|\r|\n/).find((line) => line.trim() !== '') ?? ''
  const cells = first.split(',')
  return cells.length >= fieldCount && cells.every((cell) => cell.trim() !== '' && Number.isFinite(Number(cell)))
}

/** Boxes with a confidence below 1 count as tracked, the others as marked. @throws ImportError with the line */
export function readMot(clip: ClipFacts, text: string): Project {
  const rows: Row[] = []
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (line.trim() === '') continue
    const cells = line.split(',').map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)))
    const [
      frame = Number.NaN,
      id = Number.NaN,
      x = Number.NaN,
      y = Number.NaN,
      width = Number.NaN,
      height = Number.NaN,
      score = 1,
    ] = cells
    if (![frame, id, x, y, width, height, score].every(Number.isFinite)) {
      throw new ImportError(
        `Line ${index + 1} is "${line.slice(0, 60)}", expected numbers: frame, id, left, top, width, height, confidence`,
      )
    }
    const box = { x: x - 1, y: y - 1, width, height }
    rows.push({ frame: frame - 1, target: id, name: `Target ${id}`, box, score: score < 1 ? score : undefined })
  }
  return projectOf(clip, rows)
}
