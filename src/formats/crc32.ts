// CRC-32 as zip uses it (reflected polynomial 0xEDB88320), eight bytes a step ("slicing by 8"): a checkpoint has
// hundreds of megabytes, and the byte-wise loop is several times slower. One signed table keeps the engine on integers.

const table = /* @__PURE__ */ makeTable()

function makeTable(): Int32Array {
  const all = new Int32Array(8 * 256)
  for (let i = 0; i < 256; i++) {
    let value = i
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    all[i] = value
  }
  for (let i = 256; i < all.length; i++) {
    const previous = all[i - 256] as number
    all[i] = (previous >>> 8) ^ (all[previous & 0xff] as number)
  }
  return all
}

/** CRC-32 of the bytes, as an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array): number {
  const t = table
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wholeEnd = bytes.length - (bytes.length % 8)
  let crc = -1
  let i = 0
  for (; i < wholeEnd; i += 8) {
    const low = crc ^ view.getInt32(i, true)
    const high = view.getInt32(i + 4, true)
    crc =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (high & 0xff)] as number) ^
      (t[512 + ((high >>> 8) & 0xff)] as number) ^
      (t[256 + ((high >>> 16) & 0xff)] as number) ^
      (t[high >>> 24] as number)
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[i] as number)) & 0xff] as number)
  return ~crc >>> 0
}
