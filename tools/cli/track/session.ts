// The session that `track` and `demo` share: outputs are opened before the slow load, so that a wrong name is told at
// once; then load, track, finish. Whatever goes wrong, no output is left half written and the tracker is closed.

import { OutputError } from '../../frames/errors.ts'
import type { FrameSource, Tracked } from '../../frames/types.ts'
import { partialName } from '../../frames/writer.ts'
import { openWriters } from '../../frames/writers.ts'
import { formatRate } from '../../report/numbers.ts'
import { orInterrupted } from '../interrupt.ts'
import { LoadDisplay } from '../load-display.ts'
import { silent, startProgress } from '../progress.ts'
import { fact, formatBytes, note, print, type Terminal } from '../terminal.ts'
import { rateOf } from './summary.ts'
import {
  type LoadedTracker,
  type LoadRequest,
  type LoadTracker,
  type TrackingResult,
  type TrackingRun,
  trackFrames,
} from './tracking.ts'

export interface Session
  extends Pick<TrackingRun, 'start' | 'maxFrames' | 'boxes' | 'groundTruth' | 'banner' | 'profile'> {
  readonly terminal: Terminal
  readonly load: LoadTracker
  readonly signal: AbortSignal
  readonly source: FrameSource
  /** Frames per second of pictures that are written. */
  readonly fps: number
  readonly outputs: readonly string[]
  readonly model: Omit<LoadRequest, 'onProgress'>
  /** For .json outputs, beside what the session knows itself. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly quiet: boolean
}

export interface SessionResult extends TrackingResult {
  readonly written: readonly string[]
}

/** Loads, tracks and writes. @throws whatever loading, decoding, tracking or writing throws */
export async function runSession(session: Session): Promise<SessionResult> {
  const { source, boxes, outputs, fps, metadata, model, terminal, quiet } = session
  const { width, height } = source
  const writer = await openWriters(outputs, { width, height, fps, targets: boxes.length })
  let tracker: LoadedTracker | undefined
  try {
    const began = performance.now()
    tracker = await loadTracker(session)
    const loadSeconds = ((performance.now() - began) / 1000).toFixed(1)
    if (!quiet) for (const line of tracker.notes) note(terminal, `note: ${line}`)
    if (!quiet) print(terminal, fact('adapter', `${tracker.adapter}, ready after ${loadSeconds} s`))
    const facts = { config: model.config ?? 'of the checkpoint', anchors: tracker.anchors, adapter: tracker.adapter }
    const state = { frames: 0 }
    const result = await track(session, { ...session, tracker, writer }, state).catch(async (error) => {
      if (state.frames > 0 && !(error instanceof OutputError)) {
        const kept = await writer.finish({ ...metadata, ...facts, complete: false }, partialName)
        note(terminal, `what was tracked until then, ${state.frames} frames, is kept in ${kept.join(', ')}`)
      }
      throw error
    })
    for (const warning of source.warnings ?? []) note(terminal, `warning: ${warning}`)
    if (!quiet) print(terminal, fact('memory', describeMemory(tracker)))
    const speed = { framesPerSecond: rateOf(result), complete: !result.interrupted }
    const written = await writer.finish({ ...metadata, ...facts, ...speed })
    return { ...result, written }
  } finally {
    await writer.abort()
    await tracker?.close()
  }
}

async function loadTracker({ terminal, load, model, signal, quiet }: Session): Promise<LoadedTracker> {
  const display = new LoadDisplay(quiet ? silent : startProgress(terminal, 'loading', 100))
  let complete = false
  try {
    const tracker = await orInterrupted(load({ ...model, onProgress: display.update }), signal)
    complete = true
    return tracker
  } finally {
    display.stop(complete)
  }
}

/** @param state told how many frames have been tracked and written */
async function track(
  session: Session,
  run: Omit<TrackingRun, 'onFrame'>,
  state: { frames: number },
): Promise<TrackingResult> {
  const { terminal, source, maxFrames, quiet } = session
  const total = source.count === undefined ? maxFrames : Math.min(source.count, maxFrames ?? source.count)
  const progress = quiet ? silent : startProgress(terminal, 'tracking', total)
  const rate = new RateMeter()
  try {
    return await trackFrames({
      ...run,
      onFrame: (done, targets) => {
        state.frames = done
        progress.update(done, `${rate.tick()} fps, ${scores(targets)}`)
      },
    })
  } finally {
    progress.stop()
  }
}

function describeMemory({ memory: { bytes, peakBytes } }: LoadedTracker): string {
  return `${formatBytes(bytes)} on the device, at most ${formatBytes(peakBytes)}`
}

function scores(targets: readonly Tracked[]): string {
  return targets.map(({ score }) => `${(100 * score).toFixed(1)}%`).join(' ')
}

/** Frames per second over the last few seconds. */
class RateMeter {
  readonly #times: number[] = []

  /** Counts a frame; '-' until there is an interval between two. */
  tick(): string {
    const now = performance.now()
    this.#times.push(now)
    while (this.#times.length > 2 && now - (this.#times[1] ?? now) > 3000) this.#times.shift()
    const [first = now, ...others] = this.#times
    return others.length === 0 ? '-' : formatRate((1000 * others.length) / Math.max(1e-3, now - first))
  }
}
