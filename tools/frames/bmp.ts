// A reader for Windows bitmaps: 8-bit palette, 24-bit and 32-bit uncompressed (BI_RGB, and BI_BITFIELDS in the usual
// BGRA order), bottom-up or top-down. Layout: BITMAPFILEHEADER (14 bytes) and BITMAPINFOHEADER of the Win32 GDI.

import type { RgbFrame } from 'siamrpn'

const fileHeaderBytes = 14
const infoHeaderBytes = 40
const maxSide = 65535

/** @throws Error with the reason when the bytes are no bitmap of a supported kind, or fewer than its header states. */
export function decodeBmp(bytes: Uint8Array, maxPixels = Number.POSITIVE_INFINITY): RgbFrame {
  if (bytes.length < fileHeaderBytes + infoHeaderBytes)
    throw new Error(`bitmap header truncated at ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pixelOffset = view.getUint32(10, true)
  const headerBytes = view.getUint32(14, true)
  const width = view.getInt32(18, true)
  const signedHeight = view.getInt32(22, true)
  const height = Math.abs(signedHeight)
  const bits = view.getUint16(28, true)
  const compression = view.getUint32(30, true)
  if (headerBytes < infoHeaderBytes) throw new Error(`bitmap header of ${headerBytes} bytes, expected 40 or more`)
  if (width < 1 || height < 1 || width > maxSide || height > maxSide)
    throw new Error(`bitmap of ${width}x${height} pixels`)
  if (width * height > maxPixels) throw new Error(`bitmap of ${width}x${height} pixels exceeds the pixel limit`)
  if (bits !== 8 && bits !== 24 && bits !== 32) throw new Error(`${bits}-bit bitmap, expected 8, 24 or 32 bits`)
  if (compression !== 0 && !(compression === 3 && bits === 32)) throw new Error(`bitmap compression ${compression}`)

  const stride = Math.ceil((width * bits) / 32) * 4
  const needed = pixelOffset + stride * height
  if (bytes.length < needed) throw new Error(`bitmap truncated: ${bytes.length} bytes, expected ${needed}`)
  const palette = bits === 8 ? readPalette(bytes, fileHeaderBytes + headerBytes, pixelOffset) : undefined
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const row = pixelOffset + (signedHeight > 0 ? height - 1 - y : y) * stride
    for (let x = 0; x < width; x++) {
      const source = palette ? (bytes[row + x] ?? 0) * 4 : row + (x * bits) / 8
      const from = palette ?? bytes
      const target = (y * width + x) * 3
      data[target] = from[source + 2] ?? 0
      data[target + 1] = from[source + 1] ?? 0
      data[target + 2] = from[source] ?? 0
    }
  }
  return { data, width, height, channels: 3 }
}

function readPalette(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const palette = new Uint8Array(256 * 4)
  palette.set(bytes.subarray(start, Math.min(end, start + palette.length)))
  return palette
}
