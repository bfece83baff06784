// One image file to an RGB frame, decoded by sharp bit for bit as OpenCV's `imread` does (EXIF rotation applied, ICC
// profiles ignored, alpha dropped); BMP, which sharp's prebuilt libvips lacks, is read by `bmp.ts`.
// Files are read into memory first: libvips caches by file name and would show a rewritten file's old pixels.

import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { decodeBmp } from './bmp.ts'
import { SourceNotFoundError, UnreadableImageError } from './errors.ts'

/** Extensions that are taken for images, lower case. */
export const imageExtensions: ReadonlySet<string> = new Set(
  '.jpg .jpeg .jpe .jfif .png .webp .bmp .gif .tif .tiff .avif'.split(' '),
)

/** Whether a file name looks like an image's. */
export function isImageName(name: string): boolean {
  return imageExtensions.has(extname(name).toLowerCase())
}

/** Options under which sharp's pixels equal OpenCV's. */
const decodeOptions = { autoOrient: true, ignoreIcc: true } as const

/**
 * Decodes one image file (of an animation, the first picture).
 *
 * @throws SourceNotFoundError, UnreadableImageError (not an image, damaged or truncated)
 */
export async function readImage(file: string): Promise<RgbFrame> {
  const bytes = await readImageBytes(file)
  try {
    return bytes[0] === 0x42 && bytes[1] === 0x4d ? decodeBmp(bytes) : await toRgb(sharp(bytes, decodeOptions))
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** The file's bytes, with this floor's errors. */
export async function readImageBytes(file: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (missing) throw new SourceNotFoundError(file, { cause: error })
    throw unreadable(file, error)
  }
  if (bytes.length === 0) throw new UnreadableImageError(file, 'the file is empty')
  return bytes
}

/** Runs a sharp pipeline down to 8-bit RGB without alpha. */
export async function toRgb(image: Sharp): Promise<RgbFrame> {
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels, expected 3`)
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { data: pixels, width: info.width, height: info.height, channels: 3 }
}

export function unreadable(file: string, error: unknown): UnreadableImageError {
  const reason = error instanceof Error ? error.message.trim().split('\n').join('; ') : String(error)
  return new UnreadableImageError(file, reason, { cause: error })
}
