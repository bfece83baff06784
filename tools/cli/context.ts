// The context that commands get from outside: where to print, what tracks, and where to leave an exit code.

import type { LoadTrackers } from './evaluate/load-trackers.ts'
import type { Terminal } from './terminal.ts'
import type { LoadTracker } from './track/tracking.ts'

export interface CommandContext {
  readonly terminal: Terminal
  readonly load: LoadTracker
  /** Loads the trackers of an evaluation. */
  readonly loadTrackers: LoadTrackers
  /** Set by a command that ends in order, but not with 0. */
  exitCode: number
}
