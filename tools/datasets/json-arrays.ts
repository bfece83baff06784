// Reads a JSON file of any size piece by piece: the elements of the wanted top-level arrays one at a time, everything else
// skipped. Annotation files reach hundreds of megabytes, and V8's texts end at 512.

import { type FileHandle, open } from 'node:fs/promises'
import { AnnotationError } from './errors.ts'

const chunkBytes = 1 << 22
/** Of the object of the file; annotations have about five. */
const mostNames = 1000
/** Bytes of an element; annotations with masks have up to some hundred thousand. */
const longestValue = 1 << 24
const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Takes an element of a wanted array. */
export type ElementHandler = (value: unknown, index: number) => void

/**
 * Reads a file that holds one JSON object and hands on the elements of its arrays in the order of the file.
 *
 * @param handlers by name of the array
 * @returns the names that the file has
 * @throws AnnotationError with the byte where the file stops being JSON; what opening the file throws
 */
export async function readJsonArrays(
  file: string,
  handlers: Readonly<Record<string, ElementHandler>>,
): Promise<Set<string>> {
  const handle = await open(file)
  try {
    return await new JsonArrays(file, handle).read(handlers)
  } finally {
    await handle.close()
  }
}

class JsonArrays {
  readonly #file: string
  readonly #handle: FileHandle
  #buffer = new Uint8Array(chunkBytes)
  /** Next byte to look at, in the buffer. */
  #at = 0
  #end = 0
  /** Bytes of the file before the buffer. */
  #before = 0
  /** First byte that must stay in the buffer. */
  #kept: number | undefined
  readonly #decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: false })

  constructor(file: string, handle: FileHandle) {
    this.#file = file
    this.#handle = handle
  }

