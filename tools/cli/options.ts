// Parsers of option values. A wrong value is reported by commander together with the option's name.

import { InvalidArgumentError, Option } from 'commander'
import { UsageError } from '../errors.ts'
import { type Box, formatSize } from '../frames/types.ts'
import { outputProblem } from '../frames/writers.ts'

/** Adds one `x,y,w,h` (pixels, top-left corner) to the boxes given before it. */
export function collectBox(text: string, previous: readonly Box[] = []): readonly Box[] {
  const words = text.trim().split(/\s*,\s*|\s+/)
  const [x = Number.NaN, y = Number.NaN, width = Number.NaN, height = Number.NaN] = words.map((word) =>
    word === '' ? Number.NaN : Number(word),
  )
  if (words.length !== 4) throw new InvalidArgumentError(`Found ${words.length} values, expected 4: x,y,w,h in pixels.`)
  if (![x, y, width, height].every(Number.isFinite)) {
    throw new InvalidArgumentError('Expected four finite numbers: x,y,w,h in pixels.')
  }
  if (width <= 0 || height <= 0) {
    throw new InvalidArgumentError(`The size is ${width}x${height}, expected a width and a height above 0.`)
  }
  return [...previous, { x, y, width, height }]
}

/** Another tracker's result files. */
export interface ComparedFolder {
  readonly name: string
  /** A folder or an archive. */
  readonly folder: string
}

/** Adds one `name=folder` to those given before it. */
export function collectCompared(text: string, previous: readonly ComparedFolder[] = []): readonly ComparedFolder[] {
  const [, name = '', folder = ''] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === '') throw new InvalidArgumentError('Expected NAME=FOLDER.')
  if (previous.some((other) => other.name === name)) throw new InvalidArgumentError(`The name ${name} is given twice.`)
  return [...previous, { name, folder }]
}

/** Adds a text, such as a file name, to those given before it. */
export function collectText(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text]
}

/** Adds an output's name to those given before it. */
export function collectOutput(text: string, previous: readonly string[] = []): readonly string[] {
  const problem = outputProblem(text)
  if (problem !== undefined) throw new InvalidArgumentError(`Cannot write it: ${problem}.`)
  return [...previous, text]
}

/** A whole number of at least `low`; of at most `high`, where it sizes something. */
export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const expected = high === Number.MAX_SAFE_INTEGER ? `${low} or more` : `${low} to ${high}`
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < low || value > high) {
      throw new InvalidArgumentError(`Expected a whole number, ${expected}.`)
    }
    return value
  }
}

/** @throws UsageError when a box does not touch the frame */
export function checkBoxes(boxes: readonly Box[], frame: { readonly width: number; readonly height: number }): void {
  for (const { x, y, width, height } of boxes) {
    if (x < frame.width && y < frame.height && x + width > 0 && y + height > 0) continue
    const box = `x ${x}, y ${y}, ${formatSize({ width, height })}`
    throw new UsageError(`the box (${box}) lies outside the frame, which is ${formatSize(frame)} pixels`)
  }
}

/** How the filters of convolutions are stored. */
export function precisionOption(): Option {
  const text = 'how filters are stored: f16 halves their memory and needs a GPU with shader-f16; every sum is f32'
  return new Option('--precision <kind>', text).choices(['f32', 'f16']).default('f32')
}
