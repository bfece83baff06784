// Shows how far a search is: frames of all videos, how many of the sets' crops had to be computed, the time that is
// left.

import type { SweepCounts } from 'siamrpn'
import type { SearchProgress as Position } from '../../search/search.ts'
import { duration } from '../../training/text-logger.ts'
import { type Progress, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

export class SearchProgress {
  readonly #terminal: Terminal
  readonly #sweep: { readonly counts: SweepCounts }
  readonly #begin = performance.now()
  #progress: Progress | undefined

  constructor(terminal: Terminal, sweep: { readonly counts: SweepCounts }) {
    this.#terminal = terminal
    this.#sweep = sweep
  }

  readonly update = ({ tracked, done, total, sequence }: Position): void => {
    this.#progress ??= startProgress(this.#terminal, 'searching', total)
    if (tracked === 0) {
      this.#progress.update(done, sequence)
      return
    }
    const seconds = (performance.now() - this.#begin) / 1000
    const { computed, updates } = this.#sweep.counts
    const crops = `${((100 * computed) / Math.max(1, updates)).toFixed(0)} % of the crops`
    this.#progress.update(done, `${crops}, ${duration(((total - done) * seconds) / tracked)} left, ${sequence}`)
  }

  stop(): void {
    this.#progress?.stop()
  }
}
