// A terminal that remembers what was written to it, and a tracker without a GPU that moves its boxes one pixel a frame.

import { Writable } from 'node:stream'
import type { CenterBox } from '../../../src/siamrpn/boxes.ts'
import type { LoadTrackers, TrackersRequest } from '../../../tools/cli/evaluate/load-trackers.ts'
import { runCommand } from '../../../tools/cli/run.ts'
import type { Terminal } from '../../../tools/cli/terminal.ts'
import type { LoadRequest, LoadTracker } from '../../../tools/cli/track/tracking.ts'
import type { Box } from '../../../tools/frames/types.ts'

class Memory extends Writable {
  text = ''
  readonly isTTY: boolean

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** A terminal whose output is read from `stdout.text` and `stderr.text`. */
export function fakeTerminal(isTTY = false): Terminal & { stdout: Memory; stderr: Memory } {
  return { stdout: new Memory(false), stderr: new Memory(isTTY) }
}

/** What a fake tracker was asked to do. */
export interface Calls {
  request?: LoadRequest
  init?: readonly Box[]
  taught?: { boxes: readonly (Box | null)[]; part: 'all' | 'head'; steps: number; seed: number }
  updates: number
  closed: boolean
}

/** Loads a tracker that answers with the given box moved right by one pixel per frame, and score 0.9. */
export function fakeLoad(onUpdate: (updates: number) => void = () => undefined): { load: LoadTracker; calls: Calls } {
  const calls: Calls = { updates: 0, closed: false }
  const load: LoadTracker = (request) => {
    calls.request = request
    request.onProgress({ stage: 'weights', done: 1, total: 2 })
    return Promise.resolve({
      adapter: 'fake adapter',
      notes: [],
      anchors: request.anchors ?? 'mmtracking',
      memory: { bytes: 12_300_000, peakBytes: 45_600_000 },
      init(_frame, boxes) {
        calls.init = boxes
        return Promise.resolve({
          async *stream(frames) {
            for await (const _ of frames) {
              calls.updates++
              onUpdate(calls.updates)
              yield boxes.map((box) => ({ box: { ...box, x: box.x + calls.updates }, score: 0.9 }))
            }
          },
          profile: () =>
            Promise.resolve({ table: () => 'the table', chromeTrace: () => ({ traceEvents: [{ name: 'conv' }] }) }),
        })
      },
      teach(examples, { part, steps = 80, seed = 0, onProgress }) {
        calls.taught = { boxes: examples.map(({ box }) => box), part, steps, seed }
        onProgress({ stage: 'features', done: 1, total: 1 })
        for (let done = 1; done <= steps; done++) onProgress({ stage: 'fitting', done, total: steps, loss: 1 / done })
        return Promise.resolve(Uint8Array.of(1, 2, 3))
      },
      close() {
        calls.closed = true
        return Promise.resolve()
      },
    })
  }
  return { load, calls }
}

/** What fake trackers of an evaluation were asked to do. */
export interface EvaluationCalls {
  request?: TrackersRequest
  /** Of all trackers. */
  inits: number
  updates: number
  /** Targets that were not released. */
  held: number
  closed: boolean
}

/** Loads trackers of an evaluation that answer as `fakeLoad`'s. */
export function fakeTrackers(onUpdate: (updates: number) => void = () => undefined) {
  const calls: EvaluationCalls = { inits: 0, updates: 0, held: 0, closed: false }
  const tracker = {
    init(_frame: unknown, center: CenterBox) {
      calls.inits++
      calls.held++
      let found = center
      return Promise.resolve({
        update() {
          calls.updates++
          onUpdate(calls.updates)
          found = { ...found, cx: found.cx + 1 }
          return Promise.resolve({ center: found, score: 0.9 })
        },
        release() {
          calls.held--
          return Promise.resolve()
        },
      })
    },
  }
  const loadTrackers: LoadTrackers = (request) => {
    calls.request = request
    request.onProgress({ stage: 'weights', done: 1, total: 2 })
    return Promise.resolve({
      adapter: 'fake adapter',
      anchors: 'mmtracking',
      trackers: Array.from({ length: Math.min(request.atMost, request.count ?? 1) }, () => tracker),
      close() {
        calls.closed = true
        return Promise.resolve()
      },
    })
  }
  return { loadTrackers, calls }
}

/** Runs a command line with a fake tracker. */
export async function runFake(args: readonly string[], onUpdate?: (updates: number) => void) {
  const terminal = fakeTerminal()
  const { load, calls } = fakeLoad(onUpdate)
  const { loadTrackers, calls: evaluation } = fakeTrackers(onUpdate)
  const code = await runCommand(args, { terminal, load, loadTrackers })
  return { code, out: terminal.stdout.text, err: terminal.stderr.text, calls, evaluation }
}
