// Columns that grow: numbers in typed arrays and file names as bytes, so that a data set of a million images takes tens of
// megabytes instead of the gigabyte that as many objects would.

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array

/** A typed array with a `push`. */
export class Column<T extends Numbers> {
  #values: T
  #length = 0

  /** @param empty an array of the wanted type; its length is the first capacity (at least 16) */
  constructor(empty: T) {
    this.#values = empty
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#grow(this.#length + 1)
    this.#values[this.#length++] = value
  }

  pushAll(values: ArrayLike<number>): void {
    if (this.#length + values.length > this.#values.length) this.#grow(this.#length + values.length)
    this.#values.set(values, this.#length)
    this.#length += values.length
  }

  /** The value at `index`, 0 beyond the end. */
  at(index: number): number {
    return this.#values[index] ?? 0
  }

  /** A view of some values, valid until the next push. */
  view(start: number, end: number): T {
    return this.#values.subarray(start, end) as T
  }

  /** The values, in an array of exactly their number. */
  finish(): T {
    const values = this.#make(this.#length)
    values.set(this.#values.subarray(0, this.#length))
    return values
  }

  #grow(needed: number): void {
    const grown = this.#make(Math.max(16, needed, this.#values.length * 2))
    grown.set(this.#values)
    this.#values = grown
  }

  #make(length: number): T {
    const Type = this.#values.constructor as new (length: number) => T
    return new Type(length)
  }
}

/** Many texts that share few folders: `a/b/000001.jpg` is kept as the number of `a/b/` and the bytes of `000001.jpg`. */
export class PathColumn {
  readonly #folders: string[] = []
  readonly #numbers = new Map<string, number>()
  readonly #folder = new Column(new Uint32Array(0))
  readonly #bytes = new Column(new Uint8Array(0))
  readonly #ends = new Column(new Uint32Array(0))
  readonly #encoder = new TextEncoder()
  readonly #decoder = new TextDecoder()

  get length(): number {
    return this.#ends.length
  }

  push(path: string): void {
    const cut = path.lastIndexOf('/') + 1
    const folder = path.slice(0, cut)
    let number = this.#numbers.get(folder)
    if (number === undefined) {
      number = this.#folders.push(folder) - 1
      this.#numbers.set(folder, number)
    }
    this.#folder.push(number)
    this.#bytes.pushAll(this.#encoder.encode(path.slice(cut)))
    this.#ends.push(this.#bytes.length)
  }

  at(index: number): string {
    const start = index === 0 ? 0 : this.#ends.at(index - 1)
    const name = this.#decoder.decode(this.#bytes.view(start, this.#ends.at(index)))
    return `${this.#folders[this.#folder.at(index)] ?? ''}${name}`
  }
}
