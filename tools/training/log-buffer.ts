// Values of the iterations since the log was cleared, and their means over the last few: what a log line shows.
// Source: mmcv/runner/log_buffer.py.

export class LogBuffer {
  readonly #values = new Map<string, number[]>()

  add(values: Readonly<Record<string, number | undefined>>): void {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue
      const list = this.#values.get(name)
      if (list) list.push(value)
      else this.#values.set(name, [value])
    }
  }

  /** Means over what is finite of the last `count` values of each name, in the order of their first appearance. */
  means(count: number): Record<string, number> {
    return Object.fromEntries(
      [...this.#values].flatMap(([name, values]) => {
        const last = values.slice(-count).filter(Number.isFinite)
        return last.length === 0 ? [] : [[name, last.reduce((sum, value) => sum + value, 0) / last.length]]
      }),
    )
  }

  get empty(): boolean {
    return this.#values.size === 0
  }

  clear(): void {
    this.#values.clear()
  }
}
