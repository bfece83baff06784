// Undo and redo over immutable projects: a list of the states before, and of those that were taken back.

export interface History<T> {
  readonly past: readonly T[]
  readonly present: T
  readonly future: readonly T[]
}

/** More steps than a person takes back; older ones are dropped, so that memory stays bounded. */
const mostSteps = 200

export function startHistory<T>(present: T): History<T> {
  return { past: [], present, future: [] }
}

/** A step that can be taken back. */
export function push<T>(history: History<T>, present: T): History<T> {
  return { past: [...history.past, history.present].slice(-mostSteps), present, future: [] }
}

/** A change that is no step of its own, such as each frame of a track being followed. */
export function amend<T>(history: History<T>, present: T): History<T> {
  return { ...history, present }
}

export function undo<T>(history: History<T>): History<T> {
  const previous = history.past.at(-1)
  if (previous === undefined) return history
  return { past: history.past.slice(0, -1), present: previous, future: [history.present, ...history.future] }
}

export function redo<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future
  if (next === undefined) return history
  return { past: [...history.past, history.present], present: next, future }
}
