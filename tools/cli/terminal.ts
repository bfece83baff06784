// The terminal that commands write to: results go to standard output, progress and notes to standard error. Passed in,
// so that tests read it and nothing below knows about `process`.

import type { Writable } from 'node:stream'
import type { Underway } from './guard.ts'

export interface Terminal {
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** Told what is under way; for the message should the command stall. */
  readonly underway?: Underway
}

/** Writes one line to standard output. */
export function print(terminal: Terminal, line = ''): void {
  terminal.stdout.write(`${line}\n`)
}

/** Writes one line to standard error. */
export function note(terminal: Terminal, line: string): void {
  terminal.stderr.write(`${line}\n`)
}

/** `name      value`, as all facts are printed. */
export function fact(name: string, value: string): string {
  return `${name.padEnd(9)} ${value}`
}

/** `215.9 MB` */
export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/** The lines of a table, the first column to the left, the others to the right. */
export function alignedTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
