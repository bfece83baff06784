// Unpacks DEFLATE streams (RFC 1951). Archives that a packer has written again are compressed, and the decompressors of
// platforms only work asynchronously, where checkpoints are read in one go. The size of the result is known before, and
// is a bound: a stream that unpacks to more or less is refused.

import { CorruptCheckpointError } from './errors.ts'

const maxBits = 15
/** Codes up to this long are decoded by one look-up; longer ones bit by bit. */
const fastBits = 10

const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const distanceBase = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
]
const distanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]
/** In which order a block gives the lengths of the codes that code its lengths. */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** A canonical Huffman code: per length how many codes there are, and the symbols in the order of their codes. */
interface Code {
  readonly counts: Uint16Array
  readonly symbols: Uint16Array
  /** By the next `fastBits` bits: symbol << 4 | length, 0 where the code is longer. */
  readonly fast: Uint16Array
}

/**
 * @param size bytes of the result
 * @throws CorruptCheckpointError for a stream that is none, ends early, or has another size
 */
export function inflate(packed: Uint8Array, size: number, what: string): Uint8Array {
  return new Inflater(packed, size, what).run()
}

class Inflater {
  readonly #input: Uint8Array
  readonly #output: Uint8Array
  readonly #what: string
  #at = 0
  #written = 0
  #bits = 0
  #bitCount = 0

  constructor(input: Uint8Array, size: number, what: string) {
    this.#input = input
    this.#output = new Uint8Array(size)
    this.#what = what
  }

  run(): Uint8Array {
    let last = false
    while (!last) {
      last = this.#take(1) === 1
      const kind = this.#take(2)
      if (kind === 0) this.#stored()
      else if (kind === 1) this.#compressed(...fixed())
      else if (kind === 2) this.#dynamic()
      else throw this.#broken('has a block of unknown kind')
    }
    if (this.#written !== this.#output.length) {
      throw this.#broken(`unpacks to ${this.#written} bytes, expected ${this.#output.length}`)
    }
    return this.#output
  }

