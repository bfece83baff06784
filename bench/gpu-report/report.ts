// The report of an adapter: sections one after the other, each within its share of the time, each written when it is there. A
// section that fails is told as such; the others run all the same.

export interface Table {
  readonly title: string
  readonly titles: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export interface Findings {
  /** Everything, for programs. */
  readonly data: object
  /** What people read. */
  readonly tables: readonly Table[]
  /** Sentences below the tables: what was left out, and why. */
  readonly notes?: readonly string[]
}

/** Time that is there for something. */
export class TimeBudget {
  readonly #end: number
  readonly #now: () => number

  constructor(milliseconds: number, now: () => number = () => performance.now()) {
    this.#now = now
    this.#end = now() + milliseconds
  }

  /** Milliseconds, not below 0. */
  get left(): number {
    return Math.max(0, this.#end - this.#now())
  }

  /** Part of what is left. @param share 0..1 */
  part(share: number): TimeBudget {
    return new TimeBudget(share * this.left, this.#now)
  }
}

export interface SectionContext {
  readonly budget: TimeBudget
  readonly signal: AbortSignal
  /** What goes on, for the progress. */
  readonly say: (line: string) => void
}

export interface Section {
  readonly name: string
  readonly title: string
  /** Of the time, beside the other sections' shares. */
  readonly share: number
  run(context: SectionContext): Promise<Findings>
}

/** A section that has run, or failed. */
export interface SectionResult {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly findings?: Findings
  readonly failure?: string
}

export interface Report {
  readonly date: string
  readonly seconds: number
  readonly budgetSeconds: number
  /** Titles of what has not run: yet, or for good if the report was interrupted. */
  readonly missing: readonly string[]
  readonly sections: readonly SectionResult[]
}

export interface ReportOptions {
  /** For all sections together. */
  readonly seconds: number
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Told after every section. */
  readonly save: (report: Report) => Promise<void>
  /** Milliseconds; default: `performance.now`. */
  readonly now?: () => number
}

/** Runs the sections. @returns the report as it was saved last */
export async function makeGpuReport(sections: readonly Section[], options: ReportOptions): Promise<Report> {
  const { seconds: budgetSeconds, signal, say, save, now = () => performance.now() } = options
  const date = new Date().toISOString()
  const start = now()
  const whole = new TimeBudget(1000 * budgetSeconds, now)
  const results: SectionResult[] = []
  const soFar = (): Report => {
    const missing = sections.slice(results.length).map(({ title }) => title)
    return { date, seconds: (now() - start) / 1000, budgetSeconds, missing, sections: results }
  }
  for (const [index, section] of sections.entries()) {
    if (signal.aborted) break
    const { name, title, share } = section
    const shares = sections.slice(index).reduce((sum, one) => sum + one.share, 0)
    const budget = whole.part(share / shares)
    say(`[${index + 1}/${sections.length}] ${title}`)
    const began = now()
    const outcome = await section.run({ budget, signal, say: (line) => say(`  ${line}`) }).then(
      (findings) => ({ findings }),
      (error: unknown) => ({ failure: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }),
    )
    if ('failure' in outcome) say(`  failed: ${outcome.failure}`)
    results.push({ name, title, seconds: (now() - began) / 1000, ...outcome })
    await save(soFar())
  }
  return soFar()
}
