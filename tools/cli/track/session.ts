// What `track` and `demo` share: outputs are opened before the slow load, so that a wrong name is told at once; then load,
// track, finish. Whatever goes wrong, no output is left half written and the tracker is closed.

import type { FrameSource, Tracked } from '../../frames/types.ts'
import { openWriters } from '../../frames/writers.ts'
import { formatRate } from '../../report/numbers.ts'
import { orInterrupted } from '../interrupt.ts'
import { LoadDisplay } from '../load-display.ts'
import { silent, startProgress } from '../progress.ts'
import { fact, formatBytes, print, type Terminal } from '../terminal.ts'
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
    if (!quiet) print(terminal, fact('adapter', `${tracker.adapter}, ready after ${loadSeconds} s`))
    const result = await track(session, { ...session, tracker, writer })
    if (!quiet) print(terminal, fact('memory', describeMemory(tracker)))
    const { adapter, anchors } = tracker
    const config = model.config ?? 'of the checkpoint'
    const speed = { framesPerSecond: rateOf(result), complete: !result.interrupted }
    const written = await writer.finish({ ...metadata, config, anchors, adapter, ...speed })
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

async function track(session: Session, run: Omit<TrackingRun, 'onFrame'>): Promise<TrackingResult> {
  const { terminal, source, maxFrames, quiet } = session
  const total = source.count === undefined ? maxFrames : Math.min(source.count, maxFrames ?? source.count)
  const progress = quiet ? silent : startProgress(terminal, 'tracking', total)
  const rate = new RateMeter()
  try {
    return await trackFrames({
      ...run,
      onFrame: (done, targets) => progress.update(done, `${rate.tick()} fps, ${scores(targets)}`),
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
