// The keys of the stage and the timeline, as one table that acts and is shown as help. They act only where the focus is on one of the
// two, so that single letters do nothing while a name is typed or a screen reader moves.

import type { Box } from 'siamrpn'
import { positionAt, type TrackedTarget } from '../model/project.ts'
import type { Session } from '../session/session.ts'

/** Frame pixels. */
export const smallestBox = 3
/** Frames that a larger step goes. */
const leapFrames = 10

interface Command {
  /** As in KeyboardEvent.key. */
  readonly keys: readonly string[]
  readonly shown: string
  readonly what: string
  /** May be used while something is followed or played. */
  readonly always?: true
  readonly act: (session: Session, event: KeyboardEvent) => void
}

const seekBy = ({ workspace }: Session, frames: number) => void workspace.seek(workspace.frame.value + frames)

const commands: readonly Command[] = [
  {
    keys: [' '],
    shown: 'Space',
    what: 'play or pause',
    always: true,
    act: ({ workspace, player }) => void (workspace.activity.busy.value ? workspace.activity.stop() : player.play()),
  },
  {
    keys: ['f', 'F'],
    shown: 'F',
    what: 'follow the selected target from here',
    act: ({ targets, workspace }) => {
      const { value: id } = workspace.selected
      if (id !== undefined) void targets.follow([id])
    },
  },
  {
    keys: [',', '<', ';'], // what Shift makes of a comma depends on the keyboard
    shown: ',',
    what: `frame before; with Shift, ${leapFrames} back`,
    act: (session, { shiftKey }) => seekBy(session, shiftKey ? -leapFrames : -1),
  },
  {
    keys: ['.', '>', ':'],
    shown: '.',
    what: `next frame; with Shift, ${leapFrames} on`,
    act: (session, { shiftKey }) => seekBy(session, shiftKey ? leapFrames : 1),
  },
  { keys: ['Home'], shown: 'Home', what: 'first frame', act: ({ workspace }) => void workspace.seek(0) },
  {
    keys: ['End'],
    shown: 'End',
    what: 'last frame',
    act: ({ workspace }) => void workspace.seek(Number.MAX_SAFE_INTEGER),
  },
  { keys: ['['], shown: '[', what: 'mark before', act: (session) => seekMark(session, -1) },
  { keys: [']'], shown: ']', what: 'next mark', act: (session) => seekMark(session, 1) },
  { keys: ['n', 'N'], shown: 'N', what: 'new box in the middle', act: addInTheMiddle },
  {
    keys: ['a', 'A'],
    shown: 'A',
    what: 'mark the selected target as absent here',
    act: ({ targets, workspace }) => {
      const { value: id } = workspace.selected
      if (id !== undefined) void targets.correct(id, { kind: 'absent' })
    },
  },
  {
    keys: ['Delete', 'Backspace'],
    shown: 'Delete',
    what: 'remove the mark in this frame',
    act: ({ targets, workspace }) => {
      const { value: target } = workspace.selectedTarget
      if (target && target.marks.size > 1) targets.unmark(target.id, workspace.frame.value)
    },
  },
  {
    keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
    shown: '1 … 9',
    what: 'select a target',
    act: ({ workspace }, { key }) => {
      const target = workspace.project.value?.targets[Number(key) - 1]
      if (target) workspace.selected.value = target.id
    },
  },
]

/** What the arrows do, which depends on where the focus is; for the help alone. */
const arrowHelp = [
  { shown: 'Arrows on the picture', what: 'move the selected box; with Shift, resize it' },
  { shown: 'Arrows on the timeline', what: `one frame; with Shift, ${leapFrames} frames` },
  { shown: 'Ctrl Z, Ctrl Shift Z', what: 'undo, redo' },
]

/** Every key and what it does, for the help. */
export const keyHelp: readonly { readonly shown: string; readonly what: string }[] = [...commands, ...arrowHelp]

/** Acts on a key of the stage. */
export function onStageKey(session: Session, event: KeyboardEvent): void {
  if (plainKey(session, event) || !isFree(session)) return
  const arrow = arrows[event.key]
  const { value: target } = session.workspace.selectedTarget
  const box = target && positionAt(target, session.workspace.frame.value)?.box
  if (!arrow || !target || !box) return
  event.preventDefault()
  session.targets.place(target.id, moved(box, arrow, event.shiftKey))
}

/** Acts on a key of the timeline. */
export function onTimelineKey(session: Session, event: KeyboardEvent): void {
  if (plainKey(session, event) || !isFree(session)) return
  const pages: Readonly<Record<string, number>> = { PageUp: -leapFrames, PageDown: leapFrames }
  const [x, y] = arrows[event.key] ?? [0, 0]
  const step = pages[event.key] ?? (x - y) * (event.shiftKey ? leapFrames : 1)
  if (step === 0) return
  event.preventDefault()
  seekBy(session, step)
}

/** Undo and redo, wherever the focus is but in a field of text. */
export function onPageKey(session: Session, event: KeyboardEvent): void {
  const inText = event.target instanceof HTMLInputElement && /^(text|number)$/.test(event.target.type)
  if (inText || event.altKey || !(event.ctrlKey || event.metaKey)) return
  const key = event.key.toLowerCase()
  const { workspace } = session
  if (key === 'z' && !event.shiftKey) workspace.undo()
  else if (key === 'y' || key === 'z') workspace.redo()
  else return
  event.preventDefault()
}

/** @returns whether the key was one of the table */
function plainKey(session: Session, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true
  const command = commands.find(({ keys }) => keys.includes(event.key))
  if (!command) return false
  event.preventDefault()
  if (command.always || isFree(session)) command.act(session, event)
  return true
}

/** Whether boxes may be changed: nothing is under way, or the camera is live. */
function isFree({ workspace }: Session): boolean {
  return !workspace.activity.busy.value || workspace.live.value
}

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

function moved(box: Box, [x, y]: readonly [number, number], resize: boolean): Box {
  const step = Math.max(1, Math.round(Math.max(box.width, box.height) / 40))
  if (!resize) return { ...box, x: box.x + x * step, y: box.y + y * step }
  return {
    ...box,
    width: Math.max(smallestBox, box.width + x * step),
    height: Math.max(smallestBox, box.height + y * step),
  }
}

function addInTheMiddle({ workspace, targets }: Session): void {
  const { value: project } = workspace.project
  if (!project) return
  const { width, height } = project.clip
  targets.add({ x: width * 0.4, y: height * 0.4, width: width * 0.2, height: height * 0.2 })
  workspace.inform('Move the box with the arrows, resize it with Shift and the arrows, then press F to follow.')
}

function seekMark({ workspace }: Session, direction: -1 | 1): void {
  const found = neighbour(workspace.selectedTarget.value, workspace.frame.value, direction)
  if (found !== undefined) void workspace.seek(found)
}

/** The nearest marked frame before or after a frame. */
function neighbour(target: TrackedTarget | undefined, frame: number, direction: -1 | 1): number | undefined {
  const frames = [...(target?.marks.keys() ?? [])].sort((a, b) => direction * (a - b))
  return frames.find((other) => direction * (other - frame) > 0)
}
