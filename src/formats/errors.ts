// The error classes of the file formats. Those of checkpoints are all `CheckpointError`s, so that a caller can tell "this
// file is bad" from everything else with one `instanceof`.

import { SiamRpnError } from '../gpu/errors.ts'
import { bounded, cut } from '../gpu/message.ts'

/** Base class: a checkpoint cannot be read, written or used. */
export class CheckpointError extends SiamRpnError {
  /** Puts the name of the file before the message, for readers that only see bytes. */
  prefix(name: string): this {
    const before = this.message
    this.message = bounded(`${cut(name, 500)}: ${before}`)
    // The stack repeats the message as it was at construction, and is what an uncaught error prints.
    if (this.stack !== undefined) this.stack = this.stack.replace(before, () => this.message)
    return this
  }
}

/** The bytes end before the structure that they announce: an interrupted download or copy. */
export class TruncatedCheckpointError extends CheckpointError {}

/** The bytes contradict themselves: lying sizes, overlapping entries, wrong checksums, malformed structures. */
export class CorruptCheckpointError extends CheckpointError {}

/** The file is well formed, but uses something that this library does not read (compression, dtype, format). */
export class UnsupportedCheckpointError extends CheckpointError {}

/** A pickle asks for something outside the allow-list. Nothing of it has been run. */
export class UnsafePickleError extends CheckpointError {
  /** The refused global as `module.name`. */
  readonly global: string

  constructor(message: string, global: string) {
    super(message)
    this.global = global
  }
}

/** The file holds a backbone alone where a whole tracker is needed. */
export class BackboneOnlyError extends CheckpointError {}

/** A tensor whose shape in the checkpoint differs from the model's. */
export interface ShapeMismatch {
  readonly name: string
  readonly expected: readonly number[]
  readonly found: readonly number[]
}

/** Names or shapes of a state dict do not fit the model. The message shows the first names; the lists are complete. */
export class StateDictMismatchError extends CheckpointError {
  readonly missing: readonly string[]
  readonly unexpected: readonly string[]
  readonly misshaped: readonly ShapeMismatch[]

  constructor(
    message: string,
    lists: { missing: readonly string[]; unexpected: readonly string[]; misshaped: readonly ShapeMismatch[] },
  ) {
    super(message)
    this.missing = lists.missing
    this.unexpected = lists.unexpected
    this.misshaped = lists.misshaped
  }
}

/** A value or tensor cannot be written in the asked format. */
export class CheckpointWriteError extends CheckpointError {}
