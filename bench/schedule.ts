// Shares a time budget over the cases. Each case says what its start and its first sample cost; how much slower this machine is
// than expected shows as cases end. What does not fit is left out, the most expensive first; what is left over goes into further
// samples, the same time for each case that is still to come.

/** What a case costs up to its first sample, on an idle machine. */
export interface Expected {
  /** On the host. */
  readonly seconds?: number
  /** On the device. */
  readonly flops?: number
}

export interface Planned {
  readonly name: string
  readonly expected?: Expected
}

/** A case whose turn it is. */
export interface Turn<T> {
  readonly planned: T
  /** Milliseconds that its samples may take. */
  readonly sampleMs: number
}

export interface ScheduleOptions {
  /** For all cases together. */
  readonly seconds: number
  /** For the samples of one case, at most; default: as long as the budget lasts. */
  readonly mostSampleMs?: number
  /** Arithmetic that kernels reach on this device, FLOP/s. */
  readonly flops: number
  /** Milliseconds that pass; default: `performance.now`. */
  readonly now?: () => number
}

/** A case that says nothing. */
const usualSeconds = 0.5

/** The expectations count as if so many seconds had already gone as expected. */
const trustSeconds = 5

export class Schedule<T extends Planned> {
  readonly #options: ScheduleOptions
  readonly #now: () => number
  readonly #deadline: number
  #waiting: readonly T[]
  readonly #leftOut: T[] = []
  #expected = trustSeconds * 1000
  #measured = trustSeconds * 1000
  #started: number | undefined

  constructor(cases: readonly T[], options: ScheduleOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#deadline = this.#now() + 1000 * options.seconds
    this.#waiting = cases
  }

  /** Those for which the time did not suffice, in the order in which that was found. */
  get leftOut(): readonly T[] {
    return this.#leftOut
  }

  /** The next case; undefined when there are no more. The first always runs if it is the only one, however long it takes. */
  next(): Turn<T> | undefined {
    const first = this.#started === undefined
    this.#drop(first ? 1 : 0)
    const [planned, ...rest] = this.#waiting
    if (!planned) return undefined
    const spare = (this.#left() - this.#cost(this.#waiting)) / this.#waiting.length
    this.#waiting = rest
    this.#started = this.#now()
    const { mostSampleMs = Number.POSITIVE_INFINITY } = this.#options
    return { planned, sampleMs: Math.max(0, Math.min(spare, mostSampleMs)) }
  }

  /** Told when the case whose turn it is has its first sample. */
  sampled(planned: T): void {
    this.#expected += this.#expectedMs(planned)
    this.#measured += this.#now() - (this.#started ?? this.#now())
  }

  /** Leaves out the most expensive cases until the others fit. @param keep so many stay in any case */
  #drop(keep: number): void {
    while (this.#waiting.length > keep && this.#cost(this.#waiting) > this.#left()) {
      const most = this.#waiting.reduce((a, b) => (this.#expectedMs(b) > this.#expectedMs(a) ? b : a))
      this.#waiting = this.#waiting.filter((planned) => planned !== most)
      this.#leftOut.push(most)
    }
  }

  #left(): number {
    return this.#deadline - this.#now()
  }

  /** Milliseconds up to the first samples, at the pace so far. */
  #cost(cases: readonly T[]): number {
    return (cases.reduce((sum, planned) => sum + this.#expectedMs(planned), 0) * this.#measured) / this.#expected
  }

  #expectedMs({ expected: { seconds = usualSeconds, flops = 0 } = {} }: T): number {
    return 1000 * (seconds + flops / this.#options.flops)
  }
}
