// This project's own JSON: complete (marks, tracks, names, colors), so that work can go on.

import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Project, TrackedTarget } from '../model/project.ts'
import { boxOf, isRecord, type JsonRecord, recordsOf, shortened, shown } from './json-value.ts'
import { projectOf, type Row } from './rows.ts'

const formatName = 'siamrpn-project'

export function writeProjectJson(project: Project): string {
  const targets = project.targets.map(({ id, name, color, marks, track }) => ({
    id,
    name,
    color,
    marks: [...marks].sort(byFrame).map(([frame, mark]) => ({ frame, ...mark })),
    track: [...track].map(([frame, { box, score }]) => ({ frame, box, score })),
  }))
  return `${JSON.stringify({ format: formatName, version: 1, clip: project.clip, targets }, null, 1)}\n`
}

/** True if a parsed JSON value says that it is a project of this page. */
export function isProjectJson(value: unknown): value is JsonRecord {
  return isRecord(value) && value.format === formatName
}

/** @throws ImportError */
export function readProjectJson(clip: ClipFacts, file: JsonRecord): Project {
  const found = isRecord(file.clip) ? file.clip.frameCount : undefined
  if (found !== undefined && found !== clip.frameCount) {
    throw new ImportError(`The project is for a clip of ${shown(found)} frames, the open clip has ${clip.frameCount}`)
  }
  const rows: Row[] = []
  const colors = new Map<number, unknown>()
  for (const { id, name, color, marks = [], track = [] } of recordsOf(file, 'targets')) {
    if (typeof id !== 'number' || !Number.isInteger(id) || typeof name !== 'string')
      throw new ImportError('A target of the project file lacks its "id" or "name"')
    colors.set(id, color)
    const marked = new Set<unknown>()
    for (const { frame, kind, box } of recordsOf({ marks }, 'marks')) {
      if (kind !== 'box' && kind !== 'absent') {
        throw new ImportError(`A mark of "${shortened(name)}" is ${shown(kind)}, expected "box" or "absent"`)
      }
      marked.add(frame)
      const set = kind === 'box' ? boxOf(box, name) : undefined
      rows.push({ frame: Number(frame), target: id, name, box: set, score: undefined })
    }
    for (const { frame, box, score } of recordsOf({ track }, 'track')) {
      if (!marked.has(frame))
        rows.push({ frame: Number(frame), target: id, name, box: boxOf(box, name), score: Number(score) })
    }
  }
  const project = projectOf(clip, rows)
  const colored = (target: TrackedTarget) => ({
    ...target,
    color: safeColor(colors.get(target.id)) ?? target.color,
  })
  return { ...project, targets: project.targets.map(colored) }
}

function safeColor(color: unknown): string | undefined {
  return typeof color === 'string' && /^#[0-9a-f]{6}$/i.test(color) ? color : undefined
}

function byFrame(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0]
}
