// A terminal that remembers what was written to it, and a tracker without a GPU that moves its boxes one pixel a frame.

import { Writable } from 'node:stream'
import { runCommand } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { LoadRequest, LoadTracker } from '../../src/cli/tracking.ts'
import type { Box } from '../../src/data/types.ts'

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
      anchors: request.anchors ?? 'mmtracking',
      memory: { bytes: 12_300_000, peakBytes: 45_600_000 },
      init(_frame, boxes) {
        calls.init = boxes
        return Promise.resolve({
          update: () => {
            calls.updates++
            onUpdate(calls.updates)
            return Promise.resolve(boxes.map((box) => ({ box: { ...box, x: box.x + calls.updates }, score: 0.9 })))
          },
          profile: () =>
            Promise.resolve({ table: () => 'the table', chromeTrace: () => ({ traceEvents: [{ name: 'conv' }] }) }),
        })
      },
      close() {
        calls.closed = true
        return Promise.resolve()
      },
    })
  }
  return { load, calls }
}

/** Runs a command line with a fake tracker. */
export async function runFake(args: readonly string[], onUpdate?: (updates: number) => void) {
  const terminal = fakeTerminal()
  const { load, calls } = fakeLoad(onUpdate)
  const code = await runCommand(args, { terminal, load })
  return { code, out: terminal.stdout.text, err: terminal.stderr.text, calls }
}