  #broken(why: string): CorruptCheckpointError {
    return new CorruptCheckpointError(`${this.#what} is damaged: its compressed data ${why}`)
  }

  /** Fills the bit buffer to at least `count` bits (at most 24); past the end come zeros, which `#drop` refuses. */
  #fill(count: number): void {
    while (this.#bitCount < count) {
      this.#bits |= (this.#input[this.#at] ?? 0) << this.#bitCount
      this.#at++
      this.#bitCount += 8
    }
  }

  #drop(count: number): void {
    this.#bits >>>= count
    this.#bitCount -= count
    if (this.#at - (this.#bitCount >> 3) > this.#input.length) throw this.#broken('ends early')
  }

  #take(count: number): number {
    if (count === 0) return 0
    this.#fill(count)
    const value = this.#bits & ((1 << count) - 1)
    this.#drop(count)
    return value
  }

  #symbol({ fast, counts, symbols }: Code): number {
    this.#fill(maxBits)
    const entry = fast[this.#bits & ((1 << fastBits) - 1)] as number
    if (entry !== 0) {
      this.#drop(entry & 15)
      return entry >> 4
    }
    let [code, first, index] = [0, 0, 0]
    for (let length = 1; length <= maxBits; length++) {
      code |= (this.#bits >> (length - 1)) & 1
      const count = counts[length] as number
      if (code - count < first) {
        this.#drop(length)
        return symbols[index + code - first] as number
      }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw this.#broken('has an unknown code')
  }

  #stored(): void {
    // The rest of the byte is skipped, and what was read ahead is given back.
    this.#at -= this.#bitCount >> 3
    this.#bits = 0
    this.#bitCount = 0
    const length = this.#take(16)
    if ((this.#take(16) ^ 0xffff) !== length) throw this.#broken('has a stored block of contradictory length')
    const bytes = this.#input.subarray(this.#at, this.#at + length)
    if (bytes.length < length) throw this.#broken('ends early')
    this.#checkRoom(length)
    this.#output.set(bytes, this.#written)
    this.#at += length
    this.#written += length
  }

  #checkRoom(length: number): void {
    if (this.#written + length <= this.#output.length) return
    throw this.#broken(`unpacks to more than the ${this.#output.length} bytes that are announced`)
  }

  #dynamic(): void {
    const lengthCount = this.#take(5) + 257
    const distanceCount = this.#take(5) + 1
    const codeCount = this.#take(4) + 4
    if (lengthCount > 286) throw this.#broken('has too many codes')
    const codeLengths = new Uint8Array(19)
    for (let i = 0; i < codeCount; i++) codeLengths[lengthOrder[i] as number] = this.#take(3)
    const code = this.#code(codeLengths)
    const lengths = new Uint8Array(lengthCount + distanceCount)
    for (let i = 0; i < lengths.length; ) i = this.#codeLength(code, lengths, i)
    if (lengths[256] === 0) throw this.#broken('has a block without an end')
    this.#compressed(this.#code(lengths.subarray(0, lengthCount)), this.#code(lengths.subarray(lengthCount)))
  }

  /** Reads one length or a run of them into `lengths` from `at` on; returns where the next one goes. */
  #codeLength(code: Code, lengths: Uint8Array, at: number): number {
    const symbol = this.#symbol(code)
    if (symbol < 16) {
      lengths[at] = symbol
      return at + 1
    }
    if (symbol === 16 && at === 0) throw this.#broken('repeats a length before the first')
    const value = symbol === 16 ? (lengths[at - 1] as number) : 0
    const run = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7)
    if (at + run > lengths.length) throw this.#broken('has too many lengths')
    lengths.fill(value, at, at + run)
    return at + run
  }

  #code(lengths: Uint8Array): Code {
    const code = makeCode(lengths)
    if (code === undefined) throw this.#broken('has a code with more words than there can be')
    return code
  }

  #compressed(lengths: Code, distances: Code): void {
    const output = this.#output
    for (;;) {
      const symbol = this.#symbol(lengths)
      if (symbol < 256) {
        if (this.#written >= output.length) this.#checkRoom(1)
        output[this.#written++] = symbol
        continue
      }
      if (symbol === 256) return
      this.#copy(symbol - 257, distances)
    }
  }

  /** Repeats what was written some way back. */
  #copy(index: number, distances: Code): void {
    if (index >= lengthBase.length) throw this.#broken('has an unknown length')
    const length = (lengthBase[index] as number) + this.#take(lengthExtra[index] as number)
    const code = this.#symbol(distances)
    if (code >= distanceBase.length) throw this.#broken('has an unknown distance')
    const distance = (distanceBase[code] as number) + this.#take(distanceExtra[code] as number)
    if (distance > this.#written) throw this.#broken('repeats bytes from before its begin')
    this.#checkRoom(length)
    const output = this.#output
    let to = this.#written
    this.#written += length
    if (distance === 1) output.fill(output[to - 1] as number, to, to + length)
    else for (const end = to + length; to < end; to++) output[to] = output[to - distance] as number
  }
}

/** The code with these lengths, undefined if there are more words than such lengths leave room for. */
function makeCode(lengths: Uint8Array): Code | undefined {
  const counts = new Uint16Array(maxBits + 1)
  for (const length of lengths) counts[length] = (counts[length] as number) + 1
  counts[0] = 0
  let left = 1
  for (let length = 1; length <= maxBits; length++) {
    left = 2 * left - (counts[length] as number)
    if (left < 0) return undefined
  }
  const offsets = new Uint16Array(maxBits + 2)
  for (let length = 1; length <= maxBits; length++) {
    offsets[length + 1] = (offsets[length] as number) + (counts[length] as number)
  }
  const symbols = new Uint16Array(lengths.length)
  for (const [symbol, length] of lengths.entries()) {
    if (length === 0) continue
    symbols[offsets[length] as number] = symbol
    offsets[length] = (offsets[length] as number) + 1
  }
  return { counts, symbols, fast: fastTable(counts, symbols) }
}

function fastTable(counts: Uint16Array, symbols: Uint16Array): Uint16Array {
  const fast = new Uint16Array(1 << fastBits)
  let [code, index] = [0, 0]
  for (let length = 1; length <= fastBits; length++) {
    for (let i = 0; i < (counts[length] as number); i++, code++, index++) {
      // Codes arrive with their first bit lowest.
      let reversed = 0
      for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit)
      const entry = ((symbols[index] as number) << 4) | length
      for (let slot = reversed; slot < fast.length; slot += 1 << length) fast[slot] = entry
    }
    code <<= 1
  }
  return fast
}

/** The codes of blocks that bring none of their own (RFC 1951, 3.2.6). */
function fixed(): [lengths: Code, distances: Code] {
  const sizes = Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))
  const [lengths, distances] = [makeCode(sizes), makeCode(new Uint8Array(30).fill(5))]
  if (lengths === undefined || distances === undefined) throw new Error('the fixed codes are none')
  return [lengths, distances]
}
