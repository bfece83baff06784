// A seeded generator of random numbers, keyed by any list of words and numbers (seed, epoch, sample ...), so that every
// draw can be repeated bit for bit on any machine. Generator: sfc32 (PractRand); key hash: FNV-1a; mixing: murmur3.

const fnvOffset = 0x811c9dc5
const fnvPrime = 0x01000193
const goldenRatio = 0x9e3779b9
const warmUp = 12

/** murmur3's finaliser: every input bit reaches every output bit. Unsigned 32 bits. */
export function mix32(value: number): number {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** FNV-1a over the UTF-8 bytes of the key's parts, joined by slashes. Unsigned 32 bits. */
export function hashKey(key: readonly (string | number)[]): number {
  let hash = fnvOffset
  for (const byte of new TextEncoder().encode(key.join('/'))) hash = Math.imul(hash ^ byte, fnvPrime)
  return hash >>> 0
}

/** A stream of random numbers that depends on nothing but its key. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(...key: readonly (string | number)[]) {
    const hash = hashKey(key)
    this.#a = mix32(hash)
    this.#b = mix32(hash + goldenRatio)
    this.#c = mix32(hash + 2 * goldenRatio)
    for (let i = 0; i < warmUp; i++) this.bits()
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** In [0, 1), a multiple of 2^-32. */
  next(): number {
    return this.bits() / 2 ** 32
  }

  /** In [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** A whole number in [0, count). */
  integer(count: number): number {
    return Math.floor(this.next() * count)
  }

  /** Standard normal, by the Box-Muller transform of two draws. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()))
    return radius * Math.cos(2 * Math.PI * this.next())
  }

  /** One of the entries, which must not be empty. */
  pick<T>(entries: readonly [T, ...T[]]): T {
    return entries[this.integer(entries.length)] ?? entries[0]
  }

  /** `size` different whole numbers in [0, count), in random order; `size` is at most `count`. */
  choose(count: number, size: number): Uint32Array {
    const numbers = new Uint32Array(count)
    for (let i = 0; i < count; i++) numbers[i] = i
    for (let i = 0; i < size; i++) {
      const other = i + this.integer(count - i)
      const chosen = numbers[other] ?? 0
      numbers[other] = numbers[i] ?? 0
      numbers[i] = chosen
    }
    return numbers.subarray(0, size)
  }
}
