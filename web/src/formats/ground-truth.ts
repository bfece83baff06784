// The clip layout of this project: img/00000001.jpg ... and groundtruth.txt with a line x,y,width,height per frame, NaN where the
// target is absent or was not followed. One target a file.

import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Project, TrackedTarget } from '../model/project.ts'
import { positionAt } from '../model/project.ts'
import { projectOf, type Row } from './rows.ts'

export function writeGroundTruth(target: TrackedTarget, frameCount: number): string {
  const lines = Array.from({ length: frameCount }, (_, frame) => {
    const position = positionAt(target, frame)
    if (!position) return 'NaN,NaN,NaN,NaN'
    const { x, y, width, height } = position.box
    return [x, y, width, height].map((value) => value.toFixed(2)).join(',')
  })
  return `${lines.join('\n')}\n`
}

/** Every box counts as marked, every NaN as absent. @throws ImportError with the line */
export function readGroundTruth(clip: ClipFacts, text: string, name: string): Project {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)
  while (lines.at(-1)?.trim() === '') lines.pop()
  if (lines.length !== clip.frameCount) {
    throw new ImportError(`The ground truth has ${lines.length} lines, the open clip has ${clip.frameCount} frames`)
  }
  const rows = lines.map((line, frame): Row => {
    const cells = line.split(/[,\t; ]+/).filter((cell) => cell !== '')
    const [x, y, width, height] = cells.map(Number)
    if (cells.length !== 4 || x === undefined || y === undefined || width === undefined || height === undefined) {
      throw new ImportError(`Line ${frame + 1} is "${line.slice(0, 60)}", expected x,y,width,height`)
    }
    const absent = [x, y, width, height].some(Number.isNaN) || width <= 0 || height <= 0
    return { frame, target: 1, name, box: absent ? undefined : { x, y, width, height }, score: undefined }
  })
  return projectOf(clip, rows)
}
