// The rows that every annotation format here comes down to: one target in one frame.

import type { Box } from 'siamrpn'
import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Mark, Project, TrackedTarget } from '../model/project.ts'
import { colors, positionAt } from '../model/project.ts'
import { Track, type Tracked } from '../model/track.ts'
import { shortened } from './json-value.ts'

export interface Row {
  readonly frame: number
  readonly target: number
  readonly name: string
  /** Undefined: the target is not in this frame. */
  readonly box: Box | undefined
  /** 0..1; undefined where a person set the box. */
  readonly score: number | undefined
}

/** Every frame of every target that has a position or an absent mark, in the order of frames. */
export function rowsOf(project: Project): Row[] {
  const rows: Row[] = []
  for (const target of project.targets) {
    const frames = new Set([...target.marks.keys(), ...target.track.keys()])
    for (const frame of frames) {
      const mark = target.marks.get(frame)
      const position = positionAt(target, frame)
      const score = mark ? undefined : position?.score
      rows.push({ frame, target: target.id, name: target.name, box: position?.box, score })
    }
  }
  return rows.sort((a, b) => a.frame - b.frame || a.target - b.target)
}

/** A project from rows. @throws ImportError for a frame outside the clip, a box without area or two rows for one frame */
export function projectOf(clip: ClipFacts, rows: readonly Row[]): Project {
  const targets = new Map<number, { name: string; marks: Map<number, Mark>; track: Map<number, Tracked> }>()
  for (const row of rows) {
    checkRow(clip, row)
    let target = targets.get(row.target)
    if (!target) {
      target = { name: row.name, marks: new Map(), track: new Map() }
      targets.set(row.target, target)
    }
    if (target.marks.has(row.frame) || target.track.has(row.frame)) {
      throw new ImportError(`"${shortened(row.name)}" has two boxes in frame ${row.frame + 1}, expected one at most`)
    }
    if (row.box && row.score !== undefined) target.track.set(row.frame, { box: row.box, score: row.score })
    else target.marks.set(row.frame, row.box ? { kind: 'box', box: row.box } : { kind: 'absent' })
  }
  const made = [...targets].map(([id, { name, marks, track }]): TrackedTarget => {
    return { id, name, color: colorOf(id), marks, track: Track.from(track) }
  })
  return { clip, targets: made }
}

function colorOf(id: number): string {
  return colors[(Math.max(1, Math.trunc(id)) - 1) % colors.length] ?? colors[0]
}

function checkRow({ frameCount }: ClipFacts, { frame, name, box, score }: Row): void {
  if (!Number.isInteger(frame) || frame < 0 || frame >= frameCount) {
    throw new ImportError(
      `"${shortened(name)}" has a box in frame ${frame + 1}, but the open clip has ${frameCount} frames`,
    )
  }
  if (Number.isNaN(score)) {
    throw new ImportError(`"${shortened(name)}" has no number for a score in frame ${frame + 1}, expected 0 to 1`)
  }
  if (!box) return
  const values = [box.x, box.y, box.width, box.height]
  if (!values.every(Number.isFinite) || box.width <= 0 || box.height <= 0) {
    throw new ImportError(
      `"${shortened(name)}" has the box ${values.join(', ')} in frame ${frame + 1}, expected finite numbers with an area`,
    )
  }
}
