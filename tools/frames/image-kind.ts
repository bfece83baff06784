// Tells the kind of an image file by its first bytes and not by its name: only these are handed to a decoder. libvips
// knows many more, and some of them (SVG, PDF) draw what a file describes, for as long as it describes.

export type ImageKind = 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp'

/** The kind; undefined for anything that is not read. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  const starts = (text: string, at = 0) => [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0))
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg'
  if (bytes[0] === 0x89 && starts('PNG\r\n\x1a\n', 1)) return 'png'
  if (starts('GIF8')) return 'gif'
  if (starts('RIFF') && starts('WEBP', 8)) return 'webp'
  if (starts('II*\0') || starts('MM\0*')) return 'tiff'
  if (starts('BM')) return 'bmp'
  return starts('ftyp', 4) && ['avif', 'avis', 'mif1', 'msf1'].some((brand) => starts(brand, 8)) ? 'avif' : undefined
}

/** Components of a JPEG's pixels (1 grey, 3 color, 4 CMYK), as its frame header says; undefined where there is none. */
export function jpegComponents(bytes: Uint8Array): number | undefined {
  for (const { marker, at } of jpegHead(bytes)) {
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return bytes[at + 9]
  }
  return undefined
}

/** Profiles and texts come in pieces of 64 kB, some hundreds at most; each costs a decoder as much as a small picture. */
const mostSegments = 4096

/** Whether a JPEG has more segments before its picture than any has a use for. */
export function hasTooManySegments(bytes: Uint8Array): boolean {
  let count = 0
  for (const _ of jpegHead(bytes)) if (++count > mostSegments) return true
  return false
}

/** The segments of a JPEG before its first scan. */
function* jpegHead(bytes: Uint8Array): Generator<{ readonly marker: number; readonly at: number }> {
  let at = 2
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0
    if (marker === 0xff) at++
    else if (marker === 0xda || marker === 0xd9) return
    else {
      yield { marker, at }
      at += 2 + 256 * (bytes[at + 2] ?? 0) + (bytes[at + 3] ?? 0)
    }
  }
}
