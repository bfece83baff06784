// The epoch under way as a bar on a terminal, and before it the kernels that are compiled. Log lines go above it: the bar
// vanishes while they are written.

import { SingleBar } from 'cli-progress'
import type { Hook, Run } from '../../training/runner.ts'
import { duration } from '../../training/text-logger.ts'
import { type Progress, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

export class EpochProgress implements Hook {
  readonly #terminal: Terminal
  #bar: SingleBar | undefined
  #compiling: Progress | undefined
  #state: { total: number; done: number; detail: { epoch: string; loss: string; left: string } } | undefined

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  onKernel(done: number, total: number): void {
    this.#compiling ??= startProgress(this.#terminal, 'kernels', total)
    this.#compiling.update(done)
    if (done < total) return
    this.#compiling.stop()
    this.#compiling = undefined
  }

  beforeEpoch(run: Run): void {
    this.#end()
    if (run.mode === 'val') return
    const epoch = `epoch ${run.epoch + 1}/${run.maxEpochs}`
    this.#state = { total: run.iterationsPerEpoch, done: run.innerIteration, detail: { epoch, loss: '-', left: '-' } }
    this.#show()
  }

  afterIteration(run: Run): void {
    const state = this.#state
    if (!state) return
    const { loss, time } = run.log.means(20)
    const left = (time ?? 0) * (run.iterationsPerEpoch - run.innerIteration)
    state.done = run.innerIteration
    state.detail = { ...state.detail, loss: loss?.toFixed(4) ?? '-', left: duration(left) }
    this.#bar?.update(state.done, state.detail)
  }

  afterEpoch(): void {
    this.#end()
  }

  afterRun(): void {
    this.#end()
  }

  /** Lets `write` have the terminal. */
  aside(write: () => void): void {
    const state = this.#state
    this.#bar?.stop()
    this.#bar = undefined
    write()
    if (state) this.#show()
  }

  /** Takes the bar away, at the latest when training has ended somehow. */
  close(): void {
    this.#end()
  }

  #show(): void {
    if (!this.#state) return
    this.#bar = new SingleBar({
      format: '{epoch} [{bar}] {value}/{total} loss {loss}, {left} left',
      stream: this.#terminal.stderr as NodeJS.WritableStream,
      barsize: 28,
      barCompleteChar: '=',
      barIncompleteChar: ' ',
      barGlue: '>',
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false, // Its own handler of Ctrl-C would leave before the checkpoint is written.
    })
    this.#bar.start(this.#state.total, this.#state.done, this.#state.detail)
  }

  #end(): void {
    this.#compiling?.stop()
    this.#compiling = undefined
    this.#bar?.stop()
    this.#bar = undefined
    this.#state = undefined
  }
}
