// Progress of long work: a bar where standard error is a terminal, otherwise a plain line now and then, as logs want it.

import { SingleBar } from 'cli-progress'
import { fact, note, type Terminal } from './terminal.ts'

/** Work under way. */
export interface Progress {
  /** `detail` stands behind the count. */
  update(done: number, detail?: string): void
  /** Ends the display; the last state stays visible. */
  stop(): void
}

const plainIntervalMs = 5000

/** Starts a display; without a total it counts. */
export function startProgress(terminal: Terminal, title: string, total?: number): Progress {
  const ended = terminal.underway?.begin(title)
  const shown = terminal.stderr.isTTY === true ? bar(terminal, title, total) : lines(terminal, title, total)
  return {
    update: shown.update,
    stop: () => {
      ended?.()
      shown.stop()
    },
  }
}

/** A display that shows nothing, for --quiet. */
export const silent: Progress = { update: () => undefined, stop: () => undefined }

function bar(terminal: Terminal, title: string, total: number | undefined): Progress {
  const graph = total === undefined ? '{value}' : '[{bar}] {value}/{total}'
  const single = new SingleBar({
    format: `${fact(title, graph)} {detail}`,
    stream: terminal.stderr as NodeJS.WritableStream,
    barsize: 28,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    barGlue: '>',
    hideCursor: true,
    gracefulExit: false, // Its own handler of Ctrl-C would leave before the files are finished.
    autopadding: true,
  })
  single.start(total ?? 0, 0, { detail: '' })
  return {
    update: (done, detail = '') => {
      if (total === undefined || done > total) single.setTotal(done)
      single.update(done, { detail })
    },
    stop: () => single.stop(),
  }
}

function lines(terminal: Terminal, title: string, total: number | undefined): Progress {
  let shown = Date.now()
  let last = ''
  let printed = ''
  const show = () => {
    if (last !== printed) note(terminal, last)
    printed = last
    shown = Date.now()
  }
  return {
    update(done, detail = '') {
      last = `${fact(title, total === undefined ? String(done) : `${done}/${total}`)} ${detail}`.trimEnd()
      if (Date.now() - shown >= plainIntervalMs) show()
    },
    stop: show,
  }
}
