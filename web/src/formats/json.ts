// This project's own JSON: complete (marks, tracks, names, colours), so that work can go on.

import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Mark, Project, Tracked, TrackedTarget } from '../model/project.ts'
import { projectOf, type Row } from './rows.ts'

const FORMAT = 'siamrpn-project'

export function writeProjectJson(project: Project): string {
  const targets = project.targets.map(({ id, name, colour, marks, track }) => ({
    id,
    name,
    colour,
    marks: [...marks].sort(byFrame).map(([frame, mark]) => ({ frame, ...mark })),
    track: [...track].sort(byFrame).map(([frame, { box, score }]) => ({ frame, box, score })),
  }))
  return `${JSON.stringify({ format: FORMAT, version: 1, clip: project.clip, targets }, null, 1)}\n`
}

interface ProjectFile {
  readonly format: unknown
  readonly clip?: Partial<ClipFacts>
  readonly targets?: readonly {
    readonly id: number
    readonly name: string
    readonly colour?: string
    readonly marks?: readonly ({ readonly frame: number } & Mark)[]
    readonly track?: readonly ({ readonly frame: number } & Tracked)[]
  }[]
}

/** True if a parsed JSON value says that it is a project of this page. */
export function isProjectJson(value: unknown): value is ProjectFile {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT
}

/** @throws ImportError */
export function readProjectJson(clip: ClipFacts, file: ProjectFile): Project {
  if (!Array.isArray(file.targets)) throw new ImportError('The project file has no list "targets"')
  const found = file.clip?.frameCount
  if (found !== undefined && found !== clip.frameCount) {
    throw new ImportError(`The project is for a clip of ${found} frames, the open clip has ${clip.frameCount}`)
  }
  const rows: Row[] = []
  for (const { id, name, marks = [], track = [] } of file.targets) {
    if (!Number.isInteger(id) || typeof name !== 'string')
      throw new ImportError('A target of the project file lacks its "id" or "name"')
    const marked = new Set<number>()
    for (const mark of marks) {
      marked.add(mark.frame)
      rows.push({
        frame: mark.frame,
        target: id,
        name,
        box: mark.kind === 'box' ? mark.box : undefined,
        score: undefined,
      })
    }
    for (const { frame, box, score } of track) {
      if (!marked.has(frame)) rows.push({ frame, target: id, name, box, score: Number(score) })
    }
  }
  const colours = new Map(file.targets.map(({ id, colour }) => [id, colour]))
  const project = projectOf(clip, rows)
  const coloured = (target: TrackedTarget) => ({
    ...target,
    colour: safeColour(colours.get(target.id)) ?? target.colour,
  })
  return { ...project, targets: project.targets.map(coloured) }
}

function safeColour(colour: string | undefined): string | undefined {
  return typeof colour === 'string' && /^#[0-9a-f]{6}$/i.test(colour) ? colour : undefined
}

function byFrame(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0]
}
