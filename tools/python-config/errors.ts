// The error class of Python configuration files.

import { SiamRpnError } from 'siamrpn/gpu'

/** A Python configuration file holds what is not read as data. The message shows the place. */
export class PythonConfigError extends SiamRpnError {
  readonly file: string
  /** From 1. */
  readonly line: number

  constructor(message: string, place: { file: string; line: number; column: number; source: string }) {
    const { file, line, column, source } = place
    super(`${file}:${line}: ${message}\n  ${source}\n  ${' '.repeat(column)}^`)
    this.file = file
    this.line = line
  }
}
