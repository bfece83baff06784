// A project is what a person makes of a clip: targets, the marks they set by hand, and the track that was followed between the
// marks. Everything here is immutable: an edit returns a new project, so that undo is a list of projects.

import type { Box } from 'siamrpn'
import { Track, type Tracked } from './track.ts'

/** What a person said of one target in one frame: where it is, or that it is not there. */
export type Mark = { readonly kind: 'box'; readonly box: Box } | { readonly kind: 'absent' }

export interface TrackedTarget {
  readonly id: number
  readonly name: string
  /** CSS color of the box and its line on the timeline. */
  readonly color: string
  /** By frame number from 0. */
  readonly marks: ReadonlyMap<number, Mark>
  readonly track: Track
}

export interface ClipFacts {
  readonly name: string
  /** Pixels of a frame as it is shown, rotation applied. */
  readonly width: number
  readonly height: number
  readonly frameCount: number
  /** Frames a second, mean over the clip. */
  readonly frameRate: number
}

export interface Project {
  readonly clip: ClipFacts
  readonly targets: readonly TrackedTarget[]
}

/** Distinct in light and dark, also for the common forms of color blindness (Okabe and Ito's palette, darkened to 4.5:1 on text). */
export const colors = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#f0e442', '#999999'] as const

export function emptyProject(clip: ClipFacts): Project {
  return { clip, targets: [] }
}

/** Adds a target whose first mark is `box` in `frame`. */
export function addTarget(project: Project, frame: number, box: Box): { project: Project; id: number } {
  const id = project.targets.reduce((most, target) => Math.max(most, target.id), 0) + 1
  const color = colors[(id - 1) % colors.length] ?? colors[0]
  const marks = new Map<number, Mark>([[frame, { kind: 'box', box }]])
  const target: TrackedTarget = { id, name: `Target ${id}`, color, marks, track: Track.empty }
  return { project: { ...project, targets: [...project.targets, target] }, id }
}

export function removeTarget(project: Project, id: number): Project {
  return { ...project, targets: project.targets.filter((target) => target.id !== id) }
}

export function renameTarget(project: Project, id: number, name: string): Project {
  return changeTarget(project, id, (target) => ({ ...target, name }))
}

/** Sets or replaces the mark of a target in a frame. */
export function setMark(project: Project, id: number, frame: number, mark: Mark): Project {
  return changeTarget(project, id, (target) => ({ ...target, marks: new Map(target.marks).set(frame, mark) }))
}

export function removeMark(project: Project, id: number, frame: number): Project {
  return changeTarget(project, id, (target) => {
    const marks = new Map(target.marks)
    marks.delete(frame)
    return { ...target, marks }
  })
}

/** Adds what the tracker found in one frame. */
export function setTracked(project: Project, frame: number, results: ReadonlyMap<number, Tracked>): Project {
  const targets = project.targets.map((target) => {
    const tracked = results.get(target.id)
    return tracked ? { ...target, track: target.track.with(frame, tracked) } : target
  })
  return { ...project, targets }
}

/** Forgets what was followed from `from` to `to`, both included. */
export function clearTrack(project: Project, id: number, from: number, to: number): Project {
  return changeTarget(project, id, (target) => ({ ...target, track: target.track.without(from, to) }))
}

/** Where a target is in a frame, from a mark if there is one, else from the track. */
export function positionAt(target: TrackedTarget, frame: number): Tracked | undefined {
  const mark = target.marks.get(frame)
  if (mark?.kind === 'absent') return undefined
  if (mark) return { box: mark.box, score: 1 }
  return target.track.get(frame)
}

/** The last mark at or before a frame; undefined if there is none. */
export function markBefore(target: TrackedTarget, frame: number): number | undefined {
  let found: number | undefined
  for (const other of target.marks.keys()) if (other <= frame && other >= (found ?? other)) found = other
  return found
}

/** The first mark after a frame; undefined if there is none. */
export function markAfter(target: TrackedTarget, frame: number): number | undefined {
  let found: number | undefined
  for (const other of target.marks.keys()) if (other > frame && other <= (found ?? other)) found = other
  return found
}

/** The frames with a box from a person, over all targets: what teaching may use. */
export function correctionCount(project: Project): number {
  return project.targets.reduce((sum, { marks }) => sum + marks.size, 0)
}

/** "1 mark", "2 marks". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function changeTarget(project: Project, id: number, change: (target: TrackedTarget) => TrackedTarget): Project {
  return { ...project, targets: project.targets.map((target) => (target.id === id ? change(target) : target)) }
}
