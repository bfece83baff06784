// Reads the wire format of protocol buffers, for tests of what is written: fields by number, in order.

export interface Fields {
  /** Values of all fields of this number that have bytes. */
  all(field: number): Uint8Array[]
  /** The only one. */
  bytes(field: number): Uint8Array
  float(field: number): number
  integers(field: number): number[]
}

export function fields(message: Uint8Array): Fields {
  const found: { field: number; value: number | Uint8Array }[] = []
  let at = 0
  const varint = () => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('a number is cut off')
      value += (byte % 128) * factor
      if (byte < 128) return value
    }
  }
  const take = (length: number) => {
    if (at + length > message.length) throw new Error('a field is cut off')
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = varint()
    const wire = tag % 8
    const field = Math.floor(tag / 8)
    if (wire === 0) found.push({ field, value: varint() })
    else if (wire === 2) found.push({ field, value: take(varint()) })
    else if (wire === 5) found.push({ field, value: take(4) })
    else throw new Error(`wire type ${wire}`)
  }
  const all = (field: number) =>
    found.flatMap((entry) => (entry.field === field && entry.value instanceof Uint8Array ? [entry.value] : []))
  const bytes = (field: number) => {
    const values = all(field)
    const [value] = values
    if (!value || values.length !== 1) throw new Error(`${values.length} fields of number ${field}`)
    return value
  }
  return {
    all,
    bytes,
    float: (field) => {
      const value = bytes(field)
      return new DataView(value.buffer, value.byteOffset).getFloat32(0, true)
    },
    integers: (field) =>
      found.flatMap((entry) => (entry.field === field && typeof entry.value === 'number' ? [entry.value] : [])),
  }
}

export function texts(message: Fields, field: number): string[] {
  return message.all(field).map((bytes) => new TextDecoder().decode(bytes))
}

export function numbers(message: Fields, field: number): number[] {
  return message.integers(field)
}
