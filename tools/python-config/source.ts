// The text of a Python file and the places in it: what messages about it need.

import { cut } from 'siamrpn/gpu'
import { PythonConfigError } from './errors.ts'

const maxCharacters = 2 ** 20
const longestShown = 100
const longestMessage = 500

export class PythonSource {
  readonly file: string
  readonly text: string

  /** @throws PythonConfigError for a text of more than a million characters */
  constructor(text: string, file: string) {
    this.file = file
    const isLong = text.length > maxCharacters
    this.text = (isLong ? text.slice(0, longestShown) : text).replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n')
    if (isLong) {
      throw this.error(0, `${text.length} characters, expected a configuration of at most ${maxCharacters}`)
    }
  }

  /** @param at offset of the character that the message is about */
  error(at: number, message: string): PythonConfigError {
    const before = this.text.slice(0, at)
    const start = before.lastIndexOf('\n') + 1
    const end = this.text.indexOf('\n', at)
    const line = this.text.slice(start, end < 0 ? undefined : end)
    const from = Math.max(0, Math.min(at - start - longestShown / 2, line.length - longestShown))
    const source = line.slice(from, from + longestShown).replaceAll('\t', ' ')
    const column = at - start - from
    return new PythonConfigError(cut(message, longestMessage), {
      file: this.file,
      line: before.split('\n').length,
      column,
      source,
    })
  }
}
