// Which case is running: one line that is rewritten on a terminal, one line per case in a log.

import type { Terminal } from '../tools/cli/terminal.ts'

export class CaseProgress {
  readonly #stream: Terminal['stderr']
  readonly #total: number
  #done = 0

  constructor(stream: Terminal['stderr'], total: number) {
    this.#stream = stream
    this.#total = total
  }

  /** A new case begins. */
  next(name: string): void {
    this.#done++
    this.#show(`[${this.#done}/${this.#total}] ${name}`)
  }

  /** Something within the case; shown on a terminal only. */
  detail(text: string): void {
    if (this.#stream.isTTY) this.#show(`[${this.#done}/${this.#total}] ${text}`)
  }

  /** Clears the line. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K')
  }

  #show(text: string): void {
    if (!this.#stream.isTTY) this.#stream.write(`${text}\n`)
    else this.#stream.write(`\r\x1b[K${text.slice(0, (this.#stream.columns ?? 80) - 1)}`)
  }
}
