// The part of the protocol buffer wire format that an ONNX file needs. Large tensors are kept as they are, not copied into one
// buffer: a message is a list of parts.
// Source: https://protobuf.dev/programming-guides/encoding/

const wireVarint = 0
const wireLength = 2
const wireFixed32 = 5

export class Message {
  readonly #parts: Uint8Array[] = []
  #size = 0

  /** Bytes of the encoded message. */
  get size(): number {
    return this.#size
  }

  get parts(): readonly Uint8Array[] {
    return this.#parts
  }

  /** An integer field; `value` is 0 or positive. */
  integer(field: number, value: number): this {
    this.#push(varint(tag(field, wireVarint)))
    return this.#push(varint(value))
  }

  float(field: number, value: number): this {
    this.#push(varint(tag(field, wireFixed32)))
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#push(bytes)
  }

  bytes(field: number, value: Uint8Array): this {
    this.#push(varint(tag(field, wireLength)))
    this.#push(varint(value.length))
    return this.#push(value)
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value))
  }

  message(field: number, value: Message): this {
    this.#push(varint(tag(field, wireLength)))
    this.#push(varint(value.size))
    for (const part of value.parts) this.#push(part)
    return this
  }

  #push(part: Uint8Array): this {
    this.#parts.push(part)
    this.#size += part.length
    return this
  }
}

function tag(field: number, wire: number): number {
  return field * 8 + wire
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