  async read(handlers: Readonly<Record<string, ElementHandler>>): Promise<Set<string>> {
    const names = new Set<string>()
    await this.#skipByteOrderMark()
    if ((await this.#peek()) !== openBrace) await this.#fail('expected an object')
    this.#at++
    for (let entries = 0; (await this.#peek()) !== closeBrace; entries++) {
      if (entries === mostNames) await this.#fail(`more than ${mostNames} names, expected those of annotations`)
      if (entries > 0) await this.#expect(comma, 'a comma or the end of the object')
      if ((await this.#peek()) !== quote) await this.#fail('expected a name in quotes')
      const name = String(await this.#value('name'))
      await this.#expect(colon, 'a colon')
      names.add(name)
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
      if (handler === undefined) await this.#scan()
      else await this.#elements(name, handler)
    }
    return names
  }

  async #elements(name: string, handler: ElementHandler): Promise<void> {
    if ((await this.#peek()) !== openBracket) await this.#fail(`${name}: expected an array`)
    this.#at++
    for (let index = 0; (await this.#peek()) !== closeBracket; index++) {
      if (index > 0) await this.#expect(comma, `${name}[${index}]: a comma or the end of the array`)
      await this.#peek()
      handler(await this.#value(`${name}[${index}]`), index)
    }
    this.#at++
  }

  /** The next value, parsed. */
  async #value(place: string): Promise<unknown> {
    this.#kept = this.#at
    await this.#scan(place)
    const start = this.#kept
    this.#kept = undefined
    const text = this.#decoder.decode(this.#buffer.subarray(start, this.#at))
    try {
      return JSON.parse(longDigits.test(text) ? asJson(text) : text)
    } catch (error) {
      const standard = asJson(text)
      if (standard !== text) return this.#parsed(standard, start, place)
      const reason = error instanceof Error ? error.message : String(error)
      const position = Number(/at position (\d+)/.exec(reason)?.[1] ?? 0)
      throw this.#error(
        start + position,
        `${place}: ${reason.replace(/ in JSON at position \d+.*| at position \d+.*/, '')}`,
      )
    }
  }

  /** As `#value`, once the words of Python are gone. */
  #parsed(text: string, start: number, place: string): unknown {
    try {
      return JSON.parse(text)
    } catch (error) {
      throw this.#error(start, `${place}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Moves behind the next value, which is checked only as far as its brackets and quotes go. */
  async #scan(place = 'a value'): Promise<void> {
    await this.#peek()
    let state = startState
    while (true) {
      const found = scanBytes(this.#buffer, this.#at, this.#end, state)
      this.#at = found.at
      if (this.#kept !== undefined && this.#at - this.#kept > longestValue) {
        throw this.#error(this.#at, `${place} has more than ${longestValue} bytes, expected those of an annotation`)
      }
      if (found.ended) return
      state = found.state
      if (!(await this.#more())) throw this.#error(this.#end, `the file ends within ${place}`)
    }
  }

  async #expect(byte: number, what: string): Promise<void> {
    if ((await this.#peek()) !== byte) await this.#fail(`expected ${what}`)
    this.#at++
    await this.#peek()
  }

  /** The next byte that is no white space. */
  async #peek(): Promise<number> {
    while (true) {
      while (this.#at < this.#end) {
        const byte = this.#buffer[this.#at] ?? 0
        if (!isSpace(byte)) return byte
        this.#at++
      }
      if (!(await this.#more())) throw this.#error(this.#end, 'the file ends too early')
    }
  }

  async #skipByteOrderMark(): Promise<void> {
    await this.#more()
    const [a, b, c] = this.#buffer
    if (a === 0xef && b === 0xbb && c === 0xbf) this.#at = 3
  }

  /** Reads on, with what is kept moved to the front. */
  async #more(): Promise<boolean> {
    const from = this.#kept ?? this.#at
    if (from === 0 && this.#end === this.#buffer.length) {
      const larger = new Uint8Array(2 * this.#buffer.length)
      larger.set(this.#buffer)
      this.#buffer = larger
    } else {
      this.#buffer.copyWithin(0, from, this.#end)
      this.#before += from
      this.#at -= from
      this.#end -= from
      if (this.#kept !== undefined) this.#kept = 0
    }
    const { bytesRead } = await this.#handle.read(this.#buffer, this.#end, this.#buffer.length - this.#end)
    this.#end += bytesRead
    return bytesRead > 0
  }

  async #fail(reason: string): Promise<never> {
    const found = this.#decoder.decode(this.#buffer.subarray(this.#at, Math.min(this.#end, this.#at + 24)))
    throw this.#error(this.#at, `${reason}, found ${JSON.stringify(found)}`)
  }

  #error(at: number, reason: string): AnnotationError {
    return new AnnotationError(`${this.#file}: byte ${this.#before + at}: ${reason}`)
  }
}

/** An integer that a number of JavaScript may not hold exactly, or a part of one. */
const longDigits = /\d{16}/

/**
 * What Python's json module writes, as JSON: NaN is null, infinities are numbers too large to be finite, and integers beyond 2^53
 * become texts, which keep all their digits. Strings stay as they are.
 */
function asJson(text: string): string {
  const pieces: string[] = []
  let from = 0
  let inText = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inText) {
      if (code === backslash) at++
      else if (code === quote) inText = false
      continue
    }
    if (code === quote) inText = true
    const word = isWordCode(code) ? wordAt(text, at) : ''
    if (word === '') continue
    const replaced = replacement(word)
    if (replaced !== word) {
      pieces.push(text.slice(from, at), replaced)
      from = at + word.length
    }
    at += word.length - 1
  }
  return from === 0 ? text : pieces.join('') + text.slice(from)
}

function replacement(word: string): string {
  if (word === 'NaN' || word === '-NaN') return 'null'
  if (word === 'Infinity') return '1e999'
  if (word === '-Infinity') return '-1e999'
  const isLong = word.length >= 16 && /^-?\d+$/.test(word) && !Number.isSafeInteger(Number(word))
  return isLong ? `"${word}"` : word
}

function wordAt(text: string, from: number): string {
  let end = from
  while (end < text.length && isWordCode(text.charCodeAt(end))) end++
  return text.slice(from, end)
}

/** Letters, digits, plus, minus, point. */
function isWordCode(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 122 && code !== 91 && code !== 92 && code !== 93) ||
    (code >= 43 && code <= 46 && code !== comma)
  )
}

interface ScanState {
  readonly depth: number
  readonly inText: boolean
  readonly escaped: boolean
}

const startState: ScanState = { depth: 0, inText: false, escaped: false }

/** Goes on through a value until it or the bytes end. The one loop that sees every byte of the file. */
function scanBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  state: ScanState,
): { readonly at: number; readonly ended: boolean; readonly state: ScanState } {
  let { depth, inText, escaped } = state
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (inText) {
      if (escaped) escaped = false
      else if (byte === backslash) escaped = true
      else if (byte === quote) {
        inText = false
        if (depth === 0) return { at: at + 1, ended: true, state }
      }
    } else if (byte === quote) inText = true
    else if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) {
      if (depth <= 1) return { at: depth === 0 ? at : at + 1, ended: true, state }
      depth--
    } else if (depth === 0 && (byte === comma || isSpace(byte))) return { at, ended: true, state }
  }
  return { at: end, ended: false, state: { depth, inText, escaped } }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
