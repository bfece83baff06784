// The interface that every output writer has, and what it is fed with.

import type { RgbFrame } from 'siamrpn'
import type { Tracked } from './types.ts'

/** What does not change during a run. */
export interface RunFacts {
  /** Pixels. */
  readonly width: number
  /** Pixels. */
  readonly height: number
  /** Frames per second of the written picture formats. */
  readonly fps: number
  /** How many boxes every record holds. */
  readonly targets: number
}

/** What is known about a run when it ends: config, checkpoint, adapter, source ... Goes into .json outputs as it is. */
export type RunMetadata = Readonly<Record<string, unknown>>

/** One frame of a run. */
export interface FrameRecord {
  /** Index in the source. */
  readonly index: number
  /** One entry per target. */
  readonly targets: readonly Tracked[]
  /** The annotated picture; needed only if the writer's `pictures` is true. Must not change after it was handed over. */
  readonly picture?: RgbFrame
}

/** One output. After `finish` or `abort` nothing of it remains open. */
export interface Writer {
  readonly path: string
  /** Whether records need their picture. */
  readonly pictures: boolean
  /** Takes one frame; resolves when the writer is ready for the next. */
  write(record: FrameRecord): Promise<void>
  /**
   * Completes the output and gives it its name.
   * @returns the files (or folder) written
   */
  finish(metadata?: RunMetadata): Promise<readonly string[]>
  /** Removes what was written so far; what the name held before stays. Safe to call at any time, after `finish` too. */
  abort(): Promise<void>
}

/** How a writer is opened; rejects when the output cannot be written. */
export type OpenWriter = (path: string, facts: RunFacts) => Promise<Writer>
