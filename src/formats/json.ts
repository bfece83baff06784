// JSON from files of strangers: what JSON.parse would make of a text is counted before it is made, because objects take far more
// memory than their text. Every reader of JSON in files goes through here.

import { SiamRpnError } from '../gpu/errors.ts'

/** What a text of JSON may hold at most. */
export interface JsonLimits {
  /** Characters of the whole. */
  readonly length: number
  /** Levels of arrays and objects in each other. */
  readonly depth: number
  /** Arrays and objects. */
  readonly containers: number
  /** Names and values together. */
  readonly values: number
  /** Characters of names and texts. */
  readonly text: number
}

/** Results of a day of video hold less. */
export const jsonLimits: JsonLimits = {
  ...{ length: 2 ** 26, depth: 100, containers: 1_000_000, values: 4_000_000, text: 2 ** 25 },
}

/** Of a configuration: parsing it refuses more than 100,000 values. */
export const configJsonLimits: JsonLimits = { ...jsonLimits, containers: 100_000, values: 400_000 }

/** A text of JSON is larger than what is read. */
export class JsonSizeError extends SiamRpnError {}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/** JSON.parse for texts of strangers. @throws SyntaxError for what is no JSON; JsonSizeError */
export function parseJson(text: string, limits: JsonLimits = jsonLimits): unknown {
  checkJsonSize(text, limits)
  return JSON.parse(text)
}

/** Counts what JSON.parse would make of a text; whether it is JSON, JSON.parse says. @throws JsonSizeError */
export function checkJsonSize(text: string, limits: JsonLimits = jsonLimits): void {
  if (text.length > limits.length) throw excess(`is ${text.length} characters long`, limits.length)
  let [containers, values, depth, characters] = [0, 0, 0, 0]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const start = at
      for (at++; at < text.length && text.charCodeAt(at) !== quote; at++) if (text.charCodeAt(at) === backslash) at++
      characters += at - start
      if (characters > limits.text) throw excess('holds too many characters in its texts', limits.text)
      values++
    } else if (code === comma) values++
    else if (code === openBrace || code === openBracket) {
      if (++containers > limits.containers) throw excess('holds too many arrays and objects', limits.containers)
      if (++depth > limits.depth) throw new JsonSizeError(`nests deeper than ${limits.depth} levels`)
    } else if (code === closeBrace || code === closeBracket) depth--
    if (values > limits.values) throw excess('holds too many names and values', limits.values)
  }
}

function excess(what: string, most: number): JsonSizeError {
  return new JsonSizeError(`${what}, expected at most ${most}`)
}
