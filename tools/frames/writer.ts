// The interface that every output writer has, and what it is fed with.

import { existsSync } from 'node:fs'
import { extname } from 'node:path'
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
   * @param name what to call a file (or folder) instead of the name that was asked for
   * @returns the files (or folder) written
   */
  finish(metadata?: RunMetadata, name?: (path: string) => string): Promise<readonly string[]>
  /** Removes what was written so far; what the name held before stays. Safe to call at any time, after `finish` too. */
  abort(): Promise<void>
}

/** `tracked.mp4` becomes `tracked.partial.mp4`: the name of what an error has cut short. */
export function partialName(path: string): string {
  const plain = path.replace(/[\\/]+$/, '')
  const extension = extname(plain)
  const name = `${plain.slice(0, plain.length - extension.length)}.partial`
  if (extension !== '') return `${name}${extension}`
  for (let number = 1; ; number++) {
    const folder = number === 1 ? name : `${name}-${number}`
    if (!existsSync(folder)) return folder
  }
}

/** How a writer is opened; rejects when the output cannot be written. */
export type OpenWriter = (path: string, facts: RunFacts) => Promise<Writer>
