// Shows how far an evaluation is: frames of all videos, the rate, the time that is left.

import type { Sequence } from '../../benchmarks/types.ts'
import { formatRate } from '../../report/numbers.ts'
import { duration } from '../../training/text-logger.ts'
import { type Progress, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

/** Over which the rate is taken: long enough for videos of different sizes. */
const windowMs = 30_000
const sampleMs = 500

export class EvaluationProgress {
  readonly #progress: Progress
  readonly #total: number
  readonly #samples: { readonly at: number; readonly frames: number }[] = [{ at: performance.now(), frames: 0 }]
  #frames = 0

  constructor(terminal: Terminal, sequences: readonly Sequence[]) {
    this.#total = sequences.reduce((sum, { images }) => sum + images.length, 0)
    this.#progress = startProgress(terminal, 'tracking', this.#total)
  }

  /** Tells of a frame that is done. */
  readonly frame = (sequence: Sequence): void => this.#advance(sequence, 1)

  /** Tells of a video that another rank has done. */
  readonly video = (sequence: Sequence): void => this.#advance(sequence, sequence.images.length)

  stop(): void {
    this.#progress.stop()
  }

  #advance({ name }: Sequence, frames: number): void {
    this.#frames += frames
    const rate = this.#rate()
    const left = duration((this.#total - this.#frames) / Math.max(1e-9, rate))
    this.#progress.update(this.#frames, `${formatRate(rate)} frames/s, ${left} left, ${name}`)
  }

  #rate(): number {
    const now = performance.now()
    const samples = this.#samples
    const last = samples.at(-1)
    if (last && now - last.at >= sampleMs) samples.push({ at: now, frames: this.#frames })
    while (samples.length > 2 && now - (samples[1]?.at ?? now) > windowMs) samples.shift()
    const [first] = samples
    return first ? (1000 * (this.#frames - first.frames)) / Math.max(1e-3, now - first.at) : 0
  }
}
