// Formats names, texts and values for error messages. A name, a text or a value may come from a file and be of any
// size; what is quoted is cut, and lists are counted instead of written out, so that a message stays one that can be
// read.

/** Longest piece of a text or value that a message quotes, in characters. */
const longestQuote = 80

/** Longest message of an error, in characters. */
const longestMessage = 8000

/** Most items of a list that a message names. */
const mostItems = 12

/** A text cut to at most `limit` characters, with three dots where something is left out; control characters as escapes. */
export function cut(text: string, limit = longestQuote): string {
  const shown = text.slice(0, limit).replaceAll(/\p{Cc}/gu, escaped)
  // Escapes are longer than what they stand for.
  return text.length > limit || shown.length > limit ? `${shown.slice(0, limit)}...` : shown
}

function escaped(character: string): string {
  const json = JSON.stringify(character).slice(1, -1)
  return json === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : json
}

/** A text in single quotes, cut. */
export function quote(text: string, limit = longestQuote): string {
  return `'${cut(text, limit)}'`
}

/** The first items with commas between them, and how many more there are. */
export function listed(items: readonly string[], most = mostItems): string {
  const shown = items.slice(0, most).map((item) => cut(item))
  const left = items.length - shown.length
  return left > 0 ? `${shown.join(', ')} and ${left} more` : shown.join(', ')
}

/** A shape in brackets; long ones are cut. */
export function showShape(sizes: readonly number[]): string {
  return `[${listed(sizes.map(String))}]`
}

/** Any value as short JSON. Neither its size nor its depth, a circle or a bigint matters. */
export function show(value: unknown, limit = longestQuote): string {
  return cut(new Shown(limit).write(value), limit)
}

/** Writes JSON until it is long enough to be cut. */
class Shown {
  #left: number

  constructor(limit: number) {
    this.#left = limit + 1
  }

  write(value: unknown, depth = 0): string {
    if (this.#left <= 0) return ''
    if (typeof value === 'string') return this.#spend(JSON.stringify(value.slice(0, this.#left)))
    if (typeof value === 'bigint') return this.#spend(`${value.toString().slice(0, this.#left)}n`)
    if (typeof value === 'function') return this.#spend('a function')
    if (typeof value !== 'object' || value === null) return this.#spend(String(value))
    if (depth > 8) return this.#spend('...')
    if (ArrayBuffer.isView(value)) return this.#spend(`${value.constructor.name}(${value.byteLength} bytes)`)
    return Array.isArray(value) ? this.#list(value, depth) : this.#record(value, depth)
  }

  #spend(text: string): string {
    this.#left -= text.length
    return text
  }

  #list(items: readonly unknown[], depth: number): string {
    let text = this.#spend('[')
    for (let i = 0; i < items.length && this.#left > 0; i++) {
      text += (i > 0 ? this.#spend(',') : '') + this.write(items[i], depth + 1)
    }
    return text + this.#spend(']')
  }

  #record(value: object, depth: number): string {
    let text = this.#spend('{')
    for (const key in value) {
      if (this.#left <= 0) break
      if (!Object.hasOwn(value, key)) continue
      const name = this.#spend(`${text.length > 1 ? ',' : ''}${JSON.stringify(key.slice(0, this.#left))}:`)
      text += name + this.write((value as Record<string, unknown>)[key], depth + 1)
    }
    return text + this.#spend('}')
  }
}

/** A message that fits a terminal: of a longer one, the beginning, and its length. */
export function bounded(message: string): string {
  if (message.length <= longestMessage) return message
  return `${message.slice(0, longestMessage)}... (cut from ${message.length} characters)`
}
